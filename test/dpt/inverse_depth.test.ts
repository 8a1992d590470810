// rangeOf, normalise, trueDepth: values worked out by hand, constant maps, values that are not finite.
import { expect, test } from 'vitest';
import { normalise, rangeOf, trueDepth } from '../../packages/dpt/src/inverse_depth.ts';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

test('rangeOf looks at finite values only and counts the others', () => {
  expect(rangeOf([3, nan, -1, inf, 2])).toEqual({ min: -1, max: 3, nonFinite: 2 });
  expect(rangeOf([nan, inf])).toEqual({ min: 0, max: 0, nonFinite: 2 });
});

test('normalise', () => {
  expect([...normalise([2, 4, 3])]).toEqual([0, 1, 0.5]);
  expect([...normalise([7, 7])]).toEqual([0, 0]);
  expect([...normalise([nan, 0, 1])]).toEqual([0, 0, 1]);
});

test('trueDepth: the example of the source, and both ends', () => {
  expect(trueDepth(0.375, 3, 5)).toBeCloseTo(4, 12);
  expect(trueDepth(1, 3, 5)).toBeCloseTo(3, 12);
  expect(trueDepth(0, 3, 5)).toBeCloseTo(5, 12);
  expect(trueDepth(0, 3, inf)).toBe(inf);
  expect(() => trueDepth(0.5, 5, 3)).toThrow('needs 0 < nearest < farthest');
});
