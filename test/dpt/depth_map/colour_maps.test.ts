// Colour maps: entries that are published elsewhere as well (the tables are 256 colours, one wrong digit shows), which end is near, values
// beyond the ends. Colours on the GPU are compared with these in the tests of the kernels.
import { describe, expect, test } from 'vitest';
import {
  type ColourMap,
  colourise,
  colourMaps,
  colourTable,
  nearness,
} from '../../../packages/dpt/src/index.ts';

const hex = (map: ColourMap, entry: number): string =>
  Buffer.from(colourTable(map).subarray(3 * entry, 3 * entry + 3)).toString('hex');

// From d3-scale-chromatic (its viridis, magma and inferno are these tables), the table of turbo as Google published it, and
// ColorBrewer's Spectral of eleven classes, whose ends and middle are entries here.
test.each<[ColourMap, number, string]>([
  ['inferno', 0, '000004'],
  ['inferno', 128, 'bc3754'],
  ['inferno', 255, 'fcffa4'],
  ['magma', 0, '000004'],
  ['magma', 128, 'b73779'],
  ['magma', 255, 'fcfdbf'],
  ['viridis', 0, '440154'],
  ['viridis', 128, '21918c'],
  ['viridis', 255, 'fde725'],
  ['turbo', 0, '30123b'],
  ['turbo', 255, '7a0403'],
  ['spectral', 0, '5e4fa2'],
  ['spectral', 51, '66c2a5'],
  ['spectral', 204, 'f46d43'],
  ['spectral', 255, '9e0142'],
  ['grey', 0, '000000'],
  ['grey', 77, '4d4d4d'],
  ['grey', 255, 'ffffff'],
])('%s %d is #%s', (map, entry, colour) => {
  expect(hex(map, entry)).toBe(colour);
});

test.each(colourMaps)('%s has 256 colours, each near the one before', (map) => {
  const table = colourTable(map);
  expect(table.length).toBe(768);
  for (let i = 3; i < table.length; i++) {
    expect(Math.abs(table[i]! - table[i - 3]!)).toBeLessThanOrEqual(10);
  }
});

// Spectral and turbo are bright in the middle, and twilight comes round to where it began.
test.each(colourMaps.filter((map) => !['spectral', 'turbo', 'twilight'].includes(map)))(
  '%s grows brighter all the way, so that near is bright',
  (map) => {
    const table = colourTable(map);
    const brightness = Array.from(
      { length: 256 },
      (_, i) => 0.2126 * table[3 * i]! + 0.7152 * table[3 * i + 1]! + 0.0722 * table[3 * i + 2]!,
    );
    // Both colours of a step are rounded by up to half a level, which may undo the step by less than one: plasma by 0.503.
    expect(brightness.every((value, i) => value > (brightness[i - 1] ?? -1) - 1)).toBe(true);
  },
);

describe('colourise', () => {
  test('makes opaque pixels, rounding to the nearest entry', () => {
    const rgba = colourise(Float32Array.of(0, 1, 0.5, 1 / 255), 'grey');
    expect([...rgba]).toEqual([0, 0, 0, 255, 255, 255, 255, 255, 128, 128, 128, 255, 1, 1, 1, 255]);
  });

  test('takes the ends for what lies beyond, and the far end for NaN', () => {
    const values = [-1, 2, Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    const red = colourise(values, 'grey').filter((_, i) => i % 4 === 0);
    expect([...red]).toEqual([0, 255, 0, 0, 255]);
  });
});

describe('nearness', () => {
  test('is 1 for the largest inverse depth and for the least distance', () => {
    expect([...nearness([2, 4, 6], 'relative')]).toEqual([0, 0.5, 1]);
    expect([...nearness([2, 4, 6], 'metric')]).toEqual([1, 0.5, 0]);
  });
});
