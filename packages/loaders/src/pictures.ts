import { CheckpointError } from './checkpoint_error.ts';
import { type Pixels, upright } from './exif_orientation.ts';
import { fileSource } from './file_source.ts';
import {
  checkPictureSize,
  DEFAULT_MAX_PIXELS,
  type Picture,
  PictureError,
  type PictureOptions,
} from './picture.ts';
import { type PictureFormat, recognisePicture, SNIFFED_PICTURE_BYTES } from './picture_format.ts';
import { decodeJpeg, readJpegHeader } from './picture_jpeg.ts';
import { decodePng } from './picture_png.ts';
import { decodeSoundJpeg, decodeWithSharp } from './picture_sharp.ts';

/** Reads and decodes a picture file; see decodePicture. An abort ends the reading, too, and closes the file. */
export async function readPicture(path: string, options: PictureOptions = {}): Promise<Picture> {
  const { signal } = options;
  signal?.throwIfAborted();
  let bytes: Uint8Array;
  try {
    const source = await fileSource(path);
    try {
      // Looked at first, so that a video or a checkpoint of gigabytes is not read whole to be refused.
      formatOf(
        await source.read(0, Math.min(source.size, SNIFFED_PICTURE_BYTES), { signal }),
        path,
      );
      bytes = await source.read(0, source.size, { signal });
    } finally {
      await source.close();
    }
  } catch (cause) {
    if (!(cause instanceof CheckpointError)) throw cause;
    throw new PictureError('unreadable', path, cause.problem, { remedy: cause.remedy, cause });
  }
  return decodePicture(bytes, path, options);
}

/**
 * Decodes a picture to upright RGBA of 8 bits. PNG is read by pngjs, JPEG by sharp where that is installed and by
 * jpeg-js elsewhere; WebP, AVIF, TIFF, GIF and unusual JPEGs need sharp. Colour profiles are ignored, transparent pixels
 * become opaque in the colour they carry, and of an animation the first frame is taken. The signal is looked at before
 * and after decoding, which is not cut short: a picture of `maxPixels` takes seconds.
 */
export async function decodePicture(
  bytes: Uint8Array,
  name: string,
  options: PictureOptions = {},
): Promise<Picture> {
  const { maxPixels = DEFAULT_MAX_PIXELS, sharp: allowed = true, signal } = options;
  signal?.throwIfAborted();
  const format = formatOf(bytes, name);
  const { width, height, data } = await decodeFormat(format, bytes, name, { maxPixels, allowed });
  signal?.throwIfAborted();
  return { name, width, height, data };
}

async function decodeFormat(
  format: PictureFormat,
  bytes: Uint8Array,
  name: string,
  { maxPixels, allowed }: { maxPixels: number; allowed: boolean },
): Promise<Pixels> {
  if (format === 'png') {
    const { pixels, orientation } = decodePng(bytes, name, maxPixels);
    return upright(pixels, orientation);
  }
  if (format === 'jpeg') {
    const header = readJpegHeader(bytes, name);
    checkPictureSize(name, header.width, header.height, maxPixels);
    if (header.special !== undefined) {
      const what = `a JPEG of a rare kind (${header.special})`;
      return decodeWithSharp(bytes, name, { what, maxPixels, allowed });
    }
    // sharp interpolates the halved colour planes of a JPEG, as OpenCV's and every browser's decoder does, and is eight
    // times faster; jpeg-js repeats them, which changes a depth map by about two percent of its deviation.
    const decoded = allowed ? await decodeSoundJpeg(bytes) : undefined;
    return decoded ?? upright(decodeJpeg(bytes, name, header), header.orientation);
  }
  return decodeWithSharp(bytes, name, { what: WITH_SHARP[format], maxPixels, allowed });
}

const WITH_SHARP = {
  webp: 'a WebP picture',
  avif: 'an AVIF picture',
  tiff: 'a TIFF picture',
  gif: 'a GIF picture',
} as const;

function formatOf(start: Uint8Array, name: string): PictureFormat {
  if (start.byteLength === 0) throw new PictureError('empty', name, 'is empty (0 bytes).');
  const recognised = recognisePicture(start);
  if ('format' in recognised) return recognised.format;
  const { kind, isPicture, remedy } = recognised;
  if (isPicture)
    throw new PictureError('unsupported', name, `is ${kind}, which cannot be read here.`, {
      remedy,
    });
  throw new PictureError('not-a-picture', name, `is ${kind}, not a picture.`, {
    remedy: 'JPEG, PNG, WebP, AVIF, TIFF and GIF are read.',
  });
}
