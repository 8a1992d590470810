// RangeOverTime.filter against its f64 reference over a film, at once and in a recording: noise on a still scene falls, what moves leaves no
// ghost, a cut and the first frame are as they came, maps of another size begin anew; NaN in the pipeline is gone with its frame; memory;
// errors. Not here: how much it helps on real films (npm run bench:flicker).
import { describe, expect, test } from 'vitest';
import { depthPipeline, pace, RangeOverTime } from '../../../packages/dpt/src/index.ts';
import { type Context, record } from '../../../packages/tensor/src/index.ts';
import { type Remembered, temporalFilter } from '../../reference/depth_map.ts';
import type { Nd } from '../../reference/nd.ts';
import { expectWithin, settingsTensor } from '../../support/depth_maps.ts';
import { random, testContext, upload } from '../../support/tensors.ts';

const ALPHA = 0.1;

interface Frame {
  readonly map: Nd;
  /** Grey levels 0…255. */
  readonly levels: Uint8Array;
}

const lumaOf = ({ map, levels }: Frame): Nd => ({
  shape: map.shape,
  data: Float64Array.from(levels, (level) => level / 255),
});
const words = ({ levels }: Frame): Uint32Array =>
  Uint32Array.from(levels, (level) => 0xff000000 + level * 0x10101);

/** Maps and pictures of one size, made pixel by pixel. */
const frameOf = (
  [H, W]: readonly [number, number],
  depth: (x: number, y: number) => number,
  level: (x: number, y: number) => number,
): Frame => {
  const at = (of: (x: number, y: number) => number) =>
    Float64Array.from({ length: H * W }, (_, i) => of(i % W, Math.floor(i / W)));
  return { map: { shape: [H, W], data: at(depth) }, levels: Uint8Array.from(at(level)) };
};

/** The film as it is filtered, frame by frame, each also held against the reference. `cuts`: where the film begins anew. */
async function filtered(film: readonly Frame[], cuts: readonly number[] = []) {
  const context = await testContext();
  using over = new RangeOverTime(context);
  const shown: Float64Array[] = [];
  let before: Remembered | undefined;
  for (const [i, frame] of film.entries()) {
    if (i > 0 && frame.map.data.length !== film[i - 1]!.map.data.length) before = undefined;
    if (cuts.includes(i)) before = undefined;
    before = temporalFilter(frame.map, lumaOf(frame), before, ALPHA);
    const y = await next(context, over, frame);
    expectWithin(y, before.shown.data, 1e-6);
    shown.push(Float64Array.from(y));
  }
  return shown;
}

function next(context: Context, over: RangeOverTime, frame: Frame): Promise<Float32Array> {
  const framePace = context.tensor(pace({ alpha: 1, still: ALPHA }), [3]);
  const mean = frame.levels.reduce((sum, level) => sum + level, 0) / frame.levels.length / 255;
  const thumbnail = context.tensor(new Float32Array(256).fill(mean), [16, 16]);
  over.next(context.tensor(Float32Array.of(0, 1), [2]), thumbnail, framePace);
  const pixels = context.tensor(words(frame), frame.map.shape, 'u32');
  return over.filter(upload(context, frame.map), pixels, framePace).read();
}

const varianceOf = (frames: readonly Float64Array[], pixel: number): number => {
  const values = frames.map((frame) => frame[pixel]!);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
};

describe.each([
  [12, 20],
  [1, 1],
  [7, 65],
] as const)('maps of %i × %i', (H, W) => {
  test('a still scene: noise falls to what α lets through', async () => {
    const noise = random(H * W);
    const film = Array.from({ length: 40 }, () =>
      frameOf(
        [H, W],
        (x, y) => 0.3 + (0.4 * (x + y)) / (H + W) + 0.1 * noise(),
        // A camera's noise, in pictures that were not shrunk, up to 2 levels.
        (x, y) => 100 + ((3 * x + 5 * y) % 90) + Math.floor(3 * noise()) - 1,
      ),
    );
    const shown = await filtered(film);
    const late = (frames: readonly Float64Array[]): number =>
      varianceOf(frames.slice(20), Math.floor((H * W) / 2));
    // An exponential mean of white noise keeps α / (2 − α) of its variance: 0.053.
    expect(late(shown)).toBeLessThan(0.2 * late(film.map(({ map }) => map.data)));
  });
});

