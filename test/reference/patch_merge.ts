import { type Nd, zeros } from './nd.ts';

/** Tokens of 2 × 2 cells side by side, as (row, column) in the order (0, 0), (1, 0), (0, 1), (1, 1). x [B, H·W, C]. */
export function patchMerge(x: Nd, [H, W]: readonly [number, number]): Nd {
  const [B, , C] = x.shape as [number, number, number];
  const y = zeros([B, (H * W) / 4, 4 * C]);
  const order = [
    [0, 0],
    [1, 0],
    [0, 1],
    [1, 1],
  ] as const;
  let at = 0;
  for (let b = 0; b < B; b++) {
    for (let row = 0; row < H; row += 2) {
      for (let column = 0; column < W; column += 2) {
        for (const [down, along] of order) {
          for (let c = 0; c < C; c++) {
            y.data[at++] = x.data[((b * H + row + down) * W + column + along) * C + c]!;
          }
        }
      }
    }
  }
  return y;
}
