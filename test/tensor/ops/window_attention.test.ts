// window_attention: every variant against an f64 reference that rolls, cuts and masks as the authors do. Windows of the
// released models and of adapted sizes (square, not square, not a multiple of the block of 4 queries or 8 keys, the
// whole grid), shifts along both axes, one, or none; d = 16, 32 and others; several heads and pictures; f32 and f16.
// The mask: how many pairs it keeps apart, and that it is −100 and not −∞ (pitfall 14). The logit scale: exp after the
// clamp, logits beyond what exp takes (15, 36). Bias by rows and columns, not the reverse (17). q and k of length zero.
// Errors. Not here: where the table comes from (test/dpt/continuous_position_bias.test.ts); speed.
import { describe, expect, test } from 'vitest';
import {
  windowAttention,
  windowAttentionVariants,
} from '../../../packages/tensor/src/ops/window_attention.ts';
import { zeros } from '../../reference/nd.ts';
import * as reference from '../../reference/window_attention.ts';
import {
  dtypesOf,
  expectClose,
  expectValuesClose,
  randomNd,
  testContext,
  upload,
} from '../../support/tensors.ts';

// f32: logits reach some 20 here, so they round to 2⁻²⁰ and their exponentials with them. f16 results round to 2⁻¹¹ of
// values up to 4 std.
const tolerance = { f32: 2e-5, f16: 4e-3, u32: 0 };

type Pair = readonly [number, number];
interface Problem {
  readonly B: number;
  readonly heads: number;
  readonly d: number;
  readonly grid: Pair;
  readonly window: Pair;
  readonly shift: Pair;
}

const none: Pair = [0, 0];

/** Random inputs: q and k of different lengths, biases between 0 and 16, scales around 10. */
function inputsOf({ B, heads, d, grid, window }: Problem, dtype: 'f32' | 'f16') {
  const [rows, columns] = [2 * window[0] - 1, 2 * window[1] - 1];
  const table = randomNd([rows * columns, heads], { seed: 2 });
  table.data.forEach((value, i) => {
    table.data[i] = Math.fround(16 / (1 + Math.exp(-value)));
  });
  return {
    qkv: randomNd([B, grid[0] * grid[1], 3 * heads * d], { seed: 1, dtype }),
    table,
    logitScale: randomNd([heads], { seed: 3, mean: Math.log(10), std: 0.5 }),
  };
}

// Some variants know d as they are compiled, for GPUs, or are told it later, for processors that play GPU.
const forms = [
  ...windowAttentionVariants.map(({ name }) => ({ variant: name as string, software: true })),
  { variant: 'window_attention_tiled', software: false },
];

