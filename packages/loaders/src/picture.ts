import { DptError } from '@dpt-webgpu/tensor/errors';
import type { ReadOptions } from './byte_source.ts';

/** A decoded picture: RGBA, 8 bits per channel, rows from the top, already upright. Alpha is always 255. */
export interface Picture {
  /** Of the file, for messages. */
  readonly name: string;
  /** Pixels, upright. */
  readonly width: number;
  /** Pixels, upright. */
  readonly height: number;
  /** width · height · 4 bytes. */
  readonly data: Uint8Array;
}

/** Which pictures are taken, by which decoder, and how to stop. */
export interface PictureOptions extends ReadOptions {
  /** Larger pictures are refused before they are decoded. 100 million by default. */
  readonly maxPixels?: number;
  /** False: never use sharp, even where it is installed. Default true. */
  readonly sharp?: boolean;
}

export const DEFAULT_MAX_PIXELS = 100_000_000;

/** What kind of problem it is, for callers that react to it; the message is for people. */
export type PictureErrorCode =
  | 'unreadable' // no such file, a folder, no permission
  | 'empty' // zero bytes
  | 'not-a-picture' // some other kind of file
  | 'too-large' // more pixels than allowed
  | 'unsupported' // a picture, of a kind that cannot be decoded here
  | 'corrupt'; // cut short or damaged

/** A picture that cannot be read. The message is `file: problem. remedy`. */
export class PictureError extends DptError {
  override readonly name = 'PictureError';
  declare readonly code: PictureErrorCode;
  readonly file: string;

  constructor(
    code: PictureErrorCode,
    file: string,
    problem: string,
    { remedy, cause }: { remedy?: string; cause?: unknown } = {},
  ) {
    const text = `${file}: ${problem}${remedy ? ` ${remedy}` : ''}`;
    super(code, text, cause === undefined ? undefined : { cause });
    this.file = file;
  }
}

/** Throws when a header claims no pixels, or more than are allowed. */
export function checkPictureSize(
  file: string,
  width: number,
  height: number,
  maxPixels: number,
): void {
  if (!(width > 0 && height > 0)) {
    throw new PictureError('corrupt', file, `claims to be ${width}×${height} pixels.`);
  }
  if (width * height > maxPixels) {
    throw new PictureError(
      'too-large',
      file,
      `is ${width}×${height} pixels; at most ${maxPixels / 1e6} million are read.`,
      { remedy: 'Scale it down, or raise maxPixels.' },
    );
  }
}
