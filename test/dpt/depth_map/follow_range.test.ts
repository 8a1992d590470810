// RangeOverTime.follow: a still scene whose scale and shift jump from frame to frame stands still; ends come back to the map's own; a cut
// and a flat map take the map's own range.
import { expect, test } from 'vitest';
import { pace, RangeOverTime } from '../../../packages/dpt/src/index.ts';
import type { Context } from '../../../packages/tensor/src/index.ts';
import { random, testContext } from '../../support/tensors.ts';

const [H, W] = [48, 64];

/** A slope with bumps, 0…1 at its ends. */
const scene = Float32Array.from({ length: H * W }, (_, i) => {
  const [x, y] = [(i % W) / (W - 1), Math.floor(i / W) / (H - 1)];
  return 0.9 * y + 0.1 * Math.sin(9 * x) ** 2;
});

interface Film {
  readonly context: Context;
  readonly over: RangeOverTime;
}

async function rangeOf({ context, over }: Film, values: Float32Array, alpha: number, light = 0.5) {
  const own = [Math.min(...values), Math.max(...values)];
  const map = context.tensor(values, [H, W]);
  const range = context.tensor(Float32Array.from(own), [2]);
  const frame = context.tensor(new Float32Array(256).fill(light), [16, 16]);
  const framePace = context.tensor(pace({ alpha }), [3]);
  over.next(range, frame, framePace);
  const [lo = 0, hi = 0] = await over.follow(map, range, framePace).read();
  return { own: own as [number, number], range: [lo, hi] as const };
}

test('scale and shift that jump are not seen', async () => {
  const context = await testContext();
  using over = new RangeOverTime(context);
  const next = random(5);
  for (let i = 0; i < 8; i++) {
    const [scale, shift] = [1 + 3 * next(), 10 * next()];
    // A bright pixel that comes and goes stretches the map's own range.
    const values = scene.map((v, at) => (at === 700 && i % 2 === 1 ? 2 : v) * scale + shift);
    const { range } = await rangeOf({ context, over }, values, 0);
    expect((range[0] - shift) / scale).toBeCloseTo(0, 2);
    expect((range[1] - shift) / scale).toBeCloseTo(1, 2);
  }
});

test('it comes back to the range of the map', async () => {
  const context = await testContext();
  using over = new RangeOverTime(context);
  await rangeOf({ context, over }, scene, 0);
  const half = scene.map((v) => v / 2 + (v > 0.99 ? 0.5 : 0));
  const first = await rangeOf({ context, over }, half, 0);
  const later = await rangeOf({ context, over }, half, 1);
  expect(Math.abs(first.range[1] - first.own[1])).toBeGreaterThan(0.1);
  expect(later.range[1]).toBeCloseTo(later.own[1], 5);
});

test.each([
  { what: 'a cut', values: scene.map((v) => 3 - v * v), light: 1 },
  { what: 'a map upside down', values: scene.map((v) => 3 - v), light: 0.5 },
  { what: 'a flat map', values: scene.map(() => 4), light: 0.5 },
])('$what begins anew', async ({ values, light }) => {
  const context = await testContext();
  using over = new RangeOverTime(context);
  await rangeOf({ context, over }, scene, 0);
  const { range, own } = await rangeOf({ context, over }, values, 0, light);
  expect(range[0]).toBeCloseTo(own[0], 5);
  expect(range[1]).toBeCloseTo(own[1], 5);
});
