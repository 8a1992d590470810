import { flag, number, oneOf, type Schema } from '../../settings.ts';
import type { FilmOptions, Recorded } from '../../worker/film/film_calls.ts';
import { cropOf, type ImageSettings, imageSchema, lookOf } from '../image/image_settings.ts';
import { type SteadySettings, steadyOf, steadySchema } from './steady.ts';

export const filmLayouts = ['depth', 'inset', 'side', 'stack'] as const;
export type FilmLayout = (typeof filmLayouts)[number];

/** The image page's settings of a picture, and what a film has on top. */
export interface VideoSettings extends ImageSettings, SteadySettings {
  readonly layout: FilmLayout;
  /** Every frame of a file, however long it takes; else late ones are left out. */
  readonly every: boolean;
  readonly loop: boolean;
  readonly speed: number;
  readonly record: 'video' | 'png' | 'png16' | 'npy';
  readonly recordSize: Recorded['size'];
  /** The frame beside its map. */
  readonly beside: boolean;
}

export const videoSchema: Schema<VideoSettings> = {
  ...imageSchema,
  ...steadySchema,
  layout: oneOf(filmLayouts, 'inset'),
  every: flag(false),
  loop: flag(true),
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
  crop: cropOf(settings),
  size: settings.size || baseSize,
  square: settings.shape === 'square',
  look: { ...lookOf(settings), normals: false },
  steady: steadyOf(settings),
});
