// layer_norm: every variant against the f64 reference; rows of real width, rows shorter than a workgroup and not a
// multiple of four, a row of one value (var = 0), more rows than a workgroup; rows far from zero, where E[x²] − mean²
// would cancel; eps and the biased variance by numbers of PyTorch; a residual; storage mixtures; more workgroups than one dimension
// takes; errors.
import { describe, expect, test } from 'vitest';
import type { Capabilities } from '../../../packages/tensor/src/capabilities.ts';
import { Context } from '../../../packages/tensor/src/context.ts';
import { layerNorm, layerNormVariants } from '../../../packages/tensor/src/ops/layer_norm.ts';
import { chooseVariant } from '../../../packages/tensor/src/variants.ts';
import * as reference from '../../reference/layer_norm.ts';
import {
  dtypesOf,
  expectClose,
  expectValuesClose,
  randomNd,
  testContext,
  upload,
} from '../../support/tensors.ts';

// f32: the mean of C numbers errs by some 2⁻²⁴ · √C of their size, the root by a few 2⁻²⁴. f16 results of up to four
// deviations round by 2⁻¹¹.
const tolerance = { f32: 1e-5, f16: 4e-3, u32: 0 };

describe.each(layerNormVariants.map(({ name }) => name))('%s', (variant) => {
  const options = { variants: { layer_norm: variant } };

  test.each([
    { R: 70, C: 384 },
    { R: 3, C: 1024 },
    { R: 3, C: 256 },
    { R: 9, C: 20 },
    { R: 3, C: 5 },
    { R: 130, C: 12 },
    { R: 2, C: 65 },
    { R: 1, C: 1 },
  ])('R=$R C=$C', async ({ R, C }) => {
    const context = await testContext(options);
    for (const dtype of dtypesOf(context)) {
      const x = randomNd([R, C], { seed: 1, dtype });
      const weight = randomNd([C], { seed: 2, dtype });
      const bias = randomNd([C], { seed: 3, dtype });
      const y = layerNorm(
        upload(context, x, dtype),
        upload(context, weight, dtype),
        upload(context, bias, dtype),
      );
      await expectClose(y, reference.layerNorm(x, weight, bias, 1e-6), tolerance[dtype]);
    }
  });

  test.each([100, 1000])('rows around %d with deviation 1', async (mean) => {
    const context = await testContext(options);
    const x = randomNd([5, 384], { seed: 4, mean });
    const weight = randomNd([384], { seed: 5 });
    const bias = randomNd([384], { seed: 6 });
    const y = layerNorm(upload(context, x), upload(context, weight), upload(context, bias));
    // The mean rounds to 2⁻²⁴ of itself, and so its sum of 384 numbers to some 2⁻²¹: 5e-4 at 1000. E[x²] − mean² would
    // lose 1000² · 2⁻²⁴ = 6e-2.
    await expectClose(y, reference.layerNorm(x, weight, bias, 1e-6), mean * 1e-6 + 1e-5);
  });

  test('f32 rows, f16 weights: the result takes the type of the weights unless told', async ({
    skip,
  }) => {
    const context = await testContext(options);
    if (!context.capabilities.f16) return skip('shader-f16');
    const x = randomNd([4, 12], { seed: 7 });
    const weight = randomNd([12], { seed: 8, dtype: 'f16' });
    const bias = randomNd([12], { seed: 9, dtype: 'f16' });
    const inputs = [
      upload(context, x),
      upload(context, weight, 'f16'),
      upload(context, bias, 'f16'),
    ] as const;
    const expected = reference.layerNorm(x, weight, bias, 1e-6);
    expect(layerNorm(...inputs).dtype).toBe('f16');
    await expectClose(layerNorm(...inputs), expected, tolerance.f16);
    await expectClose(layerNorm(...inputs, { dtype: 'f32' }), expected, tolerance.f32);
  });

  test.each([384, 5])('a residual is added after the norm, C=%d', async (C) => {
    const context = await testContext(options);
    for (const dtype of dtypesOf(context)) {
      const x = randomNd([70, C], { seed: 12, dtype });
      const weight = randomNd([C], { seed: 13, dtype });
      const bias = randomNd([C], { seed: 14, dtype });
      const residual = randomNd([70, C], { seed: 15 });
      const y = layerNorm(
        upload(context, x, dtype),
        upload(context, weight, dtype),
        upload(context, bias, dtype),
        { addTo: upload(context, residual) },
      );
      const expected = reference.layerNorm(x, weight, bias, 1e-6);
      for (const [i, value] of residual.data.entries()) expected.data[i]! += value;
      expect(y.dtype).toBe('f32');
      await expectClose(y, expected, tolerance.f32);
    }
  });

  test('PyTorch on (1, 2, 3, 10): the variance is ÷ C, and eps is 1e-6 unless told', async () => {
    const context = await testContext(options);
    const row = (...values: number[]) =>
      upload(context, { shape: [values.length], data: Float64Array.from(values) });
    const [one, zero] = [row(1, 1, 1, 1), row(0, 0, 0, 0)];
    const small = row(0.001, 0.002, 0.003, 0.01);
    const cases = [
      [layerNorm(row(1, 2, 3, 10), one, zero), [-0.848528, -0.565685, -0.282843, 1.697056]],
      [layerNorm(small, one, zero), [-0.816497, -0.544331, -0.272166, 1.632993]],
      [layerNorm(small, one, zero, { eps: 1e-5 }), [-0.632456, -0.421637, -0.210819, 1.264911]],
    ] as const;
    // Six decimals are known.
    for (const [y, expected] of cases) expectValuesClose(await y.read(), expected, 2e-6);
  });

  test('a row of equal values is the bias', async () => {
    const context = await testContext(options);
    const x = upload(context, { shape: [2, 8], data: new Float64Array(16).fill(3) });
    const weight = upload(context, randomNd([8], { seed: 10 }));
    const bias = randomNd([8], { seed: 11 });
    const y = await layerNorm(x, weight, upload(context, bias)).read();
    expectValuesClose(y, [...bias.data, ...bias.data], 0);
  });
});

