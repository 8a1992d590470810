// resize: bilinear in both conventions, bicubic and antialiased bilinear against the f64 reference and the weights in PyTorch's tables
// (pitfalls 4, 7, 8); up, down, mixed, odd grids, 1 × 1 to and from, one to many channels, several pictures; f32 and
// f16; the same size; more workgroups than one dimension takes; errors.
import { describe, expect, test } from 'vitest';
import {
  antialiasedBilinearResize,
  bicubicResize,
  bilinearResize,
} from '../../../packages/tensor/src/ops/resize.ts';
import type { Nd } from '../../reference/nd.ts';
import * as reference from '../../reference/resize.ts';
import {
  dtypesOf,
  expectClose,
  expectValuesClose,
  randomNd,
  testContext,
  upload,
} from '../../support/tensors.ts';

// A source position is rounded to f32: at 200 pixels by up to 8e-6, and so is the weight between two pixels that differ
// by a few deviations. f16 results round to 2⁻¹¹.
const tolerance = { f32: 3e-5, f16: 4e-3, u32: 0 };

const cases = [
  { B: 1, H: 19, W: 19, C: 64, size: [37, 37] },
  { B: 2, H: 5, W: 7, C: 4, size: [9, 6] },
  { B: 1, H: 3, W: 4, C: 3, size: [1, 1] },
  { B: 1, H: 1, W: 1, C: 5, size: [3, 2] },
  { B: 2, H: 1, W: 6, C: 1, size: [2, 13] },
  { B: 1, H: 28, W: 42, C: 1, size: [201, 150] },
  { B: 1, H: 40, W: 33, C: 2, size: [7, 8] },
  { B: 1, H: 13, W: 9, C: 8, size: [13, 20] },
] as const;

describe.each([true, false])('bilinear, alignCorners %s', (alignCorners) => {
  test.each(cases)('$B × $H×$W×$C → $size', async ({ B, H, W, C, size }) => {
    const context = await testContext();
    for (const dtype of dtypesOf(context)) {
      const x = randomNd([B, H, W, C], { seed: 1, dtype });
      const y = bilinearResize(upload(context, x, dtype), size, { alignCorners });
      const expected = reference.resample(
        x,
        reference.bilinearTaps(H, size[0], alignCorners),
        reference.bilinearTaps(W, size[1], alignCorners),
      );
      expect(y.dtype).toBe(dtype);
      await expectClose(y, expected, tolerance[dtype]);
    }
  });

  test('the same size is the same tensor', async () => {
    const context = await testContext();
    const x = upload(context, randomNd([1, 3, 5, 2], { seed: 1 }));
    expect(bilinearResize(x, [3, 5], { alignCorners })).toBe(x);
    expect(bilinearResize(x, [5, 3], { alignCorners })).not.toBe(x);
  });
});

describe('bicubic', () => {
  test.each(cases)('$B × $H×$W×$C → $size', async ({ B, H, W, C, size }) => {
    const context = await testContext();
    for (const dtype of dtypesOf(context)) {
      const x = randomNd([B, H, W, C], { seed: 2, dtype });
      const y = bicubicResize(upload(context, x, dtype), size);
      const expected = reference.resample(
        x,
        reference.bicubicTaps(H, size[0]),
        reference.bicubicTaps(W, size[1]),
      );
      expect(y.dtype).toBe(dtype);
      await expectClose(y, expected, tolerance[dtype]);
    }
  });

  test('by scale factor, as DINOv2 resizes its 37 × 37 position encodings', async () => {
    const context = await testContext();
    const x = randomNd([1, 37, 37, 4], { seed: 3 });
    const step = [37 / 20.1, 37 / 26.1] as const;
    const y = bicubicResize(upload(context, x), [20, 26], { step });
    const expected = reference.resample(
      x,
      reference.bicubicTaps(37, 20, step[0]),
      reference.bicubicTaps(37, 26, step[1]),
    );
    await expectClose(y, expected, tolerance.f32);
  });

  test('the same size is the same tensor, but not by a scale factor', async () => {
    const context = await testContext();
    const x = upload(context, randomNd([1, 3, 5, 2], { seed: 1 }));
    expect(bicubicResize(x, [3, 5])).toBe(x);
    expect(bicubicResize(x, [3, 5], { step: [1, 1] })).toBe(x);
    expect(bicubicResize(x, [3, 5], { step: [3 / 3.1, 5 / 5.1] })).not.toBe(x);
  });
});

