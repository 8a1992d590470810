import type { Look, LookFacts, View } from '../image/image_calls.ts';
import type { Call } from '../protocol.ts';

/** How ranges are kept from jumping from frame to frame. */
export interface Steady {
  readonly on: boolean;
  /** Weight of the new frame, 0…1. */
  readonly alpha: number;
  /** Start anew where the picture changes at once. */
  readonly cuts: boolean;
}

export interface FilmOptions {
  readonly size: number;
  readonly square: boolean;
  readonly look: Look;
  readonly steady: Steady;
}

export interface FilmFacts extends LookFacts {
  readonly width: number;
  readonly height: number;
  readonly networkWidth: number;
  readonly networkHeight: number;
  /** From the frame to its picture, milliseconds. */
  readonly modelTime: number;
}

export type FilmSave = 'png' | 'png16' | 'npy';

export interface FilmCalls {
  readonly 'film.canvas': Call<{ readonly canvas: OffscreenCanvas }, undefined>;
  /** The next frame, which moves here. `restart`: it does not follow the one before. */
  readonly 'film.frame': Call<
    {
      readonly frame: VideoFrame | ImageBitmap;
      readonly options: FilmOptions;
      readonly restart: boolean;
    },
    FilmFacts
  >;
  /** The frame that is there with other settings of its picture. */
  readonly 'film.look': Call<FilmOptions, LookFacts | undefined>;
  readonly 'film.view': Call<View, undefined>;
  readonly 'film.save': Call<{ readonly format: FilmSave }, Blob>;
}
