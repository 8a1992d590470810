// The steps from a depth map to a picture against numbers computed by numpy, OpenCV and PyTorch (test/fixtures/postprocess), each step
// from the stored result of the one before, and the whole chain. Not here: distances, masks, normals, meshes and films,
// which have files of their own; options that the stored chains do not use (pipeline.test.ts).
import { describe, expect, test } from 'vitest';
import {
  colourMaps,
  colourWords,
  countNotFinite,
  depthLevels,
  depthPipeline,
  equaliseLevels,
  normaliseRange,
  percentileRange,
  planeOfBestFit,
  removePlane,
  resizeMap,
  subtractPlane,
} from '../../../packages/dpt/src/index.ts';
import {
  lookup,
  minMax,
  nearestResize,
  replaceNonFinite,
} from '../../../packages/tensor/src/index.ts';
import {
  expectWithin,
  goldenLevels,
  goldenTensor,
  readWords,
  settingsTensor,
} from '../../support/depth_maps.ts';
import { golden, goldens, mapsWith } from '../../support/golden.ts';
import { testContext } from '../../support/tensors.ts';

const pair = (name: string): readonly [number, number] => {
  const [a, b] = golden(name).data;
  return [a!, b!];
};

test.each(mapsWith('.clean'))(
  '%s: non-finite values become the smallest finite one',
  async (name) => {
    const context = await testContext();
    const map = goldenTensor(context, `${name}.map`);
    const clean = replaceNonFinite(map, minMax(map));
    expectWithin(await clean.read(), golden(`${name}.clean`).data, 0);
  },
);

test.each(mapsWith('.not_finite'))('%s: values that are not finite, by kind', (name) => {
  const { nan, plusInfinity, minusInfinity } = countNotFinite(golden(`${name}.map`).data);
  expect([nan, plusInfinity, minusInfinity]).toEqual([...golden(`${name}.not_finite`).data]);
});

test.each(mapsWith('.min_max').filter((name) => goldens.has(`${name}.clean`)))(
  '%s: brought to 0 … 1 by its ends',
  async (name) => {
    const context = await testContext();
    const clean = goldenTensor(context, `${name}.clean`);
    const y = normaliseRange(clean, minMax(clean));
    expectWithin(await y.read(), golden(`${name}.min_max`).data, 1e-6);
  },
);

test.each(mapsWith('.percentile'))('%s: brought to 0 … 1 by its percentiles', async (name) => {
  const context = await testContext();
  const clean = goldenTensor(
    context,
    goldens.has(`${name}.clean`) ? `${name}.clean` : `${name}.map`,
  );
  const settings = settingsTensor(context, { percentiles: pair('param.percentiles') });
  const ends = minMax(clean);
  const range = percentileRange(clean, ends, settings);
  const [min, max] = await ends.read();
  expectWithin(await range.read(), golden(`${name}.percentile_range`).data, 1e-6 * (max! - min!));
  expectWithin(await normaliseRange(clean, range).read(), golden(`${name}.percentile`).data, 1e-5);
});

describe.each(mapsWith('.plane'))('%s: plane of best fit', (name) => {
  test('as heights over the map', async () => {
    const context = await testContext();
    const z = goldenTensor(context, `${name}.min_max`);
    const [H, W] = z.shape as [number, number];
    const heights = ([a, b, c]: ArrayLike<number> & Iterable<number>): number[] =>
      Array.from({ length: H * W }, (_, i) => a! * (i % W) + b! * Math.floor(i / W) + c!);
    const plane = heights(await planeOfBestFit(z).read());
    expectWithin(plane, heights(golden(`${name}.plane`).data), 1e-5);
    const image = goldens.get(`${name}.plane_image`);
    if (image) expectWithin(plane, image.data, 1e-5);
  });

  test.each(['0.5', '1.0'].filter((k) => goldens.has(`${name}.plane_removed_${k}`)))(
    'removed with strength %s',
    async (k) => {
      const context = await testContext();
      const z = goldenTensor(context, `${name}.min_max`);
      const settings = settingsTensor(context, { planeStrength: Number(k) });
      const y = removePlane(z, planeOfBestFit(z), settings);
      expectWithin(await y.read(), golden(`${name}.plane_removed_${k}`).data, 1e-4);
    },
  );
});

test('a tilted plane leaves nothing', async () => {
  const context = await testContext();
  const z = goldenTensor(context, 'tilted.min_max');
  const settings = settingsTensor(context, { planeStrength: 1 });
  const left = subtractPlane(z, planeOfBestFit(z), settings);
  expectWithin(await left.read(), golden('tilted.left_over').data, 1e-6);
});

