import { type Nd, zeros } from './nd.ts';

/** Rows of a table of relative positions for every pair of tokens [N, N]: query, key. Token 0 is the readout token. */
export function relativePositionIndex([H, W]: readonly [number, number]): number[][] {
  const N = 1 + H * W;
  const rows = (2 * H - 1) * (2 * W - 1);
  return Array.from({ length: N }, (_, query) =>
    Array.from({ length: N }, (_, key) => {
      if (query === 0 && key === 0) return rows + 2;
      if (key === 0) return rows + 1;
      if (query === 0) return rows;
      const [yq, xq] = [Math.floor((query - 1) / W), (query - 1) % W];
      const [yk, xk] = [Math.floor((key - 1) / W), (key - 1) % W];
      return (yq - yk + H - 1) * (2 * W - 1) + (xq - xk + W - 1);
    }),
  );
}

/** The bias of every head and pair of tokens.   table [heads, rows] → [heads, N, N] */
export function relativePositionBias(table: Nd, grid: readonly [number, number]): Nd {
  const [heads, rows] = table.shape as [number, number];
  const index = relativePositionIndex(grid).flat();
  const N = 1 + grid[0] * grid[1];
  const bias = zeros([heads, N, N]);
  for (let h = 0; h < heads; h++) {
    index.forEach((row, pair) => {
      bias.data[h * N * N + pair] = table.data[h * rows + row]!;
    });
  }
  return bias;
}
