import { colourMaps } from '@dpt-webgpu/dpt';
import type { App } from '../../app.ts';
import type { KeyCommand } from '../../keys.ts';
import type { Settings } from '../../settings.ts';
import { steadyKinds } from './steady.ts';
import { filmLayouts, type VideoSettings } from './video_settings.ts';
import type { VideoStage } from './video_stage.ts';

export interface VideoActions {
  readonly record: () => void;
  readonly crop: () => void;
  /** Leaves whatever is under way; false when there is nothing. */
  readonly leave: () => boolean;
}

/** The keys of the video page: those of the original, and ours. */
export function addVideoKeys(
  app: App,
  settings: Settings<VideoSettings>,
  stage: VideoStage,
  { record, crop, leave }: VideoActions,
): void {
  const { film } = app;
  const value = (): VideoSettings => settings.value;
  const key = (
    keys: readonly string[],
    action: string,
    run: (event: KeyboardEvent) => unknown,
    more: Partial<KeyCommand> = {},
  ): KeyCommand => ({
    pages: ['video'],
    keys,
    action,
    original: true,
    run: (event) => run(event) !== false,
    ...more,
  });
  const next = <T>(list: readonly T[], now: T, by: number): T =>
    list[(list.indexOf(now) + by + list.length) % list.length]!;
  const changeSize = (by: number): void => {
    const { info } = app.engine;
    if (!info) return;
    const { multiple, baseSize } = info;
    const least = multiple * Math.ceil(64 / multiple);
    const size = Math.min(Math.max((value().size || baseSize) + by * multiple, least), 1288);
    settings.change({ size: size === baseSize ? 0 : size });
  };
  const step = (by: number): boolean => {
    if (film.source.value.kind !== 'file') return false;
    void film.step(by);
    return true;
  };
  const nextMap = (by: number): void => settings.change({ map: next(colourMaps, value().map, by) });
  app.keys.add(
    key([' '], 'Play or pause', () => film.toggle()),
    key(['ArrowLeft'], 'One frame back', () => step(-1)),
    key(['ArrowRight'], 'One frame on', () => step(1)),
    key(['l'], 'Layout', () => settings.change({ layout: next(filmLayouts, value().layout, 1) })),
    key(['n'], 'Drop late frames, or take every one', () =>
      settings.change({ every: !value().every }),
    ),
    key(['o'], 'Record', record),
    key(['r'], 'Reverse colours', () => settings.change({ reverse: !value().reverse })),
    key(['h'], 'High contrast', () => settings.change({ contrast: !value().contrast })),
    key(
      ['c'],
      'Next colour map; with Shift the one before',
      ({ shiftKey }) => nextMap(shiftKey ? -1 : 1),
      { original: false },
    ),
    key(['Tab'], 'The same, after the picture was clicked', ({ shiftKey }) => {
      const clicked = document.activeElement === stage.element && app.keys.pointed;
      if (clicked) nextMap(shiftKey ? -1 : 1);
      return clicked;
    }),
    key(['['], 'Smaller image size', () => changeSize(-1)),
    key([']'], 'Larger image size', () => changeSize(1)),
    key(['a'], 'Shape: keep aspect or square', () =>
      settings.change({ shape: value().shape === 'square' ? 'aspect' : 'square' }),
    ),
    key(
      ['e'],
      'Keep steady: nothing, the range, or pixels as well',
      () => settings.change({ steady: next(steadyKinds, value().steady, 1) }),
      { original: false },
    ),
    key(['g'], 'Crop', crop, { original: false }),
    key(['Escape'], 'Leave crop, stop a recording', leave, {
      original: false,
      overControls: true,
    }),
    key(['-'], 'Smaller picture', () => stage.zoom(1 / 1.25)),
    key(['=', '+'], 'Larger picture', () => stage.zoom(1.25), { shown: '=' }),
  );
}
