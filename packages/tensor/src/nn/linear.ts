import type { Dtype } from '../dtype.ts';
import { type Epilogue, linear } from '../ops/linear.ts';
import type { Tensor } from '../tensor.ts';
import type { Weights } from '../weights.ts';

/** Features that come in and go out. */
export interface LinearConfig {
  /** Last side of what comes. */
  readonly in: number;
  /** Last side of the result. */
  readonly out: number;
  /** Default true. */
  readonly bias?: boolean;
  /** Storage type of results. Default: as of `linear`. */
  readonly dtype?: Dtype;
}

/** A linear map with its weight [out, in] as PyTorch stores it, and its bias. */
export class Linear {
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  readonly dtype: Dtype | undefined;

  constructor(config: LinearConfig, weights: Weights) {
    this.weight = weights.tensor('weight', [config.out, config.in], {
      permute: [1, 0],
      quantisable: true,
    });
    this.dtype = config.dtype;
    this.bias = config.bias === false ? undefined : weights.tensor('bias', [config.out]);
  }

  /** x [..., in] → [..., out] */
  forward(x: Tensor, epilogue?: Epilogue): Tensor {
    const { weight, bias, dtype } = this;
    return linear(x, weight, bias, { ...(dtype && { dtype }), ...epilogue });
  }
}
