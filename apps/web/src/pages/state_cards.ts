import recorded from '../../../../docs/pictures/dog_indoor.jpg';
import type { App } from '../app.ts';
import { h, setText } from '../dom.ts';
import { useModel, usualOptions } from '../engine/default_model.ts';
import { type CardAction, card, why } from '../ui/card.ts';
import { showDialog } from '../ui/dialog.ts';
import { progressBar } from '../ui/progress.ts';
import { bytesText } from '../words.ts';
import type { Failure, SizeProblem } from '../worker/protocol.ts';

// Cards that say the same on every page that shows depth.

export function noGpu(failure: Failure, app: App): HTMLElement {
  const titles: Partial<Record<Failure['code'], string>> = {
    'no-webgpu': 'This browser has no WebGPU',
    insecure: 'This page is not secure',
    'no-adapter': 'No graphics card was found',
    'device-lost': 'The GPU does not come back',
  };
  const isMissing = failure.code === 'no-webgpu';
  return card({
    icon: 'chip',
    title: titles[failure.code] ?? 'The GPU cannot be used',
    body: [
      h(
        'p',
        { class: 'quiet' },
        isMissing
          ? 'dpt-webgpu computes on your graphics card, and this browser does not offer it to pages.'
          : failure.message,
      ),
      isMissing
        ? h(
            'p',
            {},
            'Use Chrome or Edge 121, Safari 26 or Firefox 141, or newer. On Linux, start Chrome with',
          )
        : h('p', {}, failure.remedy),
      isMissing && h('p', {}, h('code', {}, '--enable-unsafe-webgpu')),
    ],
    actions: [
      {
        label: failure.code === 'device-lost' ? 'Try again' : 'Check again',
        main: true,
        run: () => {
          // A browser that had no WebGPU when the page came has none until the page comes again.
          if (isMissing || failure.code === 'insecure') location.reload();
          else void app.engine.call('gpu.reopen', undefined).catch(() => {});
        },
      },
      { label: 'Show a recorded result', run: showRecorded },
      ...why(failure),
    ],
  });
}

function showRecorded(): void {
  void showDialog(
    'A recorded result',
    h('img', {
      class: 'recorded',
      src: recorded,
      alt: 'A dog looks up at a bowl; beside it depth maps of the same photo by the small model and by Depth Anything V2 Small, near parts bright',
    }),
    h(
      'p',
      { class: 'quiet' },
      'The photo, its map by the small model that comes with this page, and by Depth Anything V2 Small.',
    ),
  );
}

/** `kept`: what is there again afterwards, "photo" say. */
export function lost({ engine }: App, kept: string): HTMLElement {
  const bar = progressBar('Loading again');
  const text = h('span', { class: 'caption' });
  bar.set(undefined);
  const stopModel = engine.model.watch((state) => {
    const bytes = state.state === 'loading' ? state.bytes : undefined;
    if (bytes) bar.set(bytes.done / bytes.total);
  });
  const stopGpu = engine.gpu.watch((state) => {
    if (state.state === 'lost') {
      setText(text, `Try ${state.attempt} of ${state.attempts}`);
      return;
    }
    stopModel();
    stopGpu();
  });
  return card({
    icon: 'reset',
    title: 'The GPU was reset',
    body: [
      h(
        'p',
        { class: 'quiet' },
        `Your ${kept} and settings are kept. The model is being loaded again from this device.`,
      ),
      bar.element,
      text,
    ],
    actions: [{ label: 'Stop', run: () => void engine.call('gpu.stop', undefined) }],
  });
}

/** `next`: what a model would do now. */
export function noModel(app: App, next: string): HTMLElement {
  return card({
    icon: 'layers',
    title: 'Choose a model',
    body: [h('p', { class: 'quiet' }, `No model is loaded. ${next}`)],
    actions: [
      { label: 'Use the small model', main: true, run: () => useSmallModel(app) },
      { label: 'Models', run: () => app.go('models') },
    ],
  });
}

export function badModel(title: string, failure: Failure, app: App): HTMLElement {
  const offline = failure.code === 'offline';
  return card({
    icon: 'warning',
    title: offline ? 'The model did not come' : 'This model cannot be used',
    bad: true,
    body: [
      h('p', { class: 'quiet' }, `${title}: ${failure.message}`),
      failure.remedy && h('p', {}, failure.remedy),
    ],
    actions: [
      {
        label: offline ? 'Try again' : 'Use the small model',
        main: true,
        run: () => useSmallModel(app),
      },
      { label: 'Models', run: () => app.go('models') },
      ...why(failure),
    ],
  });
}

function useSmallModel({ engine }: App): void {
  void useModel(engine, { kind: 'bundled' }, usualOptions).catch(() => {
    // The state of the model says what went wrong.
  });
}

/** What a size needs, against what there is, and a size that fits. */
export function tooBig(
  size: SizeProblem,
  { setSize, focusSize }: { setSize(size: number): void; focusSize(): void },
  instead?: { readonly words: string; readonly action: CardAction },
): HTMLElement {
  const { proposed } = size;
  return card({
    icon: 'warning',
    title: 'Too big for this GPU',
    body: [
      h(
        'p',
        { class: 'quiet' },
        `${size.size} px needs about ${bytesText(size.bytes)}. This device is good for about ${bytesText(size.available)}.`,
      ),
      proposed
        ? h(
            'p',
            {},
            'At ',
            h('b', {}, `${proposed.size} px`),
            ` it needs ${bytesText(proposed.bytes)} and should fit.`,
          )
        : h('p', {}, 'No size of this model fits. Choose a smaller model.'),
      instead && h('p', {}, instead.words),
    ],
    actions: [
      ...(proposed
        ? [{ label: `Use ${proposed.size} px`, main: true, run: () => setSize(proposed.size) }]
        : []),
      ...(instead ? [instead.action] : []),
      { label: 'Choose a size', run: focusSize },
    ],
  });
}
