import {
  type Capabilities,
  Context,
  DptError,
  type Dtype,
  defaultCapabilities,
  mib,
  plan,
  type StateDict,
  Weights,
} from '@dpt-webgpu/tensor';
import type { DptConfig } from './config.ts';
import { DPTModel, type DptModelOptions } from './dpt_model.ts';
import { takesSize } from './encoders/index.ts';
import { networkSize, type Size, type SizeOptions } from './image_size.ts';
import { resizedDepth } from './resized_depth.ts';

/**
 * What a device allows: `device.limits`, `adapter.limits`, or a context's `capabilities`, which say besides which kernels
 * it will run: intermediates differ a little with them.
 */
export type FitLimits =
  | Pick<GPUSupportedLimits, 'maxBufferSize' | 'maxStorageBufferBindingSize'>
  | Capabilities;

/** What is to be run, and what it may take. */
export interface FitOptions extends SizeOptions {
  /** Storage type of the model. Default f32. */
  readonly dtype?: Dtype | undefined;
  /** Bytes that may be taken on the GPU altogether: devices do not say what they have. Default: not looked at. */
  readonly memory?: number | undefined;
  /** Size of the map. Default: that of the photo. */
  readonly output?: 'photo' | 'network' | Size | undefined;
  /** As the model is made with. Default: as `DPTModel` has it. */
  readonly model?: DptModelOptions | undefined;
}

/** What a model takes on the GPU for photos of one size, before any byte of weights is there. */
export interface FitPlan {
  /** The size that the network would see. */
  readonly networkSize: Size;
  /** Buffers altogether: weights, caches, intermediates, input and map, parameters. */
  readonly buffers: number;
  /** Bytes of the largest buffer that a kernel binds; what to ask the device for, see `deviceRequest`. */
  readonly largestBinding: number;
  /** By what it is for, and altogether. */
  readonly bytes: {
    readonly weights: number;
    /** What is computed once per patch grid. */
    readonly caches: number;
    readonly slots: number;
    /** The photo as the network takes it, and the map. */
    readonly tensors: number;
    readonly total: number;
  };
  /** Whether all of it is within the limits. */
  readonly fits: boolean;
  /** What does not fit, and the remedy; undefined where all does. */
  readonly problem: string | undefined;
}

/**
 * Whether a model runs at a size under some limits, and what it takes. Needs the configuration alone: no device, no file.
 * Errors: a size that no device could run.
 *
 * ```ts
 * const { fits, problem, bytes } = planFor(config, { width: 1920, height: 1080 }, adapter.limits, { size: 518 });
 * ```
 */
export function planFor(
  config: DptConfig,
  photo: Size,
  limits: FitLimits,
  options: FitOptions = {},
): FitPlan {
  const { dtype = 'f32', memory, output = 'photo' } = options;
  const network = networkSize(photo, config.image, options);
  const size = output === 'photo' ? photo : output === 'network' ? network : output;
  const binding = Math.min(
    limits.maxBufferSize,
    'maxStorageBinding' in limits ? limits.maxStorageBinding : limits.maxStorageBufferBindingSize,
  );
  const capabilities = 'maxStorageBinding' in limits ? limits : defaultCapabilities;
  const lacksF16 = dtype === 'f16' && 'f16' in limits && !limits.f16;
  const context = Context.planning({
    ...capabilities,
    f16: dtype === 'f16' || capabilities.f16,
  });
  const weights = new Weights(context, nothing, { dtype });
  const model = new DPTModel(config, weights, options.model);
  const trace = plan(context, { image: [1, network.height, network.width, 3] }, ({ image }) => ({
    depth: resizedDepth(model, model.forward(image), size),
  }));
  const slots = trace.slots.slots.reduce((a, b) => a + b, 0);
  const bytes = {
    weights: weights.bytes,
    caches: model.gridCache.bytes,
    slots,
    tensors: trace.bytes - slots,
  };
  const total = bytes.weights + bytes.caches + bytes.slots + bytes.tensors;
  const largestBinding = Math.max(trace.largestBinding, weights.largestBinding);
  const problem = lacksF16
    ? 'this device has no shader-f16. Use dtype f32.'
    : largestBinding > binding
      ? `needs a ${mib(largestBinding)} storage binding; allowed are ${mib(binding)}. Request maxStorageBufferBindingSize and maxBufferSize (see deviceRequest()), or use a smaller size; tiles keep the detail (see predictTiled()).`
      : memory !== undefined && total > memory
        ? `takes ${mib(total)}; allowed are ${mib(memory)}. Use a smaller size, a smaller model, or dtype f16; tiles keep the detail of a smaller size (see predictTiled()).`
        : undefined;
  return {
    networkSize: network,
    // Input and map, and the parameters of all steps in one.
    buffers: weights.buffers + model.gridCache.values + trace.slots.slots.length + 3,
    largestBinding,
    bytes: { ...bytes, total },
    fits: problem === undefined,
    problem: problem && `${network.width}×${network.height}: ${problem}`,
  };
}

/**
 * The largest `size` that fits, in steps of the model's multiple, and no larger than keeps the photo's own pixels;
 * undefined where none does. Where the model takes none so small, as SwinV2, the first that it takes. Plans a dozen sizes,
 * some 10 ms each.
 */
export function largestSizeThatFits(
  config: DptConfig,
  photo: Size,
  limits: FitLimits,
  options: Omit<FitOptions, 'size'> = {},
): number | undefined {
  const { multiple, baseSize } = config.image;
  const sizes: number[] = [];
  const longer = Math.max(photo.width, photo.height);
  for (
    let size = multiple;
    size <= (sizes.length ? longer : Math.max(longer, baseSize));
    size += multiple
  ) {
    if (runsAt(config, photo, { ...options, size })) sizes.push(size);
  }
  let least = 0;
  let most = sizes.length;
  // Halving: what fits grows with nothing but the size.
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    const size = sizes[middle - 1]!;
    if (planFor(config, photo, limits, { ...options, size }).fits) least = middle;
    else most = middle - 1;
  }
  return sizes[least - 1];
}

/** Whether the encoder takes what the photo becomes, and there are not too many patches of it. */
function runsAt(config: DptConfig, photo: Size, options: SizeOptions): boolean {
  try {
    return takesSize(config.encoder, networkSize(photo, config.image, options));
  } catch (error) {
    if (error instanceof DptError && error.code === 'limit') return false;
    throw error;
  }
}

/** Nothing is read from it: weights are declared, not checked. */
const nothing: StateDict = {
  name: 'a plan',
  tensors: new Map(),
  metadata: new Map(),
  close: async () => {},
};
