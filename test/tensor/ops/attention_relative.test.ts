// attention_relative: every variant and the textbook form against the f64 reference, on grids of one row, one column, one
// patch, and with remainders of the blocks of queries (4, 64) and of keys (8, 32); a grid of a real model's width; several pictures;
// a scale of its own; f32 and f16 storage of qkv; which row belongs to which pair (pitfall 12); a table of equal
// values; grids of equally many patches (37); where the matrix of weights can be found; errors.
// Not here: how a table is resized (test/dpt/midas_beit.test.ts); speed (bench/beit_bias.ts).
import { describe, expect, test } from 'vitest';
import type { Context } from '../../../packages/tensor/src/context.ts';
import { attention } from '../../../packages/tensor/src/ops/attention.ts';
import {
  attentionWithRelativePositions,
  relativeAttentionVariants,
} from '../../../packages/tensor/src/ops/attention_relative.ts';
import { record } from '../../../packages/tensor/src/recording.ts';
import * as reference from '../../reference/attention.ts';
import { relativePositionBias, relativePositionIndex } from '../../reference/attention_relative.ts';
import type { Nd } from '../../reference/nd.ts';
import {
  dtypesOf,
  expectClose,
  expectValuesClose,
  randomNd,
  testContext,
  upload,
} from '../../support/tensors.ts';

// The same as attention's, for the same reasons; a bias adds one rounding to a score.
const tolerance = { f32: 1e-5, f16: 4e-3, u32: 0 };

type Grid = readonly [number, number];

const rowsOf = ([H, W]: Grid): number => (2 * H - 1) * (2 * W - 1) + 3;

/** Biases as large as scores are, so that a wrong row is seen. */
const randomTable = (heads: number, grid: Grid, seed: number): Nd =>
  randomNd([heads, rowsOf(grid)], { seed: seed + 100, std: 2 });

// Some variants know d as they are compiled, for GPUs, or are told it later, for processors that play GPU.
// attention_relative_subgroup_matrix has a test of its own: it takes products of f16.
const forms = [
  ...relativeAttentionVariants
    .filter(({ name }) => name !== 'attention_relative_subgroup_matrix')
    .map(({ name }) => ({ form: name as string, software: true })),
  { form: 'attention_relative_tiled', software: false },
  { form: 'attention_relative', software: false },
  { form: 'textbook', software: false },
];

describe.each(forms)('$form, software $software', ({ form, software }) => {
  const context = testContext({
    variants: { attention_relative: form },
    capabilities: { software },
  });
  const textbook = form === 'textbook';

  test.each([
    { B: 1, grid: [1, 1], heads: 2, d: 8 },
    { B: 1, grid: [1, 5], heads: 1, d: 64 },
    { B: 1, grid: [5, 1], heads: 1, d: 64 },
    { B: 2, grid: [3, 2], heads: 3, d: 32 },
    { B: 2, grid: [6, 4], heads: 2, d: 64 },
    { B: 1, grid: [4, 6], heads: 2, d: 64 },
    { B: 1, grid: [1, 7], heads: 2, d: 128 },
    { B: 3, grid: [2, 7], heads: 1, d: 4 },
    { B: 1, grid: [7, 24], heads: 1, d: 64 },
    { B: 1, grid: [3, 97], heads: 1, d: 8 },
    { B: 2, grid: [9, 8], heads: 2, d: 16 },
    ...(textbook ? [] : [{ B: 1, grid: [24, 24] as Grid, heads: 1, d: 64 }]), // MiDaS at 384
  ] satisfies { B: number; grid: Grid; heads: number; d: number }[])(
    'B=$B grid=$grid heads=$heads d=$d',
    async ({ B, grid, heads, d }) => {
      const N = 1 + grid[0] * grid[1];
      const table = randomTable(heads, grid, N);
      const bias = relativePositionBias(table, grid);
      for (const dtype of dtypesOf(await context)) {
        const qkv = randomNd([B, N, 3 * heads * d], { seed: N, dtype });
        const y = attentionWithRelativePositions(upload(await context, qkv, dtype), {
          heads,
          table: upload(await context, table),
          grid,
          textbook,
        });
        expect(y.dtype).toBe(dtype);
        const expected = reference.attention(qkv, heads, undefined, bias).y;
        await expectClose(y, expected, tolerance[dtype]);
      }
    },
  );

  // q = 0, so the scores are the biases alone: the first value of every token is 1 for one key, and y the weight of that
  // key. A swapped query and key, or a row or column too far, gives other weights.
  test('the row of every pair of tokens', async () => {
    const grid: Grid = [2, 3];
    const N = 7;
    const table = randomTable(1, grid, 1);
    const index = relativePositionIndex(grid);
    for (let key = 0; key < N; key++) {
      const qkv = randomNd([1, N, 24], { seed: 2 });
      qkv.data.fill(0);
      qkv.data[key * 24 + 16] = 1;
      const y = attentionWithRelativePositions(upload(await context, qkv), {
        heads: 1,
        table: upload(await context, table),
        grid,
        textbook,
      });
      const values = await y.read();
      const weights = index.map((rows) => {
        const all = rows.map((row) => Math.exp(table.data[row]!));
        return all[key]! / all.reduce((a, b) => a + b);
      });
      expectValuesClose(
        weights.map((_, query) => values[query * 8]!),
        weights,
        tolerance.f32,
      );
    }
  });

  test('the scale is applied before the bias', async () => {
    const grid: Grid = [2, 4];
    const qkv = randomNd([1, 9, 3 * 16], { seed: 3 });
    const table = randomTable(2, grid, 3);
    const bias = relativePositionBias(table, grid);
    for (const scale of [1, 0.01, -0.5]) {
      const y = attentionWithRelativePositions(upload(await context, qkv), {
        heads: 2,
        table: upload(await context, table),
        grid,
        scale,
        textbook,
      });
      await expectClose(y, reference.attention(qkv, 2, scale, bias).y, tolerance.f32);
    }
  });

  // Biases beyond what exp takes, growing and falling along the keys.
  test.each([1, -1])('biases from −116 to 116, order %i', async (order) => {
    const grid: Grid = [3, 5];
    const rows = rowsOf(grid);
    const table = {
      shape: [1, rows],
      data: Float64Array.from({ length: rows }, (_, r) => order * ((r / (rows - 1)) * 232 - 116)),
    };
    for (let r = 0; r < rows; r++) table.data[r] = Math.fround(table.data[r]!);
    const qkv = randomNd([1, 16, 24], { seed: 6 });
    const y = attentionWithRelativePositions(upload(await context, qkv), {
      heads: 1,
      table: upload(await context, table),
      grid,
      textbook,
    });
    const bias = relativePositionBias(table, grid);
    await expectClose(y, reference.attention(qkv, 1, undefined, bias).y, tolerance.f32);
  });

  test('a table of equal values changes nothing', async () => {
    const grid: Grid = [2, 3];
    const qkv = randomNd([2, 7, 24], { seed: 7 });
    const table = { shape: [1, 18], data: new Float64Array(18).fill(3) };
    const y = attentionWithRelativePositions(upload(await context, qkv), {
      heads: 1,
      table: upload(await context, table),
      grid,
      textbook,
    });
    await expectClose(y, reference.attention(qkv, 1).y, tolerance.f32);
  });
});

