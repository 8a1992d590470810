import { invalidArgument } from '@dpt-webgpu/tensor';

/** Smallest and largest finite value of a map, and how many values are not finite. */
export function rangeOf(map: ArrayLike<number>): { min: number; max: number; nonFinite: number } {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let nonFinite = 0;
  for (let i = 0; i < map.length; i++) {
    const value = map[i]!;
    if (!Number.isFinite(value)) nonFinite++;
    else {
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  return nonFinite === map.length ? { min: 0, max: 0, nonFinite } : { min, max, nonFinite };
}

/** How many values of a map are not finite, by kind: what the chain takes for far away. */
export function countNotFinite(map: ArrayLike<number>): {
  nan: number;
  plusInfinity: number;
  minusInfinity: number;
} {
  let nan = 0;
  let plusInfinity = 0;
  let minusInfinity = 0;
  for (let i = 0; i < map.length; i++) {
    if (Number.isNaN(map[i])) nan++;
    else if (map[i] === Number.POSITIVE_INFINITY) plusInfinity++;
    else if (map[i] === Number.NEGATIVE_INFINITY) minusInfinity++;
  }
  return { nan, plusInfinity, minusInfinity };
}

/**
 * The map brought to 0…1 by its own range, for display. A constant map becomes zeros, and so does a value that is not
 * finite.
 */
export function normalise(map: ArrayLike<number>): Float32Array {
  const { min, max } = rangeOf(map);
  const scale = max > min ? 1 / (max - min) : 0;
  return Float32Array.from(map, (value) => (Number.isFinite(value) ? (value - min) * scale : 0));
}

/**
 * True distance from normalised inverse depth V, given the distances of the nearest and the farthest point:
 * depth = 1 / (V · (1/d_min − 1/d_max) + 1/d_max). V = 1 gives d_min, V = 0 gives d_max, which may be infinite.
 * The formula of muggled_dpt's README; relative models leave scale and shift open, which the two distances settle.
 */
export function trueDepth(v: number, nearest: number, farthest: number): number {
  if (!(nearest > 0 && farthest > nearest)) {
    throw invalidArgument(
      `trueDepth: nearest is ${nearest} and farthest ${farthest}; needs 0 < nearest < farthest.`,
    );
  }
  return 1 / (v * (1 / nearest - 1 / farthest) + 1 / farthest);
}