test('which variant', () => {
  const chosen = (C: number, device: Partial<Capabilities>) =>
    chooseVariant(Context.planning(device), 'layer_norm', layerNormVariants, { C });
  expect(chosen(384, { software: true, subgroupSize: 8 })).toBe('layer_norm_rows');
  expect(chosen(1536, { subgroupSize: 32 })).toBe('layer_norm_subgroup');
  expect(chosen(384, { subgroupSize: 64 })).toBe('layer_norm_subgroup');
  expect(chosen(4096, { subgroupSize: 32 })).toBe('layer_norm');
  expect(chosen(384, { subgroupSize: 8 })).toBe('layer_norm');
  expect(chosen(384, {})).toBe('layer_norm');
});

test('more than 65535 rows, a workgroup each', async () => {
  const context = await testContext({ variants: { layer_norm: 'layer_norm' } });
  const rows = 65_600;
  const x = context.empty([rows, 2]);
  x.write(
    Float32Array.from({ length: rows * 2 }, (_, i) => (i % 2 ? 1 : -1) * (1 + ((i >> 1) % 7))),
  );
  const weight = upload(context, { shape: [2], data: Float64Array.of(1, 2) });
  const bias = upload(context, { shape: [2], data: Float64Array.of(0, 10) });
  const y = await layerNorm(x, weight, bias).read();
  // Every row is (−n, n), which normalises to (−1, 1).
  for (const row of [0, 1, 32_767, 32_768, 65_535, rows - 1]) {
    expect(y[row * 2]).toBeCloseTo(-1, 5);
    expect(y[row * 2 + 1]).toBeCloseTo(12, 5);
  }
});

test('shapes that do not fit are named', async () => {
  const context = await testContext();
  const x = upload(context, randomNd([2, 6], { seed: 1 }));
  const weight = upload(context, randomNd([6], { seed: 2 }), 'f32', 'encoder.norm.weight');
  const bias = upload(context, randomNd([3], { seed: 3 }), 'f32', 'encoder.norm.bias');
  expect(layerNorm(x, weight, weight).shape).toEqual([2, 6]);
  expect(() => layerNorm(x, bias, weight)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: layerNorm: encoder.norm.bias is [3], expected [6].]`,
  );
  expect(() => layerNorm(x, weight, bias)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: layerNorm: encoder.norm.bias is [3], expected [6].]`,
  );
});
