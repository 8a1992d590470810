import { type NodeGpu, requestDevice } from '../../packages/tensor/src/node.ts';

/** Features that a test may use after asking the device whether it has them. */
const optional = [
  'shader-f16',
  'timestamp-query',
  'subgroups',
  'subgroup-size-control',
  'chromium-experimental-subgroup-matrix',
] as GPUFeatureName[];

let opened: Promise<NodeGpu> | undefined;
let errors: string[] = [];

async function open(): Promise<NodeGpu> {
  const gpu = await requestDevice({
    describe: ({ features, limits }) => ({
      label: 'test',
      requiredFeatures: optional.filter((feature) => features.has(feature)),
      requiredLimits: everyLimit(limits),
    }),
  });
  gpu.device.addEventListener('uncapturederror', (event) => {
    event.preventDefault();
    errors.push(`${event.error.constructor.name}: ${event.error.message}`);
  });
  void gpu.device.lost.then(({ reason, message }) => {
    if (reason !== 'destroyed') errors.push(`the device was lost: ${message}`);
  });
  return gpu;
}

/**
 * The device of the tests of a process, with every limit and optional feature that the adapter offers: kernels stay compiled
 * from file to file. Errors that nobody captures fail the test that caused them. Fails where there is no adapter: a test that
 * did not run has not passed.
 */
export async function testDevice(): Promise<GPUDevice> {
  opened ??= open();
  return (await opened).device;
}

/** What the tests run on, in one line. */
export async function testAdapterDescription(): Promise<string> {
  opened ??= open();
  return (await opened).description;
}

/** All limits of an adapter, to be required as they are. */
function everyLimit(limits: GPUSupportedLimits): Record<string, number> {
  const all: Record<string, number> = {};
  // The names are getters on the prototype, so Object.entries sees none of them.
  for (const name in limits) {
    const value: unknown = Reflect.get(limits, name);
    if (typeof value === 'number') all[name] = value;
  }
  return all;
}

/** Throws what nobody captured since it was last called. device_setup.ts does so after every test. */
export async function expectNoErrors(): Promise<void> {
  const gpu = await opened?.catch(() => undefined);
  // Errors arrive with the answers to later calls, so the test's own are all in once the queue has answered.
  await gpu?.device.queue.onSubmittedWorkDone().catch(() => {});
  const found = errors;
  errors = [];
  if (found.length > 0) throw new Error(`WebGPU reported errors:\n  ${found.join('\n  ')}`);
}
