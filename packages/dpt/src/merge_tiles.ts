import type { Part } from '@dpt-webgpu/tensor';
import type { DepthMap } from './predictor.ts';

/** The map of a part of a photo; `x`, `y`, `width`, `height` are pixels of the photo, whatever the map's own size. */
export interface PlacedMap extends Part {
  readonly map: Pick<DepthMap, 'data' | 'width' | 'height' | 'kind'>;
}

/** One axis of a grid of tiles: where each begins, in pixels of the photo, and how long all are. */
export interface TileAxis {
  readonly starts: readonly number[];
  readonly length: number;
}

/** What brings a tile's numbers to those of the whole map: scale · v + shift. */
export interface TileFit {
  readonly scale: number;
  readonly shift: number;
}

/**
 * The scale and shift, or the scale alone, that bring a tile nearest to the map of the whole photo by least squares. The
 * tile is averaged to the whole's pixels first: what it alone sees of detail is noise to the fit, and would make the scale
 * too small. No scale above 0: the tile says nothing of depth, and both are NaN.
 */
export function fitTile(tile: PlacedMap, whole: PlacedMap): TileFit {
  const { data, width, height, kind } = tile.map;
  const { width: W, height: H } = whole.map;
  const sums = new Float64Array(W * H);
  const counts = new Uint32Array(W * H);
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) continue;
    const x = tile.x + (((i % width) + 0.5) * tile.width) / width;
    const y = tile.y + ((Math.floor(i / width) + 0.5) * tile.height) / height;
    const cell = Math.floor((y * H) / whole.height) * W + Math.floor((x * W) / whole.width);
    sums[cell]! += data[i]!;
    counts[cell]!++;
  }
  // About the means, because Σ t² − (Σ t)² / n would cancel. Of a metric map, about 0: the line goes through it.
  let n = 0;
  let meanTile = 0;
  let meanWhole = 0;
  const overCells = (visit: (count: number, t: number, w: number) => void): void => {
    for (let i = 0; i < counts.length; i++) {
      const w = whole.map.data[i]!;
      if (counts[i]! > 0 && Number.isFinite(w)) visit(counts[i]!, sums[i]! / counts[i]!, w);
    }
  };
  if (kind === 'relative') {
    overCells((count, t, w) => {
      n += count;
      meanTile += count * t;
      meanWhole += count * w;
    });
    meanTile /= n;
    meanWhole /= n;
  }
  let squares = 0;
  let products = 0;
  overCells((count, t, w) => {
    squares += count * (t - meanTile) ** 2;
    products += count * (t - meanTile) * (w - meanWhole);
  });
  const scale = products > 0 ? products / squares : Number.NaN;
  return { scale, shift: meanWhole - scale * meanTile };
}

/**
 * How much each tile of an axis counts at each of `length` pixels that the axis is drawn with: from 0 at its edge to 1
 * where the next one ends, as 3t² − 2t³, and together 1.
 */
export function tileWeights(axis: TileAxis, photo: number, length: number): Float64Array[] {
  const { starts, length: tile } = axis;
  const step = Math.max(0, ...starts.map((start, i) => start - (starts[i - 1] ?? start)));
  const overlap = Math.max(1, tile - step);
  const smooth = (distance: number): number => {
    const t = Math.min(1, Math.max(0, distance / overlap));
    return t * t * (3 - 2 * t);
  };
  const weights = starts.map((start) =>
    Float64Array.from({ length }, (_, i) => {
      const at = ((i + 0.5) * photo) / length;
      const end = start + tile;
      // The photo's own borders are no edges to hide.
      const before = start === 0 ? 1 : smooth(at - start);
      const after = end === photo ? 1 : smooth(end - at);
      return at > start && at < end ? before * after : 0;
    }),
  );
  for (let i = 0; i < length; i++) {
    const sum = weights.reduce((all, each) => all + each[i]!, 0);
    for (const each of weights) each[i]! /= sum;
  }
  return weights;
}

/** One tile of many: how it is fitted, and its weights by column and by row of the map that it is added to. */
export interface WeightedTile {
  readonly tile: PlacedMap;
  readonly whole: PlacedMap;
  readonly fit: TileFit;
  readonly across: Float64Array;
  readonly down: Float64Array;
}

/** Adds a tile to a map of the photo. Where the tile has no number, the whole's counts in its place. */
export function addTile(
  map: Float32Array,
  { tile, whole, fit: { scale, shift }, across, down }: WeightedTile,
): void {
  const [W, H] = [across.length, down.length];
  for (let y = 0; y < H; y++) {
    if (down[y] === 0) continue;
    const row = ((y + 0.5) * whole.height) / H;
    for (let x = 0; x < W; x++) {
      const weight = across[x]! * down[y]!;
      if (weight === 0) continue;
      const column = ((x + 0.5) * whole.width) / W;
      const value = scale * valueAt(tile, column, row) + shift;
      map[y * W + x]! += weight * (Number.isFinite(value) ? value : valueAt(whole, column, row));
    }
  }
}

/** Bilinear between the pixels of a placed map, at a place of the photo; beyond the outermost centres it goes on flat. */
function valueAt({ x, y, width, height, map }: PlacedMap, across: number, down: number): number {
  const { data, width: W, height: H } = map;
  const u = Math.min(Math.max(((across - x) * W) / width - 0.5, 0), W - 1);
  const v = Math.min(Math.max(((down - y) * H) / height - 0.5, 0), H - 1);
  const [left, top] = [Math.floor(u), Math.floor(v)];
  const [right, bottom] = [Math.ceil(u), Math.ceil(v)];
  const between = (row: number): number =>
    data[row * W + left]! * (1 - u + left) + data[row * W + right]! * (u - left);
  return between(top) * (1 - v + top) + between(bottom) * (v - top);
}
