import { type Nd, zeros } from './nd.ts';

/** Every pixel adds its k × k window to the result, windows `stride` = k apart. x [B, H, W, I], weight [I, k, k, O]. */
export function convTranspose2d(x: Nd, weight: Nd, bias?: Nd): Nd {
  const [B, H, W, I] = x.shape as [number, number, number, number];
  const [, k, , O] = weight.shape as [number, number, number, number];
  const y = zeros([B, k * H, k * W, O]);
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      for (let w = 0; w < W; w++) {
        for (let ky = 0; ky < k; ky++) {
          for (let kx = 0; kx < k; kx++) {
            for (let o = 0; o < O; o++) {
              let sum = bias ? bias.data[o]! : 0;
              for (let i = 0; i < I; i++) {
                const value = x.data[((b * H + h) * W + w) * I + i]!;
                sum += value * weight.data[((i * k + ky) * k + kx) * O + o]!;
              }
              y.data[((b * k * H + h * k + ky) * k * W + w * k + kx) * O + o] = sum;
            }
          }
        }
      }
    }
  }
  return y;
}
