import type { Activation } from '../../packages/tensor/src/ops/activation.ts';
import { activations } from './activation.ts';
import { type Nd, zeros } from './nd.ts';

/** activation(relu?(x) ⋆ weight + bias) · scale + residual; x [B, H, W, I], weight [kH, kW, I, O]. */
export function conv2d(
  x: Nd,
  weight: Nd,
  bias?: Nd,
  options: {
    stride?: number;
    padding?: number;
    preRelu?: boolean;
    activation?: Activation;
    scale?: Nd;
    residual?: Nd;
  } = {},
): Nd {
  const { stride = 1, padding = 0, preRelu = false, activation = 'none' } = options;
  const [B, H, W, I] = x.shape as [number, number, number, number];
  const [kH, kW, , O] = weight.shape as [number, number, number, number];
  const Ho = Math.floor((H + 2 * padding - kH) / stride) + 1;
  const Wo = Math.floor((W + 2 * padding - kW) / stride) + 1;
  const y = zeros([B, Ho, Wo, O]);
  for (let b = 0; b < B; b++) {
    for (let oy = 0; oy < Ho; oy++) {
      for (let ox = 0; ox < Wo; ox++) {
        for (let o = 0; o < O; o++) {
          let sum = bias ? bias.data[o]! : 0;
          for (let ky = 0; ky < kH; ky++) {
            for (let kx = 0; kx < kW; kx++) {
              const row = oy * stride - padding + ky;
              const column = ox * stride - padding + kx;
              if (row < 0 || row >= H || column < 0 || column >= W) continue;
              for (let i = 0; i < I; i++) {
                const value = x.data[((b * H + row) * W + column) * I + i]!;
                const factor = weight.data[((ky * kW + kx) * I + i) * O + o]!;
                sum += (preRelu ? Math.max(value, 0) : value) * factor;
              }
            }
          }
          const at = ((b * Ho + oy) * Wo + ox) * O + o;
          sum = activations[activation](sum);
          if (options.scale) sum *= options.scale.data[options.scale.data.length === 1 ? 0 : o]!;
          if (options.residual) sum += options.residual.data[at]!;
          y.data[at] = sum;
        }
      }
    }
  }
  return y;
}
