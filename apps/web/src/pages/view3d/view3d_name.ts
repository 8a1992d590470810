import type { App } from '../../app.ts';
import { setAttribute } from '../../dom.ts';
import { nearestWords } from '../image/nearest.ts';
import type { View3dRunner } from './view3d_runner.ts';

const KEYS = 'Arrow keys turn, W A S D move, Page Up and Page Down zoom, 0 resets.';

/** The name of the view: what it is of, where that is nearest while it stands, and its keys. */
export function nameView({ engine, film }: App, runner: View3dRunner, stage: HTMLElement): void {
  let turn = 0;
  const show = async (): Promise<void> => {
    const now = ++turn;
    const source = runner.source.value;
    const of = source.state === 'none' ? '' : ` of ${source.name}`;
    setAttribute(stage, 'aria-label', `3D view${of}. ${KEYS}`);
    const plays = source.state === 'film' && film.playing.value;
    if (!runner.facts.value || plays) return;
    const nearest = await nearestWords((places) => engine.call('view3d.pick', places));
    if (now === turn) setAttribute(stage, 'aria-label', `3D view${of}${nearest}. ${KEYS}`);
  };
  const again = (): void => void show();
  runner.source.watch(again);
  runner.facts.watch(again);
  runner.frames.watch(again);
  film.playing.watch(again);
}
