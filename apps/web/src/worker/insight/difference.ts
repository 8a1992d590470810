import type { Agreement } from './insight_calls.ts';
import { gridOf, type HostTensor } from './tensor_maps.ts';

/** How the values of a tensor lie: places row by row, with C values each, after those that have no place. */
interface Layout {
  readonly rows: number;
  readonly columns: number;
  readonly C: number;
  readonly start: number;
}

/** Undefined where the values have no places in the picture, as weights of attention. */
function layoutOf(
  { shape }: HostTensor,
  grid: readonly [number, number],
  tokens: number,
): Layout | undefined {
  const [, second = 1, third = 1, C = 1] = shape;
  if (shape.length === 4) {
    return tokens > 0 && third === tokens && C === tokens
      ? undefined
      : { rows: second, columns: third, C, start: 0 };
  }
  if (shape.length !== 3) return undefined;
  const places = gridOf(second, grid);
  if (!places) return { rows: second, columns: third, C: 1, start: 0 };
  return { rows: places.rows, columns: places.columns, C: third, start: places.readout * third };
}

/** A tensor with what says where its values belong. */
export interface PlacedTensor extends HostTensor {
  /** Of the patches, [rows, columns]. */
  readonly grid: readonly [number, number];
  /** Of the attention of one block; 0 where there is none. */
  readonly tokens: number;
}

/**
 * The reference laid over the tensor: its values where the shapes agree, resized where only the sizes differ. A text says
 * why it cannot be.
 */
export function laidOver(tensor: PlacedTensor, reference: PlacedTensor): Float32Array | string {
  const same = tensor.shape.join() === reference.shape.join();
  if (same) return reference.data;
  const to = layoutOf(tensor, tensor.grid, tensor.tokens);
  const from = layoutOf(reference, reference.grid, reference.tokens);
  if (!to || !from) {
    return `[${reference.shape.join(', ')}] cannot be laid over [${tensor.shape.join(', ')}].`;
  }
  if (to.C !== from.C) {
    return `The reference has ${from.C} channels, this tensor ${to.C}: they cannot be subtracted.`;
  }
  if (to.start !== from.start) {
    return 'One of them has a readout token, the other none: they cannot be subtracted.';
  }
  const { rows, columns, C, start } = to;
  const out = new Float32Array(start + rows * columns * C);
  out.set(reference.data.subarray(0, start));
  const resized = resize(reference.data.subarray(start), from, [rows, columns]);
  out.set(resized, start);
  return out;
}

/** Bilinear, corners not aligned, edges repeated: [rows, columns, C] → [height, width, C] */
export function resize(
  values: Float32Array,
  { rows, columns, C }: Pick<Layout, 'rows' | 'columns' | 'C'>,
  [height, width]: readonly [number, number],
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(height * width * C);
  for (let row = 0; row < height; row++) {
    const y = between(row, height, rows);
    for (let column = 0; column < width; column++) {
      const x = between(column, width, columns);
      for (let c = 0; c < C; c++) {
        const at = (r: number, k: number): number => values[(r * columns + k) * C + c]!;
        const above = at(y.low, x.low) * (1 - x.share) + at(y.low, x.high) * x.share;
        const below = at(y.high, x.low) * (1 - x.share) + at(y.high, x.high) * x.share;
        out[(row * width + column) * C + c] = above * (1 - y.share) + below * y.share;
      }
    }
  }
  return out;
}

/** Where the middle of a cell of `of` lies among `others`: two neighbours, and the share of the second. */
function between(
  index: number,
  of: number,
  others: number,
): { low: number; high: number; share: number } {
  const at = Math.min(Math.max(((index + 0.5) * others) / of - 0.5, 0), others - 1);
  const low = Math.floor(at);
  return { low, high: Math.min(low + 1, others - 1), share: at - low };
}

/** How far two lists of numbers differ. Values that are no numbers in either are left out. */
export function agreement(values: Float32Array, reference: Float32Array): Agreement {
  let [n, sumA, sumB] = [0, 0, 0];
  const both = (i: number): boolean => Number.isFinite(values[i]) && Number.isFinite(reference[i]);
  for (let i = 0; i < values.length; i++) {
    if (!both(i)) continue;
    n++;
    sumA += values[i]!;
    sumB += reference[i]!;
  }
  const [meanA, meanB] = [sumA / n, sumB / n];
  let [largest, absolute, squares, aa, bb, ab] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    if (!both(i)) continue;
    const [a, b] = [values[i]!, reference[i]!];
    const difference = a - b;
    largest = Math.max(largest, Math.abs(difference));
    absolute += Math.abs(difference);
    squares += difference ** 2;
    aa += (a - meanA) ** 2;
    bb += (b - meanB) ** 2;
    ab += (a - meanA) * (b - meanB);
  }
  return {
    largest,
    mean: absolute / n,
    relative: Math.sqrt(squares / n) / (Math.sqrt(bb / n) || 1),
    correlation: ab / (Math.sqrt(aa * bb) || 1),
  };
}

/** Scale and shift that bring the values nearest to the target, by least squares. A constant list keeps its scale. */
export function fitted(
  values: Float32Array,
  target: Float32Array,
): { readonly scale: number; readonly shift: number } {
  let [n, x, y, xx, xy] = [0, 0, 0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]) || !Number.isFinite(target[i])) continue;
    n++;
    x += values[i]!;
    y += target[i]!;
  }
  if (n === 0) return { scale: 1, shift: 0 };
  const [meanX, meanY] = [x / n, y / n];
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]) || !Number.isFinite(target[i])) continue;
    xx += (values[i]! - meanX) ** 2;
    xy += (values[i]! - meanX) * (target[i]! - meanY);
  }
  const scale = xx > 0 ? xy / xx : 1;
  return { scale, shift: meanY - scale * meanX };
}
