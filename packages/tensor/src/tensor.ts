import type { Context } from './context.ts';
import { disposeSymbol } from './dispose_symbol.ts';
import { bufferBytes, bytesPerElement, type Dtype, f16FromArray, f32FromF16 } from './dtype.ts';
import { DptError, invalidArgument } from './errors.ts';
import { dims, expectSides, type Shape, shapeText, sizeOf } from './shape.ts';
import type { Storage } from './storage.ts';

/**
 * An array on the GPU: a shape, an element type, a name for messages, and bytes. Always contiguous with the last axis
 * innermost; `reshape` is the only view, slices and transposes are copies made by an op.
 *
 * Inside `record` the outputs of ops have no bytes yet: they are places in the recording's plan.
 */
export class Tensor {
  readonly context: Context;
  readonly shape: Shape;
  readonly dtype: Dtype;
  /** Weights carry their key, results the module that made them. */
  readonly name: string;
  /** The bytes behind the tensor, shared by its reshapes. For the engine. */
  readonly storage: Storage;
  /** Of a q8 matrix [K, N]: what one step of the int8 of each column stands for, [N]. */
  readonly scales: Tensor | undefined;

  constructor(
    context: Context,
    storage: Storage,
    shape: Shape,
    dtype: Dtype,
    name: string,
    scales?: Tensor,
  ) {
    this.context = context;
    this.storage = storage;
    this.shape = shape;
    this.dtype = dtype;
    this.name = name;
    this.scales = scales;
  }

  /** Wraps a buffer of the caller without a copy. The buffer stays the caller's: `dispose` does not destroy it. */
  static fromBuffer(
    context: Context,
    buffer: GPUBuffer,
    shape: Shape,
    dtype: Dtype = 'f32',
    name = 'buffer',
  ): Tensor {
    expectSides('Tensor.fromBuffer', name, shape);
    context.expectDtype(dtype, name);
    const bytes = Math.max(bufferBytes(sizeOf(shape), dtype), 4);
    if (buffer.size < bytes) {
      throw invalidArgument(
        `Tensor.fromBuffer: ${name} ${shapeText(shape)} ${dtype} needs ${bytes} bytes, the buffer has ${buffer.size}.`,
      );
    }
    return new Tensor(context, context.borrow(buffer, bytes), shape, dtype, name);
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Bytes of its values; its buffer is rounded up to four. */
  get bytes(): number {
    return this.size * bytesPerElement[this.dtype];
  }

  /** The buffer that holds the values. Throws for a place inside a recording and after `dispose`. */
  get buffer(): GPUBuffer {
    return this.storage.bufferFor(this.name);
  }

  /** `const [B, N, F] = x.dims('B N F')` binds the sizes and checks the rank. */
  dims(letters: string): number[] {
    return dims(this, letters);
  }

  /** The same bytes under another shape. One side may be −1: it takes what is left. */
  reshape(shape: Shape): Tensor {
    const known = shape.reduce((product, side) => (side === -1 ? product : product * side), 1);
    const full = shape.map((side) => (side === -1 ? this.size / known : side));
    const isSide = (side: number): boolean => Number.isSafeInteger(side) && side >= 0;
    const open = shape.filter((side) => side === -1).length;
    if (sizeOf(full) !== this.size || !full.every(isSide) || open > 1) {
      throw invalidArgument(
        `reshape: ${this.name} ${shapeText(this.shape)} has ${this.size} elements; ${shapeText(shape)} does not.`,
      );
    }
    if (this.scales && full.at(-1) !== this.shape.at(-1)) {
      throw invalidArgument(
        `reshape: the columns of ${this.name} have scales, so ${shapeText(full)} cannot cut them.`,
      );
    }
    return new Tensor(this.context, this.storage, full, this.dtype, this.name, this.scales);
  }

  /** The same tensor under another name. `record(…, { keep: [name] })` makes a tensor named inside it readable. */
  named(name: string): Tensor {
    const { context, storage, shape, dtype, scales } = this;
    const tensor = new Tensor(context, storage, shape, dtype, name, scales);
    this.context.recorder?.give(tensor);
    return tensor;
  }

  /** Copies values from the host. f32 values are rounded when the tensor is f16. */
  write(values: Float32Array | Uint32Array | Uint8Array): void {
    const raw =
      this.dtype === 'f16' && values instanceof Float32Array ? f16FromArray(values) : values;
    if (raw.byteLength !== this.bytes) {
      throw invalidArgument(
        `write: ${this.name} ${shapeText(this.shape)} ${this.dtype} takes ${this.bytes} bytes, got ${raw.byteLength}.`,
      );
    }
    this.context.upload(this.buffer, raw, this.name);
  }

  /** Values on the host, f16 widened to f32. `u32` and `q8` tensors are read with `readBytes`. */
  async read(): Promise<Float32Array> {
    if (this.dtype === 'u32' || this.dtype === 'q8') {
      throw invalidArgument(
        `read: ${this.name} is ${this.dtype}, which has no f32 values. Use readBytes().`,
      );
    }
    const bytes = await this.readBytes();
    if (this.dtype === 'f16') return f32FromF16(new Uint16Array(bytes.buffer, 0, this.size));
    return new Float32Array(bytes.buffer, 0, this.size);
  }

  /** The bytes as they are stored, in memory of their own. */
  async readBytes(): Promise<Uint8Array<ArrayBuffer>> {
    if (this.context.recorder) {
      throw new DptError(
        'invalid-state',
        `read: ${this.name} has no value while a recording is open. Name it in record(…, { keep }) and read it after run().`,
      );
    }
    return this.context.download(this.buffer, this.bytes, this.name);
  }

  /** Gives the buffer back. Idempotent; a borrowed buffer is left alone. Inside a recording it does nothing. */
  dispose(): void {
    this.storage.release();
  }

  [disposeSymbol](): void {
    this.dispose();
  }
}
