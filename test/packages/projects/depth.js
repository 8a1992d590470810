// What every project does with the packages: one op, and one depth map.
import { DepthPredictor, makeDptFromStateDict } from '@dpt-webgpu/dpt';
import { memorySource, openCheckpoint } from '@dpt-webgpu/loaders';
import { Context, linear } from '@dpt-webgpu/tensor';

/** Six values of a linear layer, and four rows of a depth map. Rejects on any error that WebGPU reports. */
export async function run(device, weights) {
  const errors = [];
  device.addEventListener('uncapturederror', ({ error }) => errors.push(error.message));
  const context = new Context(device);
  const x = context.tensor(new Float32Array([1, 2, 3, 4]), [2, 2]);
  const weight = context.tensor(new Float32Array([1, 0, 2, 0, 1, 3]), [2, 3]);
  const bias = context.tensor(new Float32Array([10, 20, 30]), [3]);
  const y = await linear(x, weight, bias).read();

  const stateDict = await openCheckpoint(memorySource(weights, 'dpt_tiny.safetensors'));
  const { model } = await makeDptFromStateDict(context, stateDict);
  const predictor = new DepthPredictor(model);
  const [width, height] = [56, 42];
  const data = Uint8Array.from(
    { length: width * height * 4 },
    (_, i) => (i * 37 + (i >> 4) * 11) % 256,
  );
  const depth = await predictor.predict({ width, height, data }, { size: 56 });
  predictor.dispose();
  await device.queue.onSubmittedWorkDone();
  if (errors.length > 0) throw new Error(errors.join('\n'));
  return { y: [...y], depth: [...depth.data.slice(0, 4 * width)] };
}

/** A device of the page, of a worker, or of Deno. */
export async function ownDevice() {
  const adapter = await navigator.gpu.requestAdapter();
  return adapter.requestDevice();
}
