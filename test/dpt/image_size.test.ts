// networkSize: the sizes that the original repositories and muggled_dpt choose (examples of their code run in Python),
// half-to-even rounding, pictures of one pixel and very long ones, bad sizes.
import { describe, expect, test } from 'vitest';
import { networkSize, roundHalfToEven } from '../../packages/dpt/src/image_size.ts';

const depthAnything = { baseSize: 518, multiple: 14, sizing: 'lower_bound' } as const;
const beit = (baseSize: number) => ({ baseSize, multiple: 32, sizing: 'minimal' }) as const;
const swin = { baseSize: 256, multiple: 32, sizing: 'exact' } as const;
const muggled = { baseSize: 518, multiple: 28, sizing: 'longer_side' } as const;
const photo = (width: number, height: number) => ({ width, height });

describe('official', () => {
  test.each([
    [640, 480, 686, 518],
    [1920, 1080, 924, 518],
    [300, 200, 784, 518],
    [480, 640, 518, 686],
    [1, 1, 518, 518],
  ])('Depth-Anything: %d×%d → %d×%d', (w, h, width, height) => {
    expect(networkSize(photo(w, h), depthAnything)).toEqual({ width, height });
  });

  test.each([
    [384, 640, 480, 512, 384],
    [384, 1920, 1080, 672, 384],
    [384, 1080, 1920, 384, 672],
    [384, 300, 200, 384, 256],
    [512, 640, 480, 672, 512],
  ])('BEiT %d: %d×%d → %d×%d', (base, w, h, width, height) => {
    expect(networkSize(photo(w, h), beit(base))).toEqual({ width, height });
  });

  test('SwinV2 always sees its base size', () => {
    expect(networkSize(photo(1920, 1080), swin)).toEqual({ width: 256, height: 256 });
  });

  test('a multiple below the size is rounded up: the shorter side never falls below it', () => {
    // 505 / 14 = 36.07 rounds to 504, which is less than asked.
    const size = networkSize(photo(600, 600), depthAnything, { size: 505 });
    expect(size).toEqual({ width: 518, height: 518 });
  });
});

describe('muggled', () => {
  test('518 becomes 504: 18.5 rounds to the even 18', () => {
    expect(networkSize(photo(640, 480), muggled)).toEqual({ width: 504, height: 504 });
  });

  test.each([
    [640, 480, 504, 392],
    [1920, 1080, 504, 280],
    [4000, 1, 504, 28],
  ])('aspect kept: %d×%d → %d×%d', (w, h, width, height) => {
    expect(networkSize(photo(w, h), muggled, { square: false })).toEqual({ width, height });
  });
});

test('a picture so long that its input would be millions of pixels is refused with what to do', () => {
  expect(() => networkSize(photo(4000, 1), depthAnything)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: A 4000×1 picture would need a 2072000×518 network input, which is too large. Crop the picture, use a smaller size (tiles keep the detail), or the muggled preset, which stretches it.]`,
  );
});

test.each([0, -1, 1.5, Number.NaN, 1e9])('size %d is refused', (size) => {
  expect(() => networkSize(photo(10, 10), depthAnything, { size })).toThrow(
    `size is ${size}; it must be a whole number of pixels from 1 to 16384.`,
  );
});

test('half to even', () => {
  expect([0.5, 1.5, 2.5, 18.5, 19.5, 2.4, 2.6].map(roundHalfToEven)).toEqual([
    0, 2, 2, 18, 20, 2, 3,
  ]);
});
