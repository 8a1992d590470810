// What a program in TypeScript touches, under the strictest settings.
import { openModel } from '@dpt-webgpu/cli/default-model';
import { type DepthMap, DepthPredictor, makeDptFromStateDict } from '@dpt-webgpu/dpt';
import { memorySource, openCheckpoint } from '@dpt-webgpu/loaders';
import { readPicture } from '@dpt-webgpu/loaders/node';
import { Context, defineKernel, linear, type StateDict, type Tensor } from '@dpt-webgpu/tensor';
import { requestDevice } from '@dpt-webgpu/tensor/node';

export async function depthOf(
  device: GPUDevice,
  weights: ArrayBuffer,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const context = new Context(device);
  const stateDict: StateDict = await openCheckpoint(memorySource(weights), { signal });
  const { model } = await makeDptFromStateDict(context, stateDict, { signal });
  using predictor = new DepthPredictor(model);
  const photo = { width: 1, height: 1, data: new Uint8Array(4) };
  const depth: DepthMap = await predictor.predict(photo, { signal });
  return depth.data;
}

export const clamp = defineKernel('clamp', {
  reads: ['x'],
  writes: ['y'],
  params: { low: 'f32' },
  source: '',
});

export function twice(x: Tensor, weight: Tensor): Tensor {
  clamp.dispatch({ x, y: weight }, { params: { low: 0 }, workgroups: 1 });
  // @ts-expect-error: a binding that the kernel has not
  clamp.dispatch({ x, z: weight }, { params: { low: 0 }, workgroups: 1 });
  return linear(linear(x, weight), weight);
}

export const inNode = async (): Promise<GPUDevice> => (await requestDevice()).device;
export { openModel, readPicture };
