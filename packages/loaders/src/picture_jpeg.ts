import jpeg from 'jpeg-js';
import { reasonOf } from './checkpoint_error.ts';
import { exifOrientation, type Pixels } from './exif_orientation.ts';
import { PictureError } from './picture.ts';

export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  readonly orientation: number;
  /** Why the plain decoder cannot read it, if it cannot. */
  readonly special: string | undefined;
}

/** Reads the markers before the first scan. */
export function readJpegHeader(bytes: Uint8Array, name: string): JpegHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let orientation = 1;
  let frame: Omit<JpegHeader, 'orientation'> | undefined;
  for (let at = 2; ; ) {
    // Any number of 0xFF may stand before a marker.
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++;
    if (at + 4 > bytes.byteLength) throw cutShort(name, bytes.byteLength);
    const marker = bytes[at + 1]!;
    if (bytes[at] !== 0xff || marker === 0) throw damaged(name, `no marker at byte ${at}`);
    if (marker === 0xd9) throw damaged(name, 'it ends before any pixels');
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2;
      continue;
    }
    const length = view.getUint16(at + 2);
    const end = at + 2 + length;
    if (length < 2) throw damaged(name, `a marker of length ${length}`);
    if (end > bytes.byteLength) throw cutShort(name, bytes.byteLength);
    const content = bytes.subarray(at + 4, end);
    if (marker === 0xe1 && String.fromCharCode(...content.subarray(0, 6)) === 'Exif\0\0') {
      orientation = exifOrientation(content.subarray(6));
    }
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      if (frame) throw damaged(name, 'it has two frames');
      if (content.byteLength < 6) throw damaged(name, 'its frame header is too short');
      frame = {
        width: view.getUint16(at + 7),
        height: view.getUint16(at + 5),
        special: specialKind(marker, content[0]!, content[5]!),
      };
    }
    if (marker === 0xda) {
      if (!frame) throw damaged(name, 'it has no frame header');
      if (!hasEnd(bytes, end)) throw cutShort(name, bytes.byteLength);
      return { ...frame, orientation };
    }
    at = end;
  }
}

/** Decodes a baseline or progressive JPEG of 8 bits and 1 or 3 components to RGBA, as stored. */
export function decodeJpeg(bytes: Uint8Array, name: string, header: JpegHeader): Pixels {
  const { width, height } = header;
  try {
    const decoded = jpeg.decode(bytes, {
      useTArray: true,
      formatAsRGBA: true,
      // Otherwise missing parts are silently left grey.
      tolerantDecoding: false,
      maxResolutionInMP: Math.ceil((width * height) / 1e6),
      // It keeps all coefficients: 12 bytes per pixel, and twice that with its arrays.
      maxMemoryUsageInMB: 64 + (32 * width * height) / 1e6,
    });
    if (decoded.width !== width || decoded.height !== height)
      throw new Error('its size changes within the file');
    return { width, height, data: decoded.data };
  } catch (cause) {
    throw damaged(name, reasonOf(cause), cause);
  }
}

function specialKind(marker: number, precision: number, components: number): string | undefined {
  if (marker >= 0xc9) return 'arithmetic-coded';
  if (marker === 0xc3) return 'lossless';
  if (marker >= 0xc5) return 'hierarchical';
  if (precision !== 8) return `${precision}-bit`;
  if (components === 4) return 'CMYK';
  if (components !== 1 && components !== 3) return `${components}-channel`;
  return undefined;
}

/** Whether an end marker follows the first scan. The decoder would take the missing bits of a cut file for zeros. */
function hasEnd(bytes: Uint8Array, from: number): boolean {
  for (let at = bytes.lastIndexOf(0xd9); at > from; at = bytes.lastIndexOf(0xd9, at - 1)) {
    if (bytes[at - 1] === 0xff) return true;
  }
  return false;
}

function cutShort(name: string, size: number): PictureError {
  return new PictureError('corrupt', name, `is cut short after ${size} bytes.`, {
    remedy: 'Copy or download it again.',
  });
}

function damaged(name: string, reason: string, cause?: unknown): PictureError {
  return new PictureError('corrupt', name, `is a damaged JPEG (${reason}).`, {
    remedy: 'Copy or download it again.',
    cause,
  });
}
