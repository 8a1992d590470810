import { type ColourMap, colourise } from '@dpt-webgpu/dpt';

export interface Range {
  readonly low: number;
  readonly high: number;
}

/** The smallest and the largest finite value. */
export function rangeOf(values: Float32Array): Range {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? { low, high } : { low: 0, high: 0 };
}

/** Of values with signs: zero is in the middle of the colours. */
export function signedRange(values: Float32Array): Range {
  const { low, high } = rangeOf(values);
  const most = Math.max(-low, high);
  return { low: -most, high: most };
}

/** One pixel for each value. NaN stays clear. */
export function coloured(
  values: Float32Array,
  [width, height]: readonly [number, number],
  map: ColourMap,
  { low, high }: Range = rangeOf(values),
): ImageData {
  const scale = high > low ? 1 / (high - low) : 0;
  const colours = colourise(
    values.map((value) => (value - low) * scale),
    map,
  );
  values.forEach((value, i) => {
    if (Number.isNaN(value)) colours[4 * i + 3] = 0;
  });
  return new ImageData(new Uint8ClampedArray(colours), width, height);
}
