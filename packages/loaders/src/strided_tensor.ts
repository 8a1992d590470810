import type { StoredDtype, StoredTensor } from '@dpt-webgpu/tensor';
import type { ReadOptions } from './byte_source.ts';
import { aligned, sizeOfDtype } from './stored_bytes.ts';

/** A run of elements in a file, of which tensors are views. */
export interface Storage {
  readonly dtype: StoredDtype;
  /** Elements [offset, offset + count) as little-endian bytes. */
  read(offset: number, count: number, options?: ReadOptions): Promise<Uint8Array>;
}

/** A view of a storage, all in elements: t[i, j, …] = storage[offset + i·strides[0] + j·strides[1] + …]. */
export interface Strided {
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

const MAX_RANK = 8;
const MAX_ELEMENTS = 2 ** 40;
/** What an expanded tensor (stride 0) may take beyond its storage: a few bytes of file must not ask for terabytes. */
const MAX_EXPANDED_BYTES = 64 * 2 ** 20;

/** What is wrong with a view of `available` elements, or undefined. */
export function stridedProblem(
  view: Strided,
  available: number,
  dtype: StoredDtype,
): string | undefined {
  const { offset, shape, strides } = view;
  if (shape.length > MAX_RANK)
    return `has ${shape.length} dimensions; at most ${MAX_RANK} are allowed`;
  if (strides.length !== shape.length)
    return `has ${shape.length} sizes and ${strides.length} strides`;
  if (![offset, ...shape, ...strides].every((value) => Number.isSafeInteger(value) && value >= 0)) {
    return `has the impossible sizes [${shape.join(', ')}], strides [${strides.join(', ')}] or offset ${offset}`;
  }
  const count = elements(shape);
  if (count >= MAX_ELEMENTS) return `has the impossible size [${shape.join(', ')}]`;
  const needed = count === 0 ? 0 : offset + extent(view);
  if (needed > available) return `reaches element ${needed} of a storage of ${available}`;
  if (count > extent(view) && count * sizeOfDtype(dtype) > MAX_EXPANDED_BYTES) {
    return `repeats ${extent(view)} stored elements to fill [${shape.join(', ')}]`;
  }
  return undefined;
}

/** A tensor that is gathered from its storage when it is read. */
export function stridedTensor(storage: Storage, view: Strided): StoredTensor {
  const { dtype } = storage;
  const { offset, shape } = view;
  const elementSize = sizeOfDtype(dtype);
  return {
    dtype,
    shape,
    async read(options = {}) {
      options.signal?.throwIfAborted();
      const count = elements(shape);
      if (count === 0) return new Uint8Array(0);
      const bytes = aligned(await storage.read(offset, extent(view), options));
      return isContiguous(view) ? bytes : gather(bytes, view, elementSize);
    },
  };
}

function elements(shape: readonly number[]): number {
  // Zero first: [2⁴⁰, 2⁴⁰, 0] is an empty tensor, not a large one.
  return shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
}

/** Elements from the first to the last one of the view, both included. */
function extent({ shape, strides }: Strided): number {
  return 1 + shape.reduce((sum, size, i) => sum + (size - 1) * strides[i]!, 0);
}

function isContiguous({ shape, strides }: Strided): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    // A dimension of size 1 is never stepped along, so its stride may be anything.
    if (shape[i] !== 1 && strides[i] !== expected) return false;
    expected *= shape[i]!;
  }
  return true;
}

function gather(bytes: Uint8Array, view: Strided, elementSize: number): Uint8Array {
  const { buffer, byteOffset, byteLength } = bytes;
  const length = byteLength / elementSize;
  // Integers, because copying through floats may change the bits of a NaN.
  switch (elementSize) {
    case 1:
      return copyStrided(bytes, new Uint8Array(elements(view.shape)), view);
    case 2:
      return copyStrided(
        new Uint16Array(buffer, byteOffset, length),
        new Uint16Array(elements(view.shape)),
        view,
      );
    case 4:
      return copyStrided(
        new Uint32Array(buffer, byteOffset, length),
        new Uint32Array(elements(view.shape)),
        view,
      );
    default:
      return copyStrided(
        new BigUint64Array(buffer, byteOffset, length),
        new BigUint64Array(elements(view.shape)),
        view,
      );
  }
}

interface Elements<T> {
  [index: number]: T;
  readonly buffer: ArrayBufferLike;
}

function copyStrided<T extends number | bigint>(
  from: Elements<T>,
  to: Elements<T>,
  { shape, strides }: Strided,
): Uint8Array {
  const rank = shape.length;
  const index = new Array<number>(rank).fill(0);
  const count = elements(shape);
  let position = 0;
  for (let i = 0; i < count; i++) {
    to[i] = from[position]!;
    // Counts up like an odometer, last axis fastest.
    for (let axis = rank - 1; axis >= 0; axis--) {
      position += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      position -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return new Uint8Array(to.buffer);
}
