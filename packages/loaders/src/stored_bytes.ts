import type { StoredDtype } from '@dpt-webgpu/tensor';

const SIZES: Readonly<Record<StoredDtype, number>> = {
  f64: 8,
  i64: 8,
  u64: 8,
  f32: 4,
  i32: 4,
  u32: 4,
  f16: 2,
  bf16: 2,
  i16: 2,
  u16: 2,
  i8: 1,
  u8: 1,
  bool: 1,
};

/** Bytes per element. */
export function sizeOfDtype(dtype: StoredDtype): number {
  return SIZES[dtype];
}

/** Product of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * The same bytes where typed arrays of any element size can view them: a file may place a tensor anywhere, and
 * `new Float32Array(buffer, offset)` throws unless the offset is a multiple of four.
 */
export function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
}
