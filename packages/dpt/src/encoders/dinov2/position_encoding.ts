import { bicubicResize, concat, slice, type Tensor, type Weights } from '@dpt-webgpu/tensor';
import type { Grid } from '../../grid.ts';
import type { GridCache } from '../../grid_cache.ts';

/**
 * How the trained grid is brought to another one, both bicubic with A = −0.75 and no antialiasing.
 * `scale_with_offset`: by the factor (grid + 0.1) / trained grid, as DINOv2 does; the 0.1 was meant to guard a rounding
 * and shifts every encoding slightly. `size`: to the grid exactly, as muggled_dpt does.
 */
export type PositionResize = 'scale_with_offset' | 'size';

interface PositionEncodingConfig {
  readonly features: number;
  readonly baseGrid: number;
  readonly positionResize: PositionResize;
}

/** The learned position encoding, resized to the grid of the picture once and kept. */
export class PositionEncoding {
  readonly config: PositionEncodingConfig;
  /** [1, 1 + g², F]: row 0 belongs to the readout token, then the grid row by row. */
  readonly table: Tensor;
  readonly cache: GridCache;

  constructor(config: PositionEncodingConfig, weights: Weights, cache: GridCache) {
    const { features, baseGrid } = config;
    this.config = config;
    this.table = weights.tensor('position_encoding', [1, 1 + baseGrid * baseGrid, features], {
      dtype: 'f32',
    });
    this.cache = cache;
  }

  /** [1, 1 + H·W, F] for a grid */
  forward(grid: Grid): Tensor {
    const { baseGrid: g } = this.config;
    if (grid[0] === g && grid[1] === g) return this.table;
    return this.cache.get('position_encoding', grid, () => this.resize(grid));
  }

  private resize([H, W]: Grid): Tensor {
    const { baseGrid: g, features, positionResize } = this.config;
    const readout = slice(this.table, { axis: 1, from: 0, to: 1 }); // [1, 1, F]
    const trained = slice(this.table, { axis: 1, from: 1 }); // [1, g², F]
    const step = (side: number): number =>
      positionResize === 'size' ? g / side : 1 / ((side + 0.1) / g);
    const resized = bicubicResize(trained.reshape([1, g, g, features]), [H, W], {
      step: [step(H), step(W)],
    }); // [1, H, W, F]
    return concat([readout, resized.reshape([1, H * W, features])], 1); // [1, 1 + H·W, F]
  }
}
