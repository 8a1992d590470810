import { concat, type Tensor, type Weights } from '@dpt-webgpu/tensor';
import { four, type Grid, type Stages } from '../../grid.ts';
import type { GridCache } from '../../grid_cache.ts';
import { tokenDtype } from '../../precision.ts';
import type { ImageEncoder, StageReading } from '../image_encoder.ts';
import { BeitBlock } from './block.ts';

/** Sizes of a BEiT encoder (arXiv 2106.08254), read off the checkpoint. */
export interface BeitConfig {
  /** Tells encoders apart. */
  readonly kind: 'beit';
  /** F: features per token. */
  readonly features: number;
  /** How many. */
  readonly blocks: number;
  /** Of attention, in every block. */
  readonly heads: number;
  /** The hidden width of the feed-forward. */
  readonly hidden: number;
  /** Side of the square grid that the relative position tables were trained on. */
  readonly baseGrid: number;
  /** Blocks, counted from 0, whose output is a stage. */
  readonly stageEnds: readonly [number, number, number, number];
}

/** BEiT (arXiv 2106.08254), an encoder of MiDaS v3.1: a ViT whose only positions are relative ones, in every block. */
export class BeitEncoder implements ImageEncoder {
  readonly config: BeitConfig;
  readonly reading: StageReading;
  readonly readoutToken: Tensor;
  readonly blocks: readonly BeitBlock[];

  constructor(config: BeitConfig, weights: Weights, cache: GridCache) {
    const { features } = config;
    this.config = config;
    // A plain ViT keeps one size through its depth, so reassemble makes the pyramid.
    this.reading = {
      features: four(() => features),
      readout: 'project',
      scales: [4, 2, 1, 0.5],
    };
    this.readoutToken = weights.tensor('readout_token', [1, 1, features], { dtype: 'f32' });
    this.blocks = Array.from({ length: config.blocks }, (_, i) => {
      const dtype = tokenDtype(i, config.blocks, weights.dtype);
      return new BeitBlock({ ...config, dtype }, weights.at('blocks').at(i), cache);
    });
  }

  /** tokens [B, N, F] → 4 × [B, 1 + N, F], the readout token in row 0 */
  forward(tokens: Tensor, grid: Grid): Stages {
    let x = concat([this.readoutToken, tokens], 1).named('tokens_in'); // [B, 1 + N, F]
    const outputs = this.blocks.map((block) => (x = block.forward(x, grid)));
    // Stages leave as they are: BEiT was trained with its last norm after pooling, which MiDaS leaves out.
    return four((level) => ({ tokens: outputs[this.config.stageEnds[level]]!, grid }));
  }
}
