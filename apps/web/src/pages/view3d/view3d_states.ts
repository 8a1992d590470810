import type { App } from '../../app.ts';
import { h } from '../../dom.ts';
import { icon } from '../../icons.ts';
import { card, why } from '../../ui/card.ts';
import { makeGettingReady } from '../getting_ready.ts';
import { sampleFile, samples } from '../image/samples.ts';
import { badModel, lost, noGpu, noModel } from '../state_cards.ts';
import type { View3dRunner } from './view3d_runner.ts';

export interface States3d {
  readonly choose: () => void;
  readonly open: (file: File) => void;
  readonly setSize: (size: number) => void;
}

/** What stands over the view when there is something to say: one thing at a time, the first that holds. */
export function watchView3dStates(
  app: App,
  runner: View3dRunner,
  place: HTMLElement,
  { choose, open, setSize }: States3d,
): void {
  const { engine } = app;
  const gettingReady = makeGettingReady(app, () => runner.close());
  let shown = '';
  const pick = (): readonly [key: string, make?: () => HTMLElement] => {
    const gpu = engine.gpu.value;
    const model = engine.model.value;
    const run = runner.run.value;
    const unreadable = runner.unreadable.value;
    if (gpu.state === 'failed') return [gpu.failure.message, () => noGpu(gpu.failure, app)];
    if (gpu.state === 'lost') return ['lost', () => lost(app, 'picture')];
    if (unreadable) {
      return [
        unreadable.message,
        () =>
          card({
            icon: 'warning',
            title: 'This picture cannot be read',
            bad: true,
            body: [h('p', { class: 'quiet' }, unreadable.message), h('p', {}, unreadable.remedy)],
            actions: [
              { label: 'Choose another', main: true, run: choose },
              { label: 'Close', run: () => runner.unreadable.set(undefined) },
            ],
          }),
      ];
    }
    if (runner.source.value.state === 'none') return ['empty', () => empty(choose, open)];
    if (model.state === 'failed') {
      const { failure, title } = model;
      return [failure.message, () => badModel(title, failure, app)];
    }
    if (model.state === 'none' && gpu.state === 'ready') {
      return ['no model', () => noModel(app, 'The relief waits for one.')];
    }
    if (run.state === 'failed') {
      const { failure } = run;
      const proposed = failure.size?.proposed;
      return [
        `run ${failure.message}`,
        () =>
          card({
            icon: 'warning',
            title: 'This did not work',
            bad: true,
            body: [h('p', { class: 'quiet' }, failure.message), h('p', {}, failure.remedy)],
            actions: [
              proposed
                ? {
                    label: `Use ${proposed.size} px`,
                    main: true,
                    run: () => setSize(proposed.size),
                  }
                : { label: 'Try again', main: true, run: () => runner.requestRun() },
              ...why(failure),
            ],
          }),
      ];
    }
    if (runner.facts.value) return ['nothing'];
    const isStopped = run.state === 'idle' && model.state === 'ready';
    if (!isStopped || runner.source.value.state === 'film') {
      return ['ready', () => gettingReady.element];
    }
    return [
      'stopped',
      () =>
        card({
          icon: 'cube',
          title: 'Stopped',
          body: [h('p', { class: 'quiet' }, 'There is no depth map of this picture yet.')],
          actions: [{ label: 'Run again', main: true, run: () => runner.requestRun() }],
        }),
    ];
  };
  const show = (): void => {
    const run = runner.run.value;
    const [key, make] = pick();
    if (key === 'ready') gettingReady.update(run.state === 'running' ? run.progress : undefined);
    if (key === shown) return;
    shown = key;
    place.replaceChildren(...[make?.()].filter((element) => element !== undefined));
    place.classList.toggle('filled', make !== undefined);
  };
  for (const store of [engine.gpu, engine.model, runner.source, runner.run]) {
    (store as { watch(listener: () => void): unknown }).watch(show);
  }
  runner.facts.watch(show);
  runner.unreadable.watch(show);
}

function empty(choose: () => void, open: (file: File) => void): HTMLElement {
  return h(
    'div',
    { class: 'drop empty' },
    icon('cube'),
    h(
      'div',
      {},
      h('h2', {}, 'Open a picture'),
      h('p', { class: 'quiet' }, 'Drop or paste one, or use what is on Image or Video.'),
    ),
    h('button', { class: 'btn main', type: 'button', on: { click: choose } }, 'Choose a picture'),
    h(
      'div',
      { class: 'samples' },
      ...samples.map((sample) =>
        h(
          'button',
          {
            type: 'button',
            'aria-label': `Sample: ${sample.title}`,
            on: { click: () => void sampleFile(sample).then(open) },
          },
          h('img', { src: sample.address, alt: '', width: 72, height: 48 }),
        ),
      ),
    ),
  );
}
