// attention: every variant and the textbook form against the f64 reference; token counts from 1 to 1370, with and
// without remainders of the blocks of queries (4, 64) and of keys (8, 32); d = 4 to 128; one head of every real model; several pictures; a scale of its
// own; logits beyond what exp takes and equal logits (pitfalls 34, 36); f32 and f16 storage; where the matrix of weights
// can be found; errors. Not here: speed.
import { describe, expect, test } from 'vitest';
import { attention, attentionVariants } from '../../../packages/tensor/src/ops/attention.ts';
import { record } from '../../../packages/tensor/src/recording.ts';
import * as reference from '../../reference/attention.ts';
import type { Nd } from '../../reference/nd.ts';
import {
  dtypesOf,
  expectClose,
  expectValuesClose,
  randomNd,
  testContext,
  upload,
} from '../../support/tensors.ts';

// f32: a score is a sum of d products of standard normals, so it is off by some 1e-6 and its exponential likewise. The
// mean of N values deviates by 1/√N of one value, but the rounding of a sum does not shrink like that: at N = 1370 an
// error of 7e-7 is 1.5e-5 deviations. f16 results round to 2⁻¹¹ of values up to 8 deviations.
const tolerance = { f32: 3e-5, f16: 4e-3, u32: 0 };

// A variant that is asked for runs on every device. Some know d as they are compiled, for GPUs, or are told it later, for
// processors that play GPU. attention_subgroup_matrix has a test of its own: it takes products of f16.
const forms = [
  ...attentionVariants
    .filter(({ name }) => name !== 'attention_subgroup_matrix')
    .map(({ name }) => ({ form: name as string, software: true })),
  { form: 'attention_tiled', software: false },
  { form: 'attention', software: false },
  { form: 'textbook', software: false },
];

// One head of Depth-Anything at 518, with and without its readout token. f32, since the longest sums of f16 are below.
const real = [
  { N: 1370, d: 64 },
  { N: 1369, d: 16 },
].map(({ N, d }) => {
  const qkv = randomNd([1, N, 3 * d], { seed: N });
  return { N, d, qkv, expected: reference.attention(qkv, 1).y };
});