test('a moving edge leaves no ghost', async () => {
  const [H, W] = [10, 40];
  const film = Array.from({ length: 12 }, (_, i) => {
    const isNear = (x: number): boolean => x >= 3 * i && x < 3 * i + 8;
    return frameOf(
      [H, W],
      (x) => (isNear(x) ? 0.9 : 0.2),
      (x) => (isNear(x) ? 180 : 60),
    );
  });
  for (const [i, shown] of (await filtered(film)).entries()) {
    expectWithin(shown, film[i]!.map.data, 1e-6);
  }
});

test('the first frame, and a cut, are as they came', async () => {
  const film = [60, 62, 200, 200].map((level, i) =>
    frameOf(
      [6, 8],
      (x) => 0.1 * x + 0.02 * i,
      () => level,
    ),
  );
  const shown = await filtered(film, [2]);
  expectWithin(shown[0]!, film[0]!.map.data, 1e-7);
  expect(shown[1]![3]).toBeCloseTo(0.3 + ALPHA * 0.02, 6);
  expectWithin(shown[2]!, film[2]!.map.data, 1e-7);
  expect(shown[3]![3]).toBeCloseTo(0.34 + ALPHA * 0.02, 6);
});

test('maps of another size, and reset, begin anew', async () => {
  const made = (H: number, W: number, depth: number): Frame =>
    frameOf(
      [H, W],
      () => depth,
      () => 90,
    );
  await filtered([made(6, 8, 0.2), made(6, 8, 0.4), made(9, 5, 0.6), made(9, 5, 0.8)]);
  const context = await testContext();
  using over = new RangeOverTime(context);
  await next(context, over, made(4, 4, 0.2));
  over.reset();
  expectWithin(await next(context, over, made(4, 4, 0.9)), new Float64Array(16).fill(0.9), 1e-6);
});

test('in the pipeline, in a recording: NaN is gone with its frame, and nothing is left behind', async () => {
  const context = await testContext();
  const over = new RangeOverTime(context);
  const settings = settingsTensor(context);
  const [H, W] = [6, 8];
  const recording = await record(
    context,
    { map: [H, W], pixels: { shape: [12, 16], dtype: 'u32' }, pace: [3] },
    ({ map, pixels, pace: framePace }) => {
      const overTime = { range: over, pixels, pace: framePace, filter: true };
      const { nearness } = depthPipeline(map, { settings, overTime });
      return { nearness };
    },
  );
  const ramp = Float32Array.from({ length: H * W }, (_, i) => i / (H * W - 1));
  const run = async (map: Float32Array): Promise<Float32Array> => {
    const pixels = new Uint32Array(12 * 16).fill(0xff808080);
    return recording.run({ map, pixels, pace: pace({ alpha: 1, still: 0.5 }) }).nearness.read();
  };
  expectWithin(await run(ramp), ramp, 1e-6);
  const holed = ramp.with(20, Number.NaN).with(30, Number.POSITIVE_INFINITY);
  const expected = ramp.with(20, ramp[20]! / 2).with(30, ramp[30]! / 2);
  expectWithin(await run(holed), expected, 1e-6);
  const healed = ramp.map((value, i) => (value + expected[i]!) / 2);
  expectWithin(await run(ramp), healed, 1e-6);
  recording.dispose();
  over.dispose();
  settings.dispose();
  expect(context.memory().tensors).toBe(0);
});

test('errors', async () => {
  const context = await testContext();
  using over = new RangeOverTime(context);
  const values = context.tensor(new Float32Array(3), [3], 'f32', 'values');
  const pixels = context.tensor(new Uint32Array(4), [2, 2], 'u32', 'pixels');
  expect(() => over.filter(values, pixels, values)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: RangeOverTime.filter: values is [3]; needs one map, [H, W] or [1, H, W], of at least one pixel.]`,
  );
  expect(() =>
    over.filter(values.reshape([1, 3]), pixels, pixels),
  ).toThrowErrorMatchingInlineSnapshot(
    `[DptError: RangeOverTime.filter: pixels is [2, 2], expected [3].]`,
  );
  expect(() => pace({ still: -1 })).toThrowErrorMatchingInlineSnapshot(
    `[DptError: pace: alpha is 0.25, still -1 and limit 0.25; needs 0 ≤ alpha, still ≤ 1, limit ≥ 0.]`,
  );
});
