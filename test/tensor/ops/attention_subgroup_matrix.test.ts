// attention_subgroup_matrix: compiles on Dawn's null backend, which knows matrix units, for every width of a head and both
// sizes of matrices; its arithmetic, on matrix units where the device has them and emulated elsewhere
// (test/support/emulated_matrices.ts), against the f64 reference: tails of queries and keys, several heads and pictures, f32
// and f16 storage, maxima that move and do not; which devices and models get it.
import { describe, expect, test } from 'vitest';
import { Context } from '../../../packages/tensor/src/context.ts';
import { attention, attentionVariants } from '../../../packages/tensor/src/ops/attention.ts';
import { attentionUnits } from '../../../packages/tensor/src/ops/matrix_units.ts';
import { plan } from '../../../packages/tensor/src/recording.ts';
import { chooseVariant } from '../../../packages/tensor/src/variants.ts';
import * as reference from '../../reference/attention.ts';
import { matrixKernel } from '../../support/emulated_matrices.ts';
import { expectAttentionCompiles } from '../../support/null_device.ts';
import { dtypesOf, expectClose, randomNd, testContext, upload } from '../../support/tensors.ts';

// As in attention.test.ts: tiles of f16 hold an f32 in two.
const tolerance = { f32: 3e-5, f16: 4e-3 };

test.each([
  { side: 16, d: 16 },
  { side: 16, d: 32 },
  { side: 16, d: 48 },
  { side: 16, d: 64 },
  { side: 8, d: 24 },
  { side: 8, d: 64 },
] as const)('compiles for matrices of $side, d = $d', ({ side, d }) =>
  expectAttentionCompiles('attention_subgroup_matrix', side, d),
);

// lavapipe takes some ten seconds of a processor to compile a kernel with workgroup memory.
describe('against the reference', { timeout: 600_000 }, () => {
  async function expectReference(
    { B, N, heads, d }: { B: number; N: number; heads: number; d: number },
    { scores = undefined as ((n: number) => number) | undefined, scale = 1 / Math.sqrt(d) } = {},
  ): Promise<void> {
    const context = await testContext();
    const { subgroupMatrix } = context.capabilities;
    const kernel = matrixKernel('attention_subgroup_matrix', context.capabilities);
    // Narrow heads in f32 alone, which spares lavapipe a kernel: width and storage have no line in common.
    for (const dtype of d < 64 ? (['f32'] as const) : dtypesOf(context)) {
      const qkv = randomNd([B, N, 3 * heads * d], { seed: N, dtype });
      for (let n = 0; scores && n < N; n++) {
        const token = qkv.data.subarray(n * 3 * d, (n + 1) * 3 * d);
        token.fill(0, 0, 2 * d);
        token[0] = 1;
        token[d] = Math.fround(scores(n));
      }
      const y = context.empty([B, N, heads * d], dtype);
      const units = attentionUnits(subgroupMatrix || 16, dtype);
      kernel.dispatch(
        { qkv: upload(context, qkv, dtype), y },
        {
          types: { T: dtype, ...units.types },
          overrides: { D4: d / 4, ...units.overrides },
          params: { B, N, heads, d4: d / 4, scale },
          workgroups: B * heads * Math.ceil(N / 64),
        },
      );
      await expectClose(y, reference.attention(qkv, heads, scale).y, tolerance[dtype]);
    }
  }

  test.each([
    { B: 1, N: 1, heads: 1, d: 64 },
    { B: 2, N: 37, heads: 3, d: 64 },
    { B: 1, N: 65, heads: 2, d: 64 },
    { B: 1, N: 144, heads: 1, d: 16 },
    { B: 3, N: 16, heads: 1, d: 16 },
  ])('B=$B N=$N heads=$heads d=$d', (sizes) => expectReference(sizes));

  // Whole numbers, which f16 has. Rising, every step moves every maximum; falling, only the first does.
  test.each([1, -1])('scores from −116 to 116, order %d', async (order) => {
    const scores = (n: number): number => order * (4 * n - 116);
    await expectReference({ B: 1, N: 59, heads: 1, d: 64 }, { scores, scale: 1 });
  });

  // By 5 powers of 2 a step: the maximum stays, then moves by 10, and weights reach 2⁵.
  test('maxima that move at every other step', async () => {
    const scores = (n: number): number => Math.floor(n / 16) * 3.5;
    await expectReference({ B: 1, N: 90, heads: 1, d: 64 }, { scores, scale: 1 });
  });
});

describe('is for products of f16 on devices with matrix units', () => {
  const device = { f16: true, subgroupMatrix: 16 } as const;
  const chosen = (d: number, products: 'f32' | 'f16', capabilities: object = device) =>
    chooseVariant(Context.planning(capabilities), 'attention', attentionVariants, {
      N: 1370,
      d,
      products,
    });

  test('by size and device', () => {
    expect(chosen(64, 'f16')).toBe('attention_subgroup_matrix');
    expect(chosen(32, 'f16')).toBe('attention_subgroup_matrix');
    expect(chosen(64, 'f32')).toBe('attention_tiled');
    expect(chosen(24, 'f16')).toBe('attention_tiled');
    expect(chosen(24, 'f16', { f16: true, subgroupMatrix: 8 })).toBe('attention_subgroup_matrix');
    expect(chosen(128, 'f16')).toBe('attention');
    expect(chosen(64, 'f16', { f16: true })).toBe('attention_tiled');
    expect(chosen(64, 'f16', { ...device, software: true })).toBe('attention_registers');
  });

  test.each([
    { products: undefined, shader: 'attention_tiled' },
    { products: 'f16' as const, shader: 'attention_subgroup_matrix' },
  ])('q, k and v of f32, products $products', ({ products, shader }) => {
    const { steps } = plan(Context.planning(device), { qkv: [1, 65, 3 * 2 * 64] }, ({ qkv }) => ({
      y: attention(qkv, { heads: 2, ...(products && { products }) }),
    }));
    expect(steps.map(({ kernel }) => kernel.shader)).toEqual([shader]);
    expect(steps[0]!.overrides).toEqual({ D4: 16, ...(products && { PARTS: 2 }) });
    expect(steps[0]!.workgroups).toEqual([4, 1]);
  });
});
