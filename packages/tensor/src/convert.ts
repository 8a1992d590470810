import { type Dtype, f16FromArray, f32FromF16 } from './dtype.ts';
import { type Shape, sizeOf } from './shape.ts';
import type { StoredDtype } from './state_dict.ts';

export const bytesPerStored: Readonly<Record<StoredDtype, number>> = {
  f64: 8,
  f32: 4,
  f16: 2,
  bf16: 2,
  i64: 8,
  u64: 8,
  i32: 4,
  u32: 4,
  i16: 2,
  u16: 2,
  i8: 1,
  u8: 1,
  bool: 1,
};

/** Stored bytes as f32 values. f64 and integers are rounded to the nearest f32. */
export function f32FromStored(bytes: Uint8Array, dtype: StoredDtype, count: number): Float32Array {
  // Files need not align their tensors; typed arrays must be aligned. Not slice(): that of a Node Buffer copies nothing.
  const { buffer, byteOffset } = bytes.byteOffset % 8 ? new Uint8Array(bytes) : bytes;
  switch (dtype) {
    case 'f32':
      return new Float32Array(buffer, byteOffset, count);
    case 'f16':
      return f32FromF16(new Uint16Array(buffer, byteOffset, count));
    case 'bf16': {
      const half = new Uint16Array(buffer, byteOffset, count);
      return new Float32Array(Uint32Array.from(half, (bits) => bits << 16).buffer);
    }
    case 'f64':
      return Float32Array.from(new Float64Array(buffer, byteOffset, count));
    case 'i64':
      return Float32Array.from(new BigInt64Array(buffer, byteOffset, count), Number);
    case 'u64':
      return Float32Array.from(new BigUint64Array(buffer, byteOffset, count), Number);
    case 'i32':
      return Float32Array.from(new Int32Array(buffer, byteOffset, count));
    case 'u32':
      return Float32Array.from(new Uint32Array(buffer, byteOffset, count));
    case 'i16':
      return Float32Array.from(new Int16Array(buffer, byteOffset, count));
    case 'u16':
      return Float32Array.from(new Uint16Array(buffer, byteOffset, count));
    case 'i8':
      return Float32Array.from(new Int8Array(buffer, byteOffset, count));
    case 'u8':
    case 'bool':
      return Float32Array.from(new Uint8Array(buffer, byteOffset, count));
  }
}

/** f32 values as the words that a tensor of that dtype stores. */
export function wordsOf(values: Float32Array, dtype: Dtype): Float32Array | Uint16Array {
  return dtype === 'f16' ? f16FromArray(values) : values;
}

/** A matrix as int8, and for each column the number that a step of one stands for: value ≈ int8 · scale. */
export interface Quantised {
  readonly values: Int8Array;
  readonly scales: Float32Array;
}

/**
 * Rounds a matrix [K, columns] to int8, symmetric about zero: the largest magnitude of a column becomes ±127, and every
 * value is off by half a step at most, 1/254 of that magnitude.
 */
export function quantise(matrix: Float32Array, columns: number): Quantised {
  const scales = new Float32Array(columns);
  for (let row = 0; row < matrix.length; row += columns) {
    for (let column = 0; column < columns; column++) {
      scales[column] = Math.max(scales[column]!, Math.abs(matrix[row + column]!));
    }
  }
  for (let column = 0; column < columns; column++) scales[column]! /= 127;
  // A column of zeros has the scale 0, and any step will do.
  const steps = scales.map((scale) => scale || 1);
  const values = new Int8Array(matrix.length);
  for (let row = 0; row < matrix.length; row += columns) {
    for (let column = 0; column < columns; column++) {
      const value = Math.round(matrix[row + column]! / steps[column]!);
      values[row + column] = Math.max(-127, Math.min(127, value)); // subnormal scales are coarse
    }
  }
  return { values, scales };
}

/** Number of values that are NaN or infinite. */
export function countNonFinite(values: Float32Array): number {
  let count = 0;
  // x − x is zero for finite x and NaN otherwise.
  for (let i = 0; i < values.length; i++) if (values[i]! - values[i]! !== 0) count++;
  return count;
}

/** One of `of` equal parts along an axis. */
export function cut(
  values: Float32Array,
  shape: Shape,
  { at, of, axis }: { readonly at: number; readonly of: number; readonly axis: number },
): Float32Array {
  if (of === 1) return values;
  const run = sizeOf(shape.slice(axis)) / of;
  const out = new Float32Array(values.length / of);
  for (let to = 0, from = at * run; to < out.length; to += run, from += of * run) {
    out.set(values.subarray(from, from + run), to);
  }
  return out;
}

/** The values with their axes in another order: axis i of the result is axis `order[i]` of `shape`. */
export function permute(
  values: Float32Array,
  shape: Shape,
  order: readonly number[],
): Float32Array {
  // Neighbours that stay neighbours are one axis: [O, I, 1, 1] → [1, 1, I, O] is a plain transpose.
  const { sides, axes } = mergeAxes(shape, order);
  if (axes.every((axis, i) => axis === i)) return values;
  const strides = sides.map((_, i) => sizeOf(sides.slice(i + 1)));
  const out = new Float32Array(values.length);
  const outer = axes.slice(0, -1);
  const inner = axes.at(-1)!;
  const innerSide = sides[inner]!;
  const innerStride = strides[inner]!;
  const at = outer.map(() => 0);
  let from = 0;
  for (let to = 0; to < out.length; to += innerSide) {
    for (let i = 0, f = from; i < innerSide; i++, f += innerStride) out[to + i] = values[f]!;
    // Step the outer axes like a mileage counter.
    for (let k = outer.length - 1; k >= 0; k--) {
      const axis = outer[k]!;
      from += strides[axis]!;
      if (++at[k]! < sides[axis]!) break;
      from -= strides[axis]! * sides[axis]!;
      at[k] = 0;
    }
  }
  return out;
}

function mergeAxes(shape: Shape, order: readonly number[]): { sides: number[]; axes: number[] } {
  const kept = order.filter((axis) => shape[axis] !== 1);
  const runs: number[][] = [];
  for (const axis of kept) {
    const last = runs.at(-1);
    const follows = last && nextKept(shape, last.at(-1)!) === axis;
    if (follows) last.push(axis);
    else runs.push([axis]);
  }
  const sorted = [...runs].sort((a, b) => a[0]! - b[0]!);
  return {
    sides: sorted.map((run) => run.reduce((product, axis) => product * shape[axis]!, 1)),
    axes: runs.map((run) => sorted.indexOf(run)),
  };
}

/** The next axis after this one that is longer than one. */
function nextKept(shape: Shape, axis: number): number | undefined {
  for (let next = axis + 1; next < shape.length; next++) if (shape[next] !== 1) return next;
  return undefined;
}
