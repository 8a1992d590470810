import { add, concat, LayerNorm, type Tensor, type Weights } from '@dpt-webgpu/tensor';
import { four, type Grid, type Stages } from '../../grid.ts';
import type { GridCache } from '../../grid_cache.ts';
import { tokenDtype } from '../../precision.ts';
import type { ImageEncoder, StageReading } from '../image_encoder.ts';
import { Dinov2Block } from './block.ts';
import { PositionEncoding, type PositionResize } from './position_encoding.ts';

/** Sizes of a DINOv2 encoder (arXiv 2304.07193), read off the checkpoint. */
export interface Dinov2Config {
  /** Tells encoders apart. */
  readonly kind: 'dinov2';
  /** F: features per token. */
  readonly features: number;
  /** How many. */
  readonly blocks: number;
  /** Of attention, in every block. */
  readonly heads: number;
  /** The hidden width of the feed-forward and its form: SwiGLU in ViT-G, else an MLP with GELU. */
  readonly feedForward: { readonly kind: 'mlp' | 'swiglu'; readonly hidden: number };
  /** Side of the square grid that the position encoding was trained on. */
  readonly baseGrid: number;
  /** How the position encoding is brought to other grids. */
  readonly positionResize: PositionResize;
  /**
   * Blocks, counted from 0, whose output is a stage. V1 takes the last four, V2 a list per size: listed and never
   * computed, because the first of ViT-L (4) is not at a quarter.
   */
  readonly stageEnds: readonly [number, number, number, number];
}

/** DINOv2 (arXiv 2304.07193), the encoder of Depth-Anything V1 and V2: a plain ViT with LayerScale. */
export class Dinov2Encoder implements ImageEncoder {
  readonly config: Dinov2Config;
  readonly reading: StageReading;
  readonly readoutToken: Tensor;
  readonly positions: PositionEncoding;
  readonly blocks: readonly Dinov2Block[];
  readonly norm: LayerNorm;

  constructor(config: Dinov2Config, weights: Weights, cache: GridCache) {
    const { features } = config;
    this.config = config;
    // A plain ViT keeps one size through its depth, so reassemble makes the pyramid.
    this.reading = {
      features: four(() => features),
      readout: 'ignore',
      scales: [4, 2, 1, 0.5],
    };
    this.readoutToken = weights.tensor('readout_token', [1, 1, features], { dtype: 'f32' });
    this.positions = new PositionEncoding(config, weights, cache);
    this.blocks = Array.from({ length: config.blocks }, (_, i) => {
      const dtype = tokenDtype(i, config.blocks, weights.dtype);
      return new Dinov2Block({ ...config, dtype }, weights.at('blocks').at(i));
    });
    this.norm = new LayerNorm({ features }, weights.at('norm'));
  }

  /** tokens [B, N, F] → 4 × [B, 1 + N, F], the readout token in row 0 */
  forward(tokens: Tensor, grid: Grid): Stages {
    const positions = this.positions.forward(grid); // [1, 1 + N, F]
    let x = add(concat([this.readoutToken, tokens], 1), positions); // [B, 1 + N, F]
    x = x.named('tokens_in');
    const outputs = this.blocks.map((block) => (x = block.forward(x)));
    // Every stage goes through the final norm, also those from the middle of the encoder.
    return four((level) => ({
      tokens: this.norm.forward(outputs[this.config.stageEnds[level]]!, { dtype: 'f32' }),
      grid,
    }));
  }
}
