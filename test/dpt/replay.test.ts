// A whole model replayed: nothing is made on the GPU, whatever the picture, and one submission does it. Not here: small nets
// (test/tensor/recording.test.ts), how long it takes (bench/replay.ts).
import { expect, onTestFinished, test } from 'vitest';
import { record } from '../../packages/tensor/src/recording.ts';
import { testDevice } from '../support/device.ts';
import { tinyModel } from '../support/models.ts';
import { loadModel, randomImage } from '../support/run_model.ts';
import { testContext } from '../support/tensors.ts';
import { watchDevice } from '../support/watch_device.ts';

test('a replay makes no object on the GPU and submits once', async () => {
  const context = await testContext();
  const device = await testDevice();
  const model = await loadModel(context, tinyModel);
  const [first, second] = [randomImage([1, 42, 56], 1), randomImage([1, 42, 56], 2)];
  using recording = await record(context, { image: first.shape }, ({ image }) => ({
    depth: model.forward(image),
  }));
  recording.run({ image: first.data });

  const watch = watchDevice(device);
  let submissions = 0;
  const { queue } = device;
  const submit = queue.submit.bind(queue);
  queue.submit = (buffers) => {
    submissions++;
    return submit(buffers);
  };
  onTestFinished(() => {
    Reflect.deleteProperty(queue, 'submit');
  });
  recording.run({ image: second.data });
  recording.run();
  expect(watch.total()).toBe(0);
  expect(submissions).toBe(2);
  // The control: reading copies into a buffer of its own.
  await recording.outputs.depth.read();
  expect(watch.calls).toEqual(new Map([['createBuffer', 1]]));
  expect(submissions).toBe(3);
  model.dispose();
});
