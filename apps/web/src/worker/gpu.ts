import { Context, isSoftware } from '@dpt-webgpu/tensor';
import { EngineError, type Failure } from './protocol.ts';

/** What the page shows of the adapter. */
export interface GpuInfo {
  readonly name: string;
  readonly software: boolean;
  readonly f16: boolean;
  readonly subgroups: boolean;
  readonly largestBuffer: number;
  /** Bytes to plan with. Browsers do not say how much memory a GPU has. */
  readonly budget: number;
}

export type GpuState =
  | { readonly state: 'opening' }
  | { readonly state: 'ready'; readonly info: GpuInfo }
  | { readonly state: 'lost'; readonly attempt: number; readonly attempts: number }
  | { readonly state: 'failed'; readonly failure: Failure };

/** A device with a context of ours, and what it was reported to be. */
export interface Gpu {
  readonly device: GPUDevice;
  readonly context: Context;
  readonly info: GpuInfo;
  readonly format: GPUTextureFormat;
  /** Messages of errors that no call waited for: a lack of memory is one. Emptied by who reads them. */
  readonly reported: string[];
}

const MiB = 2 ** 20;

/**
 * Asks for an adapter and a device. A device is asked for whatever the adapter has in buffer sizes, up to 2 GiB: the size
 * slider must not need a new device, with all weights uploaded again, each time that it passes a limit.
 */
export async function openGpu(): Promise<Gpu> {
  const { gpu } = navigator as Partial<Navigator>;
  if (!gpu) throw new EngineError(missing());
  let adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  // Some systems have only one of their adapters offered, and say no to a wish.
  adapter ??= await gpu.requestAdapter();
  if (!adapter) {
    throw new EngineError({
      code: 'no-adapter',
      message: 'The browser has WebGPU but found no graphics card it may use.',
      remedy: 'Check that hardware acceleration is on.',
    });
  }
  const { features, limits } = adapter;
  const largest = Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize, 2048 * MiB);
  const wanted: GPUFeatureName[] = ['shader-f16', 'subgroups', 'timestamp-query'];
  const device = await adapter.requestDevice({
    label: 'dpt-webgpu',
    requiredFeatures: wanted.filter((feature) => features.has(feature)),
    requiredLimits: {
      maxBufferSize: largest,
      maxStorageBufferBindingSize: largest - (largest % 4),
      maxTextureDimension2D: Math.min(limits.maxTextureDimension2D, 16_384),
    },
  });
  const reported: string[] = [];
  device.addEventListener('uncapturederror', (event) => {
    event.preventDefault();
    reported.push(event.error.message);
  });
  const context = new Context(device);
  return {
    device,
    context,
    reported,
    format: gpu.getPreferredCanvasFormat(),
    info: {
      name: nameOf(adapter.info),
      software: isSoftware(adapter.info),
      f16: context.capabilities.f16,
      subgroups: context.capabilities.subgroups,
      largestBuffer: largest,
      budget: budgetOf(largest),
    },
  };
}

function missing(): Failure {
  if (!globalThis.isSecureContext) {
    return {
      code: 'insecure',
      message: 'WebGPU needs https or localhost.',
      remedy: 'Open this page with https://',
    };
  }
  return {
    code: 'no-webgpu',
    message: 'This browser has no WebGPU.',
    remedy:
      'Use Chrome or Edge 121, Safari 26 or Firefox 141, or newer. On Linux, start Chrome with --enable-unsafe-webgpu',
  };
}

/**
 * Bytes to plan with. Half of the memory of the machine as the browser rounds it (at most 8 GB), at least what one buffer
 * may hold: good enough to warn before a phone closes the page.
 */
function budgetOf(largestBuffer: number): number {
  const { deviceMemory } = navigator as { deviceMemory?: number };
  return Math.max(largestBuffer, ((deviceMemory ?? 4) / 2) * 1024 * MiB);
}

function nameOf({ vendor, architecture, device, description }: GPUAdapterInfo): string {
  if (/swiftshader/i.test(`${architecture} ${description}`)) return 'SwiftShader (software)';
  const short = description || device;
  if (short)
    return short.replace(/^(NVIDIA|AMD|Intel\(R\)|ANGLE)\s+/i, '').replace(/\s*\(.*\)$/, '');
  const words = [vendor, architecture].filter(Boolean).join(' ');
  return words ? words[0]!.toUpperCase() + words.slice(1) : 'GPU';
}
