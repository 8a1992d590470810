import { Conv2d, type Tensor, type Weights } from '@dpt-webgpu/tensor';
import { doubled } from './fusion.ts';

export interface HeadConfig {
  /** C: channels of the fused map. */
  readonly channels: number;
  /** Channels after the first and the second convolution. */
  readonly hidden: readonly [number, number];
  /** ReLU for inverse depth, sigmoid · maxDepth for metres. */
  readonly output:
    | { readonly kind: 'inverse depth' }
    | { readonly kind: 'metres'; readonly maxDepth: number };
}

/** Figure 1, "Head": the fused map becomes depth at the size of the picture. */
export class Head {
  readonly reduce: Conv2d;
  readonly refine: Conv2d;
  readonly project: Conv2d;
  /** [1]; the far end of a metric model in metres. */
  readonly maxDepth: Tensor | undefined;

  constructor({ channels, hidden, output }: HeadConfig, weights: Weights) {
    this.reduce = new Conv2d({ in: channels, out: hidden[0], kernel: 3 }, weights.at('reduce'));
    this.refine = new Conv2d({ in: hidden[0], out: hidden[1], kernel: 3 }, weights.at('refine'));
    this.project = new Conv2d({ in: hidden[1], out: 1, kernel: 1 }, weights.at('project'));
    this.maxDepth =
      output.kind === 'metres'
        ? weights.constant('max_depth', Float32Array.of(output.maxDepth), [1])
        : undefined;
  }

  /** features [B, 8H, 8W, C] → depth [B, image height, image width], f32 */
  forward(features: Tensor, size: [height: number, width: number]): Tensor {
    return this.#depth(this.reduce.forward(features, { dtype: 'f32' }), size);
  }

  /** The same from what `Fusion.beforeLastResize` gives, [B, 4H, 4W, C]. */
  forwardResized(fused: Tensor, size: [height: number, width: number]): Tensor {
    // Resized, the fused map [B, 8H, 8W, C] would be the largest tensor of the model: 128.3 MiB for ViT-G at 518 × 518.
    const options = { name: 'fused_1', dtype: 'f32' } as const;
    return this.#depth(this.reduce.forwardResized(fused, doubled(fused), options), size);
  }

  /** reduced [B, 8H, 8W, C/2] → [B, image height, image width] */
  #depth(reduced: Tensor, size: [height: number, width: number]): Tensor {
    // The resized map [B, h, w, C/2] would be larger than all others: 131 MiB for ViT-L at 518 × 518.
    const refined = this.refine.forwardResized(reduced, size, {
      activation: 'relu',
      dtype: 'f32',
    }); // [B, h, w, 32]
    const depth = this.project.forward(refined, {
      activation: this.maxDepth ? 'sigmoid' : 'relu',
      scaledBy: this.maxDepth,
      dtype: 'f32',
    }); // [B, h, w, 1]
    return depth.reshape(depth.shape.slice(0, 3)).named('depth');
  }
}
