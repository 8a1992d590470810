import { type Nd, zeros } from './nd.ts';

/** What is done to a depth map, in f64 and with loops only. Maps are [H, W]. */

export function clean({ shape, data }: Nd, by: 'min' | 'max' = 'min'): Nd {
  const finite = [...data].filter(Number.isFinite);
  let end = finite.length > 0 ? finite[0]! : 0;
  for (const value of finite) end = by === 'min' ? Math.min(end, value) : Math.max(end, value);
  return { shape, data: data.map((value) => (Number.isFinite(value) ? value : end)) };
}

export function ends({ data }: Nd): [number, number] {
  let lo = Number.POSITIVE_INFINITY;
  let hi = Number.NEGATIVE_INFINITY;
  for (const value of data) {
    lo = Math.min(lo, value);
    hi = Math.max(hi, value);
  }
  return [lo, hi];
}

/** numpy.percentile(method='linear') */
export function percentile({ data }: Nd, percent: number): number {
  const sorted = Float64Array.from(data).sort();
  const place = ((sorted.length - 1) * percent) / 100;
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! * (1 - (place - below)) + sorted[above]! * (place - below);
}

export function normalise({ shape, data }: Nd, [lo, hi]: readonly [number, number], flat = 0): Nd {
  const span = hi - lo;
  return {
    shape,
    data: data.map((value) => (span > flat ? Math.min(Math.max((value - lo) / span, 0), 1) : 0)),
  };
}

/** a, b, c of z = a·x + b·y + c by the normal equations. */
export function plane({ shape, data }: Nd): [number, number, number] {
  const [H, W] = shape as [number, number];
  let [xz, yz, xx, yy, sum] = [0, 0, 0, 0, 0];
  for (let y = 0; y < H; y++) {
    for (let x = 0; x < W; x++) {
      const dx = x - (W - 1) / 2;
      const dy = y - (H - 1) / 2;
      const z = data[y * W + x]!;
      xz += dx * z;
      yz += dy * z;
      xx += dx * dx;
      yy += dy * dy;
      sum += z;
    }
  }
  const a = xx > 0 ? xz / xx : 0;
  const b = yy > 0 ? yz / yy : 0;
  return [a, b, sum / (H * W) - (a * (W - 1)) / 2 - (b * (H - 1)) / 2];
}

export function removePlane(z: Nd, strength: number): Nd {
  const W = z.shape[1]!;
  const [a, b, c] = plane(z);
  const left = {
    shape: z.shape,
    data: z.data.map((v, i) => v - strength * (a * (i % W) + b * Math.floor(i / W) + c)),
  };
  return normalise(left, ends(left), 1e-4);
}

export interface ChainOptions {
  readonly metric: boolean;
  readonly percentiles: readonly [number, number] | undefined;
  readonly planeStrength: number | undefined;
  readonly thresholds: readonly [number, number];
  readonly gamma: number;
  readonly equalise: boolean;
  readonly reverse: boolean;
}

export interface Chain {
  readonly nearness: Nd;
  readonly values: Nd;
  /** Before they are rounded, equalised and reversed: a value beside a rounding edge may fall either way. */
  readonly beforeRounding: Float64Array;
  readonly levels: Float64Array;
}

export function chain(map: Nd, options: ChainOptions): Chain {
  const cleaned = clean(map, options.metric ? 'max' : 'min');
  let range = ends(cleaned);
  if (options.percentiles) {
    const [low, high] = options.percentiles.map((p) => percentile(cleaned, p)) as [number, number];
    if (high > low) range = [low, high];
  }
  let z = normalise(cleaned, range);
  if (options.metric && range[1] > range[0]) z = { ...z, data: z.data.map((v) => 1 - v) };
  if (options.planeStrength !== undefined) z = removePlane(z, options.planeStrength);
  return levelsOf(z, options);
}

/** Thresholds and what follows. */
export function levelsOf(nearness: Nd, options: ChainOptions): Chain {
  const { shape, data } = nearness;
  const [lo, hi] = options.thresholds;
  const bright = data.map(
    (v) => Math.min(Math.max((v - lo) / Math.max(0.001, hi - lo), 0), 1) ** options.gamma,
  );
  const levels = bright.map((v) => Math.round(255 * v));
  let table = Array.from({ length: 256 }, (_, u) => u);
  if (options.equalise) {
    const kept = levels.filter((_, i) => data[i]! >= lo && data[i]! <= hi);
    table = equaliseTable(kept);
  }
  return {
    nearness,
    values: { shape, data: options.reverse ? bright.map((v) => 1 - v) : bright },
    beforeRounding: bright.map((v) => 255 * v),
    levels: levels.map((u) => (options.reverse ? 255 - table[u]! : table[u]!)),
  };
}

export function equaliseTable(kept: ArrayLike<number>): number[] {
  const h = new Array<number>(256).fill(0);
  for (let i = 0; i < kept.length; i++) h[kept[i]!]!++;
  const identity = h.map((_, u) => u);
  const first = h.findIndex((count) => count > 0);
  if (first < 0 || kept.length === h[first]) return identity;
  const scale = Math.fround(255 / (kept.length - h[first]!));
  let sum = 0;
  return identity.map((u) => {
    if (u <= first) return 0;
    sum += h[u]!;
    return roundToEven(Math.fround(sum * scale));
  });
}

