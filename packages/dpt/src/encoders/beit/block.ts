import {
  attentionWithRelativePositions,
  type Dtype,
  LayerNorm,
  Linear,
  Mlp,
  type Tensor,
  type Weights,
} from '@dpt-webgpu/tensor';
import type { Grid } from '../../grid.ts';
import type { GridCache } from '../../grid_cache.ts';
import type { BeitConfig } from './encoder.ts';
import { RelativePositionBias } from './relative_position_bias.ts';

interface BlockConfig extends BeitConfig {
  /** Storage of what flows inside a block. */
  readonly dtype: Dtype;
}

/**
 * One transformer block, pre-norm with LayerScale γ:
 *
 *   x = x + γ₁ · Attention(LN(x))
 *   x = x + γ₂ · Mlp(LN(x))
 */
export class BeitBlock {
  readonly norm1: LayerNorm;
  readonly attention: RelativeSelfAttention;
  readonly gamma1: Tensor;
  readonly norm2: LayerNorm;
  readonly mlp: Mlp;
  readonly gamma2: Tensor;

  constructor(config: BlockConfig, weights: Weights, cache: GridCache) {
    const { features, hidden, dtype } = config;
    this.norm1 = new LayerNorm({ features, dtype }, weights.at('norm1'));
    this.attention = new RelativeSelfAttention(config, weights.at('attention'), cache);
    this.gamma1 = weights.tensor('gamma1', [features]);
    this.norm2 = new LayerNorm({ features, dtype }, weights.at('norm2'));
    this.mlp = new Mlp({ features, hidden, hiddenDtype: dtype }, weights.at('mlp'));
    this.gamma2 = weights.tensor('gamma2', [features]);
  }

  /** x [B, 1 + N, F] → [B, 1 + N, F] */
  forward(x: Tensor, grid: Grid): Tensor {
    x = this.attention.forward(this.norm1.forward(x), grid, { scaledBy: this.gamma1, addTo: x });
    x = this.mlp.forward(this.norm2.forward(x), { scaledBy: this.gamma2, addTo: x });
    return x;
  }
}

/**
 * Attention(x) = project(softmax(q kᵀ / √d + bias) v) per head, where [q ; k ; v] = qkv(x) and the bias depends on where
 * the two patches lie relative to each other. q and v have a bias of their own and k has none: it would add the same to
 * all scores of a query, which softmax ignores.
 */
class RelativeSelfAttention {
  readonly heads: number;
  readonly products: Dtype;
  /** Its bias is [b_q ; 0 ; b_v]. */
  readonly qkv: Linear;
  readonly positions: RelativePositionBias;
  readonly project: Linear;

  constructor(config: BlockConfig, weights: Weights, cache: GridCache) {
    const { features, heads, dtype } = config;
    this.heads = heads;
    // As in the maps around it.
    this.products = weights.dtype;
    this.qkv = new Linear({ in: features, out: 3 * features, dtype }, weights.at('qkv'));
    this.positions = new RelativePositionBias(config, weights, cache);
    this.project = new Linear({ in: features, out: features }, weights.at('project'));
  }

  /** x [B, 1 + N, F] → [B, 1 + N, F]; the residual joins after the projection */
  forward(
    x: Tensor,
    grid: Grid,
    residual: { readonly scaledBy: Tensor; readonly addTo: Tensor },
  ): Tensor {
    const { heads, products } = this;
    const table = this.positions.forward(grid); // [heads, (2H − 1)(2W − 1) + 3]
    const qkv = this.qkv.forward(x); // [B, 1 + N, 3F]
    const values = attentionWithRelativePositions(qkv, { heads, table, grid, products }); // [B, 1 + N, F]
    return this.project.forward(values, residual); // [B, 1 + N, F]
  }
}
