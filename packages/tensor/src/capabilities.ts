import { DptError } from './errors.ts';

/** What a device can do, asked once and passed on as data, so that a test can pretend to be a smaller device. */
export interface Capabilities {
  /** `shader-f16`: 16-bit floats in storage and arithmetic. */
  readonly f16: boolean;
  /** `subgroups`: lanes that run together and can hand values to each other. */
  readonly subgroups: boolean;
  /** Lanes that a subgroup has at least; 0 without subgroups. */
  readonly subgroupSize: number;
  /** Matrix units: side of the square matrices of f16 that they multiply into f32; 0 without. */
  readonly subgroupMatrix: 0 | 8 | 16;
  /** `timestamp-query`: steps can be timed on the device. */
  readonly timestamps: boolean;
  /** The "GPU" is the processor: barriers are slow there, and kernels keep to registers. */
  readonly software: boolean;
  /** Bytes of the largest buffer. 256 MiB unless more was asked for. */
  readonly maxBufferSize: number;
  /** Bytes that a kernel can bind as one array. 128 MiB unless more was asked for. */
  readonly maxStorageBinding: number;
  /** Workgroups along one side of a dispatch, 65535 at least. */
  readonly maxWorkgroupsPerDimension: number;
  /** Bytes: where parameters may begin in their buffer are multiples of this, 256 at most. */
  readonly uniformAlignment: number;
}

/** The least that WebGPU guarantees; what a device has that was requested without limits. */
export const defaultCapabilities: Capabilities = {
  f16: false,
  subgroups: false,
  subgroupSize: 0,
  subgroupMatrix: 0,
  timestamps: false,
  software: false,
  maxBufferSize: 268_435_456,
  maxStorageBinding: 134_217_728,
  maxWorkgroupsPerDimension: 65_535,
  uniformAlignment: 256,
};

/** What a device can do, read from its features, limits and adapter info. The device stays the caller's. */
export function capabilitiesOf(device: GPUDevice): Capabilities {
  const { features, limits } = device;
  const info: Partial<GPUAdapterInfo> | undefined = device.adapterInfo;
  return {
    f16: features.has('shader-f16'),
    subgroups: features.has('subgroups'),
    subgroupSize: features.has('subgroups') ? (info?.subgroupMinSize ?? 4) : 0,
    subgroupMatrix: matrixSide(features, info),
    timestamps: features.has('timestamp-query'),
    software: isSoftware(info),
    maxBufferSize: limits.maxBufferSize,
    maxStorageBinding: limits.maxStorageBufferBindingSize,
    maxWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    uniformAlignment: limits.minUniformBufferOffsetAlignment,
  };
}

/** Experimental in Dawn, so that browsers have them only behind a flag; see linear_subgroup_matrix.wgsl. */
const matrixFeatures = [
  'shader-f16',
  'subgroups',
  'subgroup-size-control',
  'chromium-experimental-subgroup-matrix',
] as const;

/** One kind of matrices that a device multiplies, as Dawn lists them. */
interface SubgroupMatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/**
 * Side of the matrices with which the kernels for matrix units run, with these features of an adapter or a device; 0 where
 * they do not. 16 has to go with subgroups of 32 (GPUs), 8 with subgroups of 8 (lavapipe since Mesa 26): 8 values a thread.
 */
export function matrixSide(
  features: ReadonlySet<string>,
  info:
    | (Partial<GPUAdapterInfo> & {
        readonly subgroupMatrixConfigs?: Iterable<SubgroupMatrixConfig>;
      })
    | undefined,
): Capabilities['subgroupMatrix'] {
  if (!matrixFeatures.every((feature) => features.has(feature))) return 0;
  const { subgroupMinSize = 0, subgroupMaxSize = 0, subgroupMatrixConfigs = [] } = info ?? {};
  const configs = [...subgroupMatrixConfigs];
  const runs = (side: number): boolean =>
    subgroupMinSize <= (side * side) / 8 &&
    subgroupMaxSize >= (side * side) / 8 &&
    configs.some(
      ({ componentType, resultComponentType, M, N, K }) =>
        componentType === 'f16' &&
        resultComponentType === 'f32' &&
        [M, N, K].every((length) => length === side),
    );
  return ([16, 8] as const).find(runs) ?? 0;
}

/** Whether an adapter is a processor that plays GPU (SwiftShader, lavapipe, WARP). */
export function isSoftware(info: Partial<GPUAdapterInfo> | undefined): boolean {
  const words = [info?.architecture, info?.device, info?.description].join(' ').toLowerCase();
  return (
    Boolean(info?.isFallbackAdapter) || /swiftshader|llvmpipe|lavapipe|basic render/.test(words)
  );
}

/** What a program needs of a device. A `RecordingPlan` has the first two. */
export interface DeviceNeeds {
  /** Bytes of the largest tensor that a kernel reads or writes. */
  readonly largestBinding?: number;
  /** Ask for `shader-f16`; the request fails on an adapter without it. */
  readonly f16?: boolean;
  /** Ask for timestamps where the adapter has them, so that `profile()` is exact. */
  readonly timestamps?: boolean;
}

/**
 * What to pass to `adapter.requestDevice`: the limits that are needed and no more, because a device with raised
 * limits may be slower and hides what other machines cannot do. Throws, naming both numbers, when the adapter is too small.
 */
export function deviceRequest(adapter: GPUAdapter, needs: DeviceNeeds = {}): GPUDeviceDescriptor {
  const binding = Math.ceil((needs.largestBinding ?? 0) / 4) * 4;
  const requiredLimits: Record<string, number> = {};
  const ask = (limit: 'maxStorageBufferBindingSize' | 'maxBufferSize', granted: number): void => {
    if (binding <= granted) return;
    if (binding > adapter.limits[limit]) {
      throw new DptError(
        'limit',
        `deviceRequest: needs a ${mib(binding)} buffer; this adapter allows ${mib(adapter.limits[limit])} (${limit}). Use a smaller picture size or model.`,
      );
    }
    requiredLimits[limit] = binding;
  };
  ask('maxStorageBufferBindingSize', defaultCapabilities.maxStorageBinding);
  ask('maxBufferSize', defaultCapabilities.maxBufferSize);

  const requiredFeatures: GPUFeatureName[] = [];
  // Costs nothing, and kernels for processors that play GPU are twice as fast with them.
  if (adapter.features.has('subgroups')) requiredFeatures.push('subgroups');
  if (needs.f16) {
    if (!adapter.features.has('shader-f16')) {
      throw new DptError(
        'unsupported',
        'deviceRequest: this adapter has no shader-f16, so dtype f16 cannot run on it. Use f32.',
      );
    }
    requiredFeatures.push('shader-f16');
    if (matrixSide(adapter.features, adapter.info)) {
      const others = matrixFeatures.slice(2) as readonly string[];
      requiredFeatures.push(...(others as GPUFeatureName[]));
    }
  }
  if (needs.timestamps && adapter.features.has('timestamp-query')) {
    requiredFeatures.push('timestamp-query');
  }
  return { requiredFeatures, requiredLimits };
}

/** Bytes as people read them: `131.0 MiB`. */
export const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
