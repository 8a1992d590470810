// DepthPredictor on the demonstration model at small sizes: equal to its parts called one by one, both presets, map at
// the photo's and at the network's size, overlapping calls, many calls with flat memory, sizes forgotten, aborts before
// and in the middle, photos of one pixel and of one row, bad photos, disposal, a model that gives NaN.
import { expect, test } from 'vitest';
import {
  buildDpt,
  DepthPredictor,
  type DptOptions,
  makeDptFromStateDict,
  networkSize,
  planPrediction,
  recognise,
} from '../../packages/dpt/src/index.ts';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import {
  bilinearResize,
  Context,
  imageToTensor,
  type StateDict,
} from '../../packages/tensor/src/index.ts';
import { tinyModel } from '../support/models.ts';
import { compare, random, testContext } from '../support/tensors.ts';

const size = 56;

async function open(options: DptOptions = {}) {
  const context = await testContext();
  const file = await openCheckpointFile(tinyModel);
  const { model, config } = await makeDptFromStateDict(context, file, options);
  await file.close();
  return { context, model, config, predictor: new DepthPredictor(model) };
}

/** Smooth stripes with noise, so that no two pixels are alike. */
function photoOf(width: number, height: number, seed = 1) {
  const next = random(seed);
  const data = Uint8Array.from({ length: width * height * 4 }, (_, i) => {
    const x = Math.floor(i / 4) % width;
    return 100 + 80 * Math.sin(x * 0.1 + (i % 4)) + 40 * next();
  });
  return { width, height, data };
}

test('the same as its parts one by one', async () => {
  const { context, model, config, predictor } = await open();
  const photo = photoOf(90, 60);
  const depth = await predictor.predict(photo, { size });
  expect(depth).toMatchObject({ width: 90, height: 60, kind: 'relative' });
  expect(depth.networkSize).toEqual({ width: 84, height: 56 });

  const parts = context.scope(() => {
    const pixels = context.tensor(photo.data, [60, 90], 'u32');
    const image = imageToTensor(pixels, { size: [56, 84], ...config.image });
    const map = model.forward(image).reshape([1, 56, 84, 1]);
    return bilinearResize(map, [60, 90], { alignCorners: true });
  });
  expect(await parts.read()).toEqual(depth.data);
});

test('the map as it leaves the network', async () => {
  const { predictor } = await open();
  const depth = await predictor.predict(photoOf(90, 60), { size, output: 'network' });
  expect(depth).toMatchObject({ width: 84, height: 56, networkSize: { width: 84, height: 56 } });
});

test('muggled: a square, or the aspect kept', async () => {
  const { predictor } = await open({ preset: 'muggled' });
  const photo = photoOf(90, 60);
  const square = await predictor.predict(photo, { size });
  expect(square.networkSize).toEqual({ width: 56, height: 56 });
  const kept = await predictor.predict(photo, { size: 84, square: false });
  expect(kept.networkSize).toEqual({ width: 84, height: 56 });
  expect([kept.width, kept.height]).toEqual([90, 60]);
});

test('calls that overlap do not mix', async () => {
  const { predictor } = await open();
  const photos = [photoOf(64, 60, 1), photoOf(64, 60, 2), photoOf(60, 64, 3)];
  const alone = [];
  for (const photo of photos) alone.push((await predictor.predict(photo, { size })).data);
  const together = await Promise.all(photos.map((photo) => predictor.predict(photo, { size })));
  for (const [i, { data }] of together.entries()) expect(data).toEqual(alone[i]);
  expect(compare(alone[0]!, alone[1]!).worst).toBeGreaterThan(0);
});

test('200 photos: memory stays flat, old sizes are forgotten', { timeout: 180_000 }, async () => {
  const { context, predictor } = await open();
  const sizes = [
    [60, 60],
    [61, 60],
    [60, 61],
    [62, 60],
    [60, 62],
  ] as const;
  const round = async () => {
    for (const [w, h] of sizes) await predictor.predict(photoOf(w, h), { size: 28 });
    return context.memory();
  };
  const first = await round();
  let last = await round();
  for (let n = 2; n < 40; n++) last = await round();
  expect(last).toEqual(first);
});

test('abort: before, in the middle, and the next call works', async () => {
  const { predictor } = await open();
  const photo = photoOf(70, 60);
  await expect(predictor.predict(photo, { size, signal: AbortSignal.abort() })).rejects.toThrow(
    /abort/i,
  );
  const controller = new AbortController();
  const aborted = predictor.predict(photo, { size, signal: controller.signal });
  const other = predictor.predict(photo, { size });
  controller.abort();
  await expect(aborted).rejects.toThrow(/abort/i);
  expect((await other).data.length).toBe(70 * 60);
});

test('one pixel, one row', async () => {
  const { predictor } = await open({ preset: 'muggled' });
  const pixel = await predictor.predict(photoOf(1, 1), { size });
  expect([pixel.width, pixel.height]).toEqual([1, 1]);
  const row = await predictor.predict(photoOf(400, 1), { size, square: false });
  expect(row.networkSize).toEqual({ width: 56, height: 28 });
  expect(row.data.length).toBe(400);
});

test('photos that are none', async () => {
  const { predictor } = await open();
  const short = { width: 2, height: 2, data: new Uint8Array(12) };
  await expect(predictor.predict(short)).rejects.toThrowErrorMatchingInlineSnapshot(
    `[DptError: The photo is 2×2 with 12 bytes; RGBA needs 16.]`,
  );
  const empty = { width: 0, height: 2, data: new Uint8Array(0) };
  await expect(predictor.predict(empty)).rejects.toThrowErrorMatchingInlineSnapshot(
    `[DptError: The photo is 0×2; both sides must be whole and at least 1.]`,
  );
});

test('dispose frees everything but the model', async () => {
  const { context, model, predictor } = await open();
  await predictor.predict(photoOf(60, 60), { size: 28 });
  predictor.dispose();
  predictor.dispose();
  await expect(predictor.predict(photoOf(60, 60), { size: 28 })).rejects.toThrow('was disposed');
  model.dispose();
  context.dispose();
  expect(context.memory().total).toBe(0);
});

test('a map that is not finite is an error, not a black picture', async () => {
  const file = await openCheckpointFile(tinyModel);
  // Two finite weights whose product overflows: the loader has nothing to refuse.
  const key = 'depth_head.scratch.output_conv2.2.weight';
  const huge = new Float32Array(32).fill(3e38);
  const tensors = new Map(file.tensors).set(key, {
    dtype: 'f32',
    shape: [1, 32, 1, 1],
    read: async () => new Uint8Array(huge.buffer),
  });
  const broken: StateDict = { ...file, name: file.name, metadata: file.metadata, tensors };
  const { model } = await makeDptFromStateDict(await testContext(), broken);
  const predictor = new DepthPredictor(model);
  await expect(predictor.predict(photoOf(60, 60), { size: 28 })).rejects.toThrow(
    /The depth map has \d+ of 3600 values that are NaN or infinite/,
  );
  await file.close();
});

test('planned without a device, before any weight is read', async () => {
  const file = await openCheckpointFile(tinyModel);
  const model = buildDpt(Context.planning(), recognise(file));
  const photo = { width: 518, height: 518 };
  const { largestBinding, steps, bytes } = planPrediction(model, photo, { size: 518 });
  const { width, height } = networkSize(photo, model.config.image, { size: 518 });
  // The head's refined map at the picture's size, 32 channels of f32.
  expect(largestBinding).toBe(width * height * 32 * 4);
  expect(steps.length).toBeGreaterThan(90);
  expect(bytes).toBeGreaterThan(largestBinding);
  await file.close();
});
