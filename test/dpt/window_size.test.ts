// How SwinV2's grids are cut into windows: the released sizes and muggled_dpt's rule for others, axis by axis; where two
// windows are not beside each other nothing is shifted; the largest size that fits wins, not the nearest to the trained
// one (pitfall 19); every side up to 2048 that fails, and what is named in its place.
import { describe, expect, test } from 'vitest';
import {
  nearestSides,
  sideRuns,
  windowsOf,
} from '../../packages/dpt/src/encoders/swinv2/window_size.ts';

/** Height × width of a picture, side of the trained windows, and a line per stage: grid, window, shift. */
const cases: readonly (readonly [size: string, trained: number, stages: readonly string[]])[] = [
  ['256×256', 16, ['64×64 16×16 8,8', '32×32 16×16 8,8', '16×16 16×16 0,0', '8×8 8×8 0,0']],
  ['384×384', 24, ['96×96 24×24 12,12', '48×48 24×24 12,12', '24×24 24×24 0,0', '12×12 12×12 0,0']],
  ['192×256', 16, ['48×64 16×16 8,8', '24×32 24×16 0,8', '12×16 12×16 0,0', '6×8 6×8 0,0']],
  ['256×320', 16, ['64×80 16×16 8,8', '32×40 16×20 8,10', '16×20 16×20 0,0', '8×10 8×10 0,0']],
  ['288×384', 24, ['72×96 24×24 12,12', '36×48 36×24 0,12', '18×24 18×24 0,0', '9×12 9×12 0,0']],
  [
    '384×512',
    24,
    ['96×128 24×32 12,16', '48×64 24×32 12,16', '24×32 24×32 0,0', '12×16 12×16 0,0'],
  ],
  ['32×32', 16, ['8×8 8×8 0,0', '4×4 4×4 0,0', '2×2 2×2 0,0', '1×1 1×1 0,0']],
  // An odd window is shifted by less than half: 45 // 2.
  ['1440×32', 24, ['360×8 24×8 12,0', '180×4 45×4 22,0', '90×2 45×2 22,0', '45×1 45×1 0,0']],
];

test.each(cases)('%s with windows of %i', (size, trained, stages) => {
  const [H, W] = size.split('×').map((side) => Number(side) / 4) as [number, number];
  const lines = [1, 2, 4, 8].map((scale) => {
    const { grid, window, shift } = windowsOf([H / scale, W / scale], trained)!;
    return `${grid.join('×')} ${window.join('×')} ${shift.join()}`;
  });
  expect(lines).toEqual(stages);
});

describe('sides up to 2048', () => {
  test.each([
    [16, [1120, 1184, 1312, 1376, 1504, 1568, 1696, 1888, 1952]],
    [24, [1568, 1696, 1760, 1888, 1952]],
  ])('windows of %i', (window, failing) => {
    const config = { patch: 4, window };
    const sides = Array.from({ length: 64 }, (_, i) => 32 * (i + 1));
    expect(sides.filter((side) => !sideRuns(side, config))).toEqual(failing);
  });

  test('are multiples of 32', () => {
    for (const side of [0, 16, 48, 250])
      expect(sideRuns(side, { patch: 4, window: 16 })).toBe(false);
  });

  test('the nearest that run', () => {
    const nearest = (side: number) => nearestSides(side, { patch: 4, window: 16 });
    expect(nearest(1120)).toEqual([1088, 1152]);
    expect(nearest(1184)).toEqual([1152, 1216]);
    expect(nearest(250)).toEqual([224, 256]);
    expect(nearest(20)).toEqual([32]);
    expect(windowsOf([1120 / 4 / 8, 32], 16)).toBeUndefined();
  });
});
