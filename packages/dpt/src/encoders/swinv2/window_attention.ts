import { Linear, type Tensor, type Weights, windowAttention } from '@dpt-webgpu/tensor';
import type { GridCache } from '../../grid_cache.ts';
import { ContinuousPositionBias } from './continuous_position_bias.ts';
import type { Swinv2StageConfig } from './encoder.ts';
import type { Windows } from './window_size.ts';

/**
 * WindowAttention(x) = project(softmax(σ · cos(q, k) + bias + mask) v) per head and window, where [q ; k ; v] = qkv(x).
 *
 * The bias of q takes part in the cosine. Rolling the grid, cutting it into windows and putting it back are left to the
 * op, which does them by arithmetic on indices.
 */
export class WindowAttention {
  readonly heads: number;
  readonly qkv: Linear;
  /** [heads, 1, 1]: the logarithm of σ, clamped to ln 100 where it is used. */
  readonly logitScale: Tensor;
  readonly positionBias: ContinuousPositionBias;
  readonly project: Linear;

  constructor(config: Swinv2StageConfig, weights: Weights, cache: GridCache) {
    const { features, heads } = config;
    this.heads = heads;
    // The files have no bias of k; it is joined in as zeros.
    this.qkv = new Linear({ in: features, out: 3 * features }, weights.at('qkv'));
    this.logitScale = weights.tensor('logit_scale', [heads, 1, 1], { dtype: 'f32' });
    this.positionBias = new ContinuousPositionBias(config, weights.at('position_bias'), cache);
    this.project = new Linear({ in: features, out: features }, weights.at('project'));
  }

  /** x [B, H·W, F] → [B, H·W, F], f32: a norm follows */
  forward(x: Tensor, { grid, window, shift }: Windows): Tensor {
    const { heads, logitScale } = this;
    const qkv = this.qkv.forward(x, { dtype: 'f32' }); // [B, H·W, 3F]
    const table = this.positionBias.forward(window); // [(2h − 1)(2w − 1), heads]
    const values = windowAttention(qkv, { heads, grid, window, shift, table, logitScale });
    return this.project.forward(values, { dtype: 'f32' }); // [B, H·W, F]
  }
}
