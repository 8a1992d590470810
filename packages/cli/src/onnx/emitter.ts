import type { Tensor, Trace } from '@dpt-webgpu/tensor';
import type { OnnxGraph } from './graph.ts';
import type { Side, Sizes } from './sizes.ts';

export type Step = Trace['steps'][number];
type Storage = Tensor['storage'];

/**
 * A value of the graph. Feature maps are channels last here and channels first in ONNX: what is asked for is made, once,
 * so that maps which only convolutions and resizes touch are never transposed.
 */
interface Value {
  readonly sides: readonly Side[];
  /** As our tensors lie. */
  plain?: string;
  /** [B, C, H, W] of a value [B, H, W, C]. */
  channelsFirst?: string;
}

/** The same step of every trace: they differ in lengths alone. */
export interface Call {
  readonly step: Step;
  readonly reads: readonly (Operand | undefined)[];
  readonly write: Operand;
  /** A parameter of the shader at each traced size. */
  param(name: string): Side;
  /** The value of an `override`, or of a parameter where a kernel chooses as it runs; at every size the same. */
  choice(name: string): number | boolean | undefined;
}

/** A tensor as a step sees it. */
export interface Operand {
  readonly name: string;
  readonly storage: Storage;
  readonly sides: readonly Side[];
  readonly tensor: Tensor;
}

const toChannelsFirst = [0, 3, 1, 2];
const toChannelsLast = [0, 2, 3, 1];

/** What the translations of ops have in common: values under their names, and the nodes that many need. */
export class Emitter {
  readonly graph: OnnxGraph;
  readonly sizes: Sizes;
  readonly #values = new Map<Storage, Value>();
  /** Parts of a concatenation, until its result is read. */
  readonly #parts = new Map<
    Storage,
    { axis: number; names: string[]; name: string; sides: readonly Side[] }
  >();
  readonly #shared = new Map<string, string>();

  constructor(graph: OnnxGraph, sizes: Sizes) {
    this.graph = graph;
    this.sizes = sizes;
  }

  /** The picture, which the graph has channels first. */
  input({ storage, sides }: Operand, channelsFirst: string): void {
    this.#values.set(storage, { sides, channelsFirst });
  }

  // Values, and the forms they are wanted in

  /** As our tensors lie, in the shape that the reader gives it. */
  plain(operand: Operand): string {
    const value = this.#value(operand);
    value.plain ??= this.graph.node(
      'Transpose',
      [value.channelsFirst],
      { perm: toChannelsLast },
      `${operand.name}.last`,
    );
    if (sameSides(value.sides, operand.sides)) return value.plain;
    const key = `${value.plain} as ${operand.sides.map((side) => side.join()).join(' ')}`;
    return this.once(key, () =>
      this.graph.node(
        'Reshape',
        [value.plain, this.sizes.shape(operand.sides)],
        {},
        `${operand.name}.view`,
      ),
    );
  }

  /** [B, C, H, W] of an operand [B, H, W, C]. */
  first(operand: Operand): string {
    const value = this.#value(operand);
    if (value.channelsFirst !== undefined && this.isFirst(operand)) return value.channelsFirst;
    const plain = this.plain(operand);
    const name = this.once(`${plain} first`, () =>
      this.graph.node('Transpose', [plain], { perm: toChannelsFirst }, `${operand.name}.first`),
    );
    if (sameSides(value.sides, operand.sides)) value.channelsFirst = name;
    return name;
  }

  /** Whether a map lies channels first already, so that reading it so costs nothing. */
  isFirst(operand: Operand): boolean {
    const value = this.#values.get(operand.storage);
    return value?.channelsFirst !== undefined && sameSides(value.sides, operand.sides);
  }

  #value(operand: Operand): Value {
    const known = this.#values.get(operand.storage);
    if (known) return known;
    const parts = this.#parts.get(operand.storage);
    const value: Value = parts
      ? {
          sides: parts.sides,
          plain: this.graph.node('Concat', parts.names, { axis: parts.axis }, parts.name),
        }
      : { sides: operand.sides, plain: this.#weight(operand) };
    this.#values.set(operand.storage, value);
    return value;
  }

