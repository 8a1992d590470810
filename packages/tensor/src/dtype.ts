/**
 * Element types that live on the GPU. `u32` holds packed bytes and indices; arithmetic is on f32 and f16. `q8` is for weights
 * of linear maps: int8, four to a word, and a tensor of them has a scale for each column.
 */
export type Dtype = 'f32' | 'f16' | 'u32' | 'q8';

/** Bytes of one element of each storage type. */
export const bytesPerElement: Readonly<Record<Dtype, number>> = { f32: 4, f16: 2, u32: 4, q8: 1 };

/** Size of a buffer for that many elements: WebGPU wants multiples of four bytes. */
export function bufferBytes(elements: number, dtype: Dtype): number {
  return Math.ceil((elements * bytesPerElement[dtype]) / 4) * 4;
}

const scratchF32 = new Float32Array(1);
const scratchU32 = new Uint32Array(scratchF32.buffer);

/** The bits of the f16 nearest to x, ties to even. Overflow gives infinity, as in IEEE 754. */
export function f16FromF32(x: number): number {
  scratchF32[0] = x;
  const bits = scratchU32[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const mantissa = bits & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (mantissa ? 0x200 | (mantissa >>> 13) : 0);
  const e = exponent - 112; // f16 exponent before rounding
  if (e >= 31) return sign | 0x7c00;
  if (e <= 0) {
    if (e < -10) return sign;
    const m = mantissa | 0x800000;
    const shift = 14 - e;
    const half = m >>> shift;
    const rest = m & ((1 << shift) - 1);
    const middle = 1 << (shift - 1);
    return sign | (half + (rest > middle || (rest === middle && half & 1) ? 1 : 0));
  }
  const half = (e << 10) | (mantissa >>> 13);
  const rest = mantissa & 0x1fff;
  return sign | (half + (rest > 0x1000 || (rest === 0x1000 && half & 1) ? 1 : 0));
}

let f16Table: Float32Array | undefined;

/** Value of every f16 bit pattern: 65536 entries, because weight files hold tens of millions of them. */
function f32OfF16(): Float32Array {
  if (f16Table) return f16Table;
  const bits = new Uint32Array(65536);
  for (let h = 0; h < 65536; h++) {
    const sign = (h & 0x8000) << 16;
    let e = (h >>> 10) & 0x1f;
    let m = h & 0x3ff;
    if (e === 0x1f) bits[h] = sign | 0x7f800000 | (m << 13);
    else if (e === 0 && m === 0) bits[h] = sign;
    else {
      if (e === 0) {
        e = 1; // a subnormal: shift until the leading one stands where it is implied
        while (!(m & 0x400)) {
          m <<= 1;
          e--;
        }
        m &= 0x3ff;
      }
      bits[h] = sign | ((e + 112) << 23) | (m << 13);
    }
  }
  f16Table = new Float32Array(bits.buffer);
  return f16Table;
}

/** f16 bit patterns → f32 values, exact. */
export function f32FromF16(half: Uint16Array): Float32Array {
  const table = f32OfF16();
  const out = new Float32Array(half.length);
  for (let i = 0; i < half.length; i++) out[i] = table[half[i]!]!;
  return out;
}

/** f32 values → f16 bit patterns, nearest, ties to even. */
export function f16FromArray(values: Float32Array): Uint16Array {
  const out = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) out[i] = f16FromF32(values[i]!);
  return out;
}
