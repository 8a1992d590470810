import { LayerNorm, linear, patchify, type Tensor, type Weights } from '@dpt-webgpu/tensor';
import type { Grid } from './grid.ts';

export interface PatchEmbedConfig {
  /** P: pixels on a side of a patch. */
  readonly patch: number;
  /** F: features per token. */
  readonly features: number;
  /** SwinV2 normalises its tokens; the plain ViTs do not. */
  readonly norm?: { readonly eps: number };
}

/**
 * Figure 1, "Embed": the picture is cut into P × P patches, and each patch's pixels are mapped linearly to a token.
 * PyTorch writes this as a convolution with kernel = stride = P; it is the same sum.
 */
export class PatchEmbed {
  readonly patch: number;
  /** [P·P·3, F] */
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly norm: LayerNorm | undefined;

  constructor({ patch, features, norm }: PatchEmbedConfig, weights: Weights) {
    const project = weights.at('project');
    const kernel = project.tensor('weight', [features, 3, patch, patch], {
      permute: [2, 3, 1, 0],
      // Small, and what it rounds goes through every block.
      dtype: 'f32',
    });
    this.patch = patch;
    this.weight = kernel.reshape([patch * patch * 3, features]);
    this.bias = project.tensor('bias', [features]);
    this.norm = norm && new LayerNorm({ features, ...norm }, weights.at('norm'));
  }

  /** image [B, H, W, 3] → tokens [B, H/P · W/P, F] and their grid. f32: the residual stream starts here. */
  forward(image: Tensor): { tokens: Tensor; grid: Grid } {
    const [, H, W] = image.dims('B H W 3') as [number, number, number, number];
    const patches = patchify(image, this.patch); // [B, N, P·P·3]
    const projected = linear(patches, this.weight, this.bias, { dtype: 'f32' }); // [B, N, F]
    const tokens = this.norm?.forward(projected, { dtype: 'f32' }) ?? projected;
    return { tokens, grid: [H / this.patch, W / this.patch] };
  }
}