describe.each(mapsWith('.thresholded'))('%s', (name) => {
  const z = `${name}.min_max`;
  const thresholds = pair(`${name}.threshold_lo_hi`);

  test('thresholds, reversal and levels', async () => {
    const context = await testContext();
    const map = goldens.has(z)
      ? goldenTensor(context, z)
      : normaliseRange(
          goldenTensor(context, `${name}.map`),
          minMax(goldenTensor(context, `${name}.map`)),
        );
    const plain = depthLevels(map, settingsTensor(context));
    expectWithin(await readWords(plain.levels), golden(`${name}.bytes`).data, 1);
    const band = depthLevels(map, settingsTensor(context, { thresholds }));
    expectWithin(await band.values.read(), golden(`${name}.thresholded`).data, 1e-5);
    expectWithin(await readWords(band.levels), golden(`${name}.bytes_thresholded`).data, 1);
    const reversed = goldens.get(`${name}.reversed`);
    const sixteen = goldens.get(`${name}.sixteen_bit`);
    if (sixteen) {
      const levels = (await band.values.read()).map((value) => Math.round(65_535 * value));
      expectWithin(levels, sixteen.data, 1);
    }
    if (reversed) {
      const back = depthLevels(map, settingsTensor(context, { thresholds, reverse: true }));
      expectWithin(await back.values.read(), reversed.data, 1e-5);
    }
  });

  test.each([0.5, 2.2].filter((gamma) => goldens.has(`${name}.gamma_${gamma}`)))(
    'gamma %d',
    async (gamma) => {
      const context = await testContext();
      const settings = settingsTensor(context, { thresholds, gamma });
      const { values } = depthLevels(goldenTensor(context, z), settings);
      expectWithin(await values.read(), golden(`${name}.gamma_${gamma}`).data, 1e-5);
    },
  );

  test('equalised from stored levels, exactly', async () => {
    const context = await testContext();
    const map = goldenTensor(context, z);
    const all = equaliseLevels(
      goldenLevels(context, `${name}.bytes`),
      map,
      settingsTensor(context),
    );
    expectWithin(await readWords(all), golden(`${name}.equalised`).data, 0);
    const kept = equaliseLevels(
      goldenLevels(context, `${name}.bytes_thresholded`),
      map,
      settingsTensor(context, { thresholds }),
    );
    expectWithin(await readWords(kept), golden(`${name}.equalised_thresholded`).data, 0);
  });
});

describe.each(mapsWith('.chain_0'))('%s: the whole chain', (name) => {
  test.each([0, 1, 2, 3, 4, 5])('with options %i', async (i) => {
    const context = await testContext();
    const [low, high, planeStrength, lo, hi, gamma, equalise, reverse] = golden(
      `${name}.chain_${i}_options`,
    ).data as unknown as [number, number, number, number, number, number, number, number];
    const { levels } = depthPipeline(goldenTensor(context, `${name}.map`), {
      settings: settingsTensor(context, {
        percentiles: [low, high],
        planeStrength,
        thresholds: [lo, hi],
        gamma,
        reverse: reverse === 1,
      }),
      percentiles: low !== 0 || high !== 100,
      plane: true,
      equalise: equalise === 1,
    });
    const expected = golden(`${name}.chain_${i}`).data;
    const actual = await readWords(levels);
    if (equalise === 1) {
      // A level that rounds the other way moves all that share it, hence a share of the pixels and not none.
      const off = actual.filter((level, at) => Math.abs(level - expected[at]!) > 2);
      expect(off.length / actual.length).toBeLessThanOrEqual(0.005);
    } else expectWithin(actual, expected, 1);
  });
});

test.each(colourMaps)('colours of %s', (map) => {
  const theirs = { spectral: 'Spectral_r', grey: 'gray' }[map as string] ?? map;
  const words = colourWords(map);
  const rgb = Array.from(words).flatMap((word) => [
    word & 255,
    (word >> 8) & 255,
    (word >> 16) & 255,
  ]);
  expectWithin(rgb, golden(`colour.${theirs}`).data, 0);
  expect(words.every((word) => word >>> 24 === 255)).toBe(true);
});

test.each(
  [
    ['scene.coloured_magma', 'scene.bytes', 'magma'],
    ['dog.coloured_Spectral_r', 'dog.equalised_thresholded', 'spectral'],
  ].filter(([name]) => goldens.has(name!)) as ['scene.coloured_magma', string, 'magma'][],
)('%s', async (name, levels, map) => {
  const context = await testContext();
  const table = context.tensor(colourWords(map), [256], 'u32');
  const words = await readWords(lookup(goldenLevels(context, levels), table));
  const rgb = Array.from(words).flatMap((word) => [
    word & 255,
    (word >> 8) & 255,
    (word >> 16) & 255,
  ]);
  expectWithin(rgb, golden(name).data, 0);
});

const resizes = [...goldens.keys()].flatMap((name) => {
  const [, map, H, W, method] = /^(\w+)\.resized_(\d+)x(\d+)\.(\w+)$/.exec(name) ?? [];
  const source = `${map}.clean`;
  return method && goldens.has(source)
    ? [{ name, source, size: [Number(H), Number(W)] as const, method }]
    : [];
});

test.each(resizes)('$name', async ({ name, source, size, method }) => {
  const context = await testContext();
  const map = goldenTensor(context, source);
  const largest = Math.max(...golden(source).data.map(Math.abs));
  const methods = {
    bilinear: 'bilinear',
    bilinear_corners: 'bilinear_align_corners',
    bicubic: 'bicubic',
    nearest_exact: 'nearest',
  } as const;
  const [H, W] = map.shape as [number, number];
  const resized =
    method === 'nearest'
      ? nearestResize(map.reshape([1, H, W, 1]), size, { corners: true })
      : resizeMap(map, size, methods[method as keyof typeof methods]);
  const tolerances: Readonly<Record<string, number>> = {
    bicubic: 1e-4,
    bilinear: 1e-5,
    bilinear_corners: 1e-5,
  };
  expectWithin(await resized.read(), golden(name).data, (tolerances[method] ?? 0) * largest);
});
