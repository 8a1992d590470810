// linear with q8 weights: every variant against the f64 reference of the dequantised weights; sizes of models, tails of tiles
// and of K, one row; every epilogue together; f16 rows; which variant a device gets; what cannot be done with q8 tensors.
import { describe, expect, test } from 'vitest';
import { Context } from '../../../packages/tensor/src/context.ts';
import { quantise } from '../../../packages/tensor/src/convert.ts';
import { linear } from '../../../packages/tensor/src/ops/linear.ts';
import { linearQ8Variants } from '../../../packages/tensor/src/ops/linear_q8.ts';
import { Tensor } from '../../../packages/tensor/src/tensor.ts';
import { chooseVariant } from '../../../packages/tensor/src/variants.ts';
import * as reference from '../../reference/linear.ts';
import type { Nd } from '../../reference/nd.ts';
import { dtypesOf, expectClose, randomNd, testContext, upload } from '../../support/tensors.ts';

// As linear's: int8 times scale is exact in f64, and the kernels sum in f32.
const tolerance = { f32: 1e-5, f16: 4e-3 };

/** A matrix on the device as q8, and what its int8 and scales stand for. */
function uploadQ8(context: Context, matrix: Nd): { weight: Tensor; dequantised: Nd } {
  const [, N] = matrix.shape as [number, number];
  const { values, scales } = quantise(Float32Array.from(matrix.data), N);
  const { storage } = context.empty(matrix.shape, 'q8');
  const weight = new Tensor(
    context,
    storage,
    matrix.shape,
    'q8',
    'fc1.weight',
    context.tensor(scales, [N]),
  );
  weight.write(new Uint8Array(values.buffer));
  const data = Float64Array.from(values, (value, i) => value * scales[i % N]!);
  return { weight, dequantised: { shape: matrix.shape, data } };
}

// lavapipe takes some ten seconds of a processor to compile a kernel with workgroup memory.
describe.each(linearQ8Variants.map(({ name }) => name))('%s', { timeout: 240_000 }, (variant) => {
  test.each([
    { M: 37, K: 384, N: 192 },
    { M: 1, K: 64, N: 64 },
    { M: 129, K: 36, N: 132 },
    { M: 1370, K: 12, N: 20 },
    { M: 3, K: 7, N: 4 },
  ])('M=$M K=$K N=$N', async ({ M, K, N }) => {
    const context = await testContext({ variants: { linear_q8: variant } });
    const { weight, dequantised } = uploadQ8(context, randomNd([K, N], { seed: 2 }));
    for (const dtype of dtypesOf(context, variant)) {
      const x = randomNd([M, K], { seed: 1, dtype });
      const bias = randomNd([N], { seed: 3, dtype });
      const y = linear(upload(context, x, dtype), weight, upload(context, bias, dtype));
      expect(y.dtype).toBe(dtype);
      await expectClose(y, reference.linear(x, dequantised, bias), tolerance[dtype]);
    }
  });

  test('bias, activation, scale and residual; neither of them', async () => {
    const context = await testContext({ variants: { linear_q8: variant } });
    const { weight, dequantised } = uploadQ8(context, randomNd([16, 12], { seed: 5 }));
    const x = randomNd([2, 11, 16], { seed: 4 });
    const bias = randomNd([12], { seed: 6 });
    const scale = randomNd([12], { seed: 7 });
    const residual = randomNd([2, 11, 12], { seed: 8 });
    const y = linear(upload(context, x), weight, upload(context, bias), {
      activation: 'gelu',
      scaledBy: upload(context, scale),
      addTo: upload(context, residual),
    });
    const options = { activation: 'gelu', scale, residual } as const;
    await expectClose(y, reference.linear(x, dequantised, bias, options), tolerance.f32);
    const bare = linear(upload(context, x), weight);
    await expectClose(bare, reference.linear(x, dequantised), tolerance.f32);
  });
});

test('which variant', () => {
  const chosen = (M: number, K: number, device: object = {}) =>
    chooseVariant(Context.planning(device), 'linear_q8', linearQ8Variants, { M, N: 384, K });
  expect(chosen(1370, 384)).toBe('linear_q8_tiled');
  expect(chosen(1370, 384, { software: true })).toBe('linear_q8_registers');
  expect(chosen(1370, 384, { software: true, subgroupSize: 4 })).toBe('linear_q8_registers');
  expect(chosen(1370, 384, { software: true, subgroupSize: 8 })).toBe('linear_q8_shuffle');
  expect(chosen(8, 384, { software: true, subgroupSize: 8 })).toBe('linear_q8_registers');
  expect(chosen(1, 384)).toBe('linear_q8');
  expect(chosen(1370, 7)).toBe('linear_q8_registers');
});

test('a q8 tensor keeps its columns and is read as bytes', async () => {
  const context = await testContext();
  const { weight } = uploadQ8(context, randomNd([8, 4], { seed: 9 }));
  expect(weight.reshape([2, 4, 4]).scales).toBe(weight.scales);
  expect(weight.named('other').scales).toBe(weight.scales);
  expect(() => weight.reshape([4, 8])).toThrowErrorMatchingInlineSnapshot(
    `[DptError: reshape: the columns of fc1.weight have scales, so [4, 8] cannot cut them.]`,
  );
  await expect(weight.read()).rejects.toThrowErrorMatchingInlineSnapshot(
    `[DptError: read: fc1.weight is q8, which has no f32 values. Use readBytes().]`,
  );
  expect((await weight.readBytes()).length).toBe(32);
});
