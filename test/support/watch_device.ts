import { onTestFinished } from 'vitest';

/** What a device is asked to make, as it happens. */
export interface DeviceWatch {
  /** Calls so far by the name of the method: `createBuffer`, `createBindGroup`, … */
  readonly calls: Map<string, number>;
  /** Bytes of buffers made while watched and not destroyed. */
  liveBytes: number;
  /** Which call of `createBuffer` from now on throws: 1 is the next. It throws once. */
  failBuffer: number | undefined;
  readonly total: () => number;
}

const makers = [
  'createBuffer',
  'createTexture',
  'createSampler',
  'createBindGroup',
  'createBindGroupLayout',
  'createPipelineLayout',
  'createShaderModule',
  'createComputePipeline',
  'createComputePipelineAsync',
  'createQuerySet',
] as const;

/** Counts what is made on a device, until the test ends. */
export function watchDevice(device: GPUDevice): DeviceWatch {
  const calls = new Map<string, number>();
  const watch: DeviceWatch = {
    calls,
    liveBytes: 0,
    failBuffer: undefined,
    total: () => [...calls.values()].reduce((a, b) => a + b, 0),
  };
  for (const name of makers) {
    const original = device[name] as (...args: unknown[]) => unknown;
    const counted = (...args: unknown[]): unknown => {
      calls.set(name, (calls.get(name) ?? 0) + 1);
      if (name !== 'createBuffer') return original.apply(device, args);
      if (watch.failBuffer !== undefined && --watch.failBuffer === 0) {
        watch.failBuffer = undefined;
        throw new RangeError('createBuffer failed, as the test wants');
      }
      return counting(original.apply(device, args) as GPUBuffer, watch);
    };
    Object.defineProperty(device, name, { value: counted, configurable: true });
  }
  // Without the properties of its own the device is what its prototype says.
  onTestFinished(() => {
    for (const name of makers) Reflect.deleteProperty(device, name);
  });
  return watch;
}

function counting(buffer: GPUBuffer, watch: DeviceWatch): GPUBuffer {
  const destroy = buffer.destroy.bind(buffer);
  let live = true;
  watch.liveBytes += buffer.size;
  Object.defineProperty(buffer, 'destroy', {
    value: () => {
      if (live) watch.liveBytes -= buffer.size;
      live = false;
      return destroy();
    },
  });
  return buffer;
}
