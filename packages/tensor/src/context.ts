import { type Capabilities, capabilitiesOf, defaultCapabilities, mib } from './capabilities.ts';
import type { ContextOptions, MemoryUse } from './context_options.ts';
import { DeviceWatch } from './device_watch.ts';
import { disposeSymbol } from './dispose_symbol.ts';
import { bufferBytes, type Dtype } from './dtype.ts';
import { DptError } from './errors.ts';
import type { Recorder } from './recorder.ts';
import { expectSides, type Shape, shapeText, sizeOf } from './shape.ts';
import { type Slot, Slots } from './slots.ts';
import { expectUsage, type OwnTexture, type Purpose, Storage } from './storage.ts';
import { Tensor } from './tensor.ts';

// The numbers behind GPUBufferUsage and GPUMapMode: Node has no such globals, and we add none.
export const usage = {
  mapRead: 0x01,
  copySrc: 0x04,
  copyDst: 0x08,
  uniform: 0x40,
  storage: 0x80,
} as const;
const MAP_READ = 1;

/**
 * Everything that belongs to one `GPUDevice`: capabilities, pipelines, buffers and at most one open recording.
 * A guest on the device: it is never destroyed here, and nothing is put on globals.
 *
 * ```ts
 * const context = new Context(device);   // one for all models of a device
 * context.memory().total;                // bytes on the GPU
 * ```
 */
