import { LayerNorm, Mlp, type Tensor, type Weights } from '@dpt-webgpu/tensor';
import type { GridCache } from '../../grid_cache.ts';
import type { Swinv2StageConfig } from './encoder.ts';
import { WindowAttention } from './window_attention.ts';
import type { Windows } from './window_size.ts';

/** Of PyTorch's LayerNorm by default, which SwinV2 kept; the plain ViTs have 1e-6. */
export const EPS = 1e-5;

/**
 * One transformer block with the norms behind the branches ("res-post-norm"), so that no branch can grow the stream:
 *
 *   x = x + LN(WindowAttention(x))
 *   x = x + LN(MLP(x))
 */
export class Swinv2Block {
  readonly attention: WindowAttention;
  readonly norm1: LayerNorm;
  readonly mlp: Mlp;
  readonly norm2: LayerNorm;

  constructor(config: Swinv2StageConfig, weights: Weights, cache: GridCache) {
    const { features, hidden } = config;
    this.attention = new WindowAttention(config, weights.at('attention'), cache);
    this.norm1 = new LayerNorm({ features, eps: EPS }, weights.at('norm1'));
    // Nothing bounds a branch before its norm: MiDaS warns that its SwinV2 may leave the range of f16.
    this.mlp = new Mlp({ features, hidden, hiddenDtype: 'f32' }, weights.at('mlp'));
    this.norm2 = new LayerNorm({ features, eps: EPS }, weights.at('norm2'));
  }

  /** x [B, H·W, F] → [B, H·W, F], f32 */
  forward(x: Tensor, windows: Windows): Tensor {
    x = this.norm1.forward(this.attention.forward(x, windows), { addTo: x });
    x = this.norm2.forward(this.mlp.forward(x, { dtype: 'f32' }), { addTo: x });
    return x;
  }
}
