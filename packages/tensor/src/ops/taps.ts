import type { Context } from '../context.ts';
import type { Tensor } from '../tensor.ts';

/**
 * Where the pixels of a resized axis come from, for image_to_tensor.wgsl and resample.wgsl: for each the first source
 * pixel and the weights from there on. Made on the CPU, because WGSL's division is not correctly rounded and one
 * source pixel more or less is a visible difference.
 */
export interface Taps {
  /** Weights for each pixel. */
  readonly count: number;
  /** [to, 1 + count]: the first source pixel, then the weights. */
  readonly table: Float32Array;
}

export type Filter = 'cubic' | 'antialiased';

export function tapsOf(filter: Filter, from: number, to: number): Taps {
  if (from === to) return tableOf(Array.from({ length: to }, (_, i) => [i, 1]));
  return filter === 'cubic' ? cubicTaps(from, to) : antialiasedTaps(from, to);
}

export function uploadTaps(context: Context, { count, table }: Taps, name: string): Tensor {
  return context.tensor(table, [table.length / (count + 1), count + 1], 'f32', name);
}

/** OpenCV's INTER_CUBIC: A = −0.75, never antialiased, the position computed in f64 and stored as f32. */
function cubicTaps(from: number, to: number): Taps {
  const A = -0.75;
  const near = (d: number): number => ((A + 2) * d - (A + 3)) * d * d + 1;
  const far = (d: number): number => ((A * d - 5 * A) * d + 8 * A) * d - 4 * A;
  const lines = Array.from({ length: to }, (_, i) => {
    const position = Math.fround((i + 0.5) * (from / to) - 0.5);
    const t = position - Math.floor(position);
    const w = [far(1 + t), near(t), near(1 - t)].map(Math.fround) as [number, number, number];
    return [Math.floor(position) - 1, ...w, 1 - w[0] - w[1] - w[2]];
  });
  return tableOf(lines);
}

/**
 * PyTorch's bilinear with antialias=True: a triangle as wide as the step between output pixels, at least one pixel to
 * each side. Taps are counted from f32 values, as there.
 */
function antialiasedTaps(from: number, to: number): Taps {
  const step = Math.fround(from / to);
  const support = Math.max(1, step);
  const lines = Array.from({ length: to }, (_, i) => {
    const centre = Math.fround(step * (i + 0.5));
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(from, Math.trunc(centre + support + 0.5));
    const weights: number[] = [];
    for (let tap = first; tap < end; tap++) {
      weights.push(Math.max(0, 1 - Math.abs((tap - centre + 0.5) / support)));
    }
    const sum = weights.reduce((a, b) => a + b, 0);
    return [first, ...weights.map((weight) => weight / sum)];
  });
  return tableOf(lines);
}

/** Lines of a first pixel and its weights, filled up with weights of zero. */
function tableOf(lines: readonly (readonly number[])[]): Taps {
  const length = lines.reduce((most, line) => Math.max(most, line.length), 0);
  const table = new Float32Array(lines.length * length);
  lines.forEach((line, i) => {
    table.set(line, i * length);
  });
  return { count: length - 1, table };
}
