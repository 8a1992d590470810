import { invalidArgument, type Tensor, type Weights } from '@dpt-webgpu/tensor';
import { four, type Grid, type Stages } from '../../grid.ts';
import type { GridCache } from '../../grid_cache.ts';
import type { ImageEncoder, StageReading } from '../image_encoder.ts';
import { Swinv2Block } from './block.ts';
import { PatchMerging } from './patch_merging.ts';
import { nearestSides, sideRuns, type Windows, windowsOf } from './window_size.ts';

/** One of the four stages of a SwinV2 encoder. */
export interface Swinv2StageConfig {
  /** F: features per token; every stage has twice those of the one before. */
  readonly features: number;
  /** How many; every second one has shifted windows. */
  readonly blocks: number;
  /** Of attention, in every block. */
  readonly heads: number;
  /** The hidden width of the MLP. */
  readonly hidden: number;
  /** Side of the windows that offsets are measured by; 0: of the windows in use. */
  readonly pretrainedWindow: number;
}

/** Sizes of a SwinV2 encoder (arXiv 2111.09883), read off the checkpoint. */
export interface Swinv2Config {
  /** Tells encoders apart. */
  readonly kind: 'swinv2';
  /** P: pixels on a side of a patch; messages speak of pictures, not of grids. */
  readonly patch: number;
  /** From the finest grid to the coarsest. */
  readonly stages: readonly [
    Swinv2StageConfig,
    Swinv2StageConfig,
    Swinv2StageConfig,
    Swinv2StageConfig,
  ];
  /** Side of the windows that the model was trained with. */
  readonly window: number;
  /** Side of the square grid that the model was built for. */
  readonly baseGrid: number;
  /** False: no other grid than that (MiDaS). True: windows are adapted to the grid (muggled_dpt). */
  readonly adaptsWindows: boolean;
}

/**
 * SwinV2 (arXiv 2111.09883), an encoder of MiDaS v3.1: attention inside windows, which shift from block to block, on
 * grids that halve from stage to stage. The stages are the pyramid that reassemble makes of other encoders.
 */
export class Swinv2Encoder implements ImageEncoder {
  readonly config: Swinv2Config;
  readonly reading: StageReading;
  readonly stages: readonly [Swinv2Stage, Swinv2Stage, Swinv2Stage, Swinv2Stage];
  /** Between the stages: the first leads to the second stage. */
  readonly merges: readonly PatchMerging[];

  constructor(config: Swinv2Config, weights: Weights, cache: GridCache) {
    const { stages, window } = config;
    this.config = config;
    this.reading = {
      features: four((level) => stages[level].features),
      readout: 'none',
      scales: [1, 1, 1, 1],
    };
    this.stages = four(
      (level) =>
        new Swinv2Stage({ ...stages[level], window }, weights.at('stages').at(level), cache),
    );
    this.merges = stages
      .slice(0, 3)
      .map(({ features }, i) => new PatchMerging(features, weights.at('merges').at(i)));
  }

  /** tokens [B, N, F] → [B, N, F], [B, N/4, 2F], [B, N/16, 4F], [B, N/64, 8F], f32 */
  forward(tokens: Tensor, grid: Grid): Stages {
    expectGrid(grid, this.config);
    let x = tokens.named('tokens_in'); // [B, N, F]
    let at = grid;
    return four((level) => {
      if (level > 0) {
        x = this.merges[level - 1]!.forward(x, at);
        at = [at[0] / 2, at[1] / 2];
      }
      x = this.stages[level].forward(x, at);
      return { tokens: x, grid: at };
    });
  }
}

/** Blocks at one resolution: windows as they lie, windows shifted by half, and so on in turn. */
export class Swinv2Stage {
  readonly window: number;
  readonly blocks: readonly Swinv2Block[];

  constructor(
    config: Swinv2StageConfig & { readonly window: number },
    weights: Weights,
    cache: GridCache,
  ) {
    this.window = config.window;
    this.blocks = Array.from(
      { length: config.blocks },
      (_, i) => new Swinv2Block(config, weights.at('blocks').at(i), cache),
    );
  }

  /** How each block cuts the grid. */
  windowsOn(grid: Grid): Windows[] {
    const shifted = windowsOf(grid, this.window);
    if (!shifted) {
      throw invalidArgument(
        `swinv2: no windows near ${this.window} divide a grid of ${grid.join('×')}.`,
      );
    }
    const unshifted: Windows = { ...shifted, shift: [0, 0] };
    return this.blocks.map((_, i) => (i % 2 ? shifted : unshifted));
  }

  /** x [B, H·W, F] → [B, H·W, F] */
  forward(x: Tensor, grid: Grid): Tensor {
    const windows = this.windowsOn(grid);
    this.blocks.forEach((block, i) => {
      x = block.forward(x, windows[i]!);
    });
    return x;
  }
}

/** Whether pictures that make such a grid can run: all of them can in other encoders. */
export function takesGrid(grid: Grid, config: Swinv2Config): boolean {
  const { patch, baseGrid, adaptsWindows } = config;
  if (!adaptsWindows && !grid.every((side) => side === baseGrid)) return false;
  return grid.every((side) => sideRuns(side * patch, config));
}

/** Says what is wrong in pixels of the picture, before the first stage runs. */
function expectGrid(grid: Grid, config: Swinv2Config): void {
  if (takesGrid(grid, config)) return;
  const { patch, window, baseGrid, adaptsWindows } = config;
  const sides = grid.map((side) => side * patch) as [number, number];
  if (!adaptsWindows) {
    const base = baseGrid * patch;
    throw invalidArgument(
      `swinv2: the image is ${sides.join('×')}; with the preset official this model takes ${base}×${base} only, the size its windows were made for. The preset muggled adapts them to other sizes.`,
    );
  }
  const failing = [...new Set(sides)].filter((side) => !sideRuns(side, config));
  const reasons = failing.map(
    (side) =>
      `${side} cannot be, the nearest that can are ${nearestSides(side, config).join(' and ')}`,
  );
  throw invalidArgument(
    `swinv2: the image is ${sides.join('×')}; both sides must be multiples of ${8 * patch} that can be cut into windows of about ${window} patches at every stage: ${reasons.join('; ')}.`,
  );
}
