import { invalidArgument } from '@dpt-webgpu/tensor/errors';

/**
 * An OpenEXR file of one float32 channel, uncompressed, a scan line per chunk. Every value is stored as it is, metres and
 * infinities too. `Y` is grey to most programs; compositing calls depth `Z`.
 *
 * https://openexr.com/en/latest/OpenEXRFileLayout.html
 */
export function encodeExr(
  data: Float32Array,
  width: number,
  height: number,
  { channel = 'Y' }: { readonly channel?: 'Y' | 'Z' } = {},
): Uint8Array {
  const whole = [width, height].every((side) => Number.isSafeInteger(side) && side > 0);
  if (!whole || data.length !== width * height) {
    throw invalidArgument(`encodeExr: ${width}×${height} pixels with ${data.length} values.`);
  }
  const box = [...i32(0), ...i32(0), ...i32(width - 1), ...i32(height - 1)];
  const FLOAT = 2;
  const header = [
    ...i32(20_000_630), // what every EXR file begins with
    ...i32(2), // version; scan lines, no long names
    // name, type, pLinear and three bytes reserved, sampling in x and y; then the end of the list
    ...attribute('channels', 'chlist', [
      ...text(channel),
      ...i32(FLOAT),
      ...i32(0),
      ...i32(1),
      ...i32(1),
      0,
    ]),
    ...attribute('compression', 'compression', [0]),
    ...attribute('dataWindow', 'box2i', box),
    ...attribute('displayWindow', 'box2i', box),
    ...attribute('lineOrder', 'lineOrder', [0]), // from the top
    ...attribute('pixelAspectRatio', 'float', f32(1)),
    ...attribute('screenWindowCenter', 'v2f', [...f32(0), ...f32(0)]),
    ...attribute('screenWindowWidth', 'float', f32(1)),
    0,
  ];
  const linesAt = header.length + 8 * height;
  const lineBytes = 8 + 4 * width;
  const file = new Uint8Array(linesAt + lineBytes * height);
  const view = new DataView(file.buffer);
  file.set(header);
  for (let y = 0; y < height; y++) {
    const at = linesAt + lineBytes * y;
    view.setBigUint64(header.length + 8 * y, BigInt(at), true);
    view.setInt32(at, y, true);
    view.setInt32(at + 4, 4 * width, true);
    for (let x = 0; x < width; x++) view.setFloat32(at + 8 + 4 * x, data[y * width + x]!, true);
  }
  return file;
}

function attribute(name: string, type: string, value: readonly number[]): number[] {
  return [...text(name), ...text(type), ...i32(value.length), ...value];
}

/** Characters and a zero. */
const text = (value: string): number[] => [...new TextEncoder().encode(value), 0];
const i32 = (value: number): number[] => [...new Uint8Array(Int32Array.of(value).buffer)];
const f32 = (value: number): number[] => [...new Uint8Array(Float32Array.of(value).buffer)];
