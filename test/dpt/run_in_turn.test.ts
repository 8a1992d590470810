// Predictions in parts, as slow devices have them: the same bits as in one submission, also where calls overlap; an abort
// ends the run between two parts, for its own call only. Not here: how steps are put together (test/tensor/parts).
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { DepthPredictor, families, type Photo } from '../../packages/dpt/src/index.ts';
import type { Context } from '../../packages/tensor/src/context.ts';
import { fixtures } from '../support/models.ts';
import { loadModel } from '../support/run_model.ts';
import { random, testContext } from '../support/tensors.ts';

const file = join(fixtures, 'depth_anything_v2', 'model.safetensors');
const family = families.get('depth_anything_v2');
const whole = await testContext({ partMilliseconds: Number.POSITIVE_INFINITY });
const parted = await testContext({ partMilliseconds: 1e-9 });
const models = [
  await loadModel(whole, file, { family }),
  await loadModel(parted, file, { family }),
] as const;
afterAll(() => {
  for (const model of models) model.dispose();
});

function photoOf(width: number, height: number, seed: number): Photo {
  const next = random(seed);
  const data = Uint8Array.from({ length: width * height * 4 }, () => next() * 256);
  return { width, height, data };
}

/** Counts submissions until the test ends. */
function countSubmissions({ device: { queue } }: Context): { count: number } {
  const submit = queue.submit.bind(queue);
  const counted = { count: 0 };
  Object.defineProperty(queue, 'submit', {
    configurable: true,
    value: (buffers: GPUCommandBuffer[]) => {
      counted.count++;
      submit(buffers);
    },
  });
  onTestFinished(() => {
    Reflect.deleteProperty(queue, 'submit');
  });
  return counted;
}

const size = 56;
const photos = [photoOf(64, 60, 1), photoOf(64, 60, 2), photoOf(60, 64, 3)];

test('the same bits, alone and overlapping', async () => {
  using inOne = new DepthPredictor(models[0]);
  using inParts = new DepthPredictor(models[1]);
  const expected = [];
  for (const photo of photos) expected.push((await inOne.predict(photo, { size })).data);
  const submissions = countSubmissions(parted);
  const together = await Promise.all(photos.map((photo) => inParts.predict(photo, { size })));
  for (const [i, { data }] of together.entries()) expect(data).toEqual(expected[i]);
  expect(submissions.count).toBeGreaterThan(3 * 50);
  expect((await inParts.predict(photos[1]!, { size })).data).toEqual(expected[1]);
});

test('an abort ends its own run between two parts, and no other', async () => {
  using predictor = new DepthPredictor(models[1]);
  const expected = (await predictor.predict(photos[0]!, { size })).data;
  const submissions = countSubmissions(parted);
  await predictor.predict(photos[0]!, { size });
  const steps = submissions.count;

  submissions.count = 0;
  const controller = new AbortController();
  const aborted = predictor.predict(photos[0]!, { size, signal: controller.signal });
  const rejected = expect(aborted).rejects.toThrow('another photo was chosen');
  while (submissions.count < 5) await parted.device.queue.onSubmittedWorkDone();
  controller.abort(new Error('another photo was chosen'));
  await rejected;
  expect(submissions.count).toBeLessThan(steps / 2);
  expect((await predictor.predict(photos[0]!, { size })).data).toEqual(expected);
});
