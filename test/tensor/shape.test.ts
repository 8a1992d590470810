// shape: sizes, equality and texts; what the checks accept, and what they say when they do not.
import { describe, expect, test } from 'vitest';
import {
  dims,
  expectShape,
  expectSides,
  sameShape,
  shapeText,
  sizeOf,
} from '../../packages/tensor/src/shape.ts';

const tokens = { name: 'encoder.norm', shape: [2, 1370, 384] };

test('sizeOf, shapeText, sameShape', () => {
  expect([[], [3], [2, 3, 4], [2, 0, 4]].map(sizeOf)).toEqual([1, 3, 24, 0]);
  expect([[], [1, 384]].map(shapeText)).toEqual(['[]', '[1, 384]']);
  expect(sameShape([1, 2], [1, 2])).toBe(true);
  expect(sameShape([1, 2], [2, 1])).toBe(false);
  expect(sameShape([1, 2], [1, 2, 1])).toBe(false);
});

describe('dims', () => {
  test('binds letters', () => {
    expect(dims(tokens, 'B N F')).toEqual([2, 1370, 384]);
    expect(dims({ name: 'scalar', shape: [] }, '')).toEqual([]);
  });

  test('checks numbers', () => {
    expect(dims(tokens, '2 N 384')).toEqual([2, 1370, 384]);
    expect(() => dims(tokens, '1 N 384')).toThrowErrorMatchingInlineSnapshot(
      `[DptError: encoder.norm is [2, 1370, 384], expected 3 axes [1, N, 384].]`,
    );
  });

  test('checks the rank', () => {
    expect(() => dims(tokens, 'B H W C')).toThrowErrorMatchingInlineSnapshot(
      `[DptError: encoder.norm is [2, 1370, 384], expected 4 axes [B, H, W, C].]`,
    );
  });
});

test('expectShape', () => {
  expect(() => expectShape('layerNorm', tokens, [2, 1370, 384])).not.toThrow();
  expect(() => expectShape('layerNorm', tokens, [384])).toThrowErrorMatchingInlineSnapshot(
    `[DptError: layerNorm: encoder.norm is [2, 1370, 384], expected [384].]`,
  );
});

test('expectSides', () => {
  expect(() => expectSides('empty', 'x', [0, 3])).not.toThrow();
  expect(() => expectSides('resize', 'the size', [1, 3], 1)).not.toThrow();
  expect(() => expectSides('resize', 'the size', [0, 3], 1)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: resize: the size is [0, 3]; sides are whole numbers ≥ 1.]`,
  );
  for (const shape of [[-1], [1.5], [Number.NaN], [Infinity], [2 ** 53]])
    expect(() => expectSides('empty', 'x', shape)).toThrow('sides are whole numbers ≥ 0');
});
