// dtype: every f16 pattern there and back; rounding between neighbours against exact arithmetic, ties to even; subnormals,
// overflow, signed zeros, NaN; bytes of buffers. Not here: f16 on the GPU (test/tensor/ops).
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bufferBytes,
  f16FromArray,
  f16FromF32,
  f32FromF16,
} from '../../packages/tensor/src/dtype.ts';

const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
const values = f32FromF16(all);

/** The value of a pattern, by the definition of the format. */
function valueByDefinition(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  return sign * (1024 + mantissa) * 2 ** (exponent - 25);
}

test('every pattern has the value that IEEE 754 gives it', () => {
  const wrong = [...all].filter((bits) => !Object.is(values[bits], valueByDefinition(bits)));
  expect(wrong).toEqual([]);
});

test('every pattern survives the way to f32 and back', () => {
  const back = f16FromArray(values);
  const isNaN16 = (bits: number): boolean => (bits & 0x7fff) > 0x7c00;
  const wrong = [...all].filter((bits) =>
    // Which NaN it is may change: JavaScript keeps one.
    isNaN16(bits) ? !isNaN16(back[bits]!) : back[bits] !== bits,
  );
  expect(wrong).toEqual([]);
});

test('between every two neighbours: the nearer one, and the even one from the middle', () => {
  const wrong: number[] = [];
  for (let bits = 0; bits < 0x7c00; bits++) {
    const low = values[bits]!;
    // Past the largest value the step goes on as if there were a next one.
    const high = bits === 0x7bff ? 65536 : values[bits + 1]!;
    const middle = (low + high) / 2; // exact in f32: one bit more than f16 has
    const nudge = (high - low) / 64;
    const even = bits % 2 === 0 ? bits : bits + 1;
    const right =
      f16FromF32(middle) === even &&
      f16FromF32(middle - nudge) === bits &&
      f16FromF32(middle + nudge) === bits + 1 &&
      f16FromF32(-middle) === (even | 0x8000) &&
      f16FromF32(-(middle + nudge)) === ((bits + 1) | 0x8000);
    if (!right) wrong.push(bits);
  }
  expect(wrong).toEqual([]);
});

test.each([
  { what: 'the largest value', x: 65504, bits: 0x7bff },
  { what: 'the last that rounds to it', x: 65519.996, bits: 0x7bff },
  { what: 'the first that overflows', x: 65520, bits: 0x7c00 },
  { what: 'the largest f32', x: -3.4028234663852886e38, bits: 0xfc00 },
  { what: 'infinity', x: Number.NEGATIVE_INFINITY, bits: 0xfc00 },
  { what: 'the smallest normal', x: 2 ** -14, bits: 0x0400 },
  { what: 'the largest subnormal', x: 2 ** -14 - 2 ** -24, bits: 0x03ff },
  { what: 'the smallest subnormal', x: 2 ** -24, bits: 0x0001 },
  { what: 'half of it, a tie with zero', x: 2 ** -25, bits: 0x0000 },
  { what: 'a little more than half of it', x: 2 ** -25 * (1 + 2 ** -23), bits: 0x0001 },
  { what: 'a subnormal f32', x: -1e-40, bits: 0x8000 },
  { what: 'minus zero', x: -0, bits: 0x8000 },
])('$what', ({ x, bits }) => {
  expect(f16FromF32(x)).toBe(bits);
});

test('NaN stays NaN, of either sign', () => {
  expect(f16FromF32(Number.NaN) & 0x7fff).toBeGreaterThan(0x7c00);
  const quiet = new Float32Array(new Uint32Array([0xffc00001, 0x7f800001]).buffer);
  for (const bits of f16FromArray(quiet)) expect(bits & 0x7fff).toBeGreaterThan(0x7c00);
});

test('any f32 goes to the nearest value', () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, min: -65504, max: 65504 }), (x) => {
      const bits = f16FromF32(x);
      const error = Math.abs(values[bits]! - x);
      for (const other of [bits - 1, bits + 1]) {
        const value = values[other & 0xffff]!;
        if (Number.isFinite(value)) expect(Math.abs(value - x)).toBeGreaterThanOrEqual(error);
      }
    }),
    { numRuns: 500 },
  );
});

describe('bufferBytes', () => {
  test.each([
    { elements: 0, dtype: 'f32', bytes: 0 },
    { elements: 3, dtype: 'f32', bytes: 12 },
    { elements: 1, dtype: 'f16', bytes: 4 },
    { elements: 4, dtype: 'f16', bytes: 8 },
    { elements: 5, dtype: 'f16', bytes: 12 },
    { elements: 7, dtype: 'u32', bytes: 28 },
  ] as const)('$elements × $dtype is $bytes', ({ elements, dtype, bytes }) => {
    expect(bufferBytes(elements, dtype)).toBe(bytes);
  });
});