// Pitfall 12: token 0 and token 5 of a 2×3 grid, patches counted from 0.
test('the rows of a 2×3 grid are those of BEiT', () => {
  const index = relativePositionIndex([2, 3]);
  expect(index[1]!.slice(1)).toEqual([7, 6, 5, 2, 1, 0]);
  expect(index[6]!.slice(1)).toEqual([14, 13, 12, 9, 8, 7]);
  expect([index[0]![1], index[1]![0], index[0]![0]]).toEqual([15, 16, 17]);
});

test('grids of equally many patches differ', async () => {
  const context = await testContext();
  const qkv = randomNd([1, 25, 24], { seed: 9 });
  const table = randomTable(1, [4, 6], 9); // (7)(11) + 3 rows, as many as 6×4 has
  const of = async (grid: Grid) => {
    const options = { heads: 1, table: upload(context, table), grid };
    const y = attentionWithRelativePositions(upload(context, qkv), options);
    const bias = relativePositionBias(table, grid);
    await expectClose(y, reference.attention(qkv, 1, undefined, bias).y, tolerance.f32);
    return y.read();
  };
  expect(await of([4, 6])).not.toEqual(await of([6, 4]));
});

describe('the matrix of weights', () => {
  const heads = 2;
  const grid: Grid = [2, 4];
  const qkv: Nd = randomNd([1, 9, 3 * 16], { seed: 8 });
  const table = randomTable(heads, grid, 8);
  const expected = reference.attention(qkv, heads, undefined, relativePositionBias(table, grid));
  const forward = (context: Context) => () => {
    const x = upload(context, qkv, 'f32', 'encoder.blocks.0.attention.qkv');
    const options = { heads, table: upload(context, table), grid };
    return { y: attentionWithRelativePositions(x, options) };
  };

  test('is kept where a recording asks for it', async () => {
    const context = await testContext();
    using recording = await record(context, {}, forward(context), {
      attentionWeights: true,
      keep: ['encoder.blocks.*.attention.weights'],
    });
    const { y } = recording.run();
    await expectClose(y, expected.y, tolerance.f32);
    const weights = recording.kept['encoder.blocks.0.attention.weights']!;
    await expectClose(weights, expected.weights, tolerance.f32);
  });

  test('is not made otherwise', async () => {
    const context = await testContext();
    using recording = await record(context, {}, forward(context));
    expect(recording.trace.steps.map(({ label }) => label)).toEqual([
      'attention_relative encoder.blocks.0.attention',
    ]);
    await expectClose(recording.run().y, expected.y, tolerance.f32);
  });
});

test('sizes that do not fit are named', async () => {
  const context = await testContext();
  const qkv = context.empty([1, 7, 24], 'f32', 'blocks.0.attention.qkv');
  const table = context.empty([1, 18], 'f32', 'blocks.0.attention.relative_position_bias');
  expect(() =>
    attentionWithRelativePositions(qkv, { heads: 1, table, grid: [3, 3] }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[DptError: attentionWithRelativePositions: blocks.0.attention.qkv [1, 7, 24] has 7 tokens; a grid of 3×3 patches and a readout token are 10.]`,
  );
  expect(() =>
    attentionWithRelativePositions(qkv, { heads: 4, table, grid: [2, 3] }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[DptError: attentionWithRelativePositions: blocks.0.attention.qkv [1, 7, 24] has 2 channels for each of 4 heads; it must be a multiple of 4 up to 128.]`,
  );
  expect(() =>
    attentionWithRelativePositions(qkv, { heads: 1, table, grid: [1, 6] }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[DptError: attentionWithRelativePositions: blocks.0.attention.relative_position_bias is [1, 18], expected [1, 14].]`,
  );
  expect(attentionWithRelativePositions(qkv, { heads: 1, table, grid: [2, 3] }).shape).toEqual([
    1, 7, 8,
  ]);
  expect(attention(qkv, { heads: 1 }).shape).toEqual([1, 7, 8]);
});
