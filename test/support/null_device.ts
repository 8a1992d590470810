import { type NodeGpu, requestDevice } from '../../packages/tensor/src/node.ts';

let opened: Promise<NodeGpu> | undefined;

/**
 * A device of Dawn's null backend: it checks shaders and pipelines with every feature that Dawn knows, also those that no
 * adapter at hand has, and computes nothing.
 */
export async function nullDevice(): Promise<GPUDevice> {
  opened ??= requestDevice({
    software: 'auto',
    toggles: ['backend=null', 'allow_unsafe_apis'],
    describe: ({ features }) => ({ requiredFeatures: [...features] as GPUFeatureName[] }),
  });
  return (await opened).device;
}
