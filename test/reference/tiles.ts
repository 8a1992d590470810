import type { Size } from '../../packages/dpt/src/index.ts';

/** A map of its own size, of a part of the photo in pixels. */
export interface Tile extends Size {
  readonly x: number;
  readonly y: number;
  readonly map: {
    readonly data: ArrayLike<number>;
    readonly width: number;
    readonly height: number;
  };
}

/** The tile's mean within each pixel of the whole map, and the whole's value there. */
function pairs(tile: Tile, whole: Tile): { t: number; w: number; count: number }[] {
  const found: { t: number; w: number; count: number }[] = [];
  const { map } = tile;
  for (let row = 0; row < whole.map.height; row++) {
    for (let column = 0; column < whole.map.width; column++) {
      const w = whole.map.data[row * whole.map.width + column]!;
      let sum = 0;
      let count = 0;
      for (let j = 0; j < map.height; j++) {
        const y = tile.y + ((j + 0.5) * tile.height) / map.height;
        if (Math.floor((y * whole.map.height) / whole.height) !== row) continue;
        for (let i = 0; i < map.width; i++) {
          const x = tile.x + ((i + 0.5) * tile.width) / map.width;
          if (Math.floor((x * whole.map.width) / whole.width) !== column) continue;
          const value = map.data[j * map.width + i]!;
          if (!Number.isFinite(value)) continue;
          sum += value;
          count++;
        }
      }
      if (count > 0 && Number.isFinite(w)) found.push({ t: sum / count, w, count });
    }
  }
  return found;
}

/** Least squares by the normal equations: [Σtt Σt; Σt Σ1] · (scale, shift) = (Σtw, Σw), each pair counted `count` times. */
function leastSquares(tile: Tile, whole: Tile, metric: boolean): { scale: number; shift: number } {
  let [n, t1, w1, tt, tw] = [0, 0, 0, 0, 0];
  for (const { t, w, count } of pairs(tile, whole)) {
    n += count;
    t1 += count * t;
    w1 += count * w;
    tt += count * t * t;
    tw += count * t * w;
  }
  // A tile that gets nearer where the whole gets farther says nothing.
  const above0 = (scale: number): number => (scale > 0 ? scale : Number.NaN);
  if (metric) return { scale: above0(tw / tt), shift: 0 };
  const scale = above0((n * tw - t1 * w1) / (n * tt - t1 * t1));
  return { scale, shift: (w1 - scale * t1) / n };
}

/** The map at a place of the photo, as bilinear resizing has it. */
function at({ x, y, width, height, map }: Tile, across: number, down: number): number {
  const clamp = (value: number, most: number): number => Math.min(Math.max(value, 0), most);
  const u = clamp(((across - x) / width) * map.width - 0.5, map.width - 1);
  const v = clamp(((down - y) / height) * map.height - 0.5, map.height - 1);
  let sum = 0;
  for (let j = 0; j < map.height; j++) {
    for (let i = 0; i < map.width; i++) {
      const weight = Math.max(0, 1 - Math.abs(u - i)) * Math.max(0, 1 - Math.abs(v - j));
      if (weight > 0) sum += weight * map.data[j * map.width + i]!;
    }
  }
  return sum;
}

/** Every pixel of the map: the mean of the tiles there, by how far it lies from their edges inside the photo. */
export function merge(
  tiles: readonly Tile[],
  whole: Tile,
  size: Size,
  { metric = false, overlap }: { metric?: boolean; overlap: Size },
): Float64Array {
  const fits = tiles.map((tile) => leastSquares(tile, whole, metric));
  const smooth = (t: number): number => (t >= 1 ? 1 : t <= 0 ? 0 : 3 * t ** 2 - 2 * t ** 3);
  const ramp = (place: number, from: number, length: number, all: number, width: number): number =>
    place <= from || place >= from + length
      ? 0
      : (from === 0 ? 1 : smooth((place - from) / width)) *
        (from + length === all ? 1 : smooth((from + length - place) / width));
  const merged = new Float64Array(size.width * size.height);
  for (let j = 0; j < size.height; j++) {
    for (let i = 0; i < size.width; i++) {
      const x = ((i + 0.5) * whole.width) / size.width;
      const y = ((j + 0.5) * whole.height) / size.height;
      let sum = 0;
      let weights = 0;
      for (const [k, tile] of tiles.entries()) {
        const weight =
          ramp(x, tile.x, tile.width, whole.width, overlap.width) *
          ramp(y, tile.y, tile.height, whole.height, overlap.height);
        if (weight === 0) continue;
        const { scale, shift } = fits[k]!;
        const value = scale * at(tile, x, y) + shift;
        sum += weight * (Number.isFinite(value) ? value : at(whole, x, y));
        weights += weight;
      }
      merged[j * size.width + i] = sum / weights;
    }
  }
  return merged;
}
