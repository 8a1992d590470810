import { LayerNorm, Linear, patchMerge, type Tensor, type Weights } from '@dpt-webgpu/tensor';
import type { Grid } from '../../grid.ts';
import { EPS } from './block.ts';

/** Between two stages: 2 × 2 tokens become one of twice the width. LN(reduce(tokens)); Swin V1 has the norm first. */
export class PatchMerging {
  readonly reduce: Linear;
  readonly norm: LayerNorm;

  constructor(features: number, weights: Weights) {
    const reduce = { in: 4 * features, out: 2 * features, bias: false };
    this.reduce = new Linear(reduce, weights.at('reduce'));
    this.norm = new LayerNorm({ features: 2 * features, eps: EPS }, weights.at('norm'));
  }

  /** x [B, H·W, F] → [B, H/2 · W/2, 2F], f32: the residual stream goes on */
  forward(x: Tensor, grid: Grid): Tensor {
    const cells = patchMerge(x, grid); // [B, H/2 · W/2, 4F]
    const reduced = this.reduce.forward(cells, { dtype: 'f32' }); // [B, H/2 · W/2, 2F]
    return this.norm.forward(reduced, { dtype: 'f32' });
  }
}