  /** Anything that no step wrote: a weight, or a table made beforehand. */
  #weight({ tensor }: Operand): string {
    if (tensor.storage.virtual) throw new Error(`${tensor.name} is read before it is written`);
    return this.graph.weight(tensor.name, tensor.shape, () => tensor.read());
  }

  /** The result of a step, as our tensors lie. */
  write(call: Call, plain: string): void {
    this.#values.set(call.write.storage, { sides: call.write.sides, plain });
  }

  /** The result of a step [B, H, W, C] as [B, C, H, W]. */
  writeFirst(call: Call, channelsFirst: string): void {
    this.#values.set(call.write.storage, { sides: call.write.sides, channelsFirst });
  }

  /** A part of the result of a step that several steps write, one after the other along an axis. */
  writePart({ write }: Call, axis: number, part: string): void {
    const { name, sides } = write;
    const parts = this.#parts.get(write.storage) ?? { axis, names: [], name, sides };
    parts.names.push(part);
    this.#parts.set(write.storage, parts);
  }

  /** What has the same key is made once. */
  once(key: string, make: () => string): string {
    let name = this.#shared.get(key);
    if (name === undefined) {
      name = make();
      this.#shared.set(key, name);
    }
    return name;
  }

  // Parts of ops

  /** By the number that a shader's `ACTIVATION` takes. */
  activate(x: string, code: number | boolean | undefined, name: string): string {
    const graph = this.graph;
    switch (code ?? 0) {
      case 0:
        return x;
      case 1:
        return graph.node('Relu', [x], {}, `${name}.relu`);
      case 2: {
        // ½x(1 + erf(x/√2)), in the form that runtimes recognise
        const scaled = graph.node('Div', [x, graph.scalar(Math.SQRT2)], {}, `${name}.gelu`);
        const erf = graph.node('Erf', [scaled], {}, `${name}.gelu`);
        const more = graph.node('Add', [erf, graph.scalar(1)], {}, `${name}.gelu`);
        const product = graph.node('Mul', [x, more], {}, `${name}.gelu`);
        return graph.node('Mul', [product, graph.scalar(0.5)], {}, `${name}.gelu`);
      }
      case 3: {
        const gate = graph.node('Sigmoid', [x], {}, `${name}.silu`);
        return graph.node('Mul', [x, gate], {}, `${name}.silu`);
      }
      case 4:
        return graph.node('Sigmoid', [x], {}, `${name}.sigmoid`);
      default:
        throw new Error(`there is no activation ${code}`);
    }
  }

  reshape(x: string, sides: readonly Side[], name: string): string {
    return this.graph.node('Reshape', [x, this.sizes.shape(sides)], {}, name);
  }

  transpose(x: string, perm: readonly number[], name: string): string {
    return this.graph.node('Transpose', [x], { perm }, name);
  }

  /** A side that is the same at every size. */
  fixed(side: Side, what: string): number {
    const length = this.sizes.known(side);
    if (length === undefined) throw new Error(`${what} depends on the size of the picture`);
    return length;
  }

  /** A side of that length at every size. */
  always(length: number): Side {
    return this.sizes.traced.map(() => length);
  }

  /** From `from` up to `to` along one axis; the end of the axis where `to` is undefined. */
  slice(x: string, axis: number, from: Side, to: Side | undefined, name: string): string {
    const end = to ? this.sizes.list([to]) : this.graph.integers([Number.MAX_SAFE_INTEGER]);
    return this.graph.node(
      'Slice',
      [x, this.sizes.list([from]), end, this.graph.integers([axis])],
      {},
      name,
    );
  }

  /** One whole number, of no axes. */
  index(i: number): string {
    return this.once(`index ${i}`, () => this.graph.indices(`index ${i}`, [], [i]));
  }
}

export const sidesOf = (tensors: readonly Tensor[]): Side[] =>
  tensors[0]!.shape.map((_, axis) => tensors.map(({ shape }) => shape[axis]!));

export const equal = (a: Side, b: Side): boolean => a.every((length, i) => length === b[i]);

export const sameSides = (a: readonly Side[], b: readonly Side[]): boolean =>
  a.length === b.length && a.every((side, i) => equal(side, b[i]!));
