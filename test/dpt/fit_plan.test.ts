// planFor: what it says beforehand is what a loaded model and a recording then take, in bytes and in the largest
// binding; limits one byte too small; memory; f16; every family's tiny model; the largest size that fits is the last one
// that does. No byte of weights is read: the file is closed before.
import { describe, expect, test } from 'vitest';
import {
  buildDpt,
  DepthPredictor,
  largestSizeThatFits,
  planFor,
  recognise,
} from '../../packages/dpt/src/index.ts';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import { type Capabilities, defaultCapabilities } from '../../packages/tensor/src/index.ts';
import { stateDictOfShapes } from '../../scripts/state_dict_shapes.ts';
import { tinyModel } from '../support/models.ts';
import { loadModel } from '../support/run_model.ts';
import { testContext } from '../support/tensors.ts';

const photo = { width: 90, height: 60 };
const size = 56;

async function configOf(path = tinyModel) {
  const file = await openCheckpointFile(path);
  const { config } = recognise(file);
  await file.close();
  return config;
}

test('says what a loaded model takes', async () => {
  const config = await configOf();
  const context = await testContext();
  const plan = planFor(config, photo, context.capabilities, { size });
  expect(plan).toMatchObject({
    fits: true,
    problem: undefined,
    networkSize: { width: 84, height: 56 },
  });

  const model = await loadModel(context, tinyModel);
  expect(context.memory().weights).toBe(plan.bytes.weights);
  const live = await new DepthPredictor(model).live(photo, { size });
  const { slots, caches, weights } = context.memory();
  // `live` has the smallest and largest value of the map besides, and its tables of the resize.
  expect(slots).toBeGreaterThanOrEqual(plan.bytes.slots);
  expect(slots).toBeLessThan(plan.bytes.slots * 1.01 + 4096);
  expect(weights + caches).toBe(plan.bytes.weights + plan.bytes.caches);
  expect(live.depth.bytes + 56 * 84 * 3 * 4).toBe(plan.bytes.tensors);
  expect(plan.bytes.total).toBe(
    plan.bytes.weights + plan.bytes.caches + plan.bytes.slots + plan.bytes.tensors,
  );
});

test('the largest binding decides, to the byte', async () => {
  const config = await configOf();
  const { capabilities } = await testContext();
  const { largestBinding } = planFor(config, photo, capabilities, { size });
  const limits = (bytes: number): Capabilities => ({
    ...capabilities,
    maxStorageBinding: bytes,
  });
  expect(planFor(config, photo, limits(largestBinding), { size }).fits).toBe(true);
  const { fits, problem } = planFor(config, photo, limits(largestBinding - 4), { size });
  expect(fits).toBe(false);
  expect(problem).toMatch(/^84×56: needs a .* MiB storage binding; allowed are .* MiB\./);
  // A device of exactly that runs it, and one of less refuses as foretold.
  const context = await testContext({ capabilities: { maxStorageBinding: largestBinding } });
  const live = await new DepthPredictor(await loadModel(context, tinyModel)).live(photo, { size });
  live.dispose();
  const small = await testContext({ capabilities: { maxStorageBinding: largestBinding - 4 } });
  const model = await loadModel(small, tinyModel);
  await expect(new DepthPredictor(model).live(photo, { size })).rejects.toMatchObject({
    code: 'limit',
  });
});

test('limits of an adapter, memory, f16', async () => {
  const config = await configOf();
  const limits = { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 };
  const f32 = planFor(config, photo, limits, { size });
  const f16 = planFor(config, photo, limits, { size, dtype: 'f16' });
  expect(f16.bytes.weights).toBeLessThan(0.6 * f32.bytes.weights);
  // The largest maps are f32 whatever the weights are.
  expect(f16.bytes.slots).toBeLessThanOrEqual(f32.bytes.slots);
  const { total } = f32.bytes;
  expect(planFor(config, photo, limits, { size, memory: total }).fits).toBe(true);
  expect(planFor(config, photo, limits, { size, memory: total - 1 }).problem).toMatch(
    /takes .* MiB/,
  );
  const without = planFor(config, photo, { ...defaultCapabilities, f16: false }, { dtype: 'f16' });
  expect(without.problem).toMatch(/no shader-f16/);
  expect(() => planFor(config, photo, limits, { size: 0 })).toThrow('size is 0');
});

test('the largest size that fits is the last that does', async () => {
  const config = await configOf();
  const memory = 24 * 2 ** 20;
  const largest = largestSizeThatFits(config, { width: 400, height: 300 }, defaultCapabilities, {
    memory,
  })!;
  const fits = (wanted: number): boolean =>
    planFor(config, { width: 400, height: 300 }, defaultCapabilities, { memory, size: wanted })
      .fits;
  expect(largest % config.image.multiple).toBe(0);
  expect([fits(largest), fits(largest + config.image.multiple)]).toEqual([true, false]);
  expect(largestSizeThatFits(config, photo, defaultCapabilities, { memory: 1000 })).toBeUndefined();
});

describe('the largest size of SwinV2', () => {
  const config = (preset: 'official' | 'muggled') =>
    recognise(stateDictOfShapes('swinv2-tiny-256'), { preset }).config;
  const square = { width: 1000, height: 1000 };
  const output = 'network';

  test.each([square, { width: 90, height: 60 }])(
    'official: its only one, for $width × $height',
    (of) => {
      const official = config('official');
      expect(largestSizeThatFits(official, of, defaultCapabilities, { output })).toBe(256);
      const memory = planFor(official, of, defaultCapabilities, { output }).bytes.total - 1;
      expect(
        largestSizeThatFits(official, of, defaultCapabilities, { output, memory }),
      ).toBeUndefined();
    },
  );

  test('muggled: sizes that no windows divide are passed over', () => {
    const muggled = config('muggled');
    const of = { width: 1130, height: 1130 };
    const roomy = { maxBufferSize: 2 ** 32, maxStorageBufferBindingSize: 2 ** 32 };
    expect(() => planFor(muggled, of, roomy, { output, size: 1120 })).toThrow('windows');
    expect(largestSizeThatFits(muggled, of, roomy, { output })).toBe(1088);
  });
});

test('needs the configuration alone', async () => {
  const file = await openCheckpointFile(tinyModel);
  const recognised = recognise(file);
  await file.close();
  const { bytes } = planFor(recognised.config, photo, defaultCapabilities);
  const context = await testContext();
  expect(buildDpt(context, recognised).weights.bytes).toBe(bytes.weights);
  expect(context.memory().weights).toBe(0);
});