describe('antialiased bilinear', () => {
  test.each(cases)('$B × $H×$W×$C → $size', async ({ B, H, W, C, size }) => {
    const context = await testContext();
    for (const dtype of dtypesOf(context)) {
      const x = randomNd([B, H, W, C], { seed: 4, dtype });
      const y = antialiasedBilinearResize(upload(context, x, dtype), size);
      const expected = reference.resample(
        x,
        reference.antialiasedTaps(H, size[0]),
        reference.antialiasedTaps(W, size[1]),
      );
      expect(y.dtype).toBe(dtype);
      await expectClose(y, expected, tolerance[dtype]);
    }
  });

  test('enlarging is bilinear with corners not aligned; the same size is the same tensor', async () => {
    const context = await testContext();
    const x = randomNd([1, 5, 6, 3], { seed: 5 });
    const y = antialiasedBilinearResize(upload(context, x), [9, 6]);
    const expected = reference.resample(
      x,
      reference.bilinearTaps(5, 9, false),
      reference.bilinearTaps(6, 6, false),
    );
    await expectClose(y, expected, tolerance.f32);
    expect(antialiasedBilinearResize(y, [9, 6])).toBe(y);
  });
});

describe('weights along an axis, from PyTorch', () => {
  /** A column of `size` pixels whose channels are one-hot: the result holds the weights of its source pixels. */
  const oneHot = (size: number): Nd => ({
    shape: [1, size, 1, size],
    data: Float64Array.from({ length: size * size }, (_, i) =>
      i % size === Math.floor(i / size) ? 1 : 0,
    ),
  });

  test.each([
    [true, [1, 0, 0, 0.5, 0.5, 0, 0, 1, 0, 0, 0.5, 0.5, 0, 0, 1]],
    [false, [1, 0, 0, 0.6, 0.4, 0, 0, 1, 0, 0, 0.4, 0.6, 0, 0, 1]],
  ])('bilinear 3 → 5, alignCorners %s', async (alignCorners, weights) => {
    const x = upload(await testContext(), oneHot(3));
    expectValuesClose(await bilinearResize(x, [5, 1], { alignCorners }).read(), weights, 1e-6);
  });

  test('bicubic 4 → 6 has A = −0.75 and no antialiasing', async () => {
    const x = upload(await testContext(), oneHot(4));
    const y = await bicubicResize(x, [6, 1]).read();
    expectValuesClose(y.slice(0, 4), [1.08680582, -0.08680558, 0, 0], 1e-6);
  });

  test('bicubic 37 → 36 with and without the offset of 0.1', async () => {
    const x = upload(await testContext(), oneHot(37));
    const row = (y: Float32Array): Float32Array => y.slice(17 * 37 + 16, 17 * 37 + 20);
    const byScale = await bicubicResize(x, [36, 1], { step: [37 / 36.1, 1] }).read();
    // The position, some 17.5, is rounded to 2⁻¹⁹ of a pixel.
    expectValuesClose(row(byScale), [-0.10398, 0.675527, 0.508928, -0.080476], 1e-5);
    const bySize = await bicubicResize(x, [36, 1]).read();
    expectValuesClose(row(bySize), [-0.09628, 0.611903, 0.575452, -0.091076], 1e-5);
  });
});

test('more than 65535 workgroups', async () => {
  const context = await testContext();
  const x = context.tensor(Float32Array.of(0, 1), [1, 2, 1, 1]);
  const y = await bilinearResize(x, [65_600 * 64, 1], { alignCorners: false }).read();
  expect([y[0], y[65_535 * 64], y.at(-1)]).toEqual([0, 1, 1]);
  expect(y[32_800 * 64]).toBeCloseTo(0.5, 5);
});

test('a size without pixels is refused', async () => {
  const context = await testContext();
  const x = context.empty([1, 3, 5, 2], 'f32', 'fused_1');
  const none = () => bilinearResize(x, [0, 5], { alignCorners: true });
  expect(none).toThrowErrorMatchingInlineSnapshot(
    `[DptError: bilinear_resize: the size to resize fused_1 to is [0, 5]; sides are whole numbers ≥ 1.]`,
  );
});
