import type { Tensor, Weights } from '@dpt-webgpu/tensor';
import type { DptConfig } from './config.ts';
import type { ImageEncoder } from './encoders/image_encoder.ts';
import { makeEncoder } from './encoders/index.ts';
import { Fusion } from './fusion.ts';
import { GridCache, type GridCacheOptions } from './grid_cache.ts';
import { Head } from './head.ts';
import { PatchEmbed } from './patch_embed.ts';
import { Reassemble } from './reassemble.ts';

/**
 * Figure 1 of "Vision Transformers for Dense Prediction" (arXiv 2103.13413), whole. The five parts are public, so that
 * each can be called, looked at or replaced alone.
 */
export class DPTModel {
  readonly config: DptConfig;
  readonly patchEmbed: PatchEmbed;
  readonly encoder: ImageEncoder;
  readonly reassemble: Reassemble;
  readonly fusion: Fusion;
  readonly head: Head;
  /** What was computed once per patch grid. */
  readonly gridCache: GridCache;
  /** Bytes, loading and disposal of the weights. */
  readonly weights: Weights;

  /** Declares every weight; nothing is read before `weights.load()`. */
  constructor(config: DptConfig, weights: Weights, cache: GridCacheOptions = {}) {
    const { fusion, head, maxDepth } = config;
    this.config = config;
    this.weights = weights;
    this.gridCache = new GridCache(weights.context, cache);
    this.patchEmbed = new PatchEmbed(config.patchEmbed, weights.at('patch_embed'));
    this.encoder = makeEncoder(config.encoder, weights.at('encoder'), this.gridCache);
    this.reassemble = new Reassemble(
      {
        ...this.encoder.reading,
        hidden: config.reassemble.hidden,
        channels: fusion.channels,
      },
      weights.at('reassemble'),
    );
    this.fusion = new Fusion(fusion, weights.at('fusion'));
    this.head = new Head(
      {
        channels: fusion.channels,
        hidden: head.hidden,
        output: maxDepth === undefined ? { kind: 'inverse depth' } : { kind: 'metres', maxDepth },
      },
      weights.at('head'),
    );
  }

  /** image [B, H, W, 3], normalised → inverse depth, or metres, [B, H, W] */
  forward(image: Tensor): Tensor {
    const [, height, width] = image.dims('B H W 3') as [number, number, number, number];
    const { tokens, grid } = this.patchEmbed.forward(image); // [B, N, F]
    const stages = this.encoder.forward(tokens, grid); // 4 × [B, 1 + N, F]
    const maps = this.reassemble.forward(stages); // 4 × [B, sH, sW, C]   s = 4, 2, 1, ½
    const features = this.fusion.forward(maps); // [B, 8H, 8W, C]
    return this.head.forward(features, [height, width]); // [B, height, width]
  }

  /** Frees weights and caches. Recordings of the model must be disposed as well. */
  dispose(): void {
    this.weights.dispose();
    this.gridCache.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
