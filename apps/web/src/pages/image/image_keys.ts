import { colourMaps } from '@dpt-webgpu/dpt';
import type { App } from '../../app.ts';
import type { KeyCommand } from '../../keys.ts';
import type { Settings } from '../../settings.ts';
import type { ImageSettings } from './image_settings.ts';
import type { Save } from './save.ts';
import type { Stage } from './stage.ts';
import type { Strip } from './strip.ts';

export interface KeyTargets {
  readonly settings: Settings<ImageSettings>;
  readonly stage: Stage;
  readonly strip: Strip;
  readonly save: Save;
  readonly togglePick: () => void;
  readonly toggleCrop: () => void;
  /** Leaves whatever is under way; false when there is nothing. */
  readonly leave: () => boolean;
}

/** The keys of the image page: those of the original, and ours. */
export function addImageKeys(app: App, targets: KeyTargets): void {
  const { settings, stage, strip, save, togglePick, toggleCrop, leave } = targets;
  const value = (): ImageSettings => settings.value;
  const does = (run: () => void) => (): true => {
    run();
    return true;
  };
  const nextMap = (by: number): void => {
    const at = colourMaps.indexOf(value().map);
    settings.change({ map: colourMaps[(at + by + colourMaps.length) % colourMaps.length]! });
  };
  const changeSize = (by: number): void => {
    const { info } = app.engine;
    if (!info) return;
    const { multiple, baseSize } = info;
    const now = value().size || baseSize;
    const next = Math.min(Math.max(now + by * multiple, multiple * Math.ceil(64 / multiple)), 1288);
    settings.change({ size: next === baseSize ? 0 : next });
  };
  const changePlane = (by: number): void => {
    const next = Math.round((value().plane + by) * 100) / 100;
    settings.change({ plane: Math.min(Math.max(next, -1), 2) });
  };
  const here: Pick<KeyCommand, 'pages'> = { pages: ['image'] };
  app.keys.add(
    {
      ...here,
      keys: ['r'],
      action: 'Reverse colours',
      original: true,
      run: does(() => settings.change({ reverse: !value().reverse })),
    },
    {
      ...here,
      keys: ['h'],
      action: 'High contrast',
      original: true,
      run: does(() => settings.change({ contrast: !value().contrast })),
    },
    {
      ...here,
      keys: ['c'],
      action: 'Next colour map; with Shift the one before',
      run: (event) => {
        nextMap(event.shiftKey ? -1 : 1);
        return true;
      },
    },
    {
      ...here,
      keys: ['Tab'],
      action: 'The same, after the picture was clicked',
      original: true,
      run: (event) => {
        // Focus that came by keyboard goes on, as everywhere.
        const clicked = document.activeElement === stage.element && app.keys.pointed;
        if (clicked) nextMap(event.shiftKey ? -1 : 1);
        return clicked;
      },
    },
    {
      ...here,
      keys: ['['],
      action: 'Smaller image size',
      original: true,
      run: does(() => changeSize(-1)),
    },
    {
      ...here,
      keys: [']'],
      action: 'Larger image size',
      original: true,
      run: does(() => changeSize(1)),
    },
    {
      ...here,
      keys: ['a'],
      action: 'Shape: keep aspect or square',
      original: true,
      run: does(() => settings.change({ shape: value().shape === 'square' ? 'aspect' : 'square' })),
    },
    {
      ...here,
      keys: ['ArrowUp'],
      action: 'Remove more of the plane',
      original: true,
      run: does(() => changePlane(0.05)),
    },
    {
      ...here,
      keys: ['ArrowDown'],
      action: 'Remove less of the plane',
      original: true,
      run: does(() => changePlane(-0.05)),
    },
    {
      ...here,
      keys: ['ArrowLeft'],
      action: 'Previous file',
      original: true,
      run: () => strip.step(-1),
    },
    {
      ...here,
      keys: ['ArrowRight'],
      action: 'Next file',
      original: true,
      run: () => strip.step(1),
    },
    {
      ...here,
      keys: ['s'],
      action: 'Save coloured PNG',
      original: true,
      run: does(() => void save.save()),
    },
    {
      ...here,
      keys: ['-'],
      action: 'Zoom out',
      original: true,
      run: does(() => stage.zoom(1 / 1.25)),
    },
    {
      ...here,
      keys: ['=', '+'],
      shown: '=',
      action: 'Zoom in',
      original: true,
      run: does(() => stage.zoom(1.25)),
    },
    { ...here, keys: ['0'], action: 'Fit the picture', run: does(() => stage.fit()) },
    {
      ...here,
      keys: ['z'],
      action: 'Pixels of the photo one to one, and back; a double click does the same',
      run: does(() => stage.actualSize()),
    },
    {
      ...here,
      keys: ['b'],
      action: 'Compare with the photo',
      run: does(() => settings.change({ view: value().view === 'compare' ? 'depth' : 'compare' })),
    },
    { ...here, keys: ['p'], action: 'Pick points', run: does(togglePick) },
    { ...here, keys: ['g'], action: 'Crop', run: does(toggleCrop) },
    {
      ...here,
      keys: ['i'],
      action: 'Invert the cut-out',
      original: true,
      run: does(() => settings.change({ invert: !value().invert, view: 'cutout' })),
    },
    {
      ...here,
      keys: ['Escape'],
      action: 'Leave crop or pick, stop a run',
      overControls: true,
      run: leave,
    },
  );
}
