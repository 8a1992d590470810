// linear_subgroup_matrix: compiles on Dawn's null backend, which knows matrix units, in both tiles, for both sizes of matrices
// and with every epilogue; its arithmetic, on matrix units where the device has them and emulated elsewhere
// (test/support/emulated_matrices.ts), against the f64 reference: tails in M, N and K, more tiles than one; x of f32, which no
// rounding of the slices may be seen of, and of f16; which devices and storage types get it.
import { describe, expect, test } from 'vitest';
import { Context } from '../../../packages/tensor/src/context.ts';
import type { Dtype } from '../../../packages/tensor/src/dtype.ts';
import { kernels } from '../../../packages/tensor/src/kernel.ts';
import { linearVariants } from '../../../packages/tensor/src/ops/linear.ts';
import { matrixUnits } from '../../../packages/tensor/src/ops/matrix_units.ts';
import { chooseVariant } from '../../../packages/tensor/src/variants.ts';
import * as reference from '../../reference/linear.ts';
import { matrixKernel } from '../../support/emulated_matrices.ts';
import { expectCompiles } from '../../support/null_device.ts';
import { dtypesOf, expectClose, randomNd, testContext, upload } from '../../support/tensors.ts';

// As in linear.test.ts: slices hold f16 where the device has it, but two of them an x of f32.
const tolerance = 1e-5;

// lavapipe takes some ten seconds of a processor to compile a kernel with workgroup memory.
describe.each([64, 128])('tiles of %d', { timeout: 600_000 }, (SIDE) => {
  test.each([
    { ACTIVATION: 0, HAS_BIAS: 0, SCALE: 0, HAS_RESIDUAL: 0 },
    { ACTIVATION: 2, HAS_BIAS: 1, SCALE: 2, HAS_RESIDUAL: 1 },
  ])('compile with activation $ACTIVATION, residual $HAS_RESIDUAL', async (epilogue) => {
    // What stays f32 of a model in f16, and what does not.
    const [X, Y] = epilogue.HAS_RESIDUAL ? (['f16', 'f32'] as const) : (['f32', 'f16'] as const);
    for (const side of [16, 8] as const) {
      const units = matrixUnits(side, X);
      await expectCompiles(kernels.get('linear_subgroup_matrix')!, {
        types: { X, W: 'f16', R: 'f32', Y, ...units.types },
        overrides: { SIDE, ...epilogue, ...units.overrides },
      });
    }
  });

  test.each([
    { M: 1, K: 4, N: 4 },
    { M: 37, K: 44, N: 68 },
    // f16 end at 65504, an x of f32 does not.
    { M: 37, K: 44, N: 68, std: 4e5 },
    { M: 150, K: 36, N: 132 },
  ])('M=$M K=$K N=$N', async ({ M, K, N, std = 1 }) => {
    const context = await testContext();
    const options = { activation: 'gelu' } as const;
    const { f16, subgroupMatrix } = context.capabilities;
    const W = f16 ? 'f16' : 'f32';
    const kernel = matrixKernel('linear_subgroup_matrix', context.capabilities);
    for (const X of std > 1 ? (['f32'] as const) : dtypesOf(context)) {
      const x = randomNd([M, K], { seed: 1, std, dtype: X });
      const weight = randomNd([K, N], { seed: 2, dtype: W });
      const bias = randomNd([N], { seed: 3 });
      const scale = randomNd([N], { seed: 4 });
      const residual = randomNd([M, N], { seed: 5 });
      const y = context.empty([M, N]);
      const tensors = {
        x: upload(context, x, X),
        weight: upload(context, weight, W),
        bias: upload(context, bias),
        scale: upload(context, scale),
        residual: upload(context, residual),
        y,
      };
      const units = matrixUnits(subgroupMatrix || 16, X);
      kernel.dispatch(tensors, {
        types: { X, W, R: 'f32', Y: 'f32', ...units.types },
        overrides: {
          SIDE,
          ...units.overrides,
          ACTIVATION: 2,
          HAS_BIAS: true,
          SCALE: 2,
          HAS_RESIDUAL: true,
        },
        params: { M, N, K },
        workgroups: Math.ceil(M / SIDE) * Math.ceil(N / SIDE),
      });
      const expected = reference.linear(x, weight, bias, { ...options, scale, residual });
      await expectClose(y, expected, tolerance);
    }
  });
});

test('is for weights of f16 on devices with matrix units', () => {
  const device = { f16: true, subgroupMatrix: 16 } as const;
  const chosen = (M: number, N: number, weight: Dtype, capabilities: object = device) =>
    chooseVariant(Context.planning(capabilities), 'linear', linearVariants, {
      M,
      N,
      K: 1024,
      weight,
    });
  expect(chosen(1370, 4096, 'f16')).toBe('linear_subgroup_matrix_128');
  expect(chosen(1370, 384, 'f16')).toBe('linear_subgroup_matrix');
  expect(chosen(1370, 384, 'f32')).toBe('linear_tiled');
  expect(chosen(1, 384, 'f16')).toBe('linear');
  expect(chosen(1370, 384, 'f16', { ...device, subgroupMatrix: 0 })).toBe('linear_tiled');
});
