// conv2d_subgroup_matrix: compiles on Dawn's null backend, which knows matrix units, in both tiles, for both sizes of matrices
// and with every epilogue; its arithmetic, on matrix units where the device has them and emulated elsewhere
// (test/support/emulated_matrices.ts), against the f64 reference: every 3 × 3 of every model; other windows, strides and
// paddings, two pictures, more tiles than one, tails of pixels, channels and taps; x of f32, which no rounding of the slices
// may be seen of, and of f16; which devices, storage types and sizes get it.
import { describe, expect, test } from 'vitest';
import { Context } from '../../../packages/tensor/src/context.ts';
import type { Dtype } from '../../../packages/tensor/src/dtype.ts';
import { kernels } from '../../../packages/tensor/src/kernel.ts';
import { conv2dVariants } from '../../../packages/tensor/src/ops/conv2d.ts';
import { matrixUnits } from '../../../packages/tensor/src/ops/matrix_units.ts';
import { chooseVariant } from '../../../packages/tensor/src/variants.ts';
import * as reference from '../../reference/conv2d.ts';
import { matrixKernel } from '../../support/emulated_matrices.ts';
import { convShapes } from '../../support/model_shapes.ts';
import { expectCompiles } from '../../support/null_device.ts';
import { dtypesOf, expectClose, randomNd, testContext, upload } from '../../support/tensors.ts';

// As in conv2d.test.ts: slices hold f16 where the device has it, but two of them an x of f32.
const tolerance = 1e-5;

const hasMatrices = (await testContext()).capabilities.subgroupMatrix > 0;

interface Problem {
  readonly B: number;
  readonly H: number;
  readonly W: number;
  readonly I: number;
  readonly O: number;
  readonly k: readonly [number, number];
  readonly stride: number;
  readonly padding: number;
  /** Of x: 1, or more where x is only f32. */
  readonly std?: number;
}

/** With ReLU before and the whole epilogue, so that one pipeline does for all. */
async function expectReference(
  { B, H, W, I, O, k, stride, padding, std = 1 }: Problem,
  SIDE: number,
): Promise<void> {
  const context = await testContext();
  const { f16, subgroupMatrix } = context.capabilities;
  const kernel = matrixKernel('conv2d_subgroup_matrix', context.capabilities);
  const [Ho, Wo] = [H, W].map((side, i) => Math.floor((side + 2 * padding - k[i]!) / stride) + 1);
  const weights = f16 ? 'f16' : 'f32';
  for (const X of std > 1 ? (['f32'] as const) : dtypesOf(context)) {
    const x = randomNd([B, H, W, I], { seed: 1, std, dtype: X });
    const weight = randomNd([...k, I, O], { seed: 2, dtype: weights });
    const bias = randomNd([O], { seed: 3 });
    const scale = randomNd([O], { seed: 4 });
    const residual = randomNd([B, Ho!, Wo!, O], { seed: 5 });
    const y = context.empty([B, Ho!, Wo!, O]);
    const units = matrixUnits(subgroupMatrix || 16, X);
    kernel.dispatch(
      {
        x: upload(context, x, X),
        weight: upload(context, weight, weights),
        bias: upload(context, bias),
        scale: upload(context, scale),
        residual: upload(context, residual),
        y,
      },
      {
        types: { X, W: weights, R: 'f32', Y: 'f32', ...units.types },
        overrides: {
          SIDE,
          ...units.overrides,
          PRE_RELU: true,
          ACTIVATION: 2,
          HAS_BIAS: true,
          SCALE: 2,
          HAS_RESIDUAL: true,
        },
        params: { B, H, W, I, Ho: Ho!, Wo: Wo!, O, kH: k[0], kW: k[1], stride, padding },
        workgroups: Math.ceil((B * Ho! * Wo!) / SIDE) * Math.ceil(O / SIDE),
      },
    );
    const options = {
      stride,
      padding,
      preRelu: true,
      activation: 'gelu',
      scale,
      residual,
    } as const;
    await expectClose(y, reference.conv2d(x, weight, bias, options), tolerance);
  }
}

