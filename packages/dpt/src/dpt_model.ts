import {
  Context,
  disposeSymbol,
  type LoadOptions,
  type Tensor,
  type Weights,
} from '@dpt-webgpu/tensor';
import type { DptConfig } from './config.ts';
import type { ImageEncoder } from './encoders/image_encoder.ts';
import { makeEncoder } from './encoders/index.ts';
import { Fusion } from './fusion.ts';
import { GridCache, type GridCacheOptions } from './grid_cache.ts';
import { Head } from './head.ts';
import { PatchEmbed } from './patch_embed.ts';
import { Reassemble } from './reassemble.ts';

/** What a model keeps between runs, and whose encoder it has. */
export interface DptModelOptions extends GridCacheOptions {
  /**
   * An encoder of one's own in the place of `config.encoder`, which is then not looked at: declares its weights in the
   * scope `encoder` and gives four stages. Default: the encoder of the configuration.
   */
  readonly makeEncoder?: (weights: Weights, cache: GridCache) => ImageEncoder;
}

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
  readonly #options: DptModelOptions;

  /** Declares every weight; nothing is read before `weights.load()`. */
  constructor(config: DptConfig, weights: Weights, options: DptModelOptions = {}) {
    const { fusion, head, maxDepth } = config;
    this.config = config;
    this.weights = weights;
    this.#options = options;
    this.gridCache = new GridCache(weights.context, options);
    this.patchEmbed = new PatchEmbed(config.patchEmbed, weights.at('patch_embed'));
    const scope = weights.at('encoder');
    this.encoder =
      options.makeEncoder?.(scope, this.gridCache) ??
      makeEncoder(config.encoder, scope, this.gridCache);
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
    const fused = this.fusion.beforeLastResize(maps); // [B, 4H, 4W, C]
    return this.head.forwardResized(fused, [height, width]); // [B, height, width]
  }

  /**
   * The same model on another device, from the same state dict, which must still be readable: after a loss, or to move.
   * Bit-equal on a device of the same kind. Frees what is left of this one. A context is taken as it is, for models that
   * share one; of a device, which stays the caller's, a context like the old one is made. Aborts and progress as for `weights.load`.
   */
  async recreate(device: GPUDevice | Context, options: LoadOptions = {}): Promise<DPTModel> {
    options.signal?.throwIfAborted();
    const context =
      device instanceof Context ? device : new Context(device, this.weights.context.options);
    const model = new DPTModel(this.config, this.weights.again(context), this.#options);
    this.dispose();
    await model.weights.load(options);
    return model;
  }

  /** Frees weights and caches. Recordings of the model must be disposed as well. */
  dispose(): void {
    this.weights.dispose();
    this.gridCache.dispose();
  }

  [disposeSymbol](): void {
    this.dispose();
  }
}
