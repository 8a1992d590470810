import { orAbort } from './abort.ts';
import { type Context, usage } from './context.ts';
import { describe } from './describe.ts';
import { disposeSymbol } from './dispose_symbol.ts';
import { DptError, invalidArgument } from './errors.ts';
import { bindGroupOf, pipelineKey, pipelinesOf } from './kernel.ts';
import { type Magnitude, magnitudeOf } from './magnitude.ts';
import { finishParts, runParts, type StepTime, timesOf } from './parts.ts';
import { measure, type Profile } from './profile.ts';
import {
  type InputSpecs,
  letGo,
  type Tensors,
  type Trace,
  type TraceOptions,
  trace,
} from './recorder.ts';
import type { Slot } from './slots.ts';
import type { Storage } from './storage.ts';
import { Tensor } from './tensor.ts';

/** What compiling tells, and how to stop it. */
export interface CompileOptions {
  /** Compiled pipelines so far, of how many: the slow part of a first recording. Default: none. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Aborts: the call rejects with its reason. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** What a recording keeps, tells while it compiles, and how to stop it. */
export interface RecordOptions extends TraceOptions, CompileOptions {}

/**
 * Runs `forward` once on shapes and keeps the list of dispatches: memory is planned from their lifetimes, pipelines are
 * compiled together, bind groups are made once. After that `run` only replays.
 *
 * ```ts
 * const recording = await record(context, { image: [1, 518, 518, 3] }, ({ image }) => ({ depth: model.forward(image) }));
 * const { depth } = recording.run({ image: pixels });
 * ```
 */
export async function record<I extends string, O extends string>(
  context: Context,
  inputs: Readonly<Record<I, InputSpecs[string]>>,
  forward: (inputs: Readonly<Record<I, Tensor>>) => Readonly<Record<O, Tensor>>,
  options: RecordOptions = {},
): Promise<Recording<I, O>> {
  const traced = trace(context, inputs, forward as (inputs: Tensors) => Tensors, options);
  try {
    for (const step of traced.steps) {
      for (const tensor of [...step.reads, ...step.writes]) {
        if (!tensor) continue;
        context.expectFits(tensor.storage.bytes, `recording: ${step.label}`);
        // Weights that are not loaded are named now, not after compiling.
        if (!tensor.storage.virtual) tensor.storage.bufferFor(tensor.name);
      }
    }
    await compile(context, traced, options);
  } catch (error) {
    letGo(traced.held);
    throw error;
  }
  let recording: Recording<I, O> | undefined;
  try {
    return await context.checked('record', () => {
      recording = new Recording<I, O>(context, traced);
      return recording;
    });
  } catch (error) {
    if (recording) recording.dispose();
    else letGo(traced.held);
    throw error;
  }
}

/** The plan of a recording without making it: works in `Context.planning()`, before there is a device or any weights. */
export function plan<I extends string>(
  context: Context,
  inputs: Readonly<Record<I, InputSpecs[string]>>,
  forward: (inputs: Readonly<Record<I, Tensor>>) => Tensors,
  options: TraceOptions = {},
): Trace {
  const traced = trace(context, inputs, forward as (inputs: Tensors) => Tensors, options);
  letGo(traced.held);
  return { ...traced, held: [] };
}

/**
 * Compiles the pipelines of a plan, so that a recording of the same waits for none. A plan needs no weights, so this can go
 * on while they load; make it in `Context.planning(context.capabilities)`, for it to choose the kernels that this device
 * will run. Errors: a shader that does not compile, a lost device, an abort.
 */
export async function compile(
  context: Context,
  { steps }: Pick<Trace, 'steps'>,
  { onProgress, signal }: CompileOptions = {},
): Promise<void> {
  const cache = pipelinesOf(context);
  const distinct = new Map(steps.map((step) => [pipelineKey(step), step]));
  let done = 0;
  onProgress?.(0, distinct.size);
  signal?.throwIfAborted();
  // After an abort they go on compiling, for whoever asks next; nobody waits and nobody is told.
  const all = [...distinct.values()].map(async (step) => {
    await context.unlessLost(cache.compile(step));
    if (!signal?.aborted) onProgress?.(++done, distinct.size);
  });
  await orAbort(Promise.all(all), signal);
  signal?.throwIfAborted();
}

/** A list of dispatches with everything they need, ready to replay. Made by `record`. */
export class Recording<I extends string = string, O extends string = string> {
  /** Whose slots it uses. */
  readonly context: Context;
  /** Its steps and the plan of their memory; `describe()` prints them. */
  readonly trace: Trace;
  /** Write the next picture here, or pass values to `run`. */
  readonly inputs: Readonly<Record<I, Tensor>>;
  /** The same tensors after every run; a later run overwrites their values. */
  readonly outputs: Readonly<Record<O, Tensor>>;
  /** Intermediates asked for with `keep`. */
  readonly kept: Tensors;
  readonly #calls: Call[];
  /** What every step took when it was last run in parts. */
  #times: readonly StepTime[] | undefined;
  readonly #slots: Slot[] = [];
  readonly #buffers = new Map<Storage, GPUBuffer>();
  #parameters: GPUBuffer | undefined;
  /** The buffers of inputs, outputs and kept tensors, by their places in the trace. */
  readonly #owned = new Map<Storage, Storage>();
  #disposed = false;

