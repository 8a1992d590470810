import recorded from '../../../../../docs/pictures/dog_indoor.jpg';
import type { App } from '../../app.ts';
import { type Child, h, setText } from '../../dom.ts';
import { useModel, usualOptions } from '../../engine/default_model.ts';
import { icon } from '../../icons.ts';
import { card, why } from '../../ui/card.ts';
import { showDialog } from '../../ui/dialog.ts';
import { progressBar } from '../../ui/progress.ts';
import { bytesText } from '../../words.ts';
import type { GpuState } from '../../worker/gpu.ts';
import type { ModelState } from '../../worker/model_calls.ts';
import type { Failure } from '../../worker/protocol.ts';
import type { ImageRunner, RunState } from './image_runner.ts';
import { samples } from './samples.ts';
import { type TilesInstead, tilesInstead } from './tiles_instead.ts';

export interface StateActions {
  readonly choose: () => void;
  readonly chooseFolder: () => void;
  readonly openSample: (index: number) => void;
  readonly setSize: (size: number) => void;
  readonly setTiles: (instead: TilesInstead) => void;
  readonly focusSize: () => void;
}

/** What stands over the stage when there is something to say: one thing at a time, the first that holds. */
export function watchStates(
  app: App,
  runner: ImageRunner,
  place: HTMLElement,
  actions: StateActions,
  setDimmed: (on: boolean) => void,
): void {
  const { engine } = app;
  const gettingReady = makeGettingReady(app, runner);
  let shown = '';
  const show = (): void => {
    const [key, make] = choose();
    setDimmed(key === 'lost');
    if (key === 'ready') gettingReady.update();
    if (key === shown) return;
    shown = key;
    place.replaceChildren(...[make?.()].filter((element) => element !== undefined));
    place.classList.toggle('filled', make !== undefined);
  };
  const choose = (): readonly [key: string, make?: () => HTMLElement] => {
    const gpu = engine.gpu.value;
    const model = engine.model.value;
    const photo = runner.photo.value;
    const run = runner.run.value;
    const unreadable = runner.unreadable.value;
    if (gpu.state === 'failed')
      return [`gpu ${gpu.failure.message}`, () => noGpu(gpu.failure, app)];
    if (gpu.state === 'lost') return [`lost`, () => lost(engine.gpu)];
    if (unreadable) {
      const key = `bad ${unreadable.file.name} ${unreadable.failure.message}`;
      return [key, () => badPicture(unreadable.failure, photo.state === 'open', runner, actions)];
    }
    if (photo.state === 'none') return ['empty', () => empty(actions)];
    if (model.state === 'failed') {
      return [`model ${model.failure.message}`, () => badModel(model.title, model.failure, app)];
    }
    if (run.state === 'failed') {
      return [
        `run ${run.failure.message} ${run.failure.size?.size}`,
        () => badRun(run.failure, app, runner, actions),
      ];
    }
    if (!runner.facts.value) return ['ready', () => gettingReady.element];
    return ['nothing'];
  };
  engine.gpu.watch(show);
  engine.model.watch(show);
  runner.photo.watch(show);
  runner.run.watch(show);
  runner.facts.watch(show);
  runner.unreadable.watch(show);
}

function empty({ choose, chooseFolder, openSample }: StateActions): HTMLElement {
  return h(
    'div',
    { class: 'drop empty' },
    icon('image'),
    h(
      'div',
      {},
      h('h2', {}, 'Drop a photo here'),
      h('p', { class: 'quiet' }, 'or paste one, or start with a sample.'),
    ),
    h(
      'div',
      { class: 'row' },
      h('button', { class: 'btn main', type: 'button', on: { click: choose } }, 'Choose photos'),
      h('button', { class: 'btn', type: 'button', on: { click: chooseFolder } }, 'Folder'),
    ),
    h(
      'div',
      { class: 'samples' },
      ...samples.map(({ address, name, title }, i) =>
        h(
          'button',
          {
            type: 'button',
            'aria-label': `Sample: ${title}`,
            title: name,
            on: { click: () => openSample(i) },
          },
          h('img', { src: address, alt: '', width: 72, height: 48 }),
        ),
      ),
    ),
    h('p', { class: 'caption' }, 'Photos stay on this device.'),
  );
}

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

export function lost(gpu: {
  value: GpuState;
  watch(listener: (state: GpuState) => void): () => void;
}): HTMLElement {
  const bar = progressBar('Loading again');
  const text = h('span', { class: 'caption' });
  bar.set(undefined);
  gpu.watch((state) => {
    if (state.state !== 'lost') return;
    setText(text, `Try ${state.attempt} of ${state.attempts}`);
  });
  return card({
    icon: 'reset',
    title: 'The GPU was reset',
    body: [
      h(
        'p',
        { class: 'quiet' },
        'Your photo and settings are kept. The model is being loaded again from this device.',
      ),
      bar.element,
      text,
    ],
    actions: [],
  });
}

function badPicture(
  failure: Failure,
  hasLast: boolean,
  runner: ImageRunner,
  { choose }: StateActions,
): HTMLElement {
  return card({
    icon: 'warning',
    title: 'This picture cannot be read',
    bad: true,
    body: [
      h('p', { class: 'quiet' }, failure.message),
      h('p', {}, failure.remedy, hasLast ? ' The last picture is still open.' : ''),
    ],
    actions: [
      { label: 'Choose another', main: true, run: choose },
      { label: 'Close', run: () => runner.unreadable.set(undefined) },
    ],
  });
}

