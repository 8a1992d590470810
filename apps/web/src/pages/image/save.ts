import type { App } from '../../app.ts';
import { h } from '../../dom.ts';
import { failureIn, isCancelled } from '../../engine/engine.ts';
import { icon } from '../../icons.ts';
import type { Settings } from '../../settings.ts';
import { Store } from '../../store.ts';
import { copyLinkButton } from '../../ui/copy_link.ts';
import { saveBlob } from '../../ui/files.ts';
import { attachMenu, type MenuItem } from '../../ui/menu.ts';
import { pixelsText } from '../../words.ts';
import type { SaveFormat, SaveSize } from '../../worker/image/image_calls.ts';
import type { ImageRunner } from './image_runner.ts';
import { type ImageSettings, lookOf } from './image_settings.ts';
import type { Measure } from './measure.ts';

/** What is added to the photo's name. */
const suffixes: Readonly<Record<SaveFormat, string>> = {
  png: '_depth.png',
  png16: '_depth_16.png',
  npy: '_depth.npy',
  pfm: '_depth.pfm',
  exr: '_depth.exr',
  normals: '_normals.png',
  mask: '_mask.png',
  cutout: '_cutout.png',
  glb: '.glb',
  ply: '.ply',
  obj: '.obj',
};

export interface Save {
  readonly foot: HTMLElement;
  /** What stops the file that is being made; none while none is. */
  readonly work: Store<AbortController | undefined>;
  /** The main button's job. */
  save(format?: SaveFormat, size?: SaveSize): Promise<void>;
}

/** The foot of the panel: the next step. */
export function makeSave(
  app: App,
  settings: Settings<ImageSettings>,
  runner: ImageRunner,
  measure: Measure,
): Save {
  const work = new Store<AbortController | undefined>(undefined);
  const nameOf = (): string => {
    const photo = runner.photo.value;
    return photo.state === 'open' ? photo.file.name.replace(/\.[^.]+$/, '') : 'photo';
  };
  const save = async (format: SaveFormat = 'png', size: SaveSize = 'source'): Promise<void> => {
    if (!runner.facts.value) return;
    const stop = new AbortController();
    work.value?.abort();
    work.set(stop);
    try {
      const look = lookOf(settings.value, runner.line);
      const { signal } = stop;
      const blob = await app.engine.call('image.save', { format, size, look }, { signal });
      const name = nameOf() + suffixes[format];
      saveBlob(blob, name);
      app.toast.show(`Saved ${name}`);
    } catch (error) {
      if (isCancelled(error)) return;
      const { message } = failureIn(error);
      app.announce.alert(message);
      runner.run.set({ state: 'failed', failure: failureIn(error) });
    } finally {
      if (work.value === stop) work.set(undefined);
    }
  };
  const saveSettings = (): void => {
    const photo = runner.photo.value;
    const { info } = app.engine;
    const facts = runner.facts.value;
    const json = {
      generator: 'dpt-webgpu',
      photo:
        photo.state === 'open'
          ? { name: photo.file.name, width: photo.width, height: photo.height }
          : undefined,
      model: info && {
        title: info.title,
        file: info.file,
        family: info.family,
        dtype: info.dtype,
        preset: info.options.preset,
        maxDepth: info.maxDepth,
        licence: info.licence,
      },
      settings: settings.value,
      result: facts && {
        kind: facts.kind,
        network: { width: facts.networkWidth, height: facts.networkHeight },
        map: { width: facts.mapWidth, height: facts.mapHeight },
        runs: facts.runs,
        used: { width: facts.width, height: facts.height },
        min: facts.min,
        max: facts.max,
      },
      calibration: measure.calibration,
      link: location.href,
    };
    const name = `${nameOf()}_settings.json`;
    saveBlob(new Blob([`${JSON.stringify(json, null, 2)}\n`], { type: 'application/json' }), name);
    app.toast.show(`Saved ${name}`);
  };

  const items = (): (MenuItem | 'line')[] => {
    const facts = runner.facts.value;
    if (!facts) return [{ label: 'Settings, JSON', run: saveSettings }];
    const { upsample } = settings.value;
    const isResized = upsample !== 'none';
    const isGuided = upsample === 'guided';
    const photo = pixelsText(facts.width, facts.height);
    const map = pixelsText(facts.mapWidth, facts.mapHeight);
    const source = isResized ? photo : map;
    const item = (label: string, format: SaveFormat, size: SaveSize, detail: string): MenuItem => ({
      label,
      detail,
      run: () => void save(format, size),
    });
    return [
      ...(isResized ? [item('Coloured PNG, size of the photo', 'png', 'source', photo)] : []),
      item('Coloured PNG, size of the map', 'png', 'map', map),
      isGuided
        ? item('Normals, PNG', 'normals', 'source', photo)
        : item('Normals, PNG', 'normals', 'map', map),
      'line',
      item('PNG of 16 bits, as shown', 'png16', 'source', source),
      ...(isResized ? [item('NPY, as the network gave it', 'npy', 'source', photo)] : []),
      item('NPY, size of the map', 'npy', 'map', map),
      item('PFM, as the network gave it', 'pfm', 'source', source),
      item('OpenEXR, as the network gave it', 'exr', 'source', source),
      'line',
      item('Mask, PNG', 'mask', 'source', source),
      item('Cut-out, PNG', 'cutout', 'source', photo),
      'line',
      item('Mesh, GLB', 'glb', 'source', 'with the photo'),
      item('Mesh, PLY', 'ply', 'source', 'with colours'),
      item('Mesh, OBJ', 'obj', 'source', 'surface alone'),
      'line',
      { label: 'Settings, JSON', run: saveSettings },
    ];
  };

  const main = h(
    'button',
    { class: 'btn main', type: 'button' },
    icon('save', true),
    'Save coloured PNG',
  );
  main.addEventListener('click', () => void save());
  const more = h(
    'button',
    { class: 'btn main icon', type: 'button', 'aria-label': 'More formats' },
    icon('down', true),
  );
  attachMenu(more, items, { up: true });
  const link = copyLinkButton(app, settings, 'photo');
  runner.facts.watch((facts) => {
    main.disabled = facts === undefined;
    main.title = facts ? 'Save coloured PNG (S)' : 'There is no depth map yet';
  });
  return {
    foot: h('div', { class: 'panel-foot' }, h('div', { class: 'split' }, main, more), link),
    work,
    save,
  };
}
