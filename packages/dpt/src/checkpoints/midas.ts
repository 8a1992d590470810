import type { DptConfig, ImageConfig, Preset } from '../config.ts';
import { four } from '../grid.ts';

/** Looks up shapes; see `shapesOf`. */
type ShapeOf = (key: string, rank: number) => readonly number[];

/** Everything after the encoder, off the shapes that all MiDaS v3 files have. */
export function midasDecoder(
  shapeOf: ShapeOf,
): Pick<DptConfig, 'depth' | 'maxDepth' | 'reassemble' | 'fusion' | 'head'> {
  return {
    depth: 'relative',
    maxDepth: undefined,
    reassemble: { hidden: four((s) => shapeOf(`scratch.layer${s + 1}_rn.weight`, 4)[1]!) },
    fusion: { channels: shapeOf('scratch.layer1_rn.weight', 4)[0]! },
    head: {
      hidden: [
        shapeOf('scratch.output_conv.0.weight', 4)[0]!,
        shapeOf('scratch.output_conv.2.weight', 4)[0]!,
      ],
    },
  };
}

/** How MiDaS prepares a photo for its ViTs (run.py, transforms.py), and muggled_dpt for its BEiTs. */
export function midasVitImage(preset: Preset, baseSize: number, patch: number): ImageConfig {
  return {
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    baseSize,
    // Two patches: MiDaS takes 32 for every model; muggled_dpt doubles maps, which needs even grids.
    multiple: 2 * patch,
    sizing: preset === 'muggled' ? 'longer_side' : 'minimal',
    filter: preset === 'muggled' ? 'antialiased' : 'cubic',
    depthFilter: preset === 'muggled' ? 'bilinear' : 'bicubic',
  };
}
