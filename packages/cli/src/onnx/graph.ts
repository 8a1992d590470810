import { float, headerOf, int, ints, joined, message, text } from './protobuf.ts';

/** Numbers of the fields are those of onnx.proto (github.com/onnx/onnx, onnx/onnx.proto). */
const IR_VERSION = 8;
/** LayerNormalization is the newest operator that is used; it came with 17. */
export const OPSET = 17;
const FLOAT = 1;
const INT64 = 7;
/** A protocol buffer ends at 2 GiB; larger weights go into a file beside it. */
const LARGEST_FILE = 2 ** 31 - 2 ** 24;

/** Whole numbers, or floats written as such: `{ float: 1 }`. */
export type Attribute = number | string | readonly number[] | { readonly float: number };
export type Attributes = Readonly<Record<string, Attribute>>;

/** A side that is known, or a name for one that is not. */
export type Side = number | string;

interface Initializer {
  readonly name: string;
  readonly type: typeof FLOAT | typeof INT64;
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly read: () => Promise<Uint8Array>;
}

export interface OnnxFile {
  /** Bytes of what is written, and of how many tensors. */
  readonly bytes: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** An ONNX graph that is being written down: nodes in the order in which they run, constants, inputs and outputs. */
export class OnnxGraph {
  readonly #nodes: Uint8Array[] = [];
  readonly #initializers = new Map<string, Initializer>();
  readonly #inputs: Uint8Array[] = [];
  readonly #outputs: Uint8Array[] = [];
  readonly #names = new Map<string, number>();

  get nodeCount(): number {
    return this.#nodes.length;
  }

  /** Bytes of all constants. */
  get weightBytes(): number {
    return [...this.#initializers.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** The name, or the name with a number behind it where it is taken. */
  unique(name: string): string {
    const taken = this.#names.get(name) ?? 0;
    this.#names.set(name, taken + 1);
    return taken === 0 ? name : this.unique(`${name}_${taken}`);
  }

  input(name: string, shape: readonly Side[]): string {
    this.#inputs.push(valueInfo(11, name, shape));
    return this.unique(name);
  }

  /** Makes a value a result of the graph, under a name of its own. */
  output(value: string, name: string, shape: readonly Side[]): void {
    const own = this.node('Identity', [value], {}, name);
    this.#outputs.push(valueInfo(12, own, shape));
  }

  /** A node with one output, whose name is returned. `inputs` that are undefined are left out. */
  node(
    op: string,
    inputs: readonly (string | undefined)[],
    attributes: Attributes = {},
    name = op.toLowerCase(),
  ): string {
    return this.nodes(op, inputs, [name], attributes)[0]!;
  }

  /** A node with several outputs. */
  nodes(
    op: string,
    inputs: readonly (string | undefined)[],
    names: readonly string[],
    attributes: Attributes = {},
  ): string[] {
    const outputs = names.map((name) => this.unique(name));
    this.#nodes.push(
      message(
        1,
        ...inputs.map((input) => text(1, input ?? '')),
        ...outputs.map((output) => text(2, output)),
        text(3, outputs[0]!),
        text(4, op),
        ...Object.entries(attributes).map(([key, value]) => attribute(key, value)),
      ),
    );
    return outputs;
  }

  /** Whole numbers, as shapes and axes are given. The same numbers are stored once. */
  integers(values: readonly number[]): string {
    const name = `int64 ${values.join(',')}`;
    if (!this.#initializers.has(name)) {
      const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
      this.#add({ name, type: INT64, shape: [values.length], data });
    }
    return name;
  }

  /** One float, of no axes. */
  scalar(value: number): string {
    const name = `float ${value}`;
    if (!this.#initializers.has(name)) {
      this.#add({
        name,
        type: FLOAT,
        shape: [],
        data: new Uint8Array(Float32Array.of(value).buffer),
      });
    }
    return name;
  }

  /** Whole numbers of any shape. */
  indices(name: string, shape: readonly number[], values: readonly number[]): string {
    const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.#add({ name: this.unique(name), type: INT64, shape, data });
  }

  floats(name: string, shape: readonly number[], values: Float32Array): string {
    const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return this.#add({ name: this.unique(name), type: FLOAT, shape, data });
  }

