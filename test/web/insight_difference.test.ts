// Two tensors laid over each other by the insight page, without a browser: the same shape as it is, another size resized bilinearly against
// the f64 reference, a readout token beside patches, and what cannot be subtracted with the reason; numbers on two lists
// against the same computed in another way; the fit of one list to another, and of whole depth maps. Not here: the page (insight.test.ts).
import { expect, test } from 'vitest';
import { laidTogether } from '../../apps/web/src/worker/insight/compare_models.ts';
import {
  agreement,
  fitted,
  laidOver,
  type PlacedTensor,
} from '../../apps/web/src/worker/insight/difference.ts';
import { channelsOf, gridFor, sliceOf } from '../../apps/web/src/worker/insight/tensor_maps.ts';
import { bilinearTaps, resample } from '../reference/resize.ts';
import { randomNd } from '../support/tensors.ts';

const placed = (
  shape: readonly number[],
  grid: readonly [number, number],
  seed: number,
  tokens = 0,
): PlacedTensor => {
  const data = Float32Array.from(randomNd([...shape], { seed }).data);
  return { shape, data, grid, tokens };
};

/** A map [1, h, w, C] at another size, in f64. */
const resized = (
  { data }: { data: ArrayLike<number> },
  [h, w, C]: readonly [number, number, number],
  [height, width]: readonly [number, number],
): Float64Array =>
  resample(
    { shape: [1, h, w, C], data: Float64Array.from(data) },
    bilinearTaps(h, height, false),
    bilinearTaps(w, width, false),
  ).data;

const expectNear = (actual: ArrayLike<number>, expected: ArrayLike<number>): void => {
  expect(actual.length).toBe(expected.length);
  // Sums of four f32 values below 5, rounded to f32.
  for (let i = 0; i < actual.length; i++) expect(actual[i]).toBeCloseTo(expected[i]!, 5);
};

test('the same shape is laid over as it is', () => {
  const [tensor, kept] = [placed([1, 4, 6, 3], [2, 3], 1), placed([1, 4, 6, 3], [2, 3], 2)];
  expect(laidOver(tensor, kept)).toBe(kept.data);
  // Whatever its rank is.
  const weights = placed([1, 2, 7, 7], [2, 3], 3, 7);
  expect(laidOver(weights, weights)).toBe(weights.data);
});

test.each([
  [2, 3],
  [5, 7],
  [1, 1],
] as const)('a map of %d × %d is resized to 4 × 6', (h, w) => {
  const kept = placed([1, h, w, 3], [h, w], 4);
  const over = laidOver(placed([1, 4, 6, 3], [4, 6], 5), kept);
  expectNear(over as Float32Array, resized(kept, [h, w, 3], [4, 6]));
});

test('patches are resized, and the readout token stays', () => {
  const C = 5;
  const kept = placed([1, 1 + 2 * 3, C], [2, 3], 6);
  const over = laidOver(placed([1, 1 + 4 * 5, C], [4, 5], 7), kept) as Float32Array;
  expect(over.subarray(0, C)).toEqual(kept.data.subarray(0, C));
  const patches = { data: kept.data.subarray(C) };
  expectNear(over.subarray(C), resized(patches, [2, 3, C], [4, 5]));
});

test('depth maps are resized by rows and columns', () => {
  const kept = placed([1, 28, 42], [2, 3], 8);
  const over = laidOver(placed([1, 56, 70], [4, 5], 9), kept);
  expectNear(over as Float32Array, resized(kept, [28, 42, 1], [56, 70]));
});

test('a depth map is no list of patches, though its rows are as many', () => {
  // 196 pixels are 14 patches of 14, so that 28 rows are as many as 2 × 14 patches.
  const grid = [2, 14] as const;
  const shape = [1, 28, 196];
  expect(channelsOf(shape, grid, 0)).toBe(196);
  expect(channelsOf(shape, gridFor('depth', grid), 0)).toBe(1);
  expect(sliceOf(placed(shape, grid, 1), gridFor('depth', grid), 0, undefined)).toMatchObject({
    width: 196,
    height: 28,
  });
});

test('what cannot be subtracted says why', () => {
  const map = placed([1, 4, 6, 3], [4, 6], 1);
  expect(laidOver(map, placed([1, 4, 6, 2], [4, 6], 2))).toMatchInlineSnapshot(
    `"The reference has 2 channels, this tensor 3: they cannot be subtracted."`,
  );
  const tokens = placed([1, 1 + 24, 3], [4, 6], 3);
  expect(laidOver(map, tokens)).toMatchInlineSnapshot(
    `"One of them has a readout token, the other none: they cannot be subtracted."`,
  );
  const weights = placed([1, 2, 7, 7], [2, 3], 4, 7);
  expect(laidOver(map, weights)).toMatchInlineSnapshot(
    `"[1, 2, 7, 7] cannot be laid over [1, 4, 6, 3]."`,
  );
});

test('numbers on two lists leave out what is no number', () => {
  const a = Float32Array.of(1, 2, Number.NaN, 4, 3);
  const b = Float32Array.of(2, 2, 5, 8, Number.POSITIVE_INFINITY);
  // Left are (1, 2), (2, 2), (4, 8): differences −1, 0, −4; means 7/3 and 4.
  const { largest, mean, relative, correlation } = agreement(a, b);
  expect(largest).toBe(4);
  expect(mean).toBeCloseTo(5 / 3, 10);
  expect(relative).toBeCloseTo(Math.sqrt(17 / 3) / Math.sqrt(24 / 3), 10);
  expect(correlation).toBeCloseTo(10 / Math.sqrt((14 / 3) * 24), 10);
  expect(agreement(a, a).correlation).toBeCloseTo(1, 10);
});

test('a fit finds scale and shift again', () => {
  const x = Float32Array.from(randomNd([50], { seed: 5 }).data);
  const { scale, shift } = fitted(
    x,
    x.map((value) => -2.5 * value + 0.75),
  );
  expect(scale).toBeCloseTo(-2.5, 5);
  expect(shift).toBeCloseTo(0.75, 5);
  // Values that are all the same say nothing of the scale.
  expect(fitted(Float32Array.of(3, 3), Float32Array.of(1, 2))).toEqual({ scale: 1, shift: -1.5 });
});

test('a map that differs by scale and shift agrees, in metres too', () => {
  const [width, height] = [6, 4];
  const values = Float32Array.from(randomNd([24], { seed: 6, mean: 3, std: 0.5 }).data);
  const map = { values, width, height, depth: 'relative' } as const;
  const other = { ...map, values: values.map((value) => 4 * value - 1) };
  const same = laidTogether(map, other);
  expect(same.agreement.correlation).toBeCloseTo(1, 6);
  expect(same.fit.scale).toBeCloseTo(0.25, 5);
  expect(Math.max(...same.difference.map(Math.abs))).toBeLessThan(1e-5);
  expect(same.range).toBeCloseTo(Math.max(...values) - Math.min(...values), 6);
  const metres = { ...map, depth: 'metric', values: values.map((value) => 2 / value) } as const;
  expect(laidTogether(map, metres).fit.scale).toBeCloseTo(2, 4);
  // Control: another map does not.
  const random = Float32Array.from(randomNd([24], { seed: 7 }).data);
  expect(laidTogether(map, { ...map, values: random }).agreement.relative).toBeGreaterThan(0.5);
});
