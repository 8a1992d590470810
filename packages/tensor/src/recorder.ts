import type { Context } from './context.ts';
import type { Dtype } from './dtype.ts';
import { DptError, invalidArgument } from './errors.ts';
import type { Step } from './kernel.ts';
import { type Lifetime, planSlots, type SlotPlan } from './plan.ts';
import type { Shape } from './shape.ts';
import type { Storage } from './storage.ts';
import { Tensor } from './tensor.ts';

/** A place for values that change from run to run, or a tensor (a caller's buffer) that is read where it is. */
export type InputSpec = Shape | { readonly shape: Shape; readonly dtype: Dtype } | Tensor;
/** Inputs of a recording by the names that `run` takes them by. */
export type InputSpecs = Readonly<Record<string, InputSpec>>;
/** Tensors by name. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** What a recording keeps beside its outputs. */
export interface TraceOptions {
  /**
   * Intermediates to keep readable, by the name a module gave them (`stage_1`) or by the module that made them
   * (`encoder.blocks.*.mlp`: the last result inside that module). A star stands for one part between dots. Default: none.
   */
  readonly keep?: readonly string[];
  /** Make `attention` take its textbook form, whose softmax is named `….weights` and can be kept. Default false. */
  readonly attentionWeights?: boolean;
}

/** What a run consists of, known from shapes alone. `plan` makes one without a device. */
export interface Trace {
  /** Dispatches in their order. */
  readonly steps: readonly Step[];
  /** By the names given to `record`; a run writes them. */
  readonly inputs: Tensors;
  /** By the names that the function returned. */
  readonly outputs: Tensors;
  /** Those that `keep` matched, by their names. */
  readonly kept: Tensors;
  /** Intermediates, each with the steps it lives through. */
  readonly intermediates: readonly { readonly storage: Storage; readonly life: Lifetime }[];
  /** The buffers that intermediates share. */
  readonly slots: SlotPlan;
  /** Bytes that the steps need from outside: weights, constants, callers' buffers. Kept alive until `letGo`. */
  readonly held: readonly Storage[];
  /** Bytes of the largest tensor that a kernel binds: what to ask the device for. */
  readonly largestBinding: number;
  /** Bytes of slots, inputs, outputs and kept tensors; weights come on top. */
  readonly bytes: number;
}

/** Counterpart of `trace`: frees what nobody else holds. */
export function letGo(held: readonly Storage[]): void {
  for (const storage of held) storage.unretain();
}

/** Collects the steps of an open recording. */
export class Recorder {
  readonly steps: Step[] = [];
  readonly names = new Map<string, Tensor>();
  /** Names that a module gave on purpose. Ops pass the name of their input on, and those results must not hide it. */
  readonly #given = new Set<string>();
  /**
   * What steps use from outside, each once, and constants made while tracing (tables of a resize). Held from the moment
   * of use: between tracing and the first run their owner may let go of them.
   */
  readonly held = new Set<Storage>();
  readonly attentionWeights: boolean;
  readonly #keep: readonly RegExp[];

  constructor({ attentionWeights = false, keep = [] }: TraceOptions) {
    this.attentionWeights = attentionWeights;
    this.#keep = keep.map(patternOf);
  }

  /** Whether somebody wants to read a tensor of that name: ops that can do without storing it store it then. */
  isKept(name: string): boolean {
    return this.#keep.some((pattern) => pattern.test(name));
  }

  add(step: Step): void {
    this.steps.push(step);
    for (const tensor of step.writes) this.#name(tensor);
    for (const tensor of [...step.reads, ...step.writes]) if (tensor) this.keepAlive(tensor);
  }

  /** Until the recording is disposed. */
  keepAlive({ storage }: Tensor): void {
    if (storage.virtual || this.held.has(storage)) return;
    storage.retain();
    this.held.add(storage);
  }

  /** Takes over a constant from whoever made it. */
  hold(tensor: Tensor): void {
    this.keepAlive(tensor);
    tensor.dispose();
  }

  /** `keep` finds a tensor by the name that it was given last. */
  give(tensor: Tensor): void {
    this.#given.delete(tensor.name);
    this.#name(tensor);
    this.#given.add(tensor.name);
  }

