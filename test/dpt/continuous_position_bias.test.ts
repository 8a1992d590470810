// SwinV2's bias for every offset within a window: the offsets as numbers (rows before columns, spaced by logarithm,
// measured by the windows of pretraining: pitfalls 16, 17), the table against an f64 reference for square and other
// windows, what is kept, and that nothing changes when it is not.
import { describe, expect, test } from 'vitest';
import {
  ContinuousPositionBias,
  offsetsOf,
} from '../../packages/dpt/src/encoders/swinv2/continuous_position_bias.ts';
import { GridCache } from '../../packages/dpt/src/grid_cache.ts';
import type { StateDict } from '../../packages/tensor/src/state_dict.ts';
import { Weights } from '../../packages/tensor/src/weights.ts';
import type { Nd } from '../reference/nd.ts';
import { expectClose, expectValuesClose, randomNd, testContext } from '../support/tensors.ts';

const context = await testContext();

describe('offsets', () => {
  /** The values of one column of the list, each once, from the largest down to 0. */
  const steps = (window: number, pretrained: number): number[] => {
    const values = offsetsOf([window, 1], pretrained);
    const dy = Array.from({ length: 2 * window - 1 }, (_, i) => values[2 * i]!);
    expect(dy.map((_, i) => -dy[dy.length - 1 - i]! + 0)).toEqual(dy.map((value) => value + 0));
    return dy.reverse().slice(0, window);
  };

  // f32 of numbers with eight digits.
  test('are spaced by logarithm, and do not end at 1', () => {
    expectValuesClose(steps(4, 0), [1.0566417, 0.887655, 0.624823, 0], 1e-6);
  });

  test('are measured by the windows of pretraining', () => {
    expectValuesClose(steps(24, 12).slice(0, 1), [1.3826329], 1e-6);
    expectValuesClose(steps(12, 6).slice(0, 1), [1.4057436], 1e-6);
    expectValuesClose(steps(16, 16).slice(0, 1), [1.0566417], 1e-6);
  });

  test('come by rows, rows first', () => {
    const values = [...offsetsOf([2, 3], 0)];
    const pairs = Array.from({ length: 15 }, (_, i) => values.slice(2 * i, 2 * i + 2));
    expect(pairs.map(([dy]) => Math.sign(dy!))).toEqual([
      ...[-1, -1, -1, -1, -1],
      ...[0, 0, 0, 0, 0],
      ...[1, 1, 1, 1, 1],
    ]);
    expect(pairs.slice(0, 5).map(([, dx]) => Math.sign(dx!))).toEqual([-1, -1, 0, 1, 1]);
  });

  test('of a window of one token are zero', () => {
    expect([...offsetsOf([1, 1], 0)]).toEqual([0, 0]);
    expect([...offsetsOf([1, 1], 1)]).toEqual([0, 0]);
  });
});

describe('the table', () => {
  const heads = 3;
  const fc1 = { weight: randomNd([512, 2], { seed: 1 }), bias: randomNd([512], { seed: 2 }) };
  const fc2 = { weight: randomNd([heads, 512], { seed: 3, std: 0.1 }) };

  async function load(pretrainedWindow: number, enabled = true) {
    const stored = (nd: Nd) => ({
      dtype: 'f32' as const,
      shape: nd.shape,
      read: async () => new Uint8Array(Float32Array.from(nd.data).buffer),
    });
    const stateDict: StateDict = {
      name: 'weights',
      metadata: new Map(),
      tensors: new Map([
        ['fc1.weight', stored(fc1.weight)],
        ['fc1.bias', stored(fc1.bias)],
        ['fc2.weight', stored(fc2.weight)],
      ]),
      close: async () => {},
    };
    const weights = new Weights(context, stateDict);
    const cache = new GridCache(context, { enabled });
    const bias = new ContinuousPositionBias({ heads, pretrainedWindow }, weights, cache);
    await weights.load();
    return { bias, cache };
  }

  /** The formula, one offset after the other. */
  function reference([h, w]: readonly [number, number], pretrained: number): Nd {
    const phi = (t: number) => (Math.sign(t) * Math.log2(Math.abs(8 * t) + 1)) / Math.log2(8);
    const data: number[] = [];
    for (let dy = -(h - 1); dy <= h - 1; dy++) {
      for (let dx = -(w - 1); dx <= w - 1; dx++) {
        const u = phi(dy / (pretrained > 0 ? pretrained - 1 : h - 1));
        const v = phi(dx / (pretrained > 0 ? pretrained - 1 : w - 1));
        const hidden = Array.from({ length: 512 }, (_, i) => {
          const [a, b] = [fc1.weight.data[2 * i]!, fc1.weight.data[2 * i + 1]!];
          return Math.max(a * u + b * v + fc1.bias.data[i]!, 0);
        });
        for (let head = 0; head < heads; head++) {
          let sum = 0;
          for (let i = 0; i < 512; i++) sum += hidden[i]! * fc2.weight.data[head * 512 + i]!;
          data.push(16 / (1 + Math.exp(-sum)));
        }
      }
    }
    return { shape: [(2 * h - 1) * (2 * w - 1), heads], data: Float64Array.from(data) };
  }

  test.each([
    { window: [8, 8] as const, pretrained: 0 },
    { window: [6, 4] as const, pretrained: 0 },
    { window: [3, 10] as const, pretrained: 6 },
  ])('$window, pretrained with $pretrained', async ({ window, pretrained }) => {
    const { bias } = await load(pretrained);
    // 512 products of some 0.1, so sums round to 1e-6, and the sigmoid is 16 times as steep as long.
    await expectClose(bias.forward(window), reference(window, pretrained), 1e-5);
  });

  test('is made once per window, and in any case the same', async () => {
    const { bias, cache } = await load(0);
    const { bias: uncached } = await load(0, false);
    for (const window of [[4, 6] as const, [6, 4] as const, [4, 6] as const]) {
      const table = await bias.forward(window).read();
      expect(await uncached.forward(window).read()).toEqual(table);
    }
    expect(bias.forward([4, 6])).toBe(bias.forward([4, 6]));
    expect(cache.grids).toEqual(['6×4', '4×6']);
    // As large as told: rows of offsets, and no more of them for more tokens.
    expect(cache.bytes).toBe(2 * 7 * 11 * heads * 4);
  });
});