describe.each(forms)('$form, software $software', ({ form, software }) => {
  const context = testContext({ variants: { attention: form }, capabilities: { software } });
  const textbook = form === 'textbook';

  test.each([
    { B: 1, N: 1, heads: 2, d: 8 },
    { B: 1, N: 2, heads: 1, d: 64 },
    { B: 2, N: 5, heads: 3, d: 32 },
    { B: 1, N: 37, heads: 6, d: 64 },
    { B: 2, N: 65, heads: 2, d: 64 },
    { B: 1, N: 8, heads: 2, d: 128 },
    { B: 3, N: 12, heads: 1, d: 4 },
    { B: 2, N: 96, heads: 2, d: 16 },
    { B: 1, N: 100, heads: 1, d: 48 },
  ])('B=$B N=$N heads=$heads d=$d', async ({ B, N, heads, d }) => {
    for (const dtype of dtypesOf(await context)) {
      const qkv = randomNd([B, N, 3 * heads * d], { seed: N, dtype });
      const y = attention(upload(await context, qkv, dtype), { heads, textbook });
      expect(y.dtype).toBe(dtype);
      await expectClose(y, reference.attention(qkv, heads).y, tolerance[dtype]);
    }
  });

  test.each(software ? real : [])('N=$N d=$d', async ({ qkv, expected }) => {
    const y = attention(upload(await context, qkv), { heads: 1, textbook });
    await expectClose(y, expected, tolerance.f32);
  });

  test('scale', async () => {
    const qkv = randomNd([1, 11, 3 * 16], { seed: 3 });
    for (const scale of [1, 0.01, -0.5]) {
      const y = attention(upload(await context, qkv), { heads: 2, scale, textbook });
      await expectClose(y, reference.attention(qkv, 2, scale).y, tolerance.f32);
    }
  });

  // With f16 storage too: the sums over 1370 keys are kept in f32 (pitfall 34).
  test('N=1370', async () => {
    for (const dtype of dtypesOf(await context)) {
      const qkv = randomNd([1, 1370, 3 * 8], { seed: 5, dtype });
      const y = attention(upload(await context, qkv, dtype), { heads: 1, textbook });
      await expectClose(y, reference.attention(qkv, 1).y, tolerance[dtype]);
    }
  });

  // The first key has the smallest score and the last the largest, and the reverse: both rescaling at every step and
  // none after the first. Scores reach ±116.
  test.each([
    { N: 21, order: 1 },
    { N: 21, order: -1 },
    { N: 150, order: 1 },
    { N: 150, order: -1 },
  ])('$N scores from −116 to 116, order $order', async ({ N, order }) => {
    const qkv = randomNd([1, N, 3 * 8], { seed: 6 });
    for (let n = 0; n < N; n++) {
      const token = qkv.data.subarray(n * 24, n * 24 + 24);
      token.fill(0, 0, 16);
      token[0] = 1;
      token[8] = order * ((n / (N - 1)) * 232 - 116);
    }
    const y = attention(upload(await context, qkv), { heads: 1, scale: 1, textbook });
    await expectClose(y, reference.attention(qkv, 1, 1).y, tolerance.f32);
  });

  test('equal scores give the mean of the values', async () => {
    const qkv = randomNd([1, 13, 3 * 8], { seed: 7 });
    for (let n = 0; n < 13; n++) qkv.data.fill(116 / 8, n * 24, n * 24 + 16);
    const mean = Array.from({ length: 8 }, (_, c) => {
      let sum = 0;
      for (let n = 0; n < 13; n++) sum += qkv.data[n * 24 + 16 + c]! / 13;
      return sum;
    });
    const y = attention(upload(await context, qkv), { heads: 1, textbook });
    const expected = Array.from({ length: 13 }, () => mean).flat();
    expectValuesClose(await y.read(), expected, tolerance.f32);
  });
});

describe('the matrix of weights', () => {
  const heads = 2;
  const qkv: Nd = randomNd([1, 9, 3 * 16], { seed: 8 });
  const expected = reference.attention(qkv, heads);

  test('is kept where a recording asks for it', async () => {
    const context = await testContext();
    const forward = () => {
      const x = upload(context, qkv, 'f32', 'encoder.blocks.0.attention.qkv');
      return { y: attention(x, { heads }) };
    };
    using recording = await record(context, {}, forward, {
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
    const forward = () => ({ y: attention(upload(context, qkv, 'f32', 'a.qkv'), { heads }) });
    using recording = await record(context, {}, forward);
    expect(recording.trace.steps.map(({ label }) => label)).toEqual(['attention a']);
    const { y } = recording.run();
    await expectClose(y, expected.y, tolerance.f32);
    await expect(record(context, {}, forward, { keep: ['a.weights'] })).rejects.toThrow(
      'nothing is named a.weights',
    );
  });

  test('is freed when the textbook form runs at once', async () => {
    const context = await testContext();
    const x = upload(context, qkv);
    const before = context.memory().tensors;
    const y = attention(x, { heads, textbook: true });
    expect(context.memory().tensors - before).toBe(y.bytes);
    await expectClose(y, expected.y, tolerance.f32);
  });
});

test('heads that do not divide the channels are named', async () => {
  const context = await testContext();
  const qkv = context.empty([1, 5, 36], 'f32', 'blocks.0.attention.qkv');
  expect(() => attention(qkv, { heads: 2 })).toThrowErrorMatchingInlineSnapshot(
    `[DptError: attention: blocks.0.attention.qkv [1, 5, 36] has 6 channels for each of 2 heads; it must be a multiple of 4 up to 128.]`,
  );
  expect(attention(qkv, { heads: 1 }).shape).toEqual([1, 5, 12]);
});
