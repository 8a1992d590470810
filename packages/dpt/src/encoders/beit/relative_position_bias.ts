import { bilinearResize, concat, slice, type Tensor, type Weights } from '@dpt-webgpu/tensor';
import type { Grid } from '../../grid.ts';
import type { GridCache } from '../../grid_cache.ts';

interface RelativePositionBiasConfig {
  readonly heads: number;
  readonly baseGrid: number;
}

/** The rows of the readout token: readout → patch, patch → readout, readout → readout. */
const READOUT_ROWS = 3;

/**
 * One block's table of biases for every offset between two patches, resized to the grid of the picture once and kept.
 *
 * What is kept is the table, (2H − 1)(2W − 1) + 3 numbers per head. The bias of all pairs of tokens, which MiDaS and
 * muggled_dpt gather from it, would be (1 + H·W)² and says nothing more: attention finds the row for a pair itself.
 */
export class RelativePositionBias {
  readonly config: RelativePositionBiasConfig;
  /** [heads, (2g − 1)² + 3]: offsets row by row, then the rows of the readout token. f32: a score is f32 as well. */
  readonly table: Tensor;
  readonly cache: GridCache;

  constructor(config: RelativePositionBiasConfig, weights: Weights, cache: GridCache) {
    const { heads, baseGrid } = config;
    this.config = config;
    // The file has heads last. Here each head's table is one piece, and an image with one channel to the resize.
    this.table = weights.tensor(
      'relative_position_bias',
      [(2 * baseGrid - 1) ** 2 + READOUT_ROWS, heads],
      { permute: [1, 0], dtype: 'f32' },
    );
    this.cache = cache;
  }

  /** [heads, (2H − 1)(2W − 1) + 3] for a grid */
  forward(grid: Grid): Tensor {
    const { baseGrid: g } = this.config;
    if (grid[0] === g && grid[1] === g) return this.table;
    // Every block has a table of its own, named by its key.
    return this.cache.get(this.table.name, grid, () => this.resize(grid));
  }

  private resize([H, W]: Grid): Tensor {
    const { heads, baseGrid } = this.config;
    const side = 2 * baseGrid - 1;
    const offsets = slice(this.table, { axis: 1, from: 0, to: side * side }); // [heads, (2g − 1)²]
    const readout = slice(this.table, { axis: 1, from: side * side }); // [heads, 3], never resized
    const size = [2 * H - 1, 2 * W - 1] as const;
    const resized = bilinearResize(offsets.reshape([heads, side, side, 1]), size, {
      alignCorners: false,
    }); // [heads, 2H − 1, 2W − 1, 1]
    return concat([resized.reshape([heads, size[0] * size[1]]), readout], 1);
  }
}
