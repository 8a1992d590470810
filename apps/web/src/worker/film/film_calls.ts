import type { Look, LookFacts, Place, Rect, RunProgress, View } from '../image/image_calls.ts';
import type { Call } from '../protocol.ts';
import type { Movie } from './movie_writer.ts';

/** How what is shown is kept from jumping from frame to frame. */
export interface Steady {
  /** The range of the depths; `motion`: each pixel as well, where the picture stands still. */
  readonly kind: 'off' | 'range' | 'motion';
  /** Seconds over which the range follows the film. */
  readonly range: number;
  /** Seconds over which pixels follow it where the picture stands still. */
  readonly pixels: number;
  /** Start anew where the picture changes at once. */
  readonly cuts: boolean;
}

export interface FilmOptions {
  readonly size: number;
  readonly square: boolean;
  /** The part of the frame that is used, 0…1. */
  readonly crop: Rect | undefined;
  /** Of the picture of the depth: enough for a screen, as the network gives it, or as large as the film. */
  readonly pictureSize: 'screen' | 'map' | 'film';
  readonly look: Look;
  readonly steady: Steady;
}

export interface FilmFacts extends LookFacts {
  /** Of what is used of a frame. */
  readonly width: number;
  readonly height: number;
  readonly networkWidth: number;
  readonly networkHeight: number;
  /** From the frame to its picture, milliseconds. */
  readonly modelTime: number;
}

export type FilmSave = 'png' | 'png16' | 'npy';

/** What a recording shows. */
export interface Recorded {
  /** The view as it is laid out, or the map alone in one of two sizes. */
  readonly size: 'shown' | 'map' | 'film';
  /** The frame to the left of its map, or above it where it is wide; as shown, the layout decides. */
  readonly beside: boolean;
}

export interface RecordedSize {
  readonly width: number;
  readonly height: number;
  /** There is no encoder, or no texture, for the size that was asked for. */
  readonly isSmaller: boolean;
}

export interface FilmCalls {
  readonly 'film.canvas': Call<{ readonly canvas: OffscreenCanvas }, undefined>;
  /** When the frames of a file are shown, in seconds; undefined where its table cannot be read. */
  readonly 'film.times': Call<{ readonly file: Blob }, Float64Array<ArrayBuffer> | undefined>;
  /** The next frame, which moves here. `restart`: it does not follow the one before. */
  readonly 'film.frame': Call<
    {
      readonly frame: VideoFrame | ImageBitmap;
      /** In the film, or on a clock, in seconds. */
      readonly time: number;
      readonly options: FilmOptions;
      readonly restart: boolean;
    },
    FilmFacts,
    RunProgress
  >;
  /** A frame, which moves here, to be seen while there is no model for it. */
  readonly 'film.preview': Call<{ readonly frame: VideoFrame | ImageBitmap }, undefined>;
  /** The frame that is there with other settings of its picture. */
  readonly 'film.look': Call<FilmOptions, LookFacts | undefined>;
  readonly 'film.view': Call<View, undefined>;
  /** How near the frame that is there is at places of it, 0…1; none before there is one. */
  readonly 'film.pick': Call<readonly Place[], readonly number[]>;
  /** The frame that is there. `beside`: with the frame to the left, or above where it is wide; of coloured PNG only. */
  readonly 'film.save': Call<{ readonly format: FilmSave; readonly beside: boolean }, Blob>;
  /** Every frame from now on goes into a video of that size. Undefined: this browser cannot encode one. */
  readonly 'film.record': Call<Recorded, RecordedSize | undefined>;
  /** Ends it. Undefined: none was under way. */
  readonly 'film.recorded': Call<undefined, Movie | undefined>;
}
