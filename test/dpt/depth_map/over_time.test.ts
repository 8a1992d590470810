// A film's range over time: stored frames with a flash and a cut, at once and in a recording; reset; thumbnails of pictures of any size.
import { expect, test } from 'vitest';
import {
  depthPipeline,
  normaliseRange,
  pace,
  RangeOverTime,
  thumbnail,
  weightOver,
} from '../../../packages/dpt/src/index.ts';
import { minMax, record } from '../../../packages/tensor/src/index.ts';
import { expectWithin, settingsTensor } from '../../support/depth_maps.ts';
import { golden } from '../../support/golden.ts';
import { random, testContext } from '../../support/tensors.ts';

const film = (name: string): Float64Array => golden(`film.${name}`).data;
const frameOf = (name: string, i: number): Float32Array => {
  const size = film(name).length / 12;
  return Float32Array.from(film(name).subarray(i * size, (i + 1) * size));
};
const [alpha = 0, limit = 0] = film('alpha_cut');
const frames = Array.from({ length: 12 }, (_, i) => i);

test('ranges, cuts and normalised frames, as a recording', async () => {
  const context = await testContext();
  using over = new RangeOverTime(context);
  const framePace = context.tensor(pace({ alpha, limit }), [3]);
  using recording = await record(context, { map: [9, 16], frame: [16, 16] }, ({ map, frame }) => {
    const ends = minMax(map);
    const range = over.next(ends, frame, framePace);
    return {
      ends,
      range,
      normalised: normaliseRange(map, range),
      plain: normaliseRange(map, ends),
    };
  });
  let [without, smoothed] = [0, 0];
  let before: Float32Array[] = [];
  for (const i of frames) {
    const outputs = recording.run({ map: frameOf('maps', i), frame: frameOf('thumbnails', i) });
    expectWithin((await outputs.ends.read()).subarray(0, 2), frameOf('range', i), 0);
    expectWithin(await outputs.range.read(), frameOf('range_smoothed', i), 1e-5);
    const [, , , change, isCut] = await over.state.read();
    expectWithin([change!], [film('thumbnail_change')[i]!], 1e-5);
    expect(isCut).toBe(film('reset')[i]);
    const now = [await outputs.plain.read(), await outputs.normalised.read()];
    expectWithin(now[0]!, frameOf('min_max', i), 1e-5);
    expectWithin(now[1]!, frameOf('normalised', i), 1e-5);
    if (before.length > 0 && !isCut) {
      without += meanChange(before[0]!, now[0]!) / 10;
      smoothed += meanChange(before[1]!, now[1]!) / 10;
    }
    before = now;
  }
  expectWithin([without, smoothed], film('flicker_without_with'), 1e-5);
});

test('reset: the next frame is the first', async () => {
  const context = await testContext();
  using over = new RangeOverTime(context);
  const framePace = context.tensor(pace({ alpha, limit }), [3]);
  const next = async (i: number): Promise<Float32Array> =>
    over
      .next(
        context.tensor(frameOf('range', i), [2]),
        context.tensor(frameOf('thumbnails', i), [256]),
        framePace,
      )
      .read();
  expectWithin(await next(0), frameOf('range', 0), 0);
  expectWithin(await next(1), frameOf('range_smoothed', 1), 1e-5);
  over.reset();
  expectWithin(await next(2), frameOf('range', 2), 0);
});

test.each([
  [16, 16],
  [1, 1],
  [5, 40],
  [100, 37],
  [480, 640],
])('thumbnail of %i × %i', async (h, w) => {
  const context = await testContext();
  const next = random(h + w);
  const bytes = Uint8Array.from({ length: 4 * h * w }, () => next() * 256);
  const y = await thumbnail(context.tensor(bytes, [h, w], 'u32')).read();
  const expected = Array.from({ length: 256 }, (_, i) => {
    const areaOf = (place: number, size: number): [number, number] => {
      const first = Math.floor((place * size) / 16);
      return [first, Math.max(Math.floor(((place + 1) * size) / 16), first + 1)];
    };
    const [top, bottom] = areaOf(Math.floor(i / 16), h);
    const [left, right] = areaOf(i % 16, w);
    let sum = 0;
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const [r = 0, g = 0, b = 0] = bytes.subarray(4 * (row * w + column));
        sum += (0.299 * r + 0.587 * g + 0.114 * b) / 255;
      }
    }
    return sum / ((bottom - top) * (right - left));
  });
  expectWithin(y, expected, 1e-5);
});

test('in the pipeline: a jump of the range is followed slowly', async () => {
  const context = await testContext();
  using over = new RangeOverTime(context);
  const overTime = {
    range: over,
    pixels: context.tensor(new Uint32Array(64), [8, 8], 'u32'),
    pace: context.tensor(pace(), [3]),
  };
  const settings = settingsTensor(context);
  const rangeOf = async (scale: number): Promise<number[]> => {
    const map = context.tensor(Float32Array.of(0, scale), [1, 2]);
    const { range } = depthPipeline(map, { settings, overTime });
    return [...(await range.read())];
  };
  expect(await rangeOf(1)).toEqual([0, 1]);
  expect(await rangeOf(2)).toEqual([0, 1.25]);
});

test('weights over time: two steps leave as much of what was as one of their length', () => {
  const left = (passed: number): number => 1 - weightOver(0.5, passed);
  expect(left(0.04) * left(0.06)).toBeCloseTo(left(0.1), 12);
  expect(left(0.5)).toBeCloseTo(Math.exp(-1), 12);
  // Nothing has passed, nor when a clock goes back; over no time all is new.
  expect([weightOver(0.5, 0), weightOver(0.5, -1), weightOver(0, 0)]).toEqual([0, 0, 1]);
});

test('errors', async () => {
  const context = await testContext();
  using over = new RangeOverTime(context);
  const values = context.tensor(new Float32Array(3), [3], 'f32', 'values');
  expect(() => over.next(values, values, values)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: RangeOverTime.next: values is [3]; needs 256 values.]`,
  );
  expect(() => pace({ alpha: 2 })).toThrowErrorMatchingInlineSnapshot(
    `[DptError: pace: alpha is 2, still 2 and limit 0.25; needs 0 ≤ alpha, still ≤ 1, limit ≥ 0.]`,
  );
  expect(() => thumbnail(values.reshape([1, 3]))).toThrowErrorMatchingInlineSnapshot(
    `[DptError: thumbnail: values is [1, 3] f32; pixels are u32, four bytes RGBA, at least one.]`,
  );
});

function meanChange(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;
}
