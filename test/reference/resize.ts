import { type Nd, zeros } from './nd.ts';

/** Where one output pixel of an axis comes from: source pixels and their weights. */
export type Taps = readonly { readonly from: number; readonly weight: number }[];

export function bilinearTaps(size: number, to: number, alignCorners: boolean): Taps[] {
  return Array.from({ length: to }, (_, dst) => {
    const src = alignCorners
      ? to > 1
        ? (dst * (size - 1)) / (to - 1)
        : 0
      : Math.max(0, ((dst + 0.5) * size) / to - 0.5);
    const from = Math.min(Math.floor(src), size - 1);
    const t = src - from;
    return [
      { from, weight: 1 - t },
      { from: Math.min(from + 1, size - 1), weight: t },
    ];
  });
}

export function bicubicTaps(size: number, to: number, step = size / to): Taps[] {
  const A = -0.75;
  const weight = (d: number): number => {
    const x = Math.abs(d);
    if (x <= 1) return (A + 2) * x ** 3 - (A + 3) * x ** 2 + 1;
    return x < 2 ? A * x ** 3 - 5 * A * x ** 2 + 8 * A * x - 4 * A : 0;
  };
  return Array.from({ length: to }, (_, dst) => {
    const src = (dst + 0.5) * step - 0.5;
    const i = Math.floor(src);
    return [i - 1, i, i + 1, i + 2].map((tap) => ({
      from: Math.min(Math.max(tap, 0), size - 1),
      weight: weight(src - tap),
    }));
  });
}

/** PyTorch, `antialias=True`. */
export function antialiasedTaps(size: number, to: number): Taps[] {
  const scale = size / to;
  const support = Math.max(1, scale);
  return Array.from({ length: to }, (_, dst) => {
    const centre = scale * (dst + 0.5);
    const first = Math.max(0, Math.floor(centre - support + 0.5));
    const end = Math.min(size, Math.floor(centre + support + 0.5));
    const taps = Array.from({ length: end - first }, (_, n) => ({
      from: first + n,
      weight: Math.max(0, 1 - Math.abs((first + n - centre + 0.5) / support)),
    }));
    const sum = taps.reduce((total, { weight }) => total + weight, 0);
    return taps.map(({ from, weight }) => ({ from, weight: weight / sum }));
  });
}

/** Σ weight · x over the taps of both axes.   x [B, H, W, C] */
export function resample(x: Nd, rows: readonly Taps[], columns: readonly Taps[]): Nd {
  const [B, H, W, C] = x.shape as [number, number, number, number];
  const y = zeros([B, rows.length, columns.length, C]);
  let next = 0;
  for (let b = 0; b < B; b++) {
    for (const row of rows) {
      for (const column of columns) {
        for (let c = 0; c < C; c++) {
          let sum = 0;
          for (const v of row) {
            for (const u of column) {
              sum += v.weight * u.weight * x.data[((b * H + v.from) * W + u.from) * C + c]!;
            }
          }
          y.data[next++] = sum;
        }
      }
    }
  }
  return y;
}
