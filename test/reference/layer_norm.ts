import { type Nd, zeros } from './nd.ts';

/** (x − mean) / √(var + eps) · weight + bias over the last axis, var ÷ C. */
export function layerNorm(x: Nd, weight: Nd, bias: Nd, eps: number): Nd {
  const C = x.shape.at(-1)!;
  const y = zeros(x.shape);
  for (let row = 0; row < x.data.length; row += C) {
    let mean = 0;
    for (let c = 0; c < C; c++) mean += x.data[row + c]! / C;
    let variance = 0;
    for (let c = 0; c < C; c++) variance += (x.data[row + c]! - mean) ** 2 / C;
    for (let c = 0; c < C; c++) {
      const normal = (x.data[row + c]! - mean) / Math.sqrt(variance + eps);
      y.data[row + c] = normal * weight.data[c]! + bias.data[c]!;
    }
  }
  return y;
}
