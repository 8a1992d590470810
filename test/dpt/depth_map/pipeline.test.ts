// depthPipeline against its f64 reference: every option by itself and a random sample of combinations, within one level of 255; awkward
// sizes, maps with one value, one finite value, none; the extremes of f32; metric maps; sizes and guides; the same in a recording whose
// settings change; memory; errors. Equalisation is compared exactly from the levels that the GPU has before it, because a level that rounds
// the other way moves all that share it.
import { describe, expect, test } from 'vitest';
import {
  colourTable,
  colourWords,
  depthPipeline,
  depthSettings,
  guidedUpsample,
} from '../../../packages/dpt/src/index.ts';
import type { Context } from '../../../packages/tensor/src/context.ts';
import { record } from '../../../packages/tensor/src/index.ts';
import type { Tensor } from '../../../packages/tensor/src/tensor.ts';
import * as reference from '../../reference/depth_map.ts';
import type { Nd } from '../../reference/nd.ts';
import { expectWithin, readWords, settingsTensor } from '../../support/depth_maps.ts';
import { dtypesOf, random, randomNd, testContext, upload } from '../../support/tensors.ts';

const plain: reference.ChainOptions = {
  metric: false,
  percentiles: undefined,
  planeStrength: undefined,
  thresholds: [0, 1],
  gamma: 1,
  equalise: false,
  reverse: false,
};

const pipelineOptions = (options: reference.ChainOptions, settings: Tensor) => ({
  settings,
  kind: options.metric ? ('metric' as const) : ('relative' as const),
  percentiles: options.percentiles !== undefined,
  plane: options.planeStrength !== undefined,
  equalise: options.equalise,
});

function settingsOf(context: Context, options: reference.ChainOptions): Tensor {
  const { percentiles = [0, 100], planeStrength = 0, thresholds, gamma, reverse } = options;
  return settingsTensor(context, { percentiles, planeStrength, thresholds, gamma, reverse });
}

async function expectAsReference(map: Nd, options: reference.ChainOptions): Promise<void> {
  const context = await testContext();
  const x = upload(context, map);
  const settings = settingsOf(context, options);
  const actual = depthPipeline(x, pipelineOptions(options, settings));
  const expected = reference.chain(map, options);
  expectWithin(
    await actual.clean.read(),
    reference.clean(map, options.metric ? 'max' : 'min').data,
    0,
  );
  expectWithin(await actual.nearness.read(), expected.nearness.data, 1e-4);
  const levels = await readWords(actual.levels);
  if (!options.equalise) {
    expectWithin(await actual.values.read(), expected.values.data, 1 / 255);
    expectWithin(levels, expected.levels, 1);
    return;
  }
  const before = await readWords(
    depthPipeline(x, {
      ...pipelineOptions(options, settingsOf(context, { ...options, reverse: false })),
      equalise: false,
    }).levels,
  );
  const z = await actual.nearness.read();
  const [lo, hi] = options.thresholds.map(Math.fround) as [number, number];
  const table = reference.equaliseTable(before.filter((_, i) => z[i]! >= lo && z[i]! <= hi));
  const equalised = Array.from(before, (u) => (options.reverse ? 255 - table[u]! : table[u]!));
  expectWithin(levels, equalised, 0);
}

/** A floor, a box on it, noise, and a few values that are not finite. */
function scene(H: number, W: number, seed: number): Nd {
  const noise = randomNd([H, W], { seed, mean: 4, std: 0.1 });
  const data = noise.data.map((value, i) => {
    const x = (i % W) / W;
    const y = Math.floor(i / W) / H;
    const box = Math.abs(x - 0.5) < 0.2 && Math.abs(y - 0.4) < 0.2 ? 2 : 0;
    return Math.fround(value + 3 * y + x + box);
  });
  [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].forEach((bad, i) => {
    if (data.length > 20) data[(i * 7 + seed) % data.length] = bad;
  });
  return { shape: [H, W], data };
}

