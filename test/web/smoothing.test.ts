// What keeps films steady on the web app's worker, without a browser: weights by the film's clock, so that its rate does not matter; a frame
// looked at twice; where it begins anew; the relief of the 3D page, which is as steady as the picture of the video page. The kernels against
// their references: test/dpt/depth_map.
import { describe, expect, test } from 'vitest';
import { steadyOf, steadySchema } from '../../apps/web/src/pages/video/steady.ts';
import type { Steady } from '../../apps/web/src/worker/film/film_calls.ts';
import { Smoothing } from '../../apps/web/src/worker/film/smoothing.ts';
import { recordRelief } from '../../apps/web/src/worker/view3d/relief.ts';
import { SMOOTH, SMOOTH_PIXELS } from '../../packages/cli/src/video/index.ts';
import { pace } from '../../packages/dpt/src/index.ts';
import { random, testContext } from '../support/tensors.ts';

const steady: Steady = { kind: 'motion', range: 0.5, pixels: 0.25, cuts: true };

test('the web app and the command line keep films as steady', () => {
  const { rangeOver, pixelsOver } = steadySchema;
  expect([rangeOver.start, pixelsOver.start]).toEqual([SMOOTH, SMOOTH_PIXELS]);
});

describe('the pace of a frame', () => {
  const left = (frames: number): [range: number, pixels: number] => {
    const smoothing = new Smoothing();
    let [range, pixels] = [1, 1];
    for (let i = 0; i <= frames; i++) {
      const [alpha = 0, , still = 0] = smoothing.paceAt(i / frames, 'a', steady);
      range *= 1 - alpha;
      pixels *= 1 - still;
    }
    return [range, pixels];
  };

  test.each([1, 12, 60])('after a second at %i a second as little of the first is left', (rate) => {
    const [range, pixels] = left(rate);
    expect(range).toBeCloseTo(Math.exp(-1 / SMOOTH), 5);
    expect(pixels).toBeCloseTo(Math.exp(-1 / SMOOTH_PIXELS), 5);
  });

  test('is nothing for a frame that is looked at again, all over 0 seconds; cuts are seen or not', () => {
    const smoothing = new Smoothing();
    smoothing.paceAt(1, 'a', steady);
    expect([...smoothing.paceAt(1, 'a', steady)]).toEqual([0, 0.25, 0]);
    const atOnce = { ...steady, range: 0, pixels: 0, cuts: false };
    expect([...smoothing.paceAt(1, 'a', atOnce)]).toEqual([1, 2, 1]);
  });

  test('begins anew where it is told, with another key, and on another device', async () => {
    const context = await testContext();
    const smoothing = new Smoothing();
    const range = smoothing.rangeOn(context);
    expect(smoothing.rangeOn(context)).toBe(range);
    const begun = async (): Promise<number> => {
      const was = (await range.state.read())[2]!;
      range.state.write(Float32Array.of(0, 1, 1, 0, 0, 0));
      return was;
    };
    smoothing.paceAt(1, 'a', steady);
    await begun();
    smoothing.paceAt(2, 'a', steady);
    expect(await begun()).toBe(1);
    smoothing.begin();
    expect(await begun()).toBe(0);
    expect(smoothing.paceAt(9, 'a', steady)[0]).toBe(0);
    expect(await begun()).toBe(1);
    smoothing.paceAt(10, 'b', steady);
    expect(await begun()).toBe(0);
    const other = await testContext();
    expect(smoothing.rangeOn(other)).not.toBe(range);
    smoothing.forget();
  });
});

describe('the relief of a film', () => {
  const [H, W] = [24, 32];

  /**
   * A scene that stands still, with noise. Relative depths have another scale in every other frame, where something small
   * comes into sight as well. Mean change from frame to frame, the last frame, the ranges.
   */
  async function relief(kind: Steady['kind'], depthKind: 'relative' | 'metric' = 'relative') {
    const context = await testContext();
    const smoothing = new Smoothing();
    const depth = context.tensor(new Float32Array(H * W), [1, H, W]);
    const pixels = context.tensor(new Uint32Array(H * W).fill(0xff808080), [H, W], 'u32');
    const film =
      kind === 'off'
        ? undefined
        : { range: smoothing.rangeOn(context), pixels, filter: kind === 'motion' };
    using recording = await recordRelief(depth, depthKind, { film });
    const next = random(5);
    let sum = 0;
    let before: Float32Array = new Float32Array();
    const ranges: number[][] = [];
    for (let frame = 0; frame < 12; frame++) {
      const jumps = depthKind === 'metric' ? 0 : frame % 2;
      const map = Float32Array.from(
        { length: H * W },
        (_, i) => (1 + 0.3 * jumps) * (2 + Math.floor(i / W) + 0.5 * next()),
      );
      map[H * W - 1]! *= 1 + 0.3 * jumps;
      depth.write(map);
      const framePace = film ? smoothing.paceAt(frame / 24, kind, steady) : pace();
      const { nearness, range } = recording.run({ pace: framePace });
      const now = await nearness.read();
      if (frame > 0) sum += now.reduce((all, value, i) => all + Math.abs(value - before[i]!), 0);
      before = now;
      ranges.push([...(await range.read())].slice(0, 2));
    }
    smoothing.forget();
    return { change: sum / 11 / before.length, nearness: before, ranges };
  }

  test('changes less from frame to frame the more of it is kept steady', async () => {
    const [off, range, motion] = [
      await relief('off'),
      await relief('range'),
      await relief('motion'),
    ];
    expect(range.change).toBeLessThan(0.3 * off.change);
    expect(motion.change).toBeLessThan(0.3 * range.change);
    // It is the same scene: far above, near below.
    for (const { nearness } of [off, range, motion]) {
      expect(nearness[5]!).toBeLessThan(0.1);
      expect(nearness[H * W - 5]!).toBeGreaterThan(0.7);
    }
  });

  test('of metres keeps its metres: the range is that of the maps', async () => {
    const { ranges, nearness } = await relief('motion', 'metric');
    for (const [lo, hi] of ranges) {
      expect(lo!).toBeCloseTo(2, 1);
      expect(hi!).toBeGreaterThan(H + 1);
      expect(hi!).toBeLessThan(H + 1.6);
    }
    // The nearest has the smallest distance.
    expect(nearness[5]!).toBeGreaterThan(0.9);
  });

  test('needs nothing of a film for a picture', async () => {
    const { nearness } = await relief('off');
    expect(Math.max(...nearness)).toBe(1);
    expect(steadyOf({ steady: 'off', rangeOver: 1, pixelsOver: 2, cuts: false })).toEqual({
      ...{ kind: 'off', range: 1, pixels: 2, cuts: false },
    });
  });
});
