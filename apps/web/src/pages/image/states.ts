import type { App } from '../../app.ts';
import { h } from '../../dom.ts';
import { icon } from '../../icons.ts';
import { card, why } from '../../ui/card.ts';
import type { Failure } from '../../worker/protocol.ts';
import { makeGettingReady } from '../getting_ready.ts';
import { badModel, lost, noGpu, noModel, tooBig } from '../state_cards.ts';
import type { ImageRunner } from './image_runner.ts';
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
  const gettingReady = makeGettingReady(app, () => {
    runner.cancelRun();
    runner.photo.set({ state: 'none' });
  });
  let shown = '';
  const show = (): void => {
    const [key, make] = choose();
    setDimmed(key === 'lost');
    const run = runner.run.value;
    if (key === 'ready') gettingReady.update(run.state === 'running' ? run.progress : undefined);
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
    if (gpu.state === 'lost') return [`lost`, () => lost(app, 'photo')];
    if (unreadable) {
      const key = `bad ${unreadable.file.name} ${unreadable.failure.message}`;
      return [key, () => badPicture(unreadable.failure, photo.state === 'open', runner, actions)];
    }
    if (photo.state === 'none') return ['empty', () => empty(actions)];
    if (model.state === 'failed') {
      return [`model ${model.failure.message}`, () => badModel(model.title, model.failure, app)];
    }
    if (model.state === 'none' && gpu.state === 'ready') {
      return ['no model', () => noModel(app, 'The photo waits for one.')];
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

function badRun(
  failure: Failure,
  app: App,
  runner: ImageRunner,
  { setSize, setTiles, focusSize }: StateActions,
): HTMLElement {
  const { size } = failure;
  if (failure.code === 'too-big' && size) {
    const { multiple = 1 } = app.engine.info ?? {};
    const whole = size.proposed && runner.options?.tiles === 1;
    const tiles = whole ? tilesInstead(size.size, size.proposed.size, multiple) : undefined;
    const instead = tiles && {
      words: `${tiles.tiles} × ${tiles.tiles} tiles of ${tiles.size} px show as much detail as ${size.size} px, in ${tiles.tiles ** 2 + 1} runs.`,
      action: {
        label: `Use ${tiles.tiles} × ${tiles.tiles} tiles`,
        run: () => setTiles(tiles),
      },
    };
    return tooBig(size, { setSize, focusSize }, instead);
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
