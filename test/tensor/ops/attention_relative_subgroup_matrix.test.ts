// attention_relative_subgroup_matrix: compiles on Dawn's null backend, which knows matrix units, for every width of a head and
// both sizes of matrices; its arithmetic, on matrix units where the device has them and emulated elsewhere
// (test/support/emulated_matrices.ts), against the f64 reference: the grids of BEiT; one patch, one row, one column; tails of
// queries and keys; several heads and pictures; f32 and f16 storage; biases that move every maximum or only the first; which
// devices and models get it. Not here: narrow heads and maxima that move now and then, which attention_subgroup_matrix.test.ts
// has of the same text.
import { describe, expect, test } from 'vitest';
import { Context } from '../../../packages/tensor/src/context.ts';
import {
  attentionWithRelativePositions,
  relativeAttentionVariants,
} from '../../../packages/tensor/src/ops/attention_relative.ts';
import { attentionUnits } from '../../../packages/tensor/src/ops/matrix_units.ts';
import { plan } from '../../../packages/tensor/src/recording.ts';
import { chooseVariant } from '../../../packages/tensor/src/variants.ts';
import * as reference from '../../reference/attention.ts';
import { relativePositionBias } from '../../reference/attention_relative.ts';
import { matrixKernel } from '../../support/emulated_matrices.ts';
import { expectAttentionCompiles } from '../../support/null_device.ts';
import { dtypesOf, expectClose, randomNd, testContext, upload } from '../../support/tensors.ts';

// As in attention_subgroup_matrix.test.ts: tiles of f16 hold an f32 in two; a bias adds one rounding to a score.
const tolerance = { f32: 3e-5, f16: 4e-3 };

type Grid = readonly [number, number];

interface Problem {
  readonly B: number;
  readonly grid: Grid;
  readonly heads: number;
  readonly onlyF32?: boolean;
}

/** Of BEiT, so that one pipeline does for all. */
const d = 64;

/** The others of its models, for photos that are square or 4 : 3. */
const beitGrids: readonly Grid[] = [
  [32, 32],
  [24, 32],
  [32, 42],
];

const hasMatrices = (await testContext()).capabilities.subgroupMatrix > 0;

test.each([
  { side: 16, d: 16 },
  { side: 16, d: 64 },
  { side: 8, d: 24 },
  { side: 8, d: 64 },
] as const)('compiles for matrices of $side, d = $d', ({ side, d }) =>
  expectAttentionCompiles('attention_relative_subgroup_matrix', side, d),
);

// lavapipe takes some ten seconds of a processor to compile a kernel with workgroup memory.
describe('against the reference', { timeout: 600_000 }, () => {
  /** `bias`: by row of the table, of 0 to 1. Default: random, as large as scores are, so that a wrong row is seen. */
  async function expectReference(
    { B, grid, heads, onlyF32 }: Problem,
    bias?: (row: number) => number,
  ): Promise<void> {
    const [H, W] = grid;
    const N = 1 + H * W;
    const rows = (2 * H - 1) * (2 * W - 1) + 3;
    const table = randomNd([heads, rows], { seed: N + 100, std: 2 });
    for (let i = 0; bias && i < table.data.length; i++) {
      table.data[i] = Math.fround(bias((i % rows) / rows));
    }
    const biases = relativePositionBias(table, grid);
    const context = await testContext();
    const { subgroupMatrix } = context.capabilities;
    const kernel = matrixKernel('attention_relative_subgroup_matrix', context.capabilities);
    for (const dtype of onlyF32 ? (['f32'] as const) : dtypesOf(context)) {
      const qkv = randomNd([B, N, 3 * heads * d], { seed: N, dtype });
      const y = context.empty([B, N, heads * d], dtype);
      const units = attentionUnits(subgroupMatrix || 16, dtype);
      kernel.dispatch(
        { qkv: upload(context, qkv, dtype), table: upload(context, table), y },
        {
          types: { T: dtype, ...units.types },
          overrides: { D4: d / 4, ...units.overrides },
          params: { B, N, heads, d4: d / 4, H, W, scale: 1 / Math.sqrt(d) },
          workgroups: B * heads * Math.ceil(N / 64),
        },
      );
      const expected = reference.attention(qkv, heads, undefined, biases).y;
      await expectClose(y, expected, tolerance[dtype]);
    }
  }

  test.each([
    { B: 1, grid: [1, 1], heads: 2 },
    { B: 1, grid: [1, 15], heads: 1 },
    { B: 1, grid: [37, 1], heads: 1 },
    { B: 2, grid: [6, 4], heads: 3 },
    { B: 1, grid: [8, 9], heads: 2 },
    { B: 1, grid: [24, 24], heads: 1 }, // at 384
    // At 512, and wide ones of both; emulated they take long and show no more. f32, since among so many values there is one
    // of 14 deviations, which f16 rounds by more than the tolerance.
    ...(hasMatrices ? beitGrids : []).map((grid) => ({ B: 1, grid, heads: 1, onlyF32: true })),
  ] satisfies Problem[])('B=$B grid=$grid heads=$heads', (sizes) => expectReference(sizes));

  // Beyond what exp takes, growing and falling along the keys.
  test.each([1, -1])('biases from −116 to 116, order %d', (order) =>
    expectReference({ B: 1, grid: [3, 13], heads: 1 }, (row) => order * (232 * row - 116)),
  );
});

describe('is for products of f16 on devices with matrix units', () => {
  const device = { f16: true, subgroupMatrix: 16 } as const;
  const chosen = (d: number, products: 'f32' | 'f16', capabilities: object = device) =>
    chooseVariant(Context.planning(capabilities), 'attention_relative', relativeAttentionVariants, {
      N: 577,
      d,
      products,
    });

  test('by size and device', () => {
    expect(chosen(64, 'f16')).toBe('attention_relative_subgroup_matrix');
    expect(chosen(64, 'f32')).toBe('attention_relative_tiled');
    expect(chosen(24, 'f16')).toBe('attention_relative_tiled');
    expect(chosen(24, 'f16', { f16: true, subgroupMatrix: 8 })).toBe(
      'attention_relative_subgroup_matrix',
    );
    expect(chosen(128, 'f16')).toBe('attention_relative');
    expect(chosen(64, 'f16', { f16: true })).toBe('attention_relative_tiled');
    expect(chosen(64, 'f16', { ...device, software: true })).toBe('attention_relative_registers');
  });

  test.each([
    { products: undefined, shader: 'attention_relative_tiled' },
    { products: 'f16' as const, shader: 'attention_relative_subgroup_matrix' },
  ])('q, k and v of f32, products $products', ({ products, shader }) => {
    const inputs = { qkv: [1, 65, 3 * 2 * 64], table: [2, 228] };
    const { steps } = plan(Context.planning(device), inputs, ({ qkv, table }) => ({
      y: attentionWithRelativePositions(qkv, {
        heads: 2,
        table,
        grid: [8, 8],
        ...(products && { products }),
      }),
    }));
    expect(steps.map(({ kernel }) => kernel.shader)).toEqual([shader]);
    expect(steps[0]!.overrides).toEqual({ D4: 16, ...(products && { PARTS: 2 }) });
    expect(steps[0]!.workgroups).toEqual([4, 1]);
  });
});
