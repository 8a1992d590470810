import { inflateSync } from 'node:zlib';
import { PNG } from 'pngjs';
import { reasonOf } from './checkpoint_error.ts';
import { crc32 } from './crc32.ts';
import { exifOrientation, type Pixels } from './exif_orientation.ts';
import { checkPictureSize, PictureError } from './picture.ts';

/** "IHDR" as a number. */
const IHDR = 0x49484452;

/** What pngjs needs. The rest is left out: bytes after the end, and tRNS of grey and RGB, under which it erases colour. */
const KEPT = new Set(['IHDR', 'PLTE', 'IDAT', 'IEND']);

/** Decodes a PNG of any kind to RGBA, 16 bits rounded to 8. Transparent pixels keep their colour and become opaque. */
export function decodePng(
  bytes: Uint8Array,
  name: string,
  maxPixels: number,
): { pixels: Pixels; orientation: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const cut = () =>
    new PictureError('corrupt', name, `is cut short after ${bytes.byteLength} bytes.`, {
      remedy: 'Copy or download it again.',
    });
  if (bytes.byteLength < 33) throw cut();
  const damaged = (reason: string, cause?: unknown) =>
    new PictureError('corrupt', name, `is a damaged PNG (${reason}).`, {
      remedy: 'Copy or download it again.',
      cause,
    });
  if (view.getUint32(8) !== 13 || view.getUint32(12) !== IHDR)
    throw damaged('its header is missing');
  const width = view.getUint32(16);
  const height = view.getUint32(20);
  checkPictureSize(name, width, height, maxPixels);

  const kept: Uint8Array[] = [bytes.subarray(0, 8)];
  const data: Uint8Array[] = [];
  let orientation = 1;
  for (let at = 8, type = ''; type !== 'IEND'; ) {
    if (at + 12 > bytes.byteLength) throw cut();
    const length = view.getUint32(at);
    const end = at + 12 + length;
    if (end > bytes.byteLength) throw cut();
    type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const content = bytes.subarray(at + 8, at + 8 + length);
    // A second header could contradict the size that was checked.
    if (type === 'IHDR' && at !== 8) throw damaged('it has two headers');
    if (KEPT.has(type) && crc32(bytes.subarray(at + 4, end - 4)) !== view.getUint32(end - 4)) {
      throw damaged(`its ${type} chunk does not match its checksum`);
    }
    if (KEPT.has(type)) kept.push(bytes.subarray(at, end));
    if (type === 'IDAT') data.push(content);
    if (type === 'eXIf') orientation = exifOrientation(content);
    at = end;
  }

  try {
    const bits = bytes[24]! * (SAMPLES[bytes[25]!] ?? 0);
    if (bits === 0) throw new Error(`its colour type ${bytes[25]} does not exist`);
    checkDataSize(data, { width, height, bits, interlaced: bytes[28] === 1 });
    const decoded = PNG.sync.read(Buffer.concat(kept));
    const pixels = new Uint8Array(
      decoded.data.buffer,
      decoded.data.byteOffset,
      decoded.data.byteLength,
    );
    if (pixels.byteLength !== width * height * 4) throw new Error('pixels are missing');
    for (let i = 3; i < pixels.byteLength; i += 4) pixels[i] = 255;
    return { pixels: { width, height, data: pixels }, orientation };
  } catch (cause) {
    throw damaged(reasonOf(cause), cause);
  }
}

/**
 * pngjs takes missing data for pixels, and inflates interlaced data without any limit. So the amount is checked here:
 * it follows from the header.
 */
function checkDataSize(
  data: Uint8Array[],
  header: { width: number; height: number; bits: number; interlaced: boolean },
): void {
  const { width, height, bits, interlaced } = header;
  const passes = interlaced ? ADAM7 : [[0, 0, 1, 1] as const];
  let expected = 0;
  for (const [x, y, stepX, stepY] of passes) {
    const columns = Math.ceil(Math.max(0, width - x) / stepX);
    const rows = Math.ceil(Math.max(0, height - y) / stepY);
    // Each row begins with the byte that names its filter.
    if (columns > 0) expected += rows * (1 + Math.ceil((columns * bits) / 8));
  }
  const { byteLength } = inflateSync(Buffer.concat(data), { maxOutputLength: expected });
  if (byteLength !== expected)
    throw new Error(`${expected - byteLength} bytes of pixels are missing`);
}

/** Where each pass of an interlaced PNG begins, and its steps: x, y, across, down. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Samples per pixel, by colour type: grey, RGB, palette, grey and alpha, RGBA. */
const SAMPLES: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
