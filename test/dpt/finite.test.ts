// Values that are not finite: the step that wrote the first is named, where the map holds them and, with checkFinite,
// where a later step hides them. Not here: weights that are not finite themselves (weights).
import { expect, test } from 'vitest';
import { DepthPredictor, makeDptFromStateDict, type Photo } from '../../packages/dpt/src/index.ts';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import type { DptError, StateDict } from '../../packages/tensor/src/index.ts';
import { tinyModel } from '../support/models.ts';
import { random, testContext } from '../support/tensors.ts';

const next = random(1);
const photo: Photo = {
  ...{ width: 60, height: 60 },
  data: Uint8Array.from({ length: 60 * 60 * 4 }, () => next() * 256),
};

/** The demonstration model with one weight filled with a value. */
async function modelWith(key: string, value: number) {
  const file = await openCheckpointFile(tinyModel);
  const shape = file.tensors.get(key)!.shape;
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value);
  const tensors = new Map(file.tensors).set(key, {
    ...{ dtype: 'f32', shape },
    read: async () => new Uint8Array(values.buffer),
  });
  const changed: StateDict = { ...file, name: file.name, metadata: file.metadata, tensors };
  const { model } = await makeDptFromStateDict(await testContext(), changed);
  await file.close();
  return model;
}

test('a map that is not finite names the step', async () => {
  using model = await modelWith('depth_head.scratch.output_conv2.2.weight', 3e38);
  using predictor = new DepthPredictor(model);
  const failed = predictor.predict(photo, { size: 28 });
  await expect(failed).rejects.toThrow(
    /^The depth map has \d+ of 3600 values that are NaN or infinite; the first are in the result of linear head\.project, which is f32\. The weights or the GPU driver are at fault\.$/,
  );
  expect(((await failed.catch((error: unknown) => error)) as DptError).code).toBe('not-finite');
});

// −∞ before a ReLU becomes 0.
test('checkFinite finds what a later step hides', async () => {
  using model = await modelWith('depth_head.scratch.refinenet1.resConfUnit2.conv1.weight', -3e38);
  using trusting = new DepthPredictor(model);
  using checking = new DepthPredictor(model, { checkFinite: true });
  const { data } = await trusting.predict(photo, { size: 28 });
  expect(data.every(Number.isFinite)).toBe(true);
  await expect(checking.predict(photo, { size: 28 })).rejects.toThrow(
    /^The result of conv2d fusion\.blocks\.0\.residual2\.conv1, which is f32, has \d+ values that are NaN or infinite\./,
  );
});

test('checkFinite changes nothing where all is finite', async () => {
  const file = await openCheckpointFile(tinyModel);
  using model = (await makeDptFromStateDict(await testContext(), file)).model;
  await file.close();
  using trusting = new DepthPredictor(model);
  using checking = new DepthPredictor(model, { checkFinite: true });
  const [expected, checked] = [
    await trusting.predict(photo, { size: 28 }),
    await checking.predict(photo, { size: 28 }),
  ];
  expect(checked).toEqual(expected);
});
