import { invalidArgument } from '@dpt-webgpu/tensor/errors';
import { PNG } from 'pngjs';

/** A grey PNG of 16 bits per pixel, losslessly: what depth maps are usually stored in. */
export function encodePng16(data: Uint16Array, width: number, height: number): Uint8Array {
  expectPixels('encodePng16', data.length, [1], width, height);
  // Bytes of its own, because pngjs reads 16-bit samples from the start of the underlying buffer.
  return encode(Buffer.from(data.slice().buffer), width, height, { colorType: 0, bitDepth: 16 });
}

/** A PNG of 8 bits per channel from grey, RGB or RGBA bytes: 1, 3 or 4 per pixel. */
export function encodePng8(
  data: Uint8Array | Uint8ClampedArray,
  width: number,
  height: number,
): Uint8Array {
  const channels = expectPixels('encodePng8', data.length, [1, 3, 4], width, height);
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const colorType = channels === 1 ? 0 : channels === 3 ? 2 : 6;
  return encode(bytes, width, height, { colorType, bitDepth: 8 });
}

function encode(
  data: Buffer,
  width: number,
  height: number,
  { colorType, bitDepth }: { colorType: 0 | 2 | 6; bitDepth: 8 | 16 },
): Uint8Array {
  const png = new PNG({ width, height });
  png.data = data;
  const file = PNG.sync.write(png, {
    colorType,
    inputColorType: colorType,
    inputHasAlpha: colorType === 6,
    bitDepth,
    // The library's 9 takes several times as long and saves a few per cent.
    deflateLevel: 6,
  });
  return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
}

/** Checks the size and returns how many values there are per pixel. */
function expectPixels(
  operation: string,
  count: number,
  channels: readonly number[],
  width: number,
  height: number,
): number {
  const valid = [width, height].every(
    (size) => Number.isSafeInteger(size) && size > 0 && size < 2 ** 31,
  );
  const found = channels.find((channel) => channel * width * height === count);
  if (valid && found !== undefined) return found;
  throw invalidArgument(
    `${operation}: ${width}×${height} pixels take ${channels.map((channel) => channel * width * height).join(' or ')} values, but ${count} were given.`,
  );
}
