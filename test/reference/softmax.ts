import { type Nd, zeros } from './nd.ts';

/** exp(x − max x) / Σ exp(x − max x) over the last axis. */
export function softmax(x: Nd): Nd {
  const C = x.shape.at(-1)!;
  const y = zeros(x.shape);
  for (let row = 0; row < x.data.length; row += C) {
    const values = x.data.subarray(row, row + C);
    const largest = values.reduce((a, b) => Math.max(a, b));
    let sum = 0;
    for (const value of values) sum += Math.exp(value - largest);
    for (let c = 0; c < C; c++) y.data[row + c] = Math.exp(values[c]! - largest) / sum;
  }
  return y;
}
