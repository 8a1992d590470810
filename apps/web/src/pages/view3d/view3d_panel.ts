import type { App } from '../../app.ts';
import { h, setText } from '../../dom.ts';
import type { Settings } from '../../settings.ts';
import { selectField, switchRow } from '../../ui/choice.ts';
import type { Control } from '../../ui/control.ts';
import { type Group, group, groupTabs } from '../../ui/group.ts';
import { slider } from '../../ui/slider.ts';
import { makeSteady } from '../video/steady.ts';
import type { View3dRunner } from './view3d_runner.ts';
import {
  FOV,
  ownFov,
  rangeOf,
  type View3dSettings,
  view3dSchema,
  WIDEST,
} from './view3d_settings.ts';

type NumberKey = {
  [K in keyof View3dSettings]: View3dSettings[K] extends number ? K : never;
}[keyof View3dSettings];
type FlagKey = {
  [K in keyof View3dSettings]: View3dSettings[K] extends boolean ? K : never;
}[keyof View3dSettings];

interface SliderRow {
  readonly label: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly digits?: number;
  readonly unit?: string;
  readonly note?: string;
}

/** The controls of the 3D page: those of the original's viewer, the cut, and stereo. */
export function makeView3dPanel(
  app: App,
  settings: Settings<View3dSettings>,
  runner: View3dRunner,
  foot: HTMLElement,
  ownMask: { readonly control: Control<boolean>; readonly choose: HTMLElement },
): HTMLElement {
  const bound: (() => void)[] = [];
  const number = (key: NumberKey, row: SliderRow): HTMLElement => {
    const control = slider({
      ...row,
      start: settings.start[key],
      onChange: (value) => settings.change({ [key]: value }),
    });
    bound.push(() => control.set(settings.value[key]));
    return control.element;
  };
  const toggle = (key: FlagKey, label: string, letter?: string): HTMLElement => {
    const control = switchRow({
      label,
      ...(letter && { key: letter }),
      value: settings.value[key],
      onChange: (value) => settings.change({ [key]: value }),
    });
    bound.push(() => control.set(settings.value[key]));
    return control.element;
  };
  const near = slider({
    label: 'Nearest',
    note: 'of the farthest',
    min: 0.1,
    max: 100,
    step: 0.1,
    start: 100 * settings.start.near,
    unit: '%',
    digits: 1,
    onChange: (percent) => settings.change({ near: percent / 100 }),
  });
  bound.push(() => near.set(Math.round(1000 * settings.value.near) / 10));
  const distances = makeDistances(settings, runner);
  bound.push(distances.show);
  runner.facts.watch(distances.show);
  const fov = slider({
    label: 'Field of view',
    ...degrees(FOV.min, FOV.max),
    start: FOV.start,
    onChange: (value) => settings.change({ fov: value === ownFov(runner.facts.value) ? 0 : value }),
  });
  const showFov = (): void => {
    const { value: facts } = runner.facts;
    const start = ownFov(facts);
    fov.setRange({ min: FOV.min, max: FOV.max, step: 1, start });
    fov.set(settings.value.fov || start);
    fov.setNote(facts?.fov ? `longer side; the photo says ${start}°` : 'longer side');
  };
  bound.push(showFov);
  runner.facts.watch(showFov);
  const size = slider({
    label: 'Image size',
    min: 64,
    max: 1280,
    step: 14,
    start: 518,
    unit: 'px',
    onChange: (pixels) =>
      settings.change({ size: pixels === app.engine.info?.baseSize ? 0 : pixels }),
  });
  const showSize = (): void => {
    const { info } = app.engine;
    if (!info) return;
    const { multiple, baseSize } = info;
    const min = Math.max(multiple, baseSize - multiple * Math.floor((baseSize - 64) / multiple));
    const max = baseSize + multiple * Math.max(0, Math.floor((1288 - baseSize) / multiple));
    size.setRange({ min, max, step: multiple, start: baseSize });
    size.set(settings.value.size || baseSize);
  };
  bound.push(showSize);
  app.engine.model.watch(showSize);

  const steady = makeSteady(settings);
  const steadiness = h('div', { class: 'steady' }, ...steady.elements);
  bound.push(steady.show);
  const depth = group(
    { id: '3d.depth', title: 'Depth' },
    near.element,
    number('far', { label: 'Farthest', min: 1, max: 200, step: 0.5, digits: 1 }),
    distances.element,
    fov.element,
    toggle('rays', 'Distances along rays'),
    size.element,
    steadiness,
  );
  const edges = group(
    { id: '3d.edges', title: 'Edges' },
    number('cut', { label: 'Cut', note: 'by depth ratio', min: 0, max: 0.5, ...fine }),
    number('mask', { label: 'Mask', note: 'what is darker goes', min: 0, max: 1, ...fine }),
    number('wider', { label: 'Widen', note: 'the mask, in pixels', min: 0, max: WIDEST, step: 1 }),
    ownMask.control.element,
    ownMask.choose,
  );
  const mesh = group(
    { id: '3d.mesh', title: 'Mesh' },
    number('density', { label: 'Density', min: 0.05, max: 1, ...fine }),
    number('jitter', { label: 'Jitter', min: 0, max: 1, ...fine }),
    number('seed', { label: 'Seed', note: 'of the jitter', min: 0, max: 99, step: 1 }),
    number('point', { label: 'Point size', min: 0.1, max: 25, step: 0.1, digits: 1 }),
    number('resolution', { label: 'Resolution', min: 0.05, max: 1, step: 0.05, digits: 2 }),
  );
  const view = group(
    { id: '3d.view', title: 'View' },
    number('tilt', { label: 'Tilt', ...degrees(-90, 90) }),
    number('centre', { label: 'Orbit centre', note: 'camera, near, far', min: 0, max: 1, ...fine }),
    toggle('flat', 'Flat camera', 'O'),
    toggle('frustum', 'Show frustum', 'F'),
    toggle('depth', 'Depth as texture', 'V'),
  );
  const stereoKind = selectField({
    label: 'Show',
    value: settings.value.stereo,
    options: [
      { value: 'off', label: 'One picture' },
      { value: 'side', label: 'Side by side' },
      { value: 'half', label: 'Side by side, half width' },
      { value: 'cross', label: 'Cross-eyed' },
      { value: 'red', label: 'Red and cyan' },
    ],
    onChange: (stereo) => settings.change({ stereo }),
  });
  bound.push(() => stereoKind.set(settings.value.stereo));
  const stereo = group(
    { id: '3d.stereo', title: 'Stereo', open: false },
    stereoKind.element,
    number('eyes', { label: 'Eye distance', min: 0, max: 1, ...fine }),
  );

  const record = selectField({
    label: 'Write',
    value: settings.value.record,
    options: [
      { value: 'video', label: 'Video' },
      { value: 'png', label: 'Frames, PNG' },
    ],
    onChange: (value) => settings.change({ record: value }),
  });
  const recordNote = h('p', { class: 'caption' });
  bound.push(() => {
    const { record: kind } = settings.value;
    record.set(kind);
    setText(recordNote, recordWords[kind]);
  });
  const recording = group(
    { id: '3d.record', title: 'Record', open: false },
    record.element,
    recordNote,
  );

  const badges: readonly (readonly [Group, readonly (keyof View3dSettings)[]])[] = [
    [depth, ['near', 'far', 'fov', 'rays', 'size', 'steady', 'rangeOver', 'pixelsOver', 'cuts']],
    [edges, ['cut', 'mask', 'wider']],
    [mesh, ['density', 'jitter', 'seed', 'point', 'resolution']],
    [view, ['tilt', 'centre', 'flat', 'frustum', 'depth']],
    [stereo, ['stereo', 'eyes']],
    [recording, ['record']],
  ];
  bound.push(() => {
    for (const [of, keys] of badges) {
      const count = keys.filter((key) => settings.value[key] !== settings.start[key]).length;
      of.setBadge(count === 0 ? '' : `${count} changed`);
    }
  });
  settings.store.watch(() => {
    for (const show of bound) show();
  });
  runner.source.watch(({ state }) => {
    // A film has its size from the video page, a picture nothing to be kept steady.
    size.element.hidden = state === 'film';
    steadiness.hidden = state !== 'film';
  });
  runner.hasMask.watch((has) => {
    ownMask.control.element.hidden = !has;
  });
  const groups = [depth, edges, mesh, view, stereo, recording];
  return h(
    'aside',
    { class: 'panel', 'aria-label': 'Controls' },
    groupTabs(groups),
    h('div', { class: 'panel-body' }, ...groups.map(({ element }) => element)),
    foot,
  );
}

