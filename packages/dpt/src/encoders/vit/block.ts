import {
  attention,
  type Dtype,
  LayerNorm,
  Linear,
  Mlp,
  type Tensor,
  type Weights,
} from '@dpt-webgpu/tensor';
import type { VitConfig } from './encoder.ts';

/**
 * One transformer block, pre-norm:
 *
 *   x = x + Attention(LN(x))
 *   x = x + Mlp(LN(x))
 */
export class VitBlock {
  readonly norm1: LayerNorm;
  readonly attention: SelfAttention;
  readonly norm2: LayerNorm;
  readonly mlp: Mlp;

  /** `dtype`: storage of what flows inside the block. */
  constructor(config: VitConfig & { readonly dtype: Dtype }, weights: Weights) {
    const { features, heads, hidden, dtype } = config;
    this.norm1 = new LayerNorm({ features, dtype }, weights.at('norm1'));
    this.attention = new SelfAttention({ features, heads, dtype }, weights.at('attention'));
    this.norm2 = new LayerNorm({ features, dtype }, weights.at('norm2'));
    this.mlp = new Mlp({ features, hidden, hiddenDtype: dtype }, weights.at('mlp'));
  }

  /** x [B, 1 + N, F] → [B, 1 + N, F] */
  forward(x: Tensor): Tensor {
    x = this.attention.forward(this.norm1.forward(x), { addTo: x });
    x = this.mlp.forward(this.norm2.forward(x), { addTo: x });
    return x;
  }
}

interface SelfAttentionConfig {
  readonly features: number;
  readonly heads: number;
  readonly dtype: Dtype;
}

/** Attention(x) = project(softmax(q kᵀ / √d) v) per head, where [q ; k ; v] = qkv(x). */
class SelfAttention {
  readonly heads: number;
  readonly products: Dtype;
  readonly qkv: Linear;
  readonly project: Linear;

  constructor({ features, heads, dtype }: SelfAttentionConfig, weights: Weights) {
    this.heads = heads;
    // As in the maps around it.
    this.products = weights.dtype;
    this.qkv = new Linear({ in: features, out: 3 * features, dtype }, weights.at('qkv'));
    this.project = new Linear({ in: features, out: features }, weights.at('project'));
  }

  /** x [B, 1 + N, F] → [B, 1 + N, F]; the residual joins after the projection */
  forward(x: Tensor, residual: { readonly addTo: Tensor }): Tensor {
    const { heads, products } = this;
    const qkv = this.qkv.forward(x); // [B, 1 + N, 3F]
    const values = attention(qkv, { heads, products }); // [B, 1 + N, F]
    return this.project.forward(values, residual); // [B, 1 + N, F]
  }
}
