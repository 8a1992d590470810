import type { App } from '../../app.ts';
import { h } from '../../dom.ts';
import type { Settings } from '../../settings.ts';
import { selectField, switchRow } from '../../ui/choice.ts';
import type { Control } from '../../ui/control.ts';
import { type Group, group, groupTabs } from '../../ui/group.ts';
import { slider } from '../../ui/slider.ts';
import type { View3dRunner } from './view3d_runner.ts';
import type { View3dSettings } from './view3d_settings.ts';

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
  const toggle = (key: FlagKey, label: string, letter: string): HTMLElement => {
    const control = switchRow({
      label,
      key: letter,
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

  const depth = group(
    { id: '3d.depth', title: 'Depth' },
    near.element,
    number('far', { label: 'Farthest', min: 1, max: 200, step: 0.5, digits: 1 }),
    number('fov', { label: 'Field of view', note: 'longer side', ...degrees(10, 179) }),
    size.element,
  );
  const edges = group(
    { id: '3d.edges', title: 'Edges' },
    number('cut', { label: 'Cut', note: 'by depth ratio', min: 0, max: 0.5, ...fine }),
    number('mask', { label: 'Mask', note: 'what is darker goes', min: 0, max: 1, ...fine }),
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

  const badges: readonly (readonly [Group, readonly (keyof View3dSettings)[]])[] = [
    [depth, ['near', 'far', 'fov', 'size']],
    [edges, ['cut', 'mask']],
    [mesh, ['density', 'jitter', 'seed', 'point', 'resolution']],
    [view, ['tilt', 'centre', 'flat', 'frustum', 'depth']],
    [stereo, ['stereo', 'eyes']],
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
  runner.hasMask.watch((has) => {
    ownMask.control.element.hidden = !has;
  });
  const groups = [depth, edges, mesh, view, stereo];
  return h(
    'aside',
    { class: 'panel', 'aria-label': 'Controls' },
    groupTabs(groups),
    h('div', { class: 'panel-body' }, ...groups.map(({ element }) => element)),
    foot,
  );
}

const fine = { step: 0.01, digits: 2 } as const;
const degrees = (min: number, max: number) => ({ min, max, step: 1, unit: '°' }) as const;
