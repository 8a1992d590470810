import { tileSize } from '@dpt-webgpu/dpt';
import { MOST_TILES } from './image_settings.ts';

export interface TilesInstead {
  readonly tiles: number;
  /** Of each, in pixels. */
  readonly size: number;
}

/** The fewest tiles that see as much as one run at `size`, at a size that fits; none where even most are too large. */
export function tilesInstead(
  size: number,
  fitting: number,
  multiple: number,
): TilesInstead | undefined {
  for (let tiles = 2; tiles <= MOST_TILES; tiles++) {
    const side = tileSize({ width: size, height: size }, { tiles }).width;
    const rounded = multiple * Math.ceil(side / multiple);
    if (rounded <= fitting) return { tiles, size: rounded };
  }
  return undefined;
}
