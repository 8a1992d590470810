import type { Tensor } from '@dpt-webgpu/tensor';
import type { Grid, Stages } from '../grid.ts';

/** Figure 1, "Transformer": what an encoder must do to stand in the DPT skeleton. */
export interface ImageEncoder {
  /** What reassemble must know of the stages. */
  readonly reading: StageReading;
  /** tokens [B, N, F] of a grid → four stages, shallow to deep */
  forward(tokens: Tensor, grid: Grid): Stages;
}

/** How reassemble reads an encoder's stages. */
export interface StageReading {
  /** F: features per token of each stage. */
  readonly features: readonly [number, number, number, number];
  /**
   * What becomes of the readout token in row 0 (the paper's Read, section 3.1): it is left out, it is mapped together
   * with every other token, or there is none.
   */
  readonly readout: 'ignore' | 'project' | 'none';
  /** Size of each reassembled map relative to the stage's grid: s of the paper, from the finest. */
  readonly scales: readonly [Scale, Scale, Scale, Scale];
}

export type Scale = 4 | 2 | 1 | 0.5;
