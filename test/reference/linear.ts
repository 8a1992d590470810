import type { Activation } from '../../packages/tensor/src/ops/activation.ts';
import { activations } from './activation.ts';
import { type Nd, zeros } from './nd.ts';

/** activation(x · weight + bias) · scale + residual, weight [K, N]. */
export function linear(
  x: Nd,
  weight: Nd,
  bias?: Nd,
  options: { activation?: Activation; scale?: Nd; residual?: Nd } = {},
): Nd {
  const [K, N] = weight.shape as [number, number];
  const y = zeros([...x.shape.slice(0, -1), N]);
  for (let m = 0; m < x.data.length / K; m++) {
    for (let n = 0; n < N; n++) {
      let sum = bias ? bias.data[n]! : 0;
      for (let k = 0; k < K; k++) sum += x.data[m * K + k]! * weight.data[k * N + n]!;
      sum = activations[options.activation ?? 'none'](sum);
      if (options.scale) sum *= options.scale.data[options.scale.data.length === 1 ? 0 : n]!;
      if (options.residual) sum += options.residual.data[m * N + n]!;
      y.data[m * N + n] = sum;
    }
  }
  return y;
}
