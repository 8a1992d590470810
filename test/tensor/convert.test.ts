// convert: every stored type, at every misalignment, from memory of its own and from a Node Buffer; extremes of the wide types;
// permute against a loop over coordinates (random ranks, sides of 0 and 1); countNonFinite; words of f16; rounding to
// int8.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bytesPerStored,
  countNonFinite,
  f32FromStored,
  permute,
  quantise,
  wordsOf,
} from '../../packages/tensor/src/convert.ts';
import { sizeOf } from '../../packages/tensor/src/shape.ts';
import type { StoredDtype } from '../../packages/tensor/src/state_dict.ts';

const bytesOf = ({ buffer }: { buffer: ArrayBuffer }): Uint8Array => new Uint8Array(buffer);

const cases: Record<StoredDtype, { stored: Uint8Array; values: number[] }> = {
  f32: { stored: bytesOf(new Float32Array([1.5, -2, 1e-40])), values: [1.5, -2, 1e-40] },
  f64: { stored: bytesOf(new Float64Array([0.1, -1e300, 3])), values: [0.1, -Infinity, 3] },
  f16: { stored: bytesOf(new Uint16Array([0x3c00, 0xc000, 0x0001])), values: [1, -2, 2 ** -24] },
  bf16: { stored: bytesOf(new Uint16Array([0x3f80, 0xc000, 0x7f80])), values: [1, -2, Infinity] },
  i64: {
    stored: bytesOf(new BigInt64Array([-5n, 2n ** 53n, -(2n ** 63n)])),
    values: [-5, 2 ** 53, -(2 ** 63)],
  },
  u64: { stored: bytesOf(new BigUint64Array([5n, 2n ** 64n - 1n])), values: [5, 2 ** 64] },
  i32: { stored: bytesOf(new Int32Array([-7, 2 ** 24 + 1])), values: [-7, 2 ** 24] },
  u32: { stored: bytesOf(new Uint32Array([7, 2 ** 32 - 1])), values: [7, 2 ** 32] },
  i16: { stored: bytesOf(new Int16Array([-32768, 5, 32767])), values: [-32768, 5, 32767] },
  u16: { stored: bytesOf(new Uint16Array([65535, 5, 0])), values: [65535, 5, 0] },
  i8: { stored: bytesOf(new Int8Array([-128, 127, 1])), values: [-128, 127, 1] },
  u8: { stored: new Uint8Array([255, 0, 1]), values: [255, 0, 1] },
  bool: { stored: new Uint8Array([1, 0, 1]), values: [1, 0, 1] },
};

describe('f32FromStored', () => {
  test.each(Object.entries(cases))('%s', (dtype, { stored, values }) => {
    const type = dtype as StoredDtype;
    const expected = Float32Array.from(values);
    expect(stored.byteLength).toBe(values.length * bytesPerStored[type]);
    expect(f32FromStored(stored, type, values.length)).toEqual(expected);
    for (let offset = 1; offset <= 8; offset++) {
      const memory = new Uint8Array(offset + stored.length);
      memory.set(stored, offset);
      expect(f32FromStored(memory.subarray(offset), type, values.length)).toEqual(expected);
      // slice() of a Buffer is a view, not a copy.
      const buffer = Buffer.from(memory.buffer, offset);
      expect(f32FromStored(buffer, type, values.length)).toEqual(expected);
    }
  });
});

describe('permute', () => {
  /** By coordinates, one value at a time. */
  function naive(values: Float32Array, shape: readonly number[], order: readonly number[]) {
    const to = order.map((axis) => shape[axis]!);
    return Float32Array.from({ length: values.length }, (_, index) => {
      const coordinates = new Array<number>(shape.length).fill(0);
      let rest = index;
      for (let i = to.length - 1; i >= 0; i--) {
        coordinates[order[i]!] = rest % to[i]!;
        rest = Math.floor(rest / to[i]!);
      }
      return values[coordinates.reduce((at, c, axis) => at * shape[axis]! + c, 0)]!;
    });
  }
  const count = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => i);

  test('any shape, any order', () => {
    const side = fc.oneof(
      { weight: 2, arbitrary: fc.constant(1) },
      { weight: 5, arbitrary: fc.integer({ min: 2, max: 5 }) },
      { weight: 1, arbitrary: fc.constant(0) },
    );
    const problem = fc.array(side, { maxLength: 5 }).chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        order: fc.shuffledSubarray([...shape.keys()], { minLength: shape.length }),
      }),
    );
    fc.assert(
      fc.property(problem, ({ shape, order }) => {
        const values = count(sizeOf(shape));
        expect(permute(values, shape, order)).toEqual(naive(values, shape, order));
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    { what: 'a matrix of a linear map', shape: [5, 3], order: [1, 0] },
    { what: 'a convolution, OIHW → HWIO', shape: [4, 3, 2, 2], order: [2, 3, 1, 0] },
    { what: 'a 1×1 convolution', shape: [4, 3, 1, 1], order: [2, 3, 1, 0] },
    { what: 'a scalar', shape: [], order: [] },
  ])('$what', ({ shape, order }) => {
    const values = count(sizeOf(shape));
    expect(permute(values, shape, order)).toEqual(naive(values, shape, order));
  });
});

test('countNonFinite', () => {
  expect(countNonFinite(new Float32Array())).toBe(0);
  expect(countNonFinite(new Float32Array([0, -0, 1e38, -1e-45]))).toBe(0);
  expect(countNonFinite(new Float32Array([Number.NaN, 1, Infinity, -Infinity]))).toBe(3);
});

test('wordsOf stores f32 as it is and f16 as its bits', () => {
  const values = new Float32Array([1, -2]);
  expect(wordsOf(values, 'f32')).toBe(values);
  expect(wordsOf(values, 'f16')).toEqual(new Uint16Array([0x3c00, 0xc000]));
});

describe('quantise', () => {
  test('every value is off by half a step of its column at most, the largest by none', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.integer({ min: -1e6, max: 1e6 }), { minLength: 5, maxLength: 40 }),
        (columns, list) => {
          const matrix = Float32Array.from(list.slice(0, list.length - (list.length % columns)));
          const { values, scales } = quantise(matrix, columns);
          matrix.forEach((value, i) => {
            const scale = scales[i % columns]!;
            expect(Math.abs(values[i]! * scale - value)).toBeLessThanOrEqual(scale * 0.50001);
            if (Math.abs(value) > scale * 126.9) expect(Math.abs(values[i]!)).toBe(127);
          });
        },
      ),
    );
  });

  test('what is too small for a scale stays in range', () => {
    const { values } = quantise(Float32Array.of(2e-43, -2e-43, 1e-45), 1);
    expect([...values]).toEqual([127, -127, 1]);
  });

  test('a column of zeros; one of outliers leaves the others alone', () => {
    const { values, scales } = quantise(Float32Array.of(0, 1000, 1, 0, -504, -0.4), 3);
    expect([...values]).toEqual([0, 127, 127, 0, -64, -51]);
    expect([...scales]).toEqual([0, Math.fround(1000 / 127), Math.fround(1 / 127)]);
  });
});
