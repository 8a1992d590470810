import { type Nd, zeros } from './nd.ts';

/** Rows of P × P × C values, patches row by row. */
export function patchify(x: Nd, P: number): Nd {
  const [B, height, width, C] = x.shape as [number, number, number, number];
  const [H, W] = [height / P, width / P];
  const y = zeros([B, H * W, P * P * C]);
  let at = 0;
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      for (let w = 0; w < W; w++) {
        for (let down = 0; down < P; down++) {
          for (let along = 0; along < P; along++) {
            for (let c = 0; c < C; c++) {
              const [row, column] = [h * P + down, w * P + along];
              y.data[at++] = x.data[((b * height + row) * width + column) * C + c]!;
            }
          }
        }
      }
    }
  }
  return y;
}