function badModel(title: string, failure: Failure, app: App): HTMLElement {
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
        run: () => void useModel(app.engine, { kind: 'bundled' }, usualOptions).catch(() => {}),
      },
      { label: 'Models', run: () => app.go('models') },
      ...why(failure),
    ],
  });
}

function badRun(
  failure: Failure,
  app: App,
  runner: ImageRunner,
  { setSize, setTiles, focusSize }: StateActions,
): HTMLElement {
  const { size } = failure;
  if (failure.code === 'too-big' && size) {
    const { proposed } = size;
    const { multiple = 1 } = app.engine.info ?? {};
    const whole = proposed && runner.options?.tiles === 1;
    const instead = whole ? tilesInstead(size.size, proposed.size, multiple) : undefined;
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
        instead &&
          h(
            'p',
            {},
            `${instead.tiles} × ${instead.tiles} tiles of ${instead.size} px show as much detail as ${size.size} px, in ${instead.tiles ** 2 + 1} runs.`,
          ),
      ],
      actions: [
        ...(proposed
          ? [{ label: `Use ${proposed.size} px`, main: true, run: () => setSize(proposed.size) }]
          : []),
        ...(instead
          ? [
              {
                label: `Use ${instead.tiles} × ${instead.tiles} tiles`,
                run: () => setTiles(instead),
              },
            ]
          : []),
        { label: 'Choose a size', run: focusSize },
      ],
    });
  }
  return card({
    icon: 'warning',
    title: failure.code === 'not-finite' ? 'The map has no numbers' : 'This did not work',
    bad: true,
    body: [
      h('p', { class: 'quiet' }, failure.message),
      failure.remedy && h('p', {}, failure.remedy),
    ],
    actions: [{ label: 'Try again', main: true, run: () => runner.requestRun() }, ...why(failure)],
  });
}

/** The way to the first map: device, model, kernels, map. Each has its room from the start. */
function makeGettingReady(app: App, runner: ImageRunner): { element: HTMLElement; update(): void } {
  const rows = ['GPU found', 'Model', 'Compile', 'First depth map'].map((name) => {
    const mark = h('span', {});
    const words = h('span', {}, name);
    const detail = h('span', { class: 'quiet' });
    return { row: h('li', { class: 'todo' }, mark, words, detail), mark, words, detail };
  });
  const bar = progressBar('Model');
  rows[1]!.row.append(bar.element);
  const note = h('span', { class: 'caption' });
  const cancel = h('button', { class: 'btn', type: 'button' }, 'Cancel');
  cancel.addEventListener('click', () => {
    runner.cancelRun();
    runner.photo.set({ state: 'none' });
  });
  const element = h(
    'div',
    { class: 'box', role: 'group', 'aria-label': 'Getting ready' },
    h('h2', {}, 'Getting ready'),
    h('ol', { class: 'steps' }, ...rows.map(({ row }): Child => row)),
    h('div', { class: 'row' }, cancel, note),
  );
  const state = (index: number, done: boolean, active: boolean, detail: string): void => {
    const { row, mark, detail: place } = rows[index]!;
    const wanted = done ? 'done' : active ? 'active' : 'todo';
    if (row.dataset.state !== wanted) {
      row.dataset.state = wanted;
      row.className = wanted;
      mark.replaceChildren(done ? icon('check') : h('span', { class: 'ring' }));
    }
    setText(place, detail);
  };
  const update = (): void => {
    const gpu = app.engine.gpu.value;
    const model = app.engine.model.value;
    const run = runner.run.value;
    const gpuDone = gpu.state === 'ready';
    state(0, gpuDone, !gpuDone, gpu.state === 'ready' ? gpu.info.name : '');
    const modelDone = model.state === 'ready';
    state(1, modelDone, gpuDone && !modelDone, modelDetail(model));
    const bytes = model.state === 'loading' ? model.bytes : undefined;
    bar.element.hidden = !bytes;
    if (bytes) bar.set(bytes.done / bytes.total);
    const { compiled, detail, total, runs } = compileDetail(run);
    setText(rows[2]!.words, total > 0 ? `Compile ${total} kernels` : 'Compile');
    state(2, compiled, modelDone && !compiled, detail);
    state(3, false, compiled, runs);
    const stored = app.engine.info?.source.kind === 'bundled' || model.state === 'loading';
    setText(note, stored ? 'Next time it opens from this device.' : '');
  };
  update();
  return { element, update };
}

function modelDetail(model: ModelState): string {
  if (model.state === 'ready') return bytesText(model.info.weightBytes);
  if (model.state !== 'loading' || !model.bytes) return '';
  return `${bytesText(model.bytes.done)} of ${bytesText(model.bytes.total)}`;
}

function compileDetail(run: RunState): {
  compiled: boolean;
  detail: string;
  total: number;
  runs: string;
} {
  const progress = run.state === 'running' ? run.progress : undefined;
  if (!progress) return { compiled: false, detail: '', total: 0, runs: '' };
  const { step, done, total } = progress;
  const words = `${done} of ${total}`;
  if (step === 'compile') return { compiled: false, detail: words, total, runs: '' };
  return { compiled: true, detail: '', total: 0, runs: total > 1 ? words : '' };
}
