// percentiles against a sorted list: one value, fewer and more than a workgroup, many equal values, negative ones and both zeros, values
// that share all but their last bits, the ends of f32; percentages at the ends and between neighbours; f16; in a recording; errors.
import { describe, expect, test } from 'vitest';
import { percentiles } from '../../../packages/tensor/src/ops/percentiles.ts';
import { record } from '../../../packages/tensor/src/recording.ts';
import * as reference from '../../reference/depth_map.ts';
import type { Nd } from '../../reference/nd.ts';
import { dtypesOf, random, randomNd, testContext, upload } from '../../support/tensors.ts';

const pairs = [
  [0, 100],
  [2, 98],
  [50, 50],
  [0.01, 99.99],
  [33.33, 66.67],
] as const;

async function expectAsSorted(x: Nd): Promise<void> {
  const context = await testContext();
  const uploaded = upload(context, x);
  const [lo, hi] = reference.ends(x);
  for (const pair of pairs) {
    const y = await percentiles(uploaded, context.tensor(Float32Array.of(...pair), [2])).read();
    pair.forEach((percent, i) => {
      const difference = Math.abs(y[i]! - reference.percentile(x, percent));
      // Neighbours are found exactly; the line between them is f32.
      expect(difference).toBeLessThanOrEqual(1e-6 * Math.max(Math.abs(lo), Math.abs(hi)));
    });
    if (pair[0] === 0) expect([...y]).toEqual([lo, hi]);
  }
}

test.each([1, 2, 3, 255, 256, 257, 16_384, 16_385, 100_000])('%i values', async (size) => {
  await expectAsSorted(randomNd([size], { seed: size, mean: 1 }));
});

describe('values', () => {
  const next = random(5);
  test.each<[string, (i: number) => number]>([
    ['all the same', () => 3.25],
    ['two of them', (i) => (i === 7 ? 2 : 1)],
    ['few', () => Math.floor(next() * 4) - 2],
    ['both zeros', (i) => (i % 2 ? -0 : 0)],
    ['close to each other', () => Math.fround(1 + Math.floor(next() * 100) * 2 ** -23)],
    ['far apart', (i) => Math.fround((i % 2 ? -1 : 1) * 10 ** (next() * 70 - 35))],
  ])('%s', async (_name, value) => {
    const data = Float64Array.from({ length: 1000 }, (_, i) => value(i));
    await expectAsSorted({ shape: [1000], data });
  });
});

test('f16', async () => {
  const context = await testContext();
  for (const dtype of dtypesOf(context)) {
    const x = randomNd([999], { seed: 3, mean: -2, dtype });
    const y = percentiles(upload(context, x, dtype), context.tensor(Float32Array.of(10, 90), [2]));
    const expected = [10, 90].map((percent) => reference.percentile(x, percent));
    (await y.read()).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 5);
    });
  }
});

test('in a recording, other percentages each time', async () => {
  const context = await testContext();
  const x = randomNd([5000], { seed: 9 });
  using recording = await record(context, { x: [5000], percent: [2] }, ({ x, percent }) => ({
    y: percentiles(x, percent),
  }));
  for (const pair of pairs) {
    const { y } = recording.run({
      x: Float32Array.from(x.data),
      percent: Float32Array.of(...pair),
    });
    const expected = pair.map((percent) => reference.percentile(x, percent));
    (await y.read()).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 5);
    });
  }
});

test('errors', async () => {
  const context = await testContext();
  const nothing = context.tensor(new Float32Array(), [0], 'f32', 'nothing');
  const percent = context.tensor(Float32Array.of(2, 98), [2], 'f32', 'percent');
  expect(() => percentiles(nothing, percent)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: percentiles: nothing has 0 values and percent 2; at least 1 and 2 are needed.]`,
  );
});