describe.each(forms)('$variant, software $software', ({ variant, software }) => {
  const context = testContext({
    variants: { window_attention: variant },
    capabilities: { software },
  });

  const problems: readonly Problem[] = [
    { B: 1, heads: 1, d: 16, grid: [16, 16], window: [8, 8], shift: [4, 4] },
    { B: 1, heads: 2, d: 16, grid: [8, 8], window: [8, 8], shift: none },
    { B: 1, heads: 3, d: 32, grid: [16, 16], window: [16, 16], shift: none },
    { B: 2, heads: 2, d: 32, grid: [8, 16], window: [4, 8], shift: [2, 4] },
    { B: 1, heads: 1, d: 32, grid: [36, 24], window: [36, 24], shift: none },
    { B: 1, heads: 1, d: 32, grid: [24, 32], window: [24, 16], shift: [0, 8] },
    { B: 1, heads: 1, d: 16, grid: [40, 20], window: [10, 20], shift: [5, 0] },
    { B: 1, heads: 2, d: 16, grid: [10, 12], window: [5, 6], shift: [2, 3] },
    { B: 1, heads: 1, d: 8, grid: [6, 9], window: [3, 3], shift: [1, 1] },
    { B: 1, heads: 1, d: 64, grid: [4, 6], window: [4, 2], shift: [0, 1] },
    { B: 3, heads: 2, d: 4, grid: [3, 1], window: [3, 1], shift: none },
    { B: 1, heads: 1, d: 128, grid: [1, 11], window: [1, 11], shift: none },
  ];
  test.each(problems)(
    'B=$B heads=$heads d=$d, windows $window on $grid by $shift',
    async (problem) => {
      const { heads, grid, window, shift } = problem;
      for (const dtype of dtypesOf(await context) as ('f32' | 'f16')[]) {
        const { qkv, table, logitScale } = inputsOf(problem, dtype);
        const y = windowAttention(upload(await context, qkv, dtype), {
          ...{ heads, grid, window, shift },
          table: upload(await context, table),
          logitScale: upload(await context, logitScale),
        });
        expect(y.dtype).toBe(dtype);
        const expected = reference.windowAttention(qkv, { ...problem, table, logitScale });
        await expectClose(y, expected.y, tolerance[dtype]);
      }
    },
  );

  // Equal q and k, no bias, and a value of its own for each of the 16 places of a window: the result is the matrix of
  // weights, one over the number of pairs that are not kept apart.
  test.each([
    { shift: [2, 2] as Pair, apart: [0, 128, 128, 192] },
    { shift: [0, 2] as Pair, apart: [0, 128, 0, 128] },
    { shift: [2, 0] as Pair, apart: [0, 0, 128, 128] },
    { shift: [1, 3] as Pair, apart: [0, 96, 96, 156] },
    { shift: none, apart: [0, 0, 0, 0] },
  ])('shift $shift keeps $apart of 256 pairs apart', async ({ shift, apart }) => {
    const [side, w] = [8, 4];
    const qkv = zeros([1, side * side, 48]);
    for (let token = 0; token < side * side; token++) {
      qkv.data[token * 48] = 1;
      qkv.data[token * 48 + 16] = 1;
      const row = (Math.floor(token / side) - shift[0] + side) % w;
      const column = ((token % side) - shift[1] + side) % w;
      qkv.data[token * 48 + 32 + row * w + column] = 1;
    }
    const problem = {
      heads: 1,
      grid: [side, side] as Pair,
      window: [w, w] as Pair,
      shift,
      table: zeros([49, 1]),
      logitScale: zeros([1]),
    };
    const y = await windowAttention(upload(await context, qkv), {
      ...problem,
      table: upload(await context, problem.table),
      logitScale: upload(await context, problem.logitScale),
    }).read();
    const counts = [0, 0, 0, 0];
    for (let token = 0; token < side * side; token++) {
      const row = Math.floor(((Math.floor(token / side) - shift[0] + side) % side) / w);
      const column = Math.floor((((token % side) - shift[1] + side) % side) / w);
      for (let c = 0; c < 16; c++) if (y[token * 16 + c]! < 1e-30) counts[row * 2 + column]!++;
    }
    expect(counts).toEqual(apart);
    const expected = reference.windowAttention(qkv, problem);
    expect(expected.masked).toEqual(apart);
    expectValuesClose(y, expected.y.data, tolerance.f32);
  });

  // A key whose cosine is 1 stands against one whose cosine is −1; the scale is 100, so the mask of −100 takes away only
  // half of what lies between them, and the masked one wins. With −∞, or −100 twice, it would not.
  test('the mask is −100, once', async () => {
    const qkv = randomNd([1, 4, 12], { seed: 4 });
    for (let token = 0; token < 4; token++) {
      qkv.data.set([1, 0, 0, 0, token % 2 ? 1 : -1, 0, 0, 0], token * 12);
    }
    const problem = {
      heads: 1,
      grid: [2, 2] as Pair,
      window: [2, 2] as Pair,
      shift: [1, 1] as Pair,
      table: zeros([9, 1]),
      logitScale: { shape: [1], data: Float64Array.of(9) },
    };
    const y = windowAttention(upload(await context, qkv), {
      ...problem,
      table: upload(await context, problem.table),
      logitScale: upload(await context, problem.logitScale),
    });
    await expectClose(y, reference.windowAttention(qkv, problem).y, tolerance.f32);
    // Token 0 and 2, whose own keys have a cosine of −1, take from the nearest one with 1, not from themselves.
    const values = await y.read();
    const winner = [1, 3].map((token) => [...qkv.data.subarray(token * 12 + 8, token * 12 + 12)]);
    const mean = winner[0]!.map((value, i) => (value + winner[1]![i]!) / 2);
    expectValuesClose(values.subarray(0, 4), mean, 1e-4);
  });

  // exp(4.60517) = 100 for every logit scale from there on: a cosine of 1 and a bias of 16 make 116, beyond what exp
  // takes without a maximum taken off.
  test.each([5, 88, 4.6, -2])('logit scale %f', async (value) => {
    const problem: Problem = { B: 1, heads: 1, d: 16, grid: [4, 8], window: [4, 4], shift: [0, 2] };
    const { heads, grid, window, shift } = problem;
    const { qkv, table } = inputsOf(problem, 'f32');
    table.data.fill(16, 0, 24);
    // Every other token's key is its query.
    for (let token = 0; token < 32; token += 2) {
      qkv.data.copyWithin(token * 48 + 16, token * 48, token * 48 + 16);
    }
    const logitScale = { shape: [1], data: Float64Array.of(Math.fround(value)) };
    const y = windowAttention(upload(await context, qkv), {
      ...{ heads, grid, window, shift },
      table: upload(await context, table),
      logitScale: upload(await context, logitScale),
    });
    const expected = reference.windowAttention(qkv, { ...problem, table, logitScale });
    // Logits up to 116 round to 2⁻¹⁸, and the cosine's own rounding is multiplied by 100.
    await expectClose(y, expected.y, 1e-4);
  });

  test('q and k of length zero have a cosine of 0', async () => {
    const problem: Problem = { B: 1, heads: 1, d: 8, grid: [2, 4], window: [2, 4], shift: none };
    const { heads, grid, window, shift } = problem;
    const { qkv, table, logitScale } = inputsOf(problem, 'f32');
    qkv.data.fill(0, 0, 16);
    qkv.data.fill(0, 24 * 3, 24 * 3 + 8);
    const y = windowAttention(upload(await context, qkv), {
      ...{ heads, grid, window, shift },
      table: upload(await context, table),
      logitScale: upload(await context, logitScale),
    });
    const expected = reference.windowAttention(qkv, { ...problem, table, logitScale });
    await expectClose(y, expected.y, tolerance.f32);
  });
});

