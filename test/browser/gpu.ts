import type { DeviceOptions, NodeGpu } from '../../packages/tensor/src/node.ts';

/** The device of a page or of a worker, in the form in which test/support/device.ts asks for one. */
export async function requestDevice({ describe }: DeviceOptions): Promise<NodeGpu> {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error('This browser has no WebGPU adapter.');
  const device = await adapter.requestDevice(describe?.(adapter));
  const description = `${adapter.info.vendor} ${adapter.info.architecture}`;
  const close = async () => device.destroy();
  return { adapter, device, description, software: adapter.info.isFallbackAdapter, close };
}
