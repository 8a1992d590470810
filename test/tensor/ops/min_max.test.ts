// min_max: one value, a workgroup less one and more, a depth map, 16 million values; values that are not finite
// anywhere and everywhere; constant maps; negative values only; f32 and f16.
import { describe, expect, test } from 'vitest';
import { minMax } from '../../../packages/tensor/src/ops/min_max.ts';
import { record } from '../../../packages/tensor/src/recording.ts';
import { dtypesOf, randomNd, testContext, upload } from '../../support/tensors.ts';

describe.each([1, 5, 255, 16_383, 16_384, 16_385, 518 * 518])('%i values', (size) => {
  test('as they are, and with some that are not finite', async () => {
    const context = await testContext();
    for (const dtype of dtypesOf(context)) {
      const x = randomNd([size], { seed: size, mean: 3, dtype });
      for (const bad of [[], [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]]) {
        bad.forEach((value, i) => {
          for (let at = i; at < size - 1; at += 97) x.data[at] = value;
        });
        const finite = x.data.filter(Number.isFinite);
        const expected = [
          finite.reduce((a, b) => Math.min(a, b)),
          finite.reduce((a, b) => Math.max(a, b)),
          finite.length,
        ];
        expect([...(await minMax(upload(context, x, dtype)).read())]).toEqual(expected);
      }
    }
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'all %d: nothing is finite',
    async (value) => {
      const context = await testContext();
      const x = context.tensor(new Float32Array(size).fill(value), [size]);
      expect(await minMax(x).read()).toEqual(Float32Array.of(0, 0, 0));
    },
  );

  test('a constant map', async () => {
    const context = await testContext();
    const x = context.tensor(new Float32Array(size).fill(-3.25), [size]);
    expect(await minMax(x).read()).toEqual(Float32Array.of(-3.25, -3.25, size));
  });
});

test('the only finite value may be the largest there is', async () => {
  const context = await testContext();
  const largest = Math.fround(3.4028234663852886e38);
  const x = context.tensor(Float32Array.of(Number.NaN, largest, Number.NaN), [3]);
  expect(await minMax(x).read()).toEqual(Float32Array.of(largest, largest, 1));
});

test('many values', async () => {
  const context = await testContext();
  const size = 4096 * 4096 + 1;
  const values = new Float32Array(size).fill(1);
  values[size - 1] = 2;
  values[12_345_678] = -2;
  values[0] = Number.NaN;
  const y = minMax(context.tensor(values, [size]));
  expect([...(await y.read())]).toEqual([-2, 2, size - 1]);
});

test('in a recording, one map after another', async () => {
  const context = await testContext();
  using recording = await record(context, { depth: [1, 80, 80] }, ({ depth }) => ({
    range: minMax(depth),
  }));
  for (const scale of [1, 5]) {
    const depth = Float32Array.from({ length: 6400 }, (_, i) => i * scale - 100);
    const { range } = recording.run({ depth });
    expect([...(await range.read())]).toEqual([-100, 6399 * scale - 100, 6400]);
  }
});
