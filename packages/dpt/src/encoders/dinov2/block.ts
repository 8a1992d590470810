import {
  attention,
  type Dtype,
  LayerNorm,
  Linear,
  Mlp,
  SwiGlu,
  type Tensor,
  type Weights,
} from '@dpt-webgpu/tensor';
import type { Dinov2Config } from './encoder.ts';

/**
 * One transformer block, pre-norm with LayerScale γ:
 *
 *   x = x + γ₁ · Attention(LN(x))
 *   x = x + γ₂ · FeedForward(LN(x))
 */
export class Dinov2Block {
  readonly norm1: LayerNorm;
  readonly attention: SelfAttention;
  readonly gamma1: Tensor;
  readonly norm2: LayerNorm;
  readonly feedForward: Mlp | SwiGlu;
  readonly gamma2: Tensor;

  /** `dtype`: storage of what flows inside the block. */
  constructor(config: Dinov2Config & { readonly dtype: Dtype }, weights: Weights) {
    const { features, heads, feedForward, dtype } = config;
    const { hidden } = feedForward;
    const FeedForward = feedForward.kind === 'swiglu' ? SwiGlu : Mlp;
    this.norm1 = new LayerNorm({ features, dtype }, weights.at('norm1'));
    this.attention = new SelfAttention({ features, heads, dtype }, weights.at('attention'));
    this.gamma1 = weights.tensor('gamma1', [features]);
    this.norm2 = new LayerNorm({ features, dtype }, weights.at('norm2'));
    // A product of two hidden values is the one that comes near the end of f16.
    const hiddenDtype = feedForward.kind === 'swiglu' ? 'f32' : dtype;
    this.feedForward = new FeedForward({ features, hidden, hiddenDtype }, weights.at('mlp'));
    this.gamma2 = weights.tensor('gamma2', [features]);
  }

  /** x [B, N, F] → [B, N, F] */
  forward(x: Tensor): Tensor {
    x = this.attention.forward(this.norm1.forward(x), { scaledBy: this.gamma1, addTo: x });
    x = this.feedForward.forward(this.norm2.forward(x), { scaledBy: this.gamma2, addTo: x });
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

  /** x [B, N, F] → [B, N, F]; the residual joins after the projection */
  forward(x: Tensor, residual: { readonly scaledBy: Tensor; readonly addTo: Tensor }): Tensor {
    const { heads, products } = this;
    const qkv = this.qkv.forward(x); // [B, N, 3F]
    const values = attention(qkv, { heads, products }); // [B, N, F]
    return this.project.forward(values, residual); // [B, N, F]
  }
}
