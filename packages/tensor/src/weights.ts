import { defaultCapabilities } from './capabilities.ts';
import { type Context, usage } from './context.ts';
import {
  bytesPerStored,
  countNonFinite,
  cut,
  f32FromStored,
  permute,
  quantise,
  wordsOf,
} from './convert.ts';
import { disposeSymbol } from './dispose_symbol.ts';
import { bufferBytes, bytesPerElement, type Dtype } from './dtype.ts';
import { DptError, invalidArgument } from './errors.ts';
import { type Shape, shapeText, sizeOf } from './shape.ts';
import type { StateDict, StoredTensor } from './state_dict.ts';
import { expectAlike, StateDictError } from './state_dict_error.ts';
import { Storage } from './storage.ts';
import { Tensor } from './tensor.ts';

/** How weights are stored, and what they are called in messages. */
export interface WeightsOptions {
  /**
   * Storage type on the GPU of weights that do not ask for one. Default f32. Biases and scales, which have one axis, are f32
   * in any case: they cost no memory to speak of, and rounded they move depths as much as all matrices do. With q8 the
   * matrices of linear maps are int8 with a scale for each column; everything else is f32, and so is all arithmetic.
   */
  readonly dtype?: Dtype;
  /** What is being built, for messages: `depth_anything_v2 (12 blocks of 384)`. Default: `this model`. */
  readonly title?: string;
  /** The name of a key in the file, where keys were renamed on the way here. Default: there is no other name. */
  readonly originOf?: (key: string) => string | undefined;
}

/** One of the equal parts that a weight is cut into: in buffers of their own, for modules that use them apart. */
export interface WeightPart {
  /** Which one, counted from 0. */
  readonly at: number;
  /** How many there are. */
  readonly of: number;
}

/** How a stored tensor is turned and stored on the GPU. */
export interface WeightSpec {
  /** Axes of the stored tensor in the order they are wanted in: [1, 0] transposes a matrix. */
  readonly permute?: readonly number[];
  /** A matrix [K, N] (after `permute`) of a linear map, which is int8 where the model is q8 and N a multiple of four. */
  readonly quantisable?: boolean;
  /** Storage type on the GPU, where this tensor needs another than its model. */
  readonly dtype?: Dtype;
  /** The part to declare, of those along an axis of the stored tensor. Each is declared by itself. Default: all of it. */
  readonly part?: WeightPart & { readonly axis: number };
}

/** What loading tells, and how to stop it. */
export interface LoadOptions {
  /** Looked at before each tensor and by each read: loading rejects with its reason. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** Bytes read so far, of how many. Default: none. */
  readonly onProgress?: ((loaded: number, total: number) => void) | undefined;
}

/**
 * Buffers for the parts of a weight, and whether memory had room for them. Made out here: a closure holds all variables
 * around it, so one made while uploading would keep the values alive.
 */
function makeBuffers(context: Context, tensors: readonly Tensor[]): Promise<void> {
  const flags = usage.storage | usage.copySrc | usage.copyDst;
  return context.checked(`weights: ${tensors[0]!.name}`, () => {
    for (const { storage, name } of tensors) {
      const buffer = context.createBuffer(storage.bytes, flags, 'weights', name);
      // Owned before it is written: should that fail, dispose() frees it.
      storage.fill(buffer, (unused) => context.destroyBuffer(unused));
    }
  });
}

/** What is stored as it is where a model is q8. */
const unquantised = (dtype: Dtype): Dtype => (dtype === 'q8' ? 'f32' : dtype);

function scalesOf(context: Context, [, N]: Shape, key: string): Tensor {
  return new Tensor(context, new Storage(bufferBytes(N!, 'f32')), [N!], 'f32', `${key}.scales`);
}

/** Tensors, and the scales of those that are q8. */
const withScales = (tensors: readonly Tensor[]): Tensor[] =>
  tensors.flatMap((tensor) => (tensor.scales ? [tensor, tensor.scales] : [tensor]));

const whole = { at: 0, of: 1, axis: 0 };