  /** Else the last result of a name, or inside a module, is the one that `keep` finds. */
  #name(tensor: Tensor): void {
    const parts = tensor.name.split('.');
    for (let n = 1; n <= parts.length; n++) {
      const name = parts.slice(0, n).join('.');
      if (!this.#given.has(name)) this.names.set(name, tensor);
    }
  }
}

/** Runs `forward` on shapes: ops append steps instead of running. */
export function trace(
  context: Context,
  inputSpecs: InputSpecs,
  forward: (inputs: Tensors) => Tensors,
  options: TraceOptions = {},
): Trace {
  if (context.recorder)
    throw new DptError('invalid-state', 'record: a recording is already open in this context.');
  const recorder = new Recorder(options);
  context.recorder = recorder;
  const { steps, names, held } = recorder;
  try {
    const inputs = Object.fromEntries(
      Object.entries(inputSpecs).map(([name, spec]) => [name, inputTensor(context, name, spec)]),
    );
    const outputs = forward(inputs);
    const kept = keptTensors(names, options.keep ?? []);
    for (const tensor of [inputs, outputs, kept].flatMap((group) => Object.values(group))) {
      recorder.keepAlive(tensor);
    }
    const planned = lifetimes(steps, inputs, outputs, kept);
    return { ...planned, inputs, outputs, kept, held: [...held] };
  } catch (error) {
    letGo([...held]);
    throw error;
  } finally {
    context.recorder = undefined;
  }
}

function inputTensor(context: Context, name: string, spec: InputSpec): Tensor {
  if (spec instanceof Tensor) return spec;
  if (Array.isArray(spec)) return context.empty(spec as Shape, 'f32', name);
  const { shape, dtype } = spec as { shape: Shape; dtype: Dtype };
  return context.empty(shape, dtype, name);
}

function keptTensors(names: ReadonlyMap<string, Tensor>, patterns: readonly string[]): Tensors {
  const kept: Record<string, Tensor> = {};
  for (const pattern of patterns) {
    const matches = [...names.keys()].filter((name) => patternOf(pattern).test(name));
    if (matches.length === 0) {
      throw invalidArgument(
        `record: nothing is named ${pattern}. There are: ${[...names.keys()].join(', ')}.`,
      );
    }
    for (const name of matches) kept[name] = names.get(name)!;
  }
  return kept;
}

function patternOf(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^.]+');
  return new RegExp(`^${escaped}$`);
}

function lifetimes(
  steps: readonly Step[],
  inputs: Tensors,
  outputs: Tensors,
  kept: Tensors,
): Pick<Trace, 'steps' | 'intermediates' | 'slots' | 'largestBinding' | 'bytes'> {
  const fixed = new Set<Storage>();
  for (const tensor of [inputs, outputs, kept].flatMap((group) => Object.values(group))) {
    fixed.add(tensor.storage);
  }
  const written = new Set(Object.values(inputs).map(({ storage }) => storage));
  const expectWritten = ({ storage, name }: Tensor, user: string): void => {
    if (!storage.virtual || written.has(storage)) return;
    throw new DptError(
      'invalid-state',
      `${user} ${name}, which no step of this recording has written; values inside another recording cannot be used.`,
    );
  };
  const lives = new Map<Storage, { first: number; last: number }>();
  let largestBinding = 0;
  steps.forEach((step, at) => {
    const touch = ({ storage }: Tensor): void => {
      largestBinding = Math.max(largestBinding, storage.bytes);
      if (!storage.virtual || fixed.has(storage)) return;
      const life = lives.get(storage);
      if (life) life.last = at;
      else lives.set(storage, { first: at, last: at });
    };
    for (const tensor of step.reads) {
      if (!tensor) continue;
      expectWritten(tensor, `${step.label}: reads`);
      touch(tensor);
    }
    for (const tensor of step.writes) {
      written.add(tensor.storage);
      touch(tensor);
    }
  });
  for (const [name, tensor] of Object.entries(outputs)) {
    expectWritten(tensor, `record: the output ${name} is`);
  }
  const intermediates = [...lives].map(([storage, life]) => ({
    storage,
    life: { bytes: storage.bytes, ...life },
  }));
  const slots = planSlots(intermediates.map(({ life }) => life));
  const own = [...fixed].filter((storage) => storage.virtual);
  const bytes = [...slots.slots, ...own.map((storage) => storage.bytes)].reduce((a, b) => a + b, 0);
  return { steps, intermediates, slots, largestBinding, bytes };
}