describe('each option by itself', () => {
  test.each<Partial<reference.ChainOptions>>([
    {},
    { metric: true },
    { percentiles: [2, 98] },
    { percentiles: [0, 100] },
    { percentiles: [50, 50] },
    { percentiles: [0.5, 99.99] },
    { planeStrength: 0 },
    { planeStrength: 1 },
    { planeStrength: -0.5 },
    { thresholds: [0.2, 0.7] },
    { thresholds: [0.5, 0.5] },
    { thresholds: [1.5, 2] },
    { gamma: 0.45 },
    { gamma: 3 },
    { reverse: true },
    { equalise: true },
    { equalise: true, thresholds: [0.25, 0.75] },
    { equalise: true, thresholds: [0.25, 0.75], reverse: true },
    { equalise: true, thresholds: [1.5, 2] },
  ])('%o', async (options) => {
    await expectAsReference(scene(61, 83, 1), { ...plain, ...options });
  });
});

describe('combinations', () => {
  const next = random(7);
  const some = <T>(...values: readonly T[]): T => values[Math.floor(next() * values.length)]!;
  const sample = Array.from({ length: 24 }, (_, seed) => {
    const lo = some(0, next() * 0.5);
    return {
      seed,
      H: 1 + Math.floor(next() * 70),
      W: 1 + Math.floor(next() * 70),
      options: {
        metric: some(true, false),
        percentiles: some(undefined, [
          Math.round(next() * 10),
          90 + Math.round(next() * 10),
        ] as const),
        planeStrength: some(undefined, next() * 3 - 1),
        thresholds: [lo, some(1, lo + next() * 0.5)] as const,
        gamma: some(1, 0.3 + next() * 2),
        equalise: some(true, false),
        reverse: some(true, false),
      },
    };
  });
  test.each(sample)('$H × $W $options', async ({ seed, H, W, options }) => {
    await expectAsReference(scene(H, W, seed), options);
  });
});

const everything: reference.ChainOptions = {
  ...plain,
  percentiles: [1, 99],
  planeStrength: 0.5,
  gamma: 1.5,
  equalise: true,
};

describe.each([
  [1, 1],
  [1, 2],
  [1, 700],
  [700, 1],
  [3, 5],
  [64, 64],
  [65, 63],
  [129, 31],
])('%i × %i', (H, W) => {
  test('everything', () => expectAsReference(scene(H, W, 3), everything));
  test('one value', async () => {
    const data = new Float64Array(H * W).fill(3.25);
    for (const metric of [false, true]) {
      await expectAsReference({ shape: [H, W], data }, { ...plain, metric });
      await expectAsReference({ shape: [H, W], data }, { ...everything, metric });
    }
  });
  test('nothing finite', async () => {
    const data = new Float64Array(H * W).fill(Number.NaN);
    data[0] = Number.NEGATIVE_INFINITY;
    await expectAsReference({ shape: [H, W], data }, everything);
  });
});

// More pixels than 256 workgroups count in one go, and two levels of reduction.
test('a large map', () => expectAsReference(scene(600, 901, 5), everything));

test('values at both ends of f32', async () => {
  const largest = 3.4028234663852886e38;
  const data = Float64Array.of(-largest, 0, largest, Number.NaN, Number.POSITIVE_INFINITY, 1);
  await expectAsReference({ shape: [2, 3], data }, plain);
  await expectAsReference({ shape: [2, 3], data }, { ...plain, percentiles: [0, 100] });
});

test('a tilted plane leaves nothing, however large', async () => {
  for (const [H, W] of [
    [37, 53],
    [600, 900],
  ] as const) {
    const data = Float64Array.from({ length: H * W }, (_, i) =>
      Math.fround(0.3 + (0.5 * (i % W)) / W - 0.2 * (Math.floor(i / W) / H)),
    );
    const context = await testContext();
    const settings = settingsTensor(context, { planeStrength: 1 });
    const map = upload(context, { shape: [H, W], data });
    const { nearness } = depthPipeline(map, { settings, plane: true });
    expect((await nearness.read()).every((v) => v === 0)).toBe(true);
  }
});

test('f16 maps, and the axis of one that networks put in front', async () => {
  const context = await testContext();
  for (const dtype of dtypesOf(context)) {
    const map = randomNd([1, 20, 30], { seed: 1, mean: 3, dtype });
    const settings = settingsTensor(context);
    const result = depthPipeline(upload(context, map, dtype), { settings });
    expect(result.levels.shape).toEqual([1, 20, 30]);
    expectWithin(await readWords(result.levels), reference.chain(map, plain).levels, 1);
  }
});

