// encodeJpeg: what comes out is read back nearly as it was, by both decoders; sizes that are no multiple of a block; what is refused.
import { describe, expect, test } from 'vitest';
import { decodePicture, encodeJpeg } from '../../packages/loaders/src/node.ts';

function slopes(width: number, height: number): Uint8Array {
  return Uint8Array.from({ length: width * height * 4 }, (_, i) => {
    const [x, y] = [(i >> 2) % width, Math.floor((i >> 2) / width)];
    return i % 4 === 3 ? 255 : 20 + x + 2 * y + 40 * (i % 4);
  });
}

describe.each([true, false])('sharp: %s', (sharp) => {
  test.each([
    [1, 1],
    [8, 8],
    [37, 21],
  ])('%d×%d', async (width, height) => {
    const data = slopes(width, height);
    const read = await decodePicture(encodeJpeg(data, width, height), 'x.jpg', { sharp });
    expect([read.width, read.height]).toEqual([width, height]);
    const worst = data.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - read.data[i]!)),
      0,
    );
    expect(worst).toBeLessThanOrEqual(8);
  });
});

test('refuses what is no picture', () => {
  expect(() => encodeJpeg(new Uint8Array(16), 2, 3)).toThrow(
    'encodeJpeg: 2×3 pixels with 16 bytes; needs four per pixel, and sides up to 65535.',
  );
  expect(() => encodeJpeg(new Uint8Array(16), 2, 2, { quality: 0 })).toThrow('quality is 0');
});