/** Of a part, with its axes as they are stored. */
const partShape = (shape: Shape, { part: { of, axis } = whole }: WeightSpec): Shape =>
  shape.map((side, i) => (i === axis ? side / of : side));

interface Declared {
  readonly key: string;
  /** One, or the parts of what is stored. */
  readonly tensors: readonly Tensor[];
  /** Those that some module has taken. */
  readonly taken: Set<Tensor>;
  readonly shape: Shape;
  readonly spec: WeightSpec;
}

/** What all scopes of one state dict share. */
interface Shared {
  readonly context: Context;
  readonly stateDict: StateDict;
  readonly options: WeightsOptions;
  readonly declared: Map<string, Declared>;
  readonly constants: Tensor[];
  state: 'declared' | 'loading' | 'loaded' | 'disposed';
}

/**
 * A scoped view of a state dict. Modules declare what they need while they are built, `weights.at('norm').tensor('bias', [C])`,
 * and get tensors without data; then `load` streams the file to the GPU, one tensor at a time, or fails with everything
 * that is missing, unused or misshapen.
 */
export class Weights {
  readonly #shared: Shared;
  readonly #scope: string;

  constructor(context: Context, stateDict: StateDict, options?: WeightsOptions);
  constructor(shared: Shared, scope: string);
  constructor(first: Context | Shared, second: StateDict | string, options: WeightsOptions = {}) {
    if (typeof second === 'string') {
      this.#shared = first as Shared;
      this.#scope = second;
    } else {
      this.#shared = {
        context: first as Context,
        stateDict: second,
        options,
        declared: new Map(),
        constants: [],
        state: 'declared',
      };
      this.#scope = '';
    }
  }

  /** Where the weights lie. */
  get context(): Context {
    return this.#shared.context;
  }

  /** Storage type of weights that do not ask for one and have more than one axis. */
  get dtype(): Dtype {
    return unquantised(this.linearDtype);
  }

  /** Storage type of the matrices of linear maps: q8, or as of all others. */
  get linearDtype(): Dtype {
    return this.#shared.options.dtype ?? 'f32';
  }

  /** The part of the state dict below a name: `weights.at('blocks').at(3)`. */
  at(name: string | number): Weights {
    return new Weights(this.#shared, `${this.#scope}${name}.`);
  }

  /** The same state dict, with nothing declared yet, for a model in another context. */
  again(context: Context): Weights {
    const { stateDict, options } = this.#shared;
    return new Weights(context, stateDict, options);
  }

  /** Whether the state dict has a key in this scope. */
  has(name: string): boolean {
    return this.#shared.stateDict.tensors.has(this.#scope + name);
  }

  /**
   * Declares a weight with the shape that the file has. The tensor returned has the shape after `permute`, and no data
   * before `load`.
   */
  tensor(name: string, shape: Shape, spec: WeightSpec = {}): Tensor {
    const key = this.#scope + name;
    const { declared } = this.#shared;
    const known = declared.get(key) ?? this.#declare(key, shape, spec);
    const { at, of } = spec.part ?? whole;
    const tensor = known.tensors[at];
    if (!tensor || known.tensors.length !== of || known.taken.has(tensor)) {
      throw invalidArgument(`weights: ${key} is declared twice.`);
    }
    known.taken.add(tensor);
    return tensor;
  }

  #declare(key: string, shape: Shape, spec: WeightSpec): Declared {
    const { context, declared } = this.#shared;
    const wanted = spec.dtype ?? (shape.length === 1 ? 'f32' : this.linearDtype);
    const isQ8 = wanted === 'q8' && spec.quantisable && shape[spec.permute?.at(-1) ?? 1]! % 4 === 0;
    const dtype = isQ8 ? 'q8' : unquantised(wanted);
    if (dtype === 'u32')
      throw invalidArgument(`weights: ${key} cannot be u32; weights are f32 or f16.`);
    if (dtype === 'f16' && !context.capabilities.f16 && !context.isPlanning) {
      throw new DptError(
        'unsupported',
        'weights: this device has no shader-f16, so they cannot be f16. Use f32.',
      );
    }
    const { of, axis } = spec.part ?? whole;
    if (of > 1 && shape[axis]! % of !== 0) {
      throw invalidArgument(
        `weights: axis ${axis} of ${key} is ${shape[axis]} long, which does not divide into ${of} parts.`,
      );
    }
    const part = partShape(shape, spec);
    const ordered = spec.permute ? spec.permute.map((from) => part[from]!) : part;
    const tensors = Array.from({ length: of }, () => {
      const storage = new Storage(bufferBytes(sizeOf(ordered), dtype));
      return new Tensor(
        context,
        storage,
        ordered,
        dtype,
        key,
        isQ8 ? scalesOf(context, ordered, key) : undefined,
      );
    });
    const weight = { key, tensors, taken: new Set<Tensor>(), shape, spec };
    declared.set(key, weight);
    return weight;
  }

  /**
   * Into how many parts along `axis` a weight has to be cut for a kernel to bind each on any device: those 128 MiB that
   * WebGPU grants, or less where a context has less. More is not asked for, so that what a plan says is what a device does.
   * Each part is a multiple of four long; 1 where that cannot be. `dtype`: what to count it in, by default its own.
   */
  partsFor(shape: Shape, axis: number, dtype: Dtype = this.dtype): number {
    const { maxStorageBinding } = this.context.capabilities;
    const limit = Math.min(maxStorageBinding, defaultCapabilities.maxStorageBinding);
    const least = Math.ceil(bufferBytes(sizeOf(shape), dtype) / limit);
    if (least <= 1) return 1;
    const vectors = shape[axis]! / 4;
    for (let parts = least; parts <= vectors; parts++) if (vectors % parts === 0) return parts;
    return 1;
  }

  /** A number that is not in the file and lives as long as the weights, such as the range of a metric head. f32. */
  constant(name: string, values: Float32Array, shape: Shape): Tensor {
    const { context, constants } = this.#shared;
    const tensor = context.constant(() => context.tensor(values, shape, 'f32', this.#scope + name));
    constants.push(tensor);
    return tensor;
  }

  /** Bytes on the GPU of all weights declared so far. */
  get bytes(): number {
    return this.#storageBytes().reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Keys and shapes, as a file has to have them, of everything declared so far. */
  declarations(): readonly { readonly key: string; readonly shape: Shape }[] {
    return [...this.#shared.declared.values()].map(({ key, shape }) => ({ key, shape }));
  }

  /** Buffers that hold the weights declared so far. */
  get buffers(): number {
    return this.#storageBytes().length;
  }

  /** Bytes of the largest weight: bindings must be that large. */
  get largestBinding(): number {
    return Math.max(0, ...this.#storageBytes());
  }

  #storageBytes(): number[] {
    const { declared } = this.#shared;
    return [...declared.values()].flatMap(({ tensors }) =>
      withScales(tensors).map(({ storage }) => storage.bytes),
    );
  }

  /** Throws a `StateDictError` with every difference between what was declared and what the file has. */
  check(): void {
    const { declared, stateDict, options } = this.#shared;
    expectAlike(stateDict, declared, options);
  }

  /**
   * Streams every declared weight from its file to the GPU, converting layout and type on the way, one at a time, so
   * that a 5 GB checkpoint needs no 5 GB of memory. Once only. When it fails or is aborted, everything is freed and the
   * model has to be built anew.
   */
  async load({ signal, onProgress }: LoadOptions = {}): Promise<void> {
    const shared = this.#shared;
    const { context, declared, stateDict } = shared;
    if (shared.state !== 'declared') {
      throw new DptError(
        shared.state === 'disposed' ? 'disposed' : 'invalid-argument',
        shared.state === 'disposed'
          ? `weights: those of ${stateDict.name} were freed, by dispose() or by a load() that failed. Build the model anew.`
          : `weights: load() was already called for ${stateDict.name}.`,
      );
    }
    this.check();
    const all = [...declared.values()];
    for (const { name, storage } of all.flatMap(({ tensors }) => withScales(tensors))) {
      context.expectFits(storage.bytes, name);
    }
    const total = all.reduce((sum, { shape }) => sum + sizeOf(shape) * bytesPerElement.f32, 0);
    let loaded = 0;
    let queued = 0;
    const checks: Promise<void>[] = [];
    shared.state = 'loading';
    try {
      for (const weight of all) {
        signal?.throwIfAborted();
        const stored = stateDict.tensors.get(weight.key)!;
        await this.#upload(weight, stored, checks, signal);
        loaded += sizeOf(weight.shape) * bytesPerElement.f32;
        for (const { storage } of weight.tensors) queued += storage.bytes;
        onProgress?.(loaded, total);
        // The queue keeps a copy of what it has not written yet; let it catch up.
        if (queued > 64 * 2 ** 20) {
          await context.unlessLost(context.device.queue.onSubmittedWorkDone());
          await Promise.all(checks.splice(0));
          queued = 0;
        }
      }
      await context.unlessLost(context.device.queue.onSubmittedWorkDone());
      await Promise.all(checks);
      this.#expectLoading();
      shared.state = 'loaded';
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  async #upload(
    { key, tensors, shape, spec }: Declared,
    stored: StoredTensor,
    checks: Promise<void>[],
    signal?: AbortSignal,
  ) {
    const { context, options, stateDict } = this.#shared;
    const bytes = await stored.read(signal ? { signal } : {});
    signal?.throwIfAborted();
    this.#expectLoading();
    const origin = options.originOf?.(key) ?? key;
    const expected = sizeOf(shape) * bytesPerStored[stored.dtype];
    if (bytes.byteLength !== expected) {
      throw new StateDictError(
        `${stateDict.name}: ${origin} ${shapeText(shape)} ${stored.dtype} should be ${expected} bytes; ${bytes.byteLength} were read.`,
      );
    }
    const values = f32FromStored(bytes, stored.dtype, sizeOf(shape));
    const bad = countNonFinite(values);
    if (bad > 0) {
      throw new StateDictError(
        `${stateDict.name}: ${origin} holds ${bad} values that are NaN or infinite (of ${values.length}). The file is damaged or its training diverged; every depth would be meaningless.`,
      );
    }
    if (tensors.some(({ dtype }) => dtype === 'f16')) {
      const large = values.reduce((count, value) => count + (Math.abs(value) >= 65520 ? 1 : 0), 0);
      if (large > 0) {
        throw new StateDictError(
          `${stateDict.name}: ${origin} holds ${large} values that f16 cannot store (beyond ±65504). Use dtype f32.`,
        );
      }
    }
    const made = makeBuffers(context, withScales(tensors));
    // Awaited with the others; until then it must not count as unhandled.
    made.catch(() => {});
    checks.push(made);
    if (tensors.some(({ storage }) => !storage.hasBuffer)) await made; // it failed at once
    tensors.forEach(({ buffer, dtype, scales }, at) => {
      const part = cut(values, shape, { ...(spec.part ?? whole), at });
      const own = spec.permute ? permute(part, partShape(shape, spec), spec.permute) : part;
      if (scales) {
        const quantised = quantise(own, scales.size);
        context.upload(buffer, new Uint8Array(quantised.values.buffer));
        context.upload(scales.buffer, quantised.scales);
      } else context.upload(buffer, wordsOf(own, dtype));
    });
  }

  #expectLoading(): void {
    if (this.#shared.state === 'loading') return;
    throw new DptError(
      'disposed',
      `weights: ${this.#shared.stateDict.name} was disposed while it was loading.`,
    );
  }

  /** Frees every weight. Recordings that use them keep what they need until they are disposed. */
  dispose(): void {
    const { declared, constants } = this.#shared;
    this.#shared.state = 'disposed';
    for (const { tensors } of declared.values())
      for (const tensor of withScales(tensors)) tensor.dispose();
    for (const tensor of constants) tensor.dispose();
  }

  [disposeSymbol](): void {
    this.dispose();
  }
}