function roundToEven(v: number): number {
  const below = Math.floor(v);
  if (v - below !== 0.5) return Math.round(v);
  return below % 2 === 0 ? below : below + 1;
}

/** Borders mirrored without repeating the pixel at the edge. */
function mirrored(i: number, size: number): number {
  while (size > 1 && (i < 0 || i >= size)) i = i < 0 ? -i : 2 * (size - 1) - i;
  return size > 1 ? i : 0;
}

export function edgeMask({ shape, data }: Nd): Nd {
  const [H, W] = shape as [number, number];
  const read = (map: Float64Array, y: number, x: number): number =>
    map[mirrored(y, H) * W + mirrored(x, W)]!;
  const blurred = zeros(shape).data;
  const steep = zeros(shape).data;
  for (let y = 0; y < H; y++) {
    for (let x = 0; x < W; x++) {
      for (let j = -2; j <= 2; j++) {
        for (let i = -2; i <= 2; i++) {
          blurred[y * W + x]! += read(data, y + j, x + i) * Math.exp(-(i * i + j * j) / 100);
        }
      }
    }
  }
  for (let y = 0; y < H; y++) {
    for (let x = 0; x < W; x++) {
      let [gx, gy] = [0, 0];
      for (let i = -1; i <= 1; i++) {
        const weight = i === 0 ? 10 : 3;
        gx += weight * (read(blurred, y + i, x + 1) - read(blurred, y + i, x - 1));
        gy += weight * (read(blurred, y + 1, x + i) - read(blurred, y - 1, x + i));
      }
      steep[y * W + x] = Math.hypot(gx, gy);
    }
  }
  const steepest = Math.max(...steep);
  return {
    shape,
    data: steep.map((m) => (steepest > 1e-6 ? 255 - Math.round((255 * m) / steepest) : 255)),
  };
}

export function dilateEdges({ shape, data }: Nd, radius: number): Nd {
  const [H, W] = shape as [number, number];
  const darkest = (row: number, column: number): number => {
    let value = 255;
    for (let y = 0; y < H; y++) {
      for (let x = 0; x < W; x++) {
        if (Math.hypot(y - row, x - column) <= radius) value = Math.min(value, data[y * W + x]!);
      }
    }
    return value;
  };
  return { shape, data: data.map((_, i) => darkest(Math.floor(i / W), i % W)) };
}

/** Joint bilateral upsampling; `small` [H, W, 3] is the picture at the size of the map, `guide` [H2, W2, 3] the picture. */
export function guidedUpsample(
  { shape, data }: Nd,
  small: Nd,
  guide: Nd,
  { space, colour }: { space: number; colour: number },
): Nd {
  const [H, W] = shape as [number, number];
  const [H2, W2] = guide.shape as [number, number];
  const y = zeros([H2, W2]);
  for (let row = 0; row < H2; row++) {
    for (let column = 0; column < W2; column++) {
      const py = ((row + 0.5) * H) / H2 - 0.5;
      const px = ((column + 0.5) * W) / W2 - 0.5;
      let [sum, weights] = [0, 0];
      for (let qy = roundToEven(py) - 2; qy <= roundToEven(py) + 2; qy++) {
        for (let qx = roundToEven(px) - 2; qx <= roundToEven(px) + 2; qx++) {
          if (qy < 0 || qx < 0 || qy >= H || qx >= W) continue;
          const away = (qy - py) ** 2 + (qx - px) ** 2;
          let other = 0;
          for (let c = 0; c < 3; c++) {
            const there = small.data[(qy * W + qx) * 3 + c]!;
            other += (guide.data[(row * W2 + column) * 3 + c]! - there) ** 2;
          }
          const w =
            Math.exp(-away / (2 * space ** 2)) * (Math.exp(-other / (2 * colour ** 2)) + 1e-4);
          sum += w * data[qy * W + qx]!;
          weights += w;
        }
      }
      y.data[row * W2 + column] = sum / weights;
    }
  }
  return y;
}

/** What a film's filter remembers: the map as it was shown, and the brightness of its frame, both [H, W]. */
export interface Remembered {
  readonly shown: Nd;
  readonly luma: Nd;
}

/** Pixels smoothed over time where the picture stands still; `before` undefined: the first frame, or a cut. */
export function temporalFilter(
  x: Nd,
  luma: Nd,
  before: Remembered | undefined,
  alpha: number,
): Remembered {
  if (!before) return { shown: x, luma };
  const [H, W] = x.shape as [number, number];
  const shown = zeros(x.shape);
  for (let row = 0; row < H; row++) {
    for (let column = 0; column < W; column++) {
      let motion = 0;
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          const y = Math.min(Math.max(row + dy, 0), H - 1);
          const at = y * W + Math.min(Math.max(column + dx, 0), W - 1);
          motion += Math.abs(luma.data[at]! - before.luma.data[at]!) / 9;
        }
      }
      const t = Math.min(Math.max((motion - 0.01) / 0.03, 0), 1);
      const w = alpha + (1 - alpha) * t * t * (3 - 2 * t);
      const i = row * W + column;
      shown.data[i] = before.shown.data[i]! + w * (x.data[i]! - before.shown.data[i]!);
    }
  }
  return { shown, luma };
}
