import type { Sharp } from 'sharp';
import { reasonOf } from './checkpoint_error.ts';
import type { Pixels } from './exif_orientation.ts';
import { checkPictureSize, PictureError } from './picture.ts';

/**
 * Decodes with sharp, upright, the first frame or page. `what` names the format for the message that is given when
 * sharp is not installed (it is an optional dependency) or not wanted.
 */
export async function decodeWithSharp(
  bytes: Uint8Array,
  name: string,
  options: { what: string; maxPixels: number; allowed: boolean },
): Promise<Pixels> {
  const { what, maxPixels, allowed } = options;
  const sharp = allowed ? await importSharp() : undefined;
  if (!sharp) {
    throw new PictureError(
      'unsupported',
      name,
      `is ${what}, which needs the optional package "sharp".`,
      {
        remedy: 'Run "npm install sharp", or convert the picture to a plain JPEG or PNG.',
      },
    );
  }
  try {
    // Profiles are ignored as everywhere here, except for CMYK, which means nothing without one.
    const open = (ignoreIcc: boolean) =>
      sharp(bytes, {
        // The size is checked below, with a message of our own.
        limitInputPixels: false,
        failOn: 'truncated',
        ignoreIcc,
      });
    const { width, height, space } = await open(true).metadata();
    checkPictureSize(name, width, height, maxPixels);
    return await rgba(open(space !== 'cmyk'));
  } catch (cause) {
    if (cause instanceof PictureError) throw cause;
    throw new PictureError(
      'corrupt',
      name,
      `is ${what} that cannot be decoded (${firstLine(reasonOf(cause))}).`,
      {
        remedy: 'It may be damaged or of a rare kind: convert it to a plain JPEG or PNG.',
        cause,
      },
    );
  }
}

/** libvips adds lines of its decoders' own logs. */
function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0]!;
}

/**
 * An ordinary JPEG, upright; undefined where sharp is not installed or has anything to say about the file. The stricter
 * plain decoder then tells damage from what is only unusual.
 */
export async function decodeSoundJpeg(bytes: Uint8Array): Promise<Pixels | undefined> {
  const sharp = await importSharp();
  if (!sharp) return undefined;
  try {
    return await rgba(
      sharp(bytes, { limitInputPixels: false, failOn: 'warning', ignoreIcc: true }),
    );
  } catch {
    return undefined;
  }
}

/** Upright, four channels of eight bits, opaque. */
async function rgba(picture: Sharp): Promise<Pixels> {
  const { data, info } = await picture
    .autoOrient()
    .toColourspace('srgb')
    .removeAlpha()
    .ensureAlpha(1)
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 4) throw new Error(`${info.channels} channels came out instead of 4`);
  return {
    width: info.width,
    height: info.height,
    data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}

async function importSharp(): Promise<typeof import('sharp').default | undefined> {
  try {
    return (await import('sharp')).default;
  } catch {
    return undefined;
  }
}
