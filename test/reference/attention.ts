import { type Nd, zeros } from './nd.ts';
import { softmax } from './softmax.ts';

/**
 * softmax(q · kᵀ · scale + bias) · v for each head, with the matrix of weights [B, heads, N, N].
 * qkv [B, N, 3 · heads · d], bias [heads, N, N].
 */
export function attention(
  qkv: Nd,
  heads: number,
  scale?: number,
  bias?: Nd,
): { y: Nd; weights: Nd } {
  const [B, N, C3] = qkv.shape as [number, number, number];
  const C = C3 / 3;
  const d = C / heads;
  const at = (b: number, n: number, part: number, h: number, i: number): number =>
    qkv.data[(b * N + n) * C3 + part * C + h * d + i]!;

  const scores = zeros([B, heads, N, N]);
  let next = 0;
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < heads; h++) {
      for (let query = 0; query < N; query++) {
        for (let key = 0; key < N; key++) {
          let score = 0;
          for (let i = 0; i < d; i++) score += at(b, query, 0, h, i) * at(b, key, 1, h, i);
          score *= scale ?? 1 / Math.sqrt(d);
          if (bias) score += bias.data[(h * N + query) * N + key]!;
          scores.data[next++] = score;
        }
      }
    }
  }
  const weights = softmax(scores);
  const y = zeros([B, N, C]);
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < heads; h++) {
      for (let query = 0; query < N; query++) {
        for (let key = 0; key < N; key++) {
          const weight = weights.data[((b * heads + h) * N + query) * N + key]!;
          for (let i = 0; i < d; i++) {
            y.data[(b * N + query) * C + h * d + i]! += weight * at(b, key, 2, h, i);
          }
        }
      }
    }
  }
  return { y, weights };
}
