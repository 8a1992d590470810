// Dawn as `navigator.gpu`, for engines that were written for browsers, with what they ask of a device counted.
import { requestAdapter } from '@dpt-webgpu/tensor/node';

/** What was asked of WebGPU so far. */
export interface Counts {
  dispatches: number;
  /** Of all buffers that were made. */
  bufferBytes: number;
}

type Method = (this: unknown, ...args: never[]) => unknown;

/** The adapter that our own engine takes, which waits politely: else peers lose a core to polling. */
export async function installNavigatorGpu(): Promise<Counts> {
  await requestAdapter(); // makes the classes of WebGPU global
  const gpu = {
    requestAdapter: async () => (await requestAdapter()).adapter,
    getPreferredCanvasFormat: () => 'bgra8unorm',
    wgslLanguageFeatures: new Set<string>(),
  };
  const navigator = { gpu, userAgent: 'Node' };
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  // tfjs looks for a window, and for a method that became the attribute `info`.
  Object.assign(globalThis, { window: globalThis });
  Object.assign(GPUAdapter.prototype, {
    requestAdapterInfo: async function (this: GPUAdapter) {
      return this.info;
    },
  });
  acceptSharedMemory();
  return countCalls();
}

export function countCalls(): Counts {
  const counts = { dispatches: 0, bufferBytes: 0 };
  const count = () => {
    counts.dispatches++;
  };
  before(GPUComputePassEncoder.prototype, 'dispatchWorkgroups', count);
  before(GPUComputePassEncoder.prototype, 'dispatchWorkgroupsIndirect', count);
  before(GPUDevice.prototype, 'createBuffer', ({ size }: GPUBufferDescriptor) => {
    counts.bufferBytes += size;
  });
  return counts;
}

function before(owner: object, name: string, see: (...args: never[]) => void): void {
  const original = Reflect.get(owner, name) as Method;
  Reflect.set(owner, name, function (this: unknown, ...args: never[]) {
    see(...args);
    return original.apply(this, args);
  });
}

/** Threaded WASM hands out views over shared memory, which browsers take and dawn.node does not. */
function acceptSharedMemory(): void {
  const { prototype } = GPUQueue;
  const original = prototype.writeBuffer;
  prototype.writeBuffer = function (buffer, offset, data, from = 0, count) {
    const view = ArrayBuffer.isView(data) ? data : new Uint8Array(data);
    if (!(view.buffer instanceof SharedArrayBuffer)) {
      return original.call(this, buffer, offset, data as BufferSource, from, count);
    }
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    const unit = 'BYTES_PER_ELEMENT' in view ? Number(view.BYTES_PER_ELEMENT) : 1;
    const end = count === undefined ? undefined : (from + count) * unit;
    return original.call(this, buffer, offset, bytes.slice(from * unit, end));
  };
}
