// softmax: rows of real length and awkward ones, rows of one value, equal values, logits far beyond what exp takes
// (pitfall 36), sums over 1370 values (34); f32 and f16 storage. Not here: softmax inside attention.
import { expect, test } from 'vitest';
import { softmax } from '../../../packages/tensor/src/ops/softmax.ts';
import * as reference from '../../reference/softmax.ts';
import { dtypesOf, randomNd, testContext, upload } from '../../support/tensors.ts';

// Relative to each value, since a row has values of all sizes. f32: exp in WGSL is off by 3 + 2|x| units in the last
// place, |x| up to 60 here. f16 results round to 2⁻¹¹, below 2⁻¹⁴ in steps of 2⁻²⁴.
const tolerance = { f32: [1e-5, 1e-12], f16: [5e-4, 6e-8], u32: [0, 0] } as const;

test.each([
  { shape: [3, 1370], std: 2 },
  { shape: [2, 3, 37, 37], std: 1 },
  { shape: [5, 65], std: 10 },
  { shape: [130, 3], std: 1 },
])('$shape std=$std', async ({ shape, std }) => {
  const context = await testContext();
  for (const dtype of dtypesOf(context)) {
    const x = randomNd(shape, { seed: 1, std, dtype });
    const actual = await softmax(upload(context, x, dtype)).read();
    const expected = reference.softmax(x).data;
    const [relative, absolute] = tolerance[dtype];
    const errors = expected.map((e, i) => Math.abs(actual[i]! - e) / (relative * e + absolute));
    expect(errors.every((error) => error <= 1)).toBe(true);
    expect(actual).toHaveLength(expected.length);
  }
});

test('one value, equal values', async () => {
  const context = await testContext();
  const one = context.tensor(Float32Array.of(-7, 116), [2, 1]);
  expect(await softmax(one).read()).toEqual(Float32Array.of(1, 1));
  const equal = context.tensor(new Float32Array(8).fill(42), [2, 4]);
  expect(await softmax(equal).read()).toEqual(new Float32Array(8).fill(0.25));
});

test('logits of 116 and more do not overflow', async () => {
  const context = await testContext();
  const x = context.tensor(Float32Array.of(116, 115, -116, 1e30, 1e30, -1e30), [2, 3]);
  const [a, b, c, ...second] = await softmax(x).read();
  expect(a).toBeCloseTo(1 / (1 + Math.exp(-1)), 6);
  expect(b).toBeCloseTo(1 / (1 + Math.E), 6);
  expect(c).toBe(0);
  expect(second).toEqual([0.5, 0.5, 0]);
});
