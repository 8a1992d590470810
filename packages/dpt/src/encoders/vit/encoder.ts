import { add, bilinearResize, concat, slice, type Tensor, type Weights } from '@dpt-webgpu/tensor';
import { four, type Grid, type Stages } from '../../grid.ts';
import type { GridCache } from '../../grid_cache.ts';
import { tokenDtype } from '../../precision.ts';
import type { ImageEncoder, StageReading } from '../image_encoder.ts';
import { VitBlock } from './block.ts';

/** Sizes of the ViT encoder of MiDaS v3 (arXiv 2103.13413), read off the checkpoint. */
export interface VitConfig {
  /** Tells encoders apart. */
  readonly kind: 'vit';
  /** F: features per token. */
  readonly features: number;
  /** How many. */
  readonly blocks: number;
  /** Of attention, in every block. */
  readonly heads: number;
  /** The hidden width of the feed-forward. */
  readonly hidden: number;
  /** Side of the square grid that the position encoding was trained on. */
  readonly baseGrid: number;
  /** Blocks, counted from 0, whose output is a stage. */
  readonly stageEnds: readonly [number, number, number, number];
}

/** The plain ViT (arXiv 2010.11929) of the DPT paper itself, in MiDaS v3. */
export class VitEncoder implements ImageEncoder {
  readonly config: VitConfig;
  readonly reading: StageReading;
  readonly readoutToken: Tensor;
  /** [1, 1 + g², F]; row 0 belongs to the readout token, then the grid row by row. */
  readonly positions: Tensor;
  readonly blocks: readonly VitBlock[];
  readonly cache: GridCache;

  constructor(config: VitConfig, weights: Weights, cache: GridCache) {
    const { features, baseGrid } = config;
    this.config = config;
    this.reading = {
      features: four(() => features),
      readout: 'project',
      scales: [4, 2, 1, 0.5],
    };
    this.readoutToken = weights.tensor('readout_token', [1, 1, features], { dtype: 'f32' });
    this.positions = weights.tensor('position_encoding', [1, 1 + baseGrid * baseGrid, features], {
      dtype: 'f32',
    });
    this.blocks = Array.from({ length: config.blocks }, (_, i) => {
      const dtype = tokenDtype(i, config.blocks, weights.dtype);
      return new VitBlock({ ...config, dtype }, weights.at('blocks').at(i));
    });
    this.cache = cache;
  }

  /** tokens [B, N, F] → 4 × [B, 1 + N, F], the readout token in row 0 */
  forward(tokens: Tensor, grid: Grid): Stages {
    const positions = this.positionsOf(grid); // [1, 1 + N, F]
    let x = add(concat([this.readoutToken, tokens], 1), positions); // [B, 1 + N, F]
    x = x.named('tokens_in');
    const outputs = this.blocks.map((block) => (x = block.forward(x)));
    // Stages leave as they are; the norm after the last block is left out.
    return four((level) => ({ tokens: outputs[this.config.stageEnds[level]]!, grid }));
  }

  /** [1, 1 + H·W, F]; the learned positions, resized to the grid of the picture once and kept */
  private positionsOf(grid: Grid): Tensor {
    const { baseGrid: g } = this.config;
    if (grid[0] === g && grid[1] === g) return this.positions;
    return this.cache.get('position_encoding', grid, () => this.resizedPositions(grid));
  }

  private resizedPositions([H, W]: Grid): Tensor {
    const { baseGrid: g, features } = this.config;
    const readout = slice(this.positions, { axis: 1, from: 0, to: 1 }); // [1, 1, F]
    const trained = slice(this.positions, { axis: 1, from: 1 }); // [1, g², F]
    const resized = bilinearResize(trained.reshape([1, g, g, features]), [H, W], {
      alignCorners: false,
    }); // [1, H, W, F]
    return concat([readout, resized.reshape([1, H * W, features])], 1); // [1, 1 + H·W, F]
  }
}
