import type { Size } from '@dpt-webgpu/dpt';

/** The diagonal of a frame of 36 × 24 mm: what "equivalent" focal lengths refer to (CIPA DCG-001). */
const DIAGONAL = Math.hypot(36, 24);

/** EXIF comes first in a file, and is at most a segment of 64 KiB. */
const HEAD = 256 * 1024;

/**
 * The focal length that a JPEG says its lens would have on a frame of 36 × 24 mm, in mm: EXIF tag FocalLengthIn35mmFilm.
 * Undefined where it says none, or is no JPEG; what is damaged says none.
 */
export async function focalLength35(file: Blob): Promise<number | undefined> {
  const view = new DataView(await file.slice(0, HEAD).arrayBuffer());
  try {
    return inJpeg(view);
  } catch (error) {
    // A length that leads out of the file.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Of the longer side, in degrees. */
export function fieldOfView(focalLength: number, { width, height }: Size): number {
  const longer = (DIAGONAL * Math.max(width, height)) / Math.hypot(width, height);
  return (2 * Math.atan(longer / 2 / focalLength) * 180) / Math.PI;
}

/** The same of a part that is cut out: sides at depth 1 shrink with it. */
export function fieldOfPart(degrees: number, whole: Size, part: Size): number {
  const share = Math.max(part.width, part.height) / Math.max(whole.width, whole.height);
  return (2 * Math.atan(share * Math.tan((degrees * Math.PI) / 360)) * 180) / Math.PI;
}

function inJpeg(view: DataView): number | undefined {
  if (view.getUint16(0) !== 0xffd8) return undefined;
  for (let at = 2; view.getUint8(at) === 0xff; ) {
    const marker = view.getUint8(at + 1);
    // The picture begins: notes stand before it.
    if (marker === 0xda) return undefined;
    const isExif = marker === 0xe1 && view.getUint32(at + 4) === 0x45786966; // `Exif`
    if (isExif) return inTiff(new DataView(view.buffer, at + 10));
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/** EXIF is a small TIFF file, whose first directory leads to the one that has it. */
function inTiff(view: DataView): number | undefined {
  const little = view.getUint16(0) === 0x4949;
  const find = (directory: number, tag: number): number | undefined => {
    const count = view.getUint16(directory, little);
    for (let i = 0; i < count; i++) {
      const entry = directory + 2 + 12 * i;
      if (view.getUint16(entry, little) !== tag) continue;
      const isShort = view.getUint16(entry + 2, little) === 3;
      return isShort ? view.getUint16(entry + 8, little) : view.getUint32(entry + 8, little);
    }
    return undefined;
  };
  const exif = find(view.getUint32(4, little), 0x8769);
  const millimetres = exif === undefined ? undefined : find(exif, 0xa405);
  return millimetres === undefined || millimetres === 0 ? undefined : millimetres;
}
