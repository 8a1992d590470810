import type { Dtype } from '../dtype.ts';
import { type LayerNormOptions, layerNorm } from '../ops/layer_norm.ts';
import type { Tensor } from '../tensor.ts';
import type { Weights } from '../weights.ts';

/** Length of the axis that is normalised. */
export interface LayerNormConfig {
  /** Size of the last axis. */
  readonly features: number;
  /** Default 1e-6. */
  readonly eps?: number;
  /** Storage type of results. Default: as of `layerNorm`. */
  readonly dtype?: Dtype;
}

/** Layer normalisation over the last axis with its weight and bias. */
export class LayerNorm {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly eps: number;
  readonly dtype: Dtype | undefined;

  constructor(config: LayerNormConfig, weights: Weights) {
    this.weight = weights.tensor('weight', [config.features]);
    this.bias = weights.tensor('bias', [config.features]);
    this.eps = config.eps ?? 1e-6;
    this.dtype = config.dtype;
  }

  /** x [..., features] → [..., features] */
  forward(x: Tensor, options?: Omit<LayerNormOptions, 'eps'>): Tensor {
    const { weight, bias, eps, dtype } = this;
    return layerNorm(x, weight, bias, { ...(dtype && { dtype }), ...options, eps });
  }
}