test('colours are those of the levels', async () => {
  const context = await testContext();
  const colours = context.tensor(colourWords('viridis'), [256], 'u32');
  const map = upload(context, scene(20, 30, 2));
  const { levels, rgba } = depthPipeline(map, { settings: settingsTensor(context), colours });
  const table = colourTable('viridis');
  const expected = Array.from(await readWords(levels)).flatMap((level) => [
    ...table.subarray(3 * level, 3 * level + 3),
    255,
  ]);
  expectWithin(await rgba.readBytes(), expected, 0);
});

describe('another size', () => {
  test.each(['bilinear', 'bilinear_align_corners', 'bicubic', 'nearest'] as const)(
    '%s: everything after the plane happens at that size',
    async (method) => {
      const context = await testContext();
      const settings = settingsTensor(context, { thresholds: [0.2, 0.9], gamma: 0.7 });
      const map = upload(context, scene(20, 30, 2));
      const resize = { size: [45, 52], method } as const;
      const result = depthPipeline(map, { settings, plane: true, resize });
      expect(result.nearness.shape).toEqual([45, 52]);
      expect(result.clean.shape).toEqual([20, 30]);
      const nearness = { shape: [45, 52], data: Float64Array.from(await result.nearness.read()) };
      const expected = reference.levelsOf(nearness, {
        ...plain,
        thresholds: [0.2, 0.9],
        gamma: 0.7,
      });
      expectWithin(await readWords(result.levels), expected.levels, 1);
      expect(result.levels.shape).toEqual([45, 52]);
    },
  );

  test('guided by a picture, against the formula', async () => {
    const context = await testContext();
    const [H2, W2] = [24, 36];
    const next = random(3);
    const bytes = Uint8Array.from({ length: 4 * H2 * W2 }, (_, i) =>
      i % 4 === 3 ? 255 : ((i >> 2) % W2 > 17 ? 200 : 40) + next() * 30,
    );
    const guide = context.tensor(bytes, [H2, W2], 'u32', 'guide');
    const rgb = Float64Array.from({ length: 3 * H2 * W2 }, (_, i) => {
      return bytes[4 * Math.floor(i / 3) + (i % 3)]! / 255;
    });
    // Two pixels of the picture are one of the map; its antialiased resize is a triangle of four taps.
    const map = reference.normalise(reference.clean(scene(12, 18, 2)), [3, 9]);
    const small = antialiasedHalf({ shape: [H2, W2, 3], data: rgb });
    for (const options of [
      { space: 1, colour: 0.1 },
      { space: 0.5, colour: 1 },
      { space: 2, colour: 0.01 },
    ]) {
      const y = guidedUpsample(upload(context, map), guide, options);
      const expected = reference.guidedUpsample(
        map,
        small,
        { shape: [H2, W2, 3], data: rgb },
        options,
      );
      expectWithin(await y.read(), expected.data, 1e-4);
    }
  });

  test('guided edges are where the picture has them', async () => {
    const context = await testContext();
    const [H2, W2] = [32, 64];
    // The picture's edge lies at 29, between pixels of the map, which is 8 times smaller.
    const words = Uint32Array.from({ length: H2 * W2 }, (_, i) =>
      i % W2 < 29 ? 0xff202020 : 0xffe0e0e0,
    );
    const guide = context.tensor(words, [H2, W2], 'u32', 'guide');
    const map = context.tensor(
      Float32Array.from({ length: 32 }, (_, i) => Math.min(Math.max((i % 8) - 3 + 0.375, 0), 1)),
      [4, 8],
    );
    const y = await guidedUpsample(map, guide).read();
    for (let row = 0; row < H2; row++) {
      expect(y[row * W2 + 27]!).toBeLessThan(0.35);
      expect(y[row * W2 + 31]!).toBeGreaterThan(0.65);
    }
  });
});

