// Masks, cut-outs and edge masks, against stored bytes; wider edges against loops; a map of one pixel, one row, one column; errors.
import { describe, expect, test } from 'vitest';
import {
  cutOut,
  depthMask,
  dilateEdges,
  edgeMask,
  normaliseRange,
  resizeMap,
} from '../../../packages/dpt/src/index.ts';
import { minMax } from '../../../packages/tensor/src/index.ts';
import * as reference from '../../reference/depth_map.ts';
import {
  expectWithin,
  goldenPixels,
  goldenTensor,
  readWords,
  settingsTensor,
} from '../../support/depth_maps.ts';
import { golden, goldens, mapsWith } from '../../support/golden.ts';
import { random, randomNd, testContext, upload } from '../../support/tensors.ts';

test.each(mapsWith('.kept').filter((name) => goldens.has(`${name}.min_max`)))(
  '%s: kept pixels',
  async (name) => {
    const context = await testContext();
    const [lo = 0, hi = 0] = golden(`${name}.threshold_lo_hi`).data;
    const z = goldenTensor(context, `${name}.min_max`);
    const mask = depthMask(z, settingsTensor(context, { thresholds: [lo, hi] }));
    expectWithin(
      (await readWords(mask)).map((level) => level / 255),
      golden(`${name}.kept`).data,
      0,
    );
  },
);

const cutouts = [...goldens.keys()].filter((name) => /^cutout\.\w+\.rgb$/.test(name));
describe.each(cutouts.map((name) => name.replace('.rgb', '')))('%s', (name) => {
  test.each(['band', 'inverted'])('%s', async (kind) => {
    const context = await testContext();
    const [lo = 0, hi = 0] = golden(`${name}.lo_hi`).data;
    const small = goldenTensor(context, 'scene.min_max');
    const { shape } = golden(`${name}.rgb`);
    const z = resizeMap(small, [shape[0]!, shape[1]!]);
    const larger = goldens.get(`${name}.min_max`);
    if (larger) expectWithin(await z.read(), larger.data, 1e-5);
    const settings = settingsTensor(context, {
      thresholds: [lo, hi],
      invertMask: kind === 'inverted',
    });
    const mask = depthMask(z, settings);
    expectWithin(await readWords(mask), golden(`${name}.mask_${kind}`).data, 0);
    const rgba = cutOut(goldenPixels(context, `${name}.rgb`), mask);
    expectWithin(await rgba.readBytes(), golden(`${name}.rgba_${kind}`).data, 0);
  });
});

test.each(mapsWith('.edge_mask'))('%s: edge mask', async (name) => {
  const context = await testContext();
  const source = [`${name}.min_max`, `${name}.value`].find((tensor) => goldens.has(tensor));
  const map = goldenTensor(context, source ?? `${name}.map`);
  const z = source ? map : normaliseRange(map, minMax(map));
  expectWithin(await readWords(edgeMask(z)), golden(`${name}.edge_mask`).data, 1);
});

test.each([
  [1, 1],
  [1, 7],
  [6, 1],
  [2, 2],
  [3, 2],
])('edge mask of %i × %i', async (H, W) => {
  const context = await testContext();
  const z = randomNd([H, W], { seed: 10 * H + W });
  const expected = reference.edgeMask(z);
  expectWithin(await readWords(edgeMask(upload(context, z))), expected.data, 1);
});

test.each([
  { H: 1, W: 1, radius: 3 },
  { H: 1, W: 7, radius: 2 },
  { H: 6, W: 1, radius: 1 },
  { H: 19, W: 23, radius: 0 },
  { H: 19, W: 23, radius: 1 },
  { H: 19, W: 23, radius: 5 },
  { H: 5, W: 4, radius: 9 },
])('edges of $H × $W that reach $radius pixels farther', async ({ H, W, radius }) => {
  const context = await testContext();
  const next = random(10 * H + W);
  const data = Float64Array.from({ length: H * W }, () => Math.floor(256 * next()));
  const mask = context.tensor(Uint32Array.from(data), [1, H, W], 'u32', 'mask');
  const expected = reference.dilateEdges({ shape: [H, W], data }, radius);
  expectWithin(await readWords(dilateEdges(mask, radius)), expected.data, 0);
});

test('errors', async () => {
  const context = await testContext();
  const pixels = context.tensor(new Uint32Array(6), [2, 3], 'u32', 'pixels');
  const mask = context.tensor(new Uint32Array(6), [3, 2], 'u32', 'mask');
  expect(() => cutOut(pixels, mask)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: cutOut: pixels is [2, 3] u32 and mask [3, 2] u32; both are u32 of one size.]`,
  );
  expect(() =>
    depthMask(
      context.tensor(new Float32Array(6), [2, 3]),
      context.tensor(new Float32Array(2), [2]),
    ),
  ).toThrowErrorMatchingInlineSnapshot(
    `[DptError: depthMask: tensor is [2] f32, expected [8] f32 (see depthSettings()).]`,
  );
  expect(() =>
    edgeMask(context.tensor(new Float32Array(12), [2, 2, 3], 'f32', 'maps')),
  ).toThrowErrorMatchingInlineSnapshot(
    `[DptError: edgeMask: maps is [2, 2, 3]; needs one map, [H, W] or [1, H, W], of at least one pixel.]`,
  );
  expect(() => dilateEdges(mask, 1.5)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: dilateEdges: mask is u32 and the radius 1.5; needs u32, as edgeMask gives it, and whole pixels from 0.]`,
  );
});
