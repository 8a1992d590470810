import { flag, number, oneOf, type Schema } from '../../settings.ts';
import type { FilmOptions, Recorded, Steady } from '../../worker/film/film_calls.ts';
import { type ImageSettings, imageSchema, lookOf } from '../image/image_settings.ts';

export const filmLayouts = ['depth', 'inset', 'side', 'stack'] as const;
export type FilmLayout = (typeof filmLayouts)[number];

export const steadyKinds = ['off', 'range', 'motion'] as const;

/** The image page's settings of a picture, and what a film has on top. */
export interface VideoSettings extends ImageSettings {
  readonly layout: FilmLayout;
  /** Every frame of a file, however long it takes; else late ones are left out. */
  readonly every: boolean;
  readonly loop: boolean;
  readonly steady: Steady['kind'];
  /** 0…1: how slowly what is steady follows. */
  readonly strength: number;
  readonly cuts: boolean;
  readonly speed: number;
  readonly record: 'video' | 'png' | 'png16' | 'npy';
  readonly recordSize: Recorded['size'];
  /** The frame beside its map. */
  readonly beside: boolean;
}

export const videoSchema: Schema<VideoSettings> = {
  ...imageSchema,
  layout: oneOf(filmLayouts, 'inset'),
  every: flag(false),
  loop: flag(true),
  steady: oneOf(steadyKinds, 'motion'),
  strength: number(0.75, 0, 0.99),
  cuts: flag(true),
  speed: number(1, 0.25, 2),
  record: oneOf(['video', 'png', 'png16', 'npy'], 'video'),
  recordSize: oneOf(['shown', 'map', 'film'], 'shown'),
  beside: flag(false),
};

export const filmOptionsOf = (
  settings: VideoSettings,
  baseSize: number,
  pictureSize: FilmOptions['pictureSize'],
): FilmOptions => ({
  pictureSize,
  size: settings.size || baseSize,
  square: settings.shape === 'square',
  look: { ...lookOf(settings), normals: false },
  steady: { kind: settings.steady, alpha: 1 - settings.strength, cuts: settings.cuts },
});
