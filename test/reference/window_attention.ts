import { type Nd, zeros } from './nd.ts';
import { softmax } from './softmax.ts';

export interface WindowAttention {
  readonly heads: number;
  readonly grid: readonly [number, number];
  readonly window: readonly [number, number];
  readonly shift: readonly [number, number];
  /** [(2h − 1)(2w − 1), heads] */
  readonly table: Nd;
  /** [heads] */
  readonly logitScale: Nd;
}

/**
 * SwinV2's window attention step by step, as its authors write it: roll the grid, cut it into windows, attend, put the
 * windows back, roll back. Also the matrix of weights of every window of the first picture, [windows, heads, h·w, h·w], and
 * how many pairs of it the mask keeps apart. qkv [B, H·W, 3 · heads · d].
 */
export function windowAttention(
  qkv: Nd,
  { heads, grid: [H, W], window: [h, w], shift, table, logitScale }: WindowAttention,
): { y: Nd; masked: number[]; weights: Nd } {
  const [B, , C3] = qkv.shape as [number, number, number];
  const C = C3 / 3;
  const d = C / heads;
  const A = h * w;
  const y = zeros([B, H * W, C]);
  const masked: number[] = [];
  const all = zeros([(H / h) * (W / w), heads, A, A]);
  for (let b = 0; b < B; b++) {
    for (let top = 0; top < H; top += h) {
      for (let left = 0; left < W; left += w) {
        // The tokens of the window, in rows, as places of the rolled grid.
        const places = Array.from({ length: A }, (_, i) => [
          top + Math.floor(i / w),
          left + (i % w),
        ]);
        // torch.roll by −shift: what is at (row, column) now came from shift further.
        const tokens = places.map(
          ([row, column]) => ((row! + shift[0]) % H) * W + ((column! + shift[1]) % W),
        );
        const regions = places.map(
          ([row, column]) => 3 * region(row!, H, h, shift[0]) + region(column!, W, w, shift[1]),
        );
        const isShifted = shift[0] > 0 || shift[1] > 0;
        const apart = (p: number, q: number): boolean => isShifted && regions[p] !== regions[q];
        if (b === 0) {
          let count = 0;
          for (let p = 0; p < A; p++) for (let q = 0; q < A; q++) if (apart(p, q)) count++;
          masked.push(count);
        }
        for (let head = 0; head < heads; head++) {
          const part = (token: number, which: number): Float64Array => {
            const from = (b * H * W + token) * C3 + which * C + head * d;
            return qkv.data.subarray(from, from + d);
          };
          const unit = (x: Float64Array): Float64Array => {
            const norm = Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));
            return x.map((value) => value / Math.max(norm, 1e-12));
          };
          const queries = tokens.map((token) => unit(part(token, 0)));
          const keys = tokens.map((token) => unit(part(token, 1)));
          const scores = zeros([A, A]);
          for (let p = 0; p < A; p++) {
            for (let q = 0; q < A; q++) {
              const [query, key] = [queries[p]!, keys[q]!];
              let score = 0;
              for (let i = 0; i < d; i++) score += query[i]! * key[i]!;
              score *= Math.exp(Math.min(logitScale.data[head]!, Math.log(100)));
              const down = Math.floor(p / w) - Math.floor(q / w) + h - 1;
              const along = (p % w) - (q % w) + w - 1;
              score += table.data[(down * (2 * w - 1) + along) * heads + head]!;
              if (apart(p, q)) score -= 100;
              scores.data[p * A + q] = score;
            }
          }
          const weights = softmax(scores);
          if (b === 0) all.data.set(weights.data, ((masked.length - 1) * heads + head) * A * A);
          const values = tokens.map((token) => part(token, 2));
          for (let p = 0; p < A; p++) {
            const to = (b * H * W + tokens[p]!) * C + head * d;
            for (let q = 0; q < A; q++) {
              const value = values[q]!;
              for (let i = 0; i < d; i++) y.data[to + i]! += weights.data[p * A + q]! * value[i]!;
            }
          }
        }
      }
    }
  }
  return { y, masked, weights: all };
}

/** Of the rolled grid: 0 before the last window, 1 in it, 2 in what came around from the other end. */
function region(at: number, side: number, window: number, shift: number): number {
  if (shift === 0) return 0;
  if (at < side - window) return 0;
  return at < side - shift ? 1 : 2;
}