export class Context {
  /** What its device can do, as kernels are chosen by it. */
  readonly capabilities: Capabilities;
  /** See `ContextOptions.variants`. */
  readonly variants: Readonly<Record<string, string>>;
  /** What it was made with, for a context like it on another device. */
  readonly options: ContextOptions;
  /** The recording that ops append to; undefined when ops run at once. Set by `record`. */
  recorder: Recorder | undefined;
  readonly #device: GPUDevice | undefined;
  readonly #bytes = new Map<Purpose, number>();
  readonly #purposes = new Map<GPUBuffer, Purpose>();
  readonly #slots = new Slots(
    (bytes) => this.#makeBuffer(bytes, 'slots', `slot ${mib(bytes)}`),
    (buffer) => this.destroyBuffer(buffer),
  );
  readonly #staging: GPUBuffer[] = [];
  #scope: Tensor[] | undefined;
  readonly #watch: DeviceWatch;
  #nothing: GPUBuffer | undefined;
  #disposed = false;
  #countPipelines: () => number = () => 0;

  /**
   * The device stays the caller's and must outlive the context. Undefined makes a context that only plans: ops check
   * shapes and nothing runs (see `Context.planning`).
   */
  constructor(device: GPUDevice | undefined, options: ContextOptions = {}) {
    this.#device = device;
    this.capabilities = {
      ...(device ? capabilitiesOf(device) : defaultCapabilities),
      ...options.capabilities,
    };
    this.options = options;
    this.variants = options.variants ?? {};
    this.#watch = new DeviceWatch(device);
  }

  /** A context without a device. `plan(…)` in it says what a model needs before a device is asked for. */
  static planning(capabilities: Partial<Capabilities> = {}): Context {
    return new Context(undefined, { capabilities });
  }

  /** The device. Throws for a context that only plans, that was disposed, or whose device is lost. */
  get device(): GPUDevice {
    if (!this.#device)
      throw new DptError('invalid-state', 'This context only plans: it has no device.');
    if (this.#disposed) throw new DptError('disposed', 'This context was disposed.');
    if (this.#watch.isLost) throw this.#watch.error();
    return this.#device;
  }

  /** Whether it has no device: ops check shapes and compute nothing. */
  get isPlanning(): boolean {
    return this.#device === undefined;
  }

  /** How long a submission of `Recording.runInParts` should take. */
  get partMilliseconds(): number {
    const { software } = this.capabilities;
    return this.options.partMilliseconds ?? (software ? 200 : Number.POSITIVE_INFINITY);
  }

  /** Whether every step is submitted by itself between error scopes; see `ContextOptions.debug`. */
  get isDebugging(): boolean {
    return Boolean(this.options.debug);
  }

  /** Whether its device is gone, so that every call will throw. */
  get isLost(): boolean {
    return this.#watch.isLost;
  }

  /** A tensor whose values are not set yet. Ops make their outputs with it. */
  empty(shape: Shape, dtype: Dtype = 'f32', name = 'tensor'): Tensor {
    expectSides('empty', name, shape);
    this.expectDtype(dtype, name);
    const bytes = Math.max(bufferBytes(sizeOf(shape), dtype), 4);
    if (this.recorder) {
      return new Tensor(this, new Storage(bytes, { virtual: true }), shape, dtype, name);
    }
    if (this.isPlanning) return new Tensor(this, new Storage(bytes), shape, dtype, name);
    this.expectFits(bytes, `${name} ${shapeText(shape)}`);
    const tensor = new Tensor(this, this.allocate(bytes, 'tensors', name), shape, dtype, name);
    this.#scope?.push(tensor);
    return tensor;
  }

  /** A tensor with these values. Made while a recording is open, it belongs to the recording. */
  tensor(
    values: Float32Array | Uint32Array | Uint8Array,
    shape: Shape,
    dtype: Dtype = 'f32',
    name = 'tensor',
  ): Tensor {
    const tensor = this.constant(() => this.empty(shape, dtype, name));
    try {
      if (!this.isPlanning) tensor.write(values);
    } catch (error) {
      tensor.dispose();
      throw error;
    }
    if (this.recorder) this.recorder.hold(tensor);
    else this.#scope?.push(tensor);
    return tensor;
  }

  /**
   * Runs ops now, also while a recording is open, and hands in the result as a constant of it. What the ops made on
   * the way is freed; the result is the caller's to dispose. That is how position encodings are resized once and kept.
   */
  constant(make: () => Tensor): Tensor {
    const recorder = this.recorder;
    const scope = this.#scope;
    this.recorder = undefined;
    this.#scope = undefined;
    try {
      return this.scope(make);
    } finally {
      this.recorder = recorder;
      this.#scope = scope;
    }
  }

  /** Frees every tensor made inside, except the one returned. For ops that run at once, outside a recording. */
  scope<T extends Tensor | undefined>(make: () => T): T {
    const outer = this.#scope;
    const inner: Tensor[] = [];
    this.#scope = inner;
    try {
      const result = make();
      for (const tensor of inner) {
        if (tensor.storage === result?.storage) outer?.push(tensor);
        else tensor.dispose();
      }
      return result;
    } catch (error) {
      for (const tensor of inner) tensor.dispose();
      throw error;
    } finally {
      this.#scope = outer;
    }
  }

  /**
   * Bytes of GPU memory that this context has made and not destroyed, by purpose and in `total`; and, as a number of
   * them, the `pipelines` compiled for its device.
   */
  memory(): MemoryUse {
    const of = (purpose: Purpose): number => this.#bytes.get(purpose) ?? 0;
    return {
      weights: of('weights'),
      tensors: of('tensors'),
      slots: of('slots'),
      caches: of('caches'),
      textures: of('textures'),
      parameters: of('parameters'),
      staging: of('staging'),
      total: [...this.#bytes.values()].reduce((sum, bytes) => sum + bytes, 0),
      pipelines: this.#countPipelines(),
    };
  }

  /** Destroys the buffers kept for reuse; they are made again when they are needed. Recordings go on. */
  trim(): void {
    for (const buffer of this.#staging.splice(0)) this.destroyBuffer(buffer);
    // Recordings and passes, each of which has parameters, may have it bound.
    if (this.#bytes.get('parameters') === this.#nothing?.size) this.#freeNothing();
  }

  /**
   * Frees what it keeps and ends the context: later calls throw. The device stays, it is the caller's. Tensors, recordings
   * and weights have a `dispose` of their own, which still works. Idempotent.
   */
  dispose(): void {
    this.trim();
    this.#freeNothing();
    this.#disposed = true;
  }

  [disposeSymbol](): void {
    this.dispose();
  }

  // ── For the engine ────────────────────────────────────────────────────────────────────────────────────────────────

  /** Throws for f16 on a device that has none. */
  expectDtype(dtype: Dtype, name: string): void {
    if (dtype !== 'f16' || this.capabilities.f16) return;
    throw new DptError(
      'unsupported',
      `${name}: this device has no shader-f16. Use dtype f32, or request the feature (see deviceRequest()).`,
    );
  }

  /** Throws when a kernel could not bind that many bytes on this device. */
  expectFits(bytes: number, what: string): void {
    const limit = Math.min(this.capabilities.maxStorageBinding, this.capabilities.maxBufferSize);
    if (bytes <= limit || this.isPlanning) return;
    throw new DptError(
      'limit',
      `${what} needs a ${mib(bytes)} storage binding; this device allows ${mib(limit)}. Request maxStorageBufferBindingSize and maxBufferSize (see deviceRequest()), or use a smaller size.`,
    );
  }

  /** Storage of `bytes` in a buffer of its own, counted under `purpose` in `memory()`. Freed with its last tensor. */
  allocate(bytes: number, purpose: Purpose, label: string): Storage {
    const buffer = this.#makeBuffer(bytes, purpose, label);
    return new Storage(bytes, { buffer, destroy: (b) => this.destroyBuffer(b) });
  }

  #makeBuffer(bytes: number, purpose: Purpose, label: string): GPUBuffer {
    return this.createBuffer(bytes, usage.storage | usage.copySrc | usage.copyDst, purpose, label);
  }

  /** Storage in a caller's buffer, which is never destroyed here and not counted. */
  borrow(buffer: GPUBuffer, bytes: number): Storage {
    return new Storage(bytes, { buffer });
  }

  /** A buffer that `memory()` counts. `flags`: GPUBufferUsage. Give it back with `destroyBuffer`. */
  createBuffer(bytes: number, flags: number, purpose: Purpose, label: string): GPUBuffer {
    const buffer = this.device.createBuffer({ size: bytes, usage: flags, label });
    this.#purposes.set(buffer, purpose);
    this.#count(purpose, buffer.size);
    return buffer;
  }

  /** Destroys a buffer of `createBuffer`; others are left alone. */
  destroyBuffer(buffer: GPUBuffer): void {
    const purpose = this.#purposes.get(buffer);
    if (!purpose) return;
    this.#purposes.delete(buffer);
    this.#count(purpose, -buffer.size);
    buffer.destroy();
  }

  /** A texture of ours until its `dispose`; `bytes` is what `memory()` counts for it. */
  createTexture(descriptor: GPUTextureDescriptor, bytes: number): OwnTexture {
    const texture = this.device.createTexture(descriptor);
    this.#count('textures', bytes);
    let live = true;
    return {
      texture,
      dispose: () => {
        if (!live) return;
        live = false;
        this.#count('textures', -bytes);
        texture.destroy();
      },
    };
  }

  /** Counts a tensor's buffer under another purpose from now on. */
  recount({ storage, name }: Tensor, purpose: Purpose): void {
    if (!storage.hasBuffer) return;
    const buffer = storage.bufferFor(name);
    const before = this.#purposes.get(buffer);
    if (!before) return;
    this.#purposes.set(buffer, purpose);
    this.#count(before, -buffer.size);
    this.#count(purpose, buffer.size);
  }

  #count(purpose: Purpose, bytes: number): void {
    this.#bytes.set(purpose, (this.#bytes.get(purpose) ?? 0) + bytes);
  }

  /** Said by the pipeline cache, which knows this file and not the other way round. */
  set countPipelines(count: () => number) {
    this.#countPipelines = count;
  }

  /** Bound where an op has no bias, no residual: the kernel never reads it. The context's own; recordings hold it. */
  get nothing(): GPUBuffer {
    this.#nothing ??= this.createBuffer(16, usage.storage, 'parameters', 'nothing');
    return this.#nothing;
  }

  #freeNothing(): void {
    if (this.#nothing) this.destroyBuffer(this.#nothing);
    this.#nothing = undefined;
  }

  /** Writes values into a buffer, ours or a caller's, from its start. Throws where its usage lacks COPY_DST. */
  upload(
    buffer: GPUBuffer,
    values: Float32Array | Uint32Array | Uint16Array | Uint8Array,
    name = buffer.label,
  ): void {
    expectUsage('write', name, buffer, usage.copyDst, 'COPY_DST');
    let bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    // writeBuffer takes multiples of four bytes, and an odd number of f16 values is not one.
    if (bytes.length % 4) {
      const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
      padded.set(bytes);
      bytes = padded;
    }
    this.device.queue.writeBuffer(buffer, 0, bytes as Uint8Array<ArrayBuffer>);
  }

  /** Copies now (in queue order), from a buffer of ours or a caller's, and resolves when the bytes are on the host. */
  async download(source: GPUBuffer, bytes: number, name: string): Promise<Uint8Array<ArrayBuffer>> {
    expectUsage('read', name, source, usage.copySrc, 'COPY_SRC');
    const { device } = this;
    const padded = Math.ceil(bytes / 4) * 4;
    const at = this.#staging.findIndex((buffer) => buffer.size === padded);
    const staging =
      at >= 0
        ? this.#staging.splice(at, 1)[0]!
        : this.createBuffer(padded, usage.mapRead | usage.copyDst, 'staging', 'readback');
    const encoder = device.createCommandEncoder({ label: 'readback' });
    encoder.copyBufferToBuffer(source, 0, staging, 0, padded);
    device.queue.submit([encoder.finish()]);
    try {
      await this.unlessLost(staging.mapAsync(MAP_READ));
    } catch (error) {
      this.destroyBuffer(staging);
      throw error;
    }
    const copy = new Uint8Array(staging.getMappedRange().slice(0, bytes));
    staging.unmap();
    // A few sizes repeat for ever (the depth map of each photo size); keep the last ones.
    this.#staging.push(staging);
    if (this.#staging.length > 4) this.destroyBuffer(this.#staging.shift()!);
    return copy;
  }

  /** What the device answers, or a `DeviceLostError` when it was lost meanwhile, also where it never answers. */
  unlessLost<T>(answer: Promise<T>): Promise<T> {
    return this.#watch.unlessLost(answer);
  }

  /**
   * Runs `make` between error scopes and rejects with what WebGPU said against it: buffers that memory has no room for,
   * calls that are not valid. `make` must not wait. The scopes close where they were opened.
   */
  async checked<T>(label: string, make: () => T): Promise<T> {
    return this.#watch.checked(this.device, label, make);
  }

  /** In debug mode: what WebGPU says against `make`, which runs at once, goes to the caller's function. */
  watched(label: string, make: () => void): void {
    const { debug } = this.options;
    if (!debug) {
      make();
      return;
    }
    const report = typeof debug === 'function' ? debug : (error: DptError) => console.error(error);
    this.checked(label, make).catch((error: unknown) => {
      if (error instanceof DptError) report(error);
    });
  }

  /**
   * Buffers for the intermediates of a recording, one per requested size, largest first. All recordings share them: one
   * queue runs recordings in order. Each request takes the smallest slot that is large enough, else a new one is made.
   */
  takeSlots(sizes: readonly number[]): Slot[] {
    return this.#slots.take(sizes);
  }

  /** Counterpart of `takeSlots`: destroys those that no recording uses any more. */
  returnSlots(slots: readonly Slot[]): void {
    this.#slots.giveBack(slots);
  }
}
