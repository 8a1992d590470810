import type { App } from '../../app.ts';
import { h } from '../../dom.ts';
import { failureIn } from '../../engine/engine.ts';
import { icon } from '../../icons.ts';
import type { Settings } from '../../settings.ts';
import { copyLinkButton } from '../../ui/copy_link.ts';
import { saveBlob } from '../../ui/files.ts';
import { attachMenu, type MenuItem } from '../../ui/menu.ts';
import type { Save3dFormat, View3d } from '../../worker/view3d/view3d_calls.ts';
import type { View3dRunner } from './view3d_runner.ts';
import type { View3dSettings } from './view3d_settings.ts';

const suffixes: Readonly<Record<Save3dFormat, string>> = {
  glb: '.glb',
  ply: '.ply',
  obj: '_obj.zip',
  depth: '_depth_16.png',
  mask: '_mask.png',
  view: '_view.png',
};

/** The foot of the panel: files of the surface as it is shown. */
export function makeView3dSave(
  app: App,
  settings: Settings<View3dSettings>,
  runner: View3dRunner,
  view: () => View3d | undefined,
): { foot: HTMLElement; save: (format?: Save3dFormat) => Promise<void> } {
  const nameOf = (): string => {
    const source = runner.source.value;
    const stem = source.state === 'none' ? 'surface' : source.name.replace(/\.[^.]+$/, '');
    const { film } = app;
    if (source.state !== 'film' || film.source.value.kind !== 'file') return stem;
    // As frames that are recorded are named.
    const frame = film.frames.indexAt(film.position.value) + 1;
    return `${stem}_${String(frame).padStart(8, '0')}`;
  };
  const save = async (format: Save3dFormat = 'glb'): Promise<void> => {
    const shown = view();
    if (!shown || !runner.facts.value) return;
    try {
      const name = nameOf();
      const blob = await app.engine.call('view3d.save', { format, view: shown, name });
      saveBlob(blob, name + suffixes[format]);
      app.toast.show(`Saved ${name}${suffixes[format]}`);
    } catch (error) {
      const failure = failureIn(error);
      // While the map is computed again, after a loss say, there is nothing to save: that is no failure.
      if (failure.code === 'no-photo') app.toast.show(failure.message);
      else runner.run.set({ state: 'failed', failure });
    }
  };
  const item = (label: string, format: Save3dFormat, detail: string): MenuItem => ({
    label,
    detail,
    run: () => void save(format),
  });
  const items = (): (MenuItem | 'line')[] => [
    item('Mesh, GLB', 'glb', `${settings.value.as}, with the picture`),
    item('Mesh, PLY', 'ply', 'with colours'),
    item('Mesh, OBJ', 'obj', 'ZIP with MTL and JPEG'),
    'line',
    item('Depth, PNG of 16 bits', 'depth', 'near is bright'),
    item('Mask, PNG', 'mask', 'dark at edges'),
    item('This view, PNG', 'view', 'without a ground'),
  ];
  const main = h(
    'button',
    { class: 'btn main', type: 'button', title: 'Save GLB (G)' },
    icon('save', true),
    'Save GLB',
  );
  main.addEventListener('click', () => void save());
  const more = h(
    'button',
    { class: 'btn main icon', type: 'button', 'aria-label': 'More formats' },
    icon('down', true),
  );
  attachMenu(more, items, { up: true });
  const link = copyLinkButton(app, settings, 'picture');
  runner.facts.watch((facts) => {
    main.disabled = facts === undefined;
    more.disabled = facts === undefined;
  });
  return {
    foot: h('div', { class: 'panel-foot' }, h('div', { class: 'split' }, main, more), link),
    save,
  };
}