  /** A weight, whose values are asked for when the file is written. */
  weight(name: string, shape: readonly number[], read: () => Promise<Float32Array>): string {
    const unique = this.unique(name);
    this.#initializers.set(unique, {
      name: unique,
      type: FLOAT,
      shape,
      bytes: 4 * shape.reduce((product, side) => product * side, 1),
      async read() {
        const values = await read();
        return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      },
    });
    return unique;
  }

  #add({
    data,
    ...about
  }: Omit<Initializer, 'bytes' | 'read'> & { readonly data: Uint8Array }): string {
    this.#initializers.set(about.name, {
      ...about,
      bytes: data.length,
      read: async () => data,
    });
    return about.name;
  }

  /**
   * The file, weight by weight, and where it would be too large for one the file of weights, which `external` names.
   * `onProgress` counts bytes of weights.
   */
  files({
    name,
    external,
    metadata,
    largest = LARGEST_FILE,
    onProgress,
    signal,
  }: {
    readonly name: string;
    readonly external: string;
    readonly metadata: ReadonlyMap<string, string>;
    readonly largest?: number;
    readonly onProgress?: (done: number, total: number) => void;
    readonly signal?: AbortSignal;
  }): { readonly model: OnnxFile; readonly weights: OnnxFile | undefined } {
    const initializers = [...this.#initializers.values()];
    const isSplit = this.weightBytes + joined(this.#nodes).length > largest;
    const isOutside = ({ type }: Initializer): boolean => isSplit && type === FLOAT;
    const total = this.weightBytes;
    let done = 0;
    const read = async (initializer: Initializer): Promise<Uint8Array> => {
      signal?.throwIfAborted();
      const data = await initializer.read();
      if (data.length !== initializer.bytes) {
        throw new Error(`${initializer.name} has ${data.length} bytes, not ${initializer.bytes}.`);
      }
      onProgress?.((done += data.length), total);
      return data;
    };

    // A tensor is its head, then the raw data: all lengths are known before any data is.
    let offset = 0;
    const heads = initializers.map((initializer) => {
      const { bytes } = initializer;
      const about = [
        ints(1, initializer.shape),
        int(2, initializer.type),
        text(8, initializer.name),
      ];
      if (isOutside(initializer)) {
        const place = { location: external, offset: String(offset), length: String(bytes) };
        offset += bytes;
        const entries = Object.entries(place).map(([key, value]) => stringEntry(13, key, value));
        return message(5, ...about, ...entries, int(14, 1));
      }
      const body = joined([...about, headerOf(9, bytes)]);
      return joined([headerOf(5, body.length + bytes), body]);
    });
    const inlineBytes = initializers
      .filter((initializer) => !isOutside(initializer))
      .reduce((sum, { bytes }) => sum + bytes, 0);
    const before = joined([...this.#nodes, text(2, name)]);
    const after = joined([...this.#inputs, ...this.#outputs]);
    const headBytes = heads.reduce((sum, head) => sum + head.length, 0);
    const graphBytes = before.length + headBytes + inlineBytes + after.length;
    const start = joined([
      int(1, IR_VERSION),
      text(2, 'dpt-webgpu'),
      message(8, text(1, ''), int(2, OPSET)),
      ...[...metadata].map(([key, value]) => stringEntry(14, key, value)),
      headerOf(7, graphBytes),
    ]);

    async function* model(): AsyncIterable<Uint8Array> {
      yield start;
      yield before;
      for (const [i, initializer] of initializers.entries()) {
        yield heads[i]!;
        if (!isOutside(initializer)) yield await read(initializer);
      }
      yield after;
    }
    async function* weights(): AsyncIterable<Uint8Array> {
      for (const initializer of initializers)
        if (isOutside(initializer)) yield await read(initializer);
    }
    return {
      model: { bytes: start.length + graphBytes, chunks: model() },
      weights: isSplit ? { bytes: offset, chunks: weights() } : undefined,
    };
  }
}

const stringEntry = (field: number, key: string, value: string): Uint8Array =>
  message(field, text(1, key), text(2, value));

function valueInfo(field: number, name: string, shape: readonly Side[]): Uint8Array {
  const sides = shape.map((side) =>
    typeof side === 'number' ? message(1, int(1, side)) : message(1, text(2, side)),
  );
  const tensor = message(1, int(1, FLOAT), message(2, ...sides));
  return message(field, text(1, name), message(2, tensor));
}

function attribute(name: string, value: Attribute): Uint8Array {
  const kind = { float: 1, int: 2, string: 3, ints: 7 } as const;
  const typed = (): Uint8Array[] => {
    if (typeof value === 'number') return [int(3, value), int(20, kind.int)];
    if (typeof value === 'string') return [text(4, value), int(20, kind.string)];
    if ('float' in value) return [float(2, value.float), int(20, kind.float)];
    // Not packed in onnx.proto, which is of the second version of the language.
    return [...value.map((each) => int(8, each)), int(20, kind.ints)];
  };
  return message(5, text(1, name), ...typed());
}