/** The two ends of depth in metres, to be typed: sliders have shares and steps. */
function makeDistances(settings: Settings<View3dSettings>, runner: View3dRunner) {
  const input = (label: string): HTMLInputElement =>
    h('input', { class: 'num', inputmode: 'decimal', 'aria-label': label, autocomplete: 'off' });
  const from = input('Nearest, metres');
  const to = input('Farthest, metres');
  const show = (): void => {
    const { nearest, farthest } = rangeOf(settings.value, runner.facts.value);
    from.value = Number(nearest.toPrecision(4)).toString();
    to.value = Number(farthest.toPrecision(4)).toString();
  };
  const take = (end: 'nearest' | 'farthest', text: string): void => {
    const before = rangeOf(settings.value, runner.facts.value);
    const now = { ...before, [end]: Number.parseFloat(text.replace(',', '.')) };
    if (now.nearest > now.farthest) {
      // The end that was typed counts, and the other goes along.
      const share = before.nearest / before.farthest;
      if (end === 'nearest') now.farthest = now.nearest / share;
      else now.nearest = now.farthest * share;
    }
    const near = now.nearest / now.farthest;
    if (fits('near', near) && fits('far', now.farthest))
      settings.change({ near, far: now.farthest });
    // As it was taken, or as it was before.
    show();
  };
  /** A link must bring it back. */
  const fits = (key: 'near' | 'far', value: number): boolean =>
    view3dSchema[key].parse(String(value)) !== undefined;
  from.addEventListener('change', () => take('nearest', from.value));
  to.addEventListener('change', () => take('farthest', to.value));
  const element = h('div', { class: 'field' }, h('span', {}, 'In metres'), from, ' to ', to);
  return { element, show };
}

const recordWords: Readonly<Record<View3dSettings['record'], string>> = {
  video: 'MP4, or WebM where the browser cannot write that: the view as it moves.',
  png: 'Each view that is drawn, without a ground, into a folder that you choose, or else into one ZIP.',
};

const fine = { step: 0.01, digits: 2 } as const;
const degrees = (min: number, max: number) => ({ min, max, step: 1, unit: '°' }) as const;
