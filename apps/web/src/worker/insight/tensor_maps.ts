import { boxOf } from './boxes.ts';
import type { NumberMap, TensorSlice, TensorStatistics } from './insight_calls.ts';

/** Values of a tensor on the host. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const BINS = 64;

/** Numbers of all values. Two passes, because E[x²] − mean² cancels for values far from zero. */
export function statistics(data: Float32Array): TensorStatistics {
  let [min, max, sum, count] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (const value of data) {
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
    count++;
  }
  const histogram = Array.from({ length: BINS }, () => 0);
  if (count === 0) {
    const none = Number.NaN;
    const notFinite = data.length;
    return {
      count: data.length,
      min: none,
      max: none,
      mean: none,
      std: none,
      notFinite,
      histogram,
    };
  }
  const mean = sum / count;
  const scale = max > min ? BINS / (max - min) : 0;
  let squares = 0;
  for (const value of data) {
    if (!Number.isFinite(value)) continue;
    squares += (value - mean) ** 2;
    histogram[Math.min(Math.floor((value - min) * scale), BINS - 1)]!++;
  }
  const notFinite = data.length - count;
  return {
    count: data.length,
    min,
    max,
    mean,
    std: Math.sqrt(squares / count),
    notFinite,
    histogram,
  };
}

/** How many maps a tensor has: channels of tokens and feature maps, heads of attention weights, one of a depth map. */
export function channelsOf(
  shape: readonly number[],
  grid: readonly [number, number],
  tokens: number,
): number {
  if (isAttention(shape, tokens)) return shape[1]!;
  if (isMap(shape)) return shape.at(-1)!;
  return isTokens(shape) && gridOf(shape[1]!, grid) ? shape.at(-1)! : 1;
}

/** The grid of a tensor's tokens. A depth map has none, though its rows may be as many as there are patches. */
export const gridFor = (
  name: string,
  grid: readonly [number, number],
): readonly [number, number] => (boxOf(name) === 'head' ? [0, 0] : grid);

const isAttention = (shape: readonly number[], tokens: number): boolean =>
  shape.length === 4 && shape[2] === tokens && shape[3] === tokens;
const isMap = (shape: readonly number[]): boolean => shape.length === 4;
/** [B, N, F], or depth [B, H, W]: `gridFor` tells them apart. */
const isTokens = (shape: readonly number[]): boolean => shape.length === 3;

/** Rows and columns of a grid of patches, or of one that a hierarchical encoder has merged from it. */
export function gridOf(
  tokens: number,
  [H, W]: readonly [number, number],
): { rows: number; columns: number; readout: 0 | 1 } | undefined {
  for (const readout of [0, 1] as const) {
    for (let factor = 1; factor <= 16; factor *= 2) {
      const [rows, columns] = [Math.ceil(H / factor), Math.ceil(W / factor)];
      if (rows * columns === tokens - readout) return { rows, columns, readout };
    }
  }
  return undefined;
}

/** A channel of a tensor as a picture, or the Euclidean length over all channels where none is given. */
export function sliceOf(
  { shape, data }: HostTensor,
  grid: readonly [number, number],
  tokens: number,
  channel: number | undefined,
): TensorSlice {
  if (isAttention(shape, tokens)) {
    const [, heads = 1, N = 1] = shape;
    const head = Math.min(channel ?? 0, heads - 1);
    const values = Float32Array.from(data.subarray(head * N * N, (head + 1) * N * N));
    return { values, width: N, height: N, readout: undefined };
  }
  if (isMap(shape)) {
    const [, height = 1, width = 1, C = 1] = shape;
    return { ...plane(data, 0, height * width, C, channel, width, height), readout: undefined };
  }
  if (isTokens(shape)) {
    const [, N = 1, C = 1] = shape;
    const places = gridOf(N, grid);
    if (places) {
      const { rows, columns, readout } = places;
      const map = plane(data, readout * C, rows * columns, C, channel, columns, rows);
      const first = readout ? plane(data, 0, 1, C, channel, 1, 1).values[0] : undefined;
      return { ...map, readout: first };
    }
    // Depth [1, H, W], and tables: as they lie.
    return { values: Float32Array.from(data), width: C, height: N, readout: undefined };
  }
  const width = shape.at(-1) ?? 1;
  return {
    values: Float32Array.from(data),
    width,
    height: data.length / width,
    readout: undefined,
  };
}

function plane(
  data: Float32Array,
  start: number,
  places: number,
  C: number,
  channel: number | undefined,
  width: number,
  height: number,
): NumberMap {
  const values = new Float32Array(places);
  for (let i = 0; i < places; i++) {
    const at = start + i * C;
    if (channel !== undefined) {
      values[i] = data[at + Math.min(channel, C - 1)]!;
      continue;
    }
    let squares = 0;
    for (let c = 0; c < C; c++) squares += data[at + c]! ** 2;
    values[i] = Math.sqrt(squares);
  }
  return { values, width, height };
}

/** A row (where a token looks) or a column (who looks at it) of attention [heads, N, N] → [heads, N] */
export function attended(
  weights: Float32Array,
  heads: number,
  N: number,
  token: number,
  column: boolean,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(heads * N);
  for (let head = 0; head < heads; head++) {
    const base = head * N * N;
    for (let i = 0; i < N; i++) {
      out[head * N + i] = weights[base + (column ? i * N + token : token * N + i)]!;
    }
  }
  return out;
}

/** [heads, n] → the mean over the heads [n] */
export function meanOfHeads(weights: Float32Array, heads: number, n: number): Float32Array {
  const mean = new Float32Array(n);
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < n; i++) mean[i]! += weights[head * n + i]! / heads;
  }
  return mean;
}