// Folded, that is 32768 workgroups, of which SwiftShader clears the memory: too slow for the tiled variant, whose index is
// checked with those of all shaders in test/tensor/kernels.test.ts.
test.each(['window_attention_registers', 'window_attention'])(
  '%s: more windows than one dimension of workgroups takes',
  async (variant) => {
    const problem: Problem = {
      B: 1,
      heads: 1,
      d: 4,
      grid: [24, 24],
      window: [2, 2],
      shift: [1, 1],
    };
    const { heads, grid, window, shift } = problem;
    const small = await testContext({
      variants: { window_attention: variant },
      capabilities: { maxWorkgroupsPerDimension: 4 },
    });
    const { qkv, table, logitScale } = inputsOf(problem, 'f32');
    const y = windowAttention(upload(small, qkv), {
      ...{ heads, grid, window, shift },
      table: upload(small, table),
      logitScale: upload(small, logitScale),
    });
    const expected = reference.windowAttention(qkv, { ...problem, table, logitScale });
    await expectClose(y, expected.y, tolerance.f32);
  },
);

test('what does not fit is named', async () => {
  const context = await testContext();
  const qkv = context.empty([1, 64, 96], 'f32', 'encoder.stages.0.blocks.1.attention.qkv');
  const table = context.empty([49, 2], 'f32', 'bias');
  const logitScale = context.empty([2, 1, 1], 'f32', 'logit_scale');
  const good = {
    heads: 2,
    grid: [8, 8],
    window: [4, 4],
    shift: [2, 2],
    table,
    logitScale,
  } as const;
  expect(windowAttention(qkv, good).shape).toEqual([1, 64, 32]);
  expect(windowAttention(qkv, good).name).toBe('encoder.stages.0.blocks.1.attention.values');
  const message = (change: object): string => {
    try {
      windowAttention(qkv, { ...good, ...change });
    } catch (error) {
      return (error as Error).message;
    }
    return '';
  };
  expect([
    message({ heads: 3 }),
    message({ grid: [8, 16] }),
    message({ window: [3, 4] }),
    message({ shift: [4, 0] }),
    message({ window: [8, 4] }),
    message({ logitScale: table }),
  ]).toMatchInlineSnapshot(`
    [
      "windowAttention: encoder.stages.0.blocks.1.attention.qkv [1, 64, 96] has 10.666666666666666 channels for each of 3 heads; it must be a multiple of 4 up to 128.",
      "windowAttention: encoder.stages.0.blocks.1.attention.qkv [1, 64, 96] has 64 tokens; a grid of 8×16 has 128.",
      "windowAttention: windows of 3×4 shifted by 2, 2 on a grid of 8×8; windows must divide the grid and be larger than their shift.",
      "windowAttention: windows of 4×4 shifted by 4, 0 on a grid of 8×8; windows must divide the grid and be larger than their shift.",
      "windowAttention: bias is [49, 2], expected [105, 2].",
      "windowAttention: bias is [98], expected [2].",
    ]
  `);
});