  constructor(context: Context, traced: Trace) {
    this.context = context;
    this.trace = traced;
    try {
      this.#slots.push(...context.takeSlots(traced.slots.slots));
      const buffers = this.#buffers;
      traced.intermediates.forEach(({ storage }, i) => {
        buffers.set(storage, this.#slots[traced.slots.slotOf[i]!]!.buffer);
      });
      const real = (tensors: Tensors): Tensors => this.#materialise(tensors, buffers);
      this.inputs = real(traced.inputs) as Readonly<Record<I, Tensor>>;
      this.outputs = real(traced.outputs) as Readonly<Record<O, Tensor>>;
      this.kept = real(traced.kept);
      this.#calls = this.#bind(buffers);
    } catch (error) {
      this.#free();
      throw error;
    }
  }

  /** Parameters in one buffer, pipelines and bind groups, in the order of the steps. */
  #bind(buffers: ReadonlyMap<Storage, GPUBuffer>): Call[] {
    const { context } = this;
    const { steps } = this.trace;
    const { uniformAlignment } = context.capabilities;
    const places = steps.map(({ params }) => Math.ceil(params.byteLength / uniformAlignment));
    const parameterBytes = places.reduce((sum, n) => sum + n, 0) * uniformAlignment;
    const buffer = context.createBuffer(
      Math.max(parameterBytes, 16),
      usage.uniform | usage.copyDst,
      'parameters',
      'recording parameters',
    );
    this.#parameters = buffer;
    const parameters = new Uint8Array(parameterBytes);
    const bufferOf = ({ storage, name }: Tensor): GPUBuffer =>
      buffers.get(storage) ?? storage.bufferFor(name);
    let offset = 0;
    const calls = steps.map((step, i) => {
      parameters.set(new Uint8Array(step.params), offset);
      const range = { buffer, offset, size: step.params.byteLength };
      offset += places[i]! * uniformAlignment;
      return {
        pipeline: pipelinesOf(context).get(step),
        group: bindGroupOf(context, step, bufferOf, range),
        workgroups: step.workgroups,
      };
    });
    if (parameterBytes) context.upload(buffer, parameters, 'parameters');
    return calls;
  }

  /** Writes the given inputs, replays all steps in one pass and one submission, and returns the outputs. */
  run(
    values: { readonly [K in I]?: Float32Array | Uint32Array | Uint8Array } = {},
  ): Readonly<Record<O, Tensor>> {
    this.#expectAlive();
    finishParts(this.context);
    this.#write(values);
    if (this.context.isDebugging) {
      this.#runWatched();
      return this.outputs;
    }
    const encoder = this.context.device.createCommandEncoder({ label: 'recording' });
    this.encode(encoder);
    this.context.device.queue.submit([encoder.finish()]);
    return this.outputs;
  }

  /**
   * The same in submissions of about so many milliseconds, and waits for each, so that a slow device answers in between:
   * the signal is looked at, a browser draws, and no watchdog takes the device away. Resolves when all is done. A step of
   * a kind that is new goes alone and is timed; a single step is never cut.
   *
   * Default: `ContextOptions.partMilliseconds`; where that is infinite this is `run`, and what the signal says is left to
   * the caller. Runs that may overlap go `inTurn`.
   */
  async runInParts(
    values: { readonly [K in I]?: Float32Array | Uint32Array | Uint8Array } = {},
    { milliseconds = this.context.partMilliseconds, signal }: PartsOptions = {},
  ): Promise<Readonly<Record<O, Tensor>>> {
    signal?.throwIfAborted();
    if (milliseconds === Number.POSITIVE_INFINITY || this.context.isDebugging)
      return this.run(values);
    this.#expectAlive();
    finishParts(this.context);
    this.#write(values);
    this.#times ??= timesOf(this.context, this.trace.steps);
    await runParts(this.context, {
      times: this.#times,
      limit: milliseconds,
      signal,
      submit: (from, to) => {
        this.#expectAlive();
        const encoder = this.context.device.createCommandEncoder({ label: 'recording' });
        this.#encode(encoder, from, to);
        this.context.device.queue.submit([encoder.finish()]);
      },
    });
    return this.outputs;
  }

  #write(values: { readonly [K in I]?: Float32Array | Uint32Array | Uint8Array }): void {
    for (const [name, value] of Object.entries(values) as [I, Float32Array | undefined][]) {
      if (value === undefined) continue;
      const input = this.inputs[name];
      if (!input) throw invalidArgument(`run: this recording has no input named ${name}.`);
      input.write(value);
    }
  }

  /** The same inside a frame of the caller, who submits it. Inputs are written beforehand. */
  encode(encoder: GPUCommandEncoder): void {
    this.#expectAlive();
    finishParts(this.context);
    this.#encode(encoder, 0, this.#calls.length);
  }

