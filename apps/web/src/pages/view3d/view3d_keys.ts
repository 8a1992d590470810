import type { App } from '../../app.ts';
import type { KeyCommand } from '../../keys.ts';
import type { Settings } from '../../settings.ts';
import { lookingAlong, moved, type Orbit, turned, zoomed } from './camera.ts';
import type { View3dSettings } from './view3d_settings.ts';

export interface Key3dTargets {
  readonly settings: Settings<View3dSettings>;
  readonly change: (next: (orbit: Orbit) => Orbit) => void;
  readonly reset: () => void;
  readonly togglePanel: () => void;
  readonly toggleMask: () => void;
  readonly record: () => void;
  /** False where there is nothing to stop. */
  readonly stop: () => boolean;
  readonly save: () => void;
  /** False where there is nothing to play. */
  readonly play: () => boolean;
}

/** The keys of the 3D page, which its sheet is made of: those of the original's viewer, and ours. */
export function addView3dKeys(app: App, targets: Key3dTargets): void {
  const { settings, change } = targets;
  const value = (): View3dSettings => settings.value;
  const key = (
    keys: readonly string[],
    action: string,
    run: (event: KeyboardEvent) => unknown,
    more: Partial<KeyCommand> = {},
  ): KeyCommand => ({
    pages: ['view3d'],
    keys,
    action,
    original: true,
    run: (event) => run(event) !== false,
    ...more,
  });
  const ours: Partial<KeyCommand> = { original: false };
  const flip = (name: 'flat' | 'depth' | 'frustum'): void =>
    settings.change({ [name]: !value()[name] });
  const drawAs = (as: View3dSettings['as']): void =>
    settings.change({ as: value().as === as ? 'triangles' : as });
  const within = (number: number, low: number, high: number): number =>
    Math.min(Math.max(Math.round(number * 100) / 100, low), high);
  const axis = (name: 'x' | 'y' | 'z'): KeyCommand =>
    key([name], `Look along ${name.toUpperCase()}; with Shift from behind`, ({ shiftKey }) =>
      change((orbit) => lookingAlong(orbit, name, shiftKey)),
    );
  const walk = (letter: string, action: string, right: number, forward: number): KeyCommand =>
    key([letter], action, () => change((orbit) => moved(orbit, right, 0, forward)));
  const turn = (name: string, action: string, yaw: number, pitch: number): KeyCommand =>
    key([name], action, () => change((orbit) => turned(orbit, yaw, pitch)), ours);
  app.keys.add(
    axis('x'),
    axis('y'),
    axis('z'),
    walk('w', 'Move the centre forward', 0, 0.1),
    walk('s', 'Move the centre back', 0, -0.1),
    walk('a', 'Move the centre left', -0.1, 0),
    walk('d', 'Move the centre right', 0.1, 0),
    turn('ArrowLeft', 'Turn left', -0.1, 0),
    turn('ArrowRight', 'Turn right', 0.1, 0),
    turn('ArrowUp', 'Turn up', 0, 0.1),
    turn('ArrowDown', 'Turn down', 0, -0.1),
    key(['PageUp'], 'Nearer', () => change((orbit) => zoomed(orbit, 1 / 1.15)), ours),
    key(['PageDown'], 'Farther', () => change((orbit) => zoomed(orbit, 1.15)), ours),
    key(['0'], 'Reset the view', targets.reset, ours),
    key(['h'], 'Hide or show the panel', targets.togglePanel),
    key(['o'], 'Flat camera', () => flip('flat')),
    key(['t'], 'Triangles or points', () => drawAs('points')),
    key(['l'], 'Triangles or lines', () => drawAs('lines')),
    key(['v'], 'Depth as texture', () => flip('depth')),
    key(['m'], 'Mask on or off', targets.toggleMask),
    key(['f'], 'Show the frustum', () => flip('frustum')),
    key(['-'], 'Lower resolution', () =>
      settings.change({ resolution: within(value().resolution - 0.05, 0.05, 1) }),
    ),
    key(
      ['=', '+'],
      'Higher resolution',
      () => settings.change({ resolution: within(value().resolution + 0.05, 0.05, 1) }),
      { shown: '=' },
    ),
    key(['['], 'Smaller points', () =>
      settings.change({ point: within(value().point - 0.5, 0.1, 25) }),
    ),
    key([']'], 'Larger points', () =>
      settings.change({ point: within(value().point + 0.5, 0.1, 25) }),
    ),
    key([' '], 'Play or pause the film', targets.play),
    key(['`', '~'], 'Record the view', targets.record, { shown: '`' }),
    key(['Escape'], 'Stop recording, or a run', targets.stop, { ...ours, overControls: true }),
    key(['g'], 'Save GLB', targets.save, ours),
  );
}