describe('in a recording', () => {
  test('settings and colours change without recording anew', async () => {
    const context = await testContext();
    const map = scene(40, 50, 4);
    const inputs = {
      map: [1, 40, 50],
      settings: [8],
      colours: { shape: [256], dtype: 'u32' },
    } as const;
    using recording = await record(context, inputs, ({ map, settings, colours }) => {
      const { values, levels, rgba } = depthPipeline(map, {
        settings,
        colours,
        percentiles: true,
        plane: true,
        equalise: true,
      });
      return { values, levels, rgba };
    });
    for (const options of [
      everything,
      { ...everything, reverse: true, planeStrength: 1, gamma: 1 },
    ]) {
      const { percentiles, planeStrength, thresholds, gamma, reverse } = options;
      const settings = depthSettings({ percentiles, planeStrength, thresholds, gamma, reverse });
      const outputs = recording.run({
        map: Float32Array.from(map.data),
        settings,
        colours: colourWords('grey'),
      });
      const atOnce = depthPipeline(
        upload(context, map),
        pipelineOptions(options, settingsOf(context, options)),
      );
      expectWithin(await outputs.values.read(), await atOnce.values.read(), 0);
      const levels = await readWords(atOnce.levels);
      expectWithin(await readWords(outputs.levels), levels, 0);
      const bytes = await outputs.rgba.readBytes();
      expectWithin(
        bytes.filter((_, i) => i % 4 === 0),
        levels,
        0,
      );
    }
  });
});

test('what is made on the way is freed', async () => {
  const context = await testContext();
  const map = upload(context, scene(40, 50, 4));
  const options = {
    settings: settingsTensor(context),
    percentiles: true,
    plane: true,
    equalise: true,
    resize: { size: [60, 70] },
  } as const;
  const before = context.memory().tensors;
  const result = depthPipeline(map, options);
  for (const tensor of Object.values(result)) tensor?.dispose();
  expect(context.memory().tensors).toBe(before);
});

test('errors', async () => {
  const context = await testContext();
  const map = context.tensor(new Float32Array(8), [2, 2, 2], 'f32', 'maps');
  const settings = settingsTensor(context);
  const colours = context.tensor(colourWords('grey'), [256], 'u32', 'colours');
  expect(() => depthPipeline(map, { settings })).toThrowErrorMatchingInlineSnapshot(
    `[DptError: depthPipeline: maps is [2, 2, 2]; needs one map, [H, W] or [1, H, W], of at least one pixel.]`,
  );
  expect(() =>
    depthPipeline(map.reshape([2, 4]), { settings: colours }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[DptError: depthPipeline: colours is [256] u32, expected [8] f32 (see depthSettings()).]`,
  );
  expect(() => depthSettings({ percentiles: [98, 2] })).toThrowErrorMatchingInlineSnapshot(
    `[DptError: depthSettings: percentiles are 98 and 2; needs 0 ≤ low ≤ high ≤ 100.]`,
  );
  expect(() => depthSettings({ thresholds: [0.6, 0.4] })).toThrowErrorMatchingInlineSnapshot(
    `[DptError: depthSettings: thresholds are 0.6 and 0.4; needs lo ≤ hi.]`,
  );
  expect(() => depthSettings({ gamma: 0 })).toThrowErrorMatchingInlineSnapshot(
    `[DptError: depthSettings: gamma is 0; needs a number above 0.]`,
  );
  expect(() => depthSettings({ planeStrength: Number.NaN })).toThrowErrorMatchingInlineSnapshot(
    `[DptError: depthSettings: planeStrength is NaN; needs a number.]`,
  );
});

/** PyTorch's antialiased bilinear to half the size: weights 1, 3, 3, 1, those outside left out. */
function antialiasedHalf({ shape, data }: Nd): Nd {
  const [H, W] = shape as [number, number];
  const half = new Float64Array((H / 2) * (W / 2) * 3);
  for (let y = 0; y < H / 2; y++) {
    for (let x = 0; x < W / 2; x++) {
      for (let c = 0; c < 3; c++) {
        let [sum, weights] = [0, 0];
        for (let j = -1; j <= 2; j++) {
          for (let i = -1; i <= 2; i++) {
            const [sy, sx] = [2 * y + j, 2 * x + i];
            if (sy < 0 || sx < 0 || sy >= H || sx >= W) continue;
            const w = (j === 0 || j === 1 ? 3 : 1) * (i === 0 || i === 1 ? 3 : 1);
            sum += w * data[(sy * W + sx) * 3 + c]!;
            weights += w;
          }
        }
        half[(y * (W / 2) + x) * 3 + c] = sum / weights;
      }
    }
  }
  return { shape: [H / 2, W / 2, 3], data: half };
}