  #encode(encoder: GPUCommandEncoder, from: number, to: number): void {
    const pass = encoder.beginComputePass({ label: 'recording' });
    let current: GPUComputePipeline | undefined;
    for (let i = from; i < to; i++) {
      const { pipeline, group, workgroups } = this.#calls[i]!;
      if (workgroups[0] === 0) continue;
      if (pipeline !== current) pass.setPipeline(pipeline);
      current = pipeline;
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(workgroups[0], workgroups[1]);
    }
    pass.end();
  }

  /** Every step in a submission of its own, so that an error has the step's label. */
  #runWatched(): void {
    const { context } = this;
    this.#calls.forEach(({ pipeline, group, workgroups }, i) => {
      if (workgroups[0] === 0) return;
      const { label } = this.trace.steps[i]!;
      context.watched(label, () => {
        const encoder = context.device.createCommandEncoder({ label });
        const pass = encoder.beginComputePass({ label });
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(workgroups[0], workgroups[1]);
        pass.end();
        context.device.queue.submit([encoder.finish()]);
      });
    });
  }

  /**
   * Times every step in a pass of its own: GPU timestamps where the device has them, else wall time per submission, and
   * then the signal is looked at between them. Rejects with its reason.
   */
  async profile({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<Profile> {
    this.#expectAlive();
    signal?.throwIfAborted();
    const calls = this.#calls.map((call, i) => ({ ...call, label: this.trace.steps[i]!.label }));
    return orAbort(measure(this.context, calls, signal), signal);
  }

  /**
   * Runs every step with the inputs as they are and looks at what it wrote: the largest magnitude, and how many values
   * are NaN or infinite. Slow: for finding the layer that leaves the range of f16. All is queued at once, or, where
   * `runInParts` would cut a run, step by step; an abort then ends it after the step under way. Rejects with its reason.
   */
  async magnitudes({
    signal,
  }: {
    readonly signal?: AbortSignal | undefined;
  } = {}): Promise<Magnitude[]> {
    this.#expectAlive();
    signal?.throwIfAborted();
    finishParts(this.context);
    const { context } = this;
    const { steps } = this.trace;
    const found: Promise<Magnitude>[] = [];
    const look = (from: number, to: number): void => {
      this.#expectAlive();
      for (let i = from; i < to; i++) {
        const { label, writes } = steps[i]!;
        const encoder = context.device.createCommandEncoder({ label });
        this.#encode(encoder, i, i + 1);
        context.device.queue.submit([encoder.finish()]);
        for (const { storage, shape, dtype, name } of writes) {
          if (dtype === 'u32') continue;
          const buffer = this.#buffers.get(storage) ?? storage.bufferFor(name);
          const borrowed = context.borrow(buffer, storage.bytes);
          const magnitude = magnitudeOf(new Tensor(context, borrowed, shape, dtype, name), label);
          magnitude.catch(() => {}); // heard below, if nothing else ends this first
          found.push(magnitude);
        }
      }
    };
    if (context.partMilliseconds === Number.POSITIVE_INFINITY) look(0, steps.length);
    else {
      const times = steps.map(() => ({ milliseconds: 0 })); // so that each goes alone
      await runParts(context, { times, limit: 0, signal, submit: look });
    }
    return orAbort(Promise.all(found), signal);
  }

  /** Steps, shapes and slots as text, without running. */
  describe(): string {
    return describe(this.trace);
  }

  /** Gives back slots, parameters, inputs, outputs and kept tensors. Idempotent. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#free();
    letGo(this.trace.held);
  }

  [disposeSymbol](): void {
    this.dispose();
  }

  #free(): void {
    this.context.returnSlots(this.#slots);
    if (this.#parameters) this.context.destroyBuffer(this.#parameters);
    for (const storage of this.#owned.values()) storage.unretain();
  }

  #expectAlive(): void {
    if (this.#disposed) throw new DptError('disposed', 'This recording was disposed.');
  }

  /** Inputs, outputs and kept tensors get buffers of their own; two names for one tensor share one. */
  #materialise(tensors: Tensors, buffers: Map<Storage, GPUBuffer>): Tensors {
    return Object.fromEntries(
      Object.entries(tensors).map(([name, tensor]) => {
        if (!tensor.storage.virtual) return [name, tensor];
        const existing = this.#owned.get(tensor.storage);
        const storage = existing ?? this.context.allocate(tensor.storage.bytes, 'tensors', name);
        if (!existing) {
          // The recording is the owner: dispose() of an output by its user must not break the next run.
          storage.retain();
          storage.release();
          this.#owned.set(tensor.storage, storage);
          buffers.set(tensor.storage, storage.bufferFor(name));
        }
        return [name, new Tensor(this.context, storage, tensor.shape, tensor.dtype, name)];
      }),
    );
  }
}

/** How a run is cut into submissions. */
export interface PartsOptions {
  /** How long a submission should take. Default: `partMilliseconds` of the context. */
  readonly milliseconds?: number;
  /** Looked at between submissions: the run rejects with its reason. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

interface Call {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: readonly [number, number];
}