describe.each([64, 128])('tiles of %d', (SIDE) => {
  test.each([
    { PRE_RELU: 0, ACTIVATION: 0, HAS_BIAS: 0, SCALE: 0, HAS_RESIDUAL: 0 },
    { PRE_RELU: 1, ACTIVATION: 1, HAS_BIAS: 1, SCALE: 2, HAS_RESIDUAL: 1 },
  ])('compile with ReLU before $PRE_RELU, residual $HAS_RESIDUAL', async (choices) => {
    for (const side of [16, 8] as const) {
      for (const X of ['f32', 'f16'] as const) {
        const units = matrixUnits(side, X);
        await expectCompiles(kernels.get('conv2d_subgroup_matrix')!, {
          types: { X, W: 'f16', R: 'f32', Y: X, ...units.types },
          overrides: { SIDE, ...choices, ...units.overrides },
        });
      }
    }
  });
});

// lavapipe takes some ten seconds of a processor to compile a kernel with workgroup memory.
describe('against the reference', { timeout: 600_000 }, () => {
  test.each([
    { B: 1, H: 1, W: 1, I: 4, O: 4, k: [3, 3], stride: 1, padding: 1 },
    { B: 1, H: 1, W: 1, I: 8, O: 12, k: [4, 4], stride: 1, padding: 2 },
    { B: 1, H: 19, W: 13, I: 24, O: 8, k: [3, 3], stride: 2, padding: 1 },
    { B: 2, H: 9, W: 10, I: 12, O: 8, k: [3, 3], stride: 1, padding: 0 },
    { B: 1, H: 9, W: 10, I: 4, O: 20, k: [4, 4], stride: 2, padding: 1 },
    { B: 1, H: 6, W: 9, I: 4, O: 4, k: [2, 5], stride: 1, padding: 1 },
    { B: 1, H: 5, W: 6, I: 4, O: 4, k: [1, 1], stride: 2, padding: 0 },
    // f16 end at 65504, an x of f32 does not.
    { B: 1, H: 5, W: 6, I: 12, O: 8, k: [3, 3], stride: 1, padding: 1, std: 4e5 },
  ] as const)('[$B, $H, $W, $I] ⋆ $k → $O, stride $stride, padding $padding', (problem) =>
    expectReference(problem, 64),
  );

  const tails = { B: 2, H: 9, W: 10, I: 12, O: 132, k: [3, 3], stride: 1, padding: 1 } as const;
  test('more tiles than one, two pictures, tails of all', () => expectReference(tails, 64));

  // Emulated it takes a quarter of a minute to compile, and linear_subgroup_matrix.test.ts has a tile like it.
  test.skipIf(!hasMatrices)('tiles of 128 (chromium-experimental-subgroup-matrix)', () =>
    expectReference(tails, 128),
  );

  test('every 3 × 3 of every model', async () => {
    for (const [I, O, stride] of convShapes) {
      await expectReference({ B: 1, H: 3, W: 5, I, O, k: [3, 3], stride, padding: 1 }, 64);
    }
  });
});

test('is for weights of f16 on devices with matrix units', () => {
  const device = { f16: true, subgroupMatrix: 16 } as const;
  const chosen = (side: number, O: number, weight: Dtype, capabilities: object = device) =>
    chooseVariant(Context.planning(capabilities), 'conv2d', conv2dVariants, {
      I: 64,
      O,
      window: [3, 3],
      stride: 1,
      pixels: side * side,
      weight,
    });
  expect(chosen(296, 128, 'f16')).toBe('conv2d_subgroup_matrix_128');
  expect(chosen(296, 64, 'f16')).toBe('conv2d_subgroup_matrix');
  expect(chosen(74, 256, 'f16')).toBe('conv2d_subgroup_matrix');
  expect(chosen(296, 32, 'f16')).toBe('conv2d_tiled_32');
  expect(chosen(296, 128, 'f32')).toBe('conv2d_tiled');
  expect(chosen(296, 128, 'f16', { ...device, subgroupMatrix: 0 })).toBe('conv2d_tiled');
  expect(chosen(296, 128, 'f16', { ...device, software: true })).toBe('conv2d_registers');
});
