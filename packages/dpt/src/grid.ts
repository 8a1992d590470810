import type { Tensor } from '@dpt-webgpu/tensor';

/** Rows and columns of a grid of patches. */
export type Grid = readonly [H: number, W: number];

/** What one depth of the encoder hands to reassemble. */
export interface Stage {
  /** [B, N, F]; N is H·W, one more where the readout token stands in row 0. */
  readonly tokens: Tensor;
  /** Of the patches among the tokens. */
  readonly grid: Grid;
}

/** From the shallowest to the deepest, as in figure 1. */
export type Stages = readonly [Stage, Stage, Stage, Stage];

/** From the finest to the coarsest, each [B, H, W, C]. */
export type FeatureMaps = readonly [Tensor, Tensor, Tensor, Tensor];

/** The four stages, maps or levels of figure 1. */
export const LEVELS = [0, 1, 2, 3] as const;

/** Maps four things to four things and keeps the count in the type. */
export function four<T>(make: (level: 0 | 1 | 2 | 3) => T): readonly [T, T, T, T] {
  return [make(0), make(1), make(2), make(3)];
}
