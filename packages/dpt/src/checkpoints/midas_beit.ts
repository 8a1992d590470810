import { type StateDict, StateDictError } from '@dpt-webgpu/tensor';
import type { DptConfig } from '../config.ts';
import { type ConfigureOptions, countBlocks, shapesOf, stageEndsOf } from './configure.ts';
import { midasDecoder, midasVitImage } from './midas.ts';

/** Reads the configuration of a MiDaS v3.1 BEiT model, with the original key names, off keys and shapes. */
export function configureMidasBeit(
  stateDict: StateDict,
  { preset, hooks }: ConfigureOptions,
): DptConfig {
  const shapeOf = shapesOf(stateDict, 'MiDaS BEiT');
  const [features, , , patch] = shapeOf('pretrained.model.patch_embed.proj.weight', 4) as number[];
  const tableKey = 'pretrained.model.blocks.0.attn.relative_position_bias_table';
  const [rows, heads] = shapeOf(tableKey, 2) as number[];
  // A row for every offset within a square grid, (2g − 1)², and three for the readout token.
  const baseGrid = (Math.sqrt(rows! - 3) + 1) / 2;
  if (!Number.isInteger(baseGrid)) {
    throw new StateDictError(
      `${stateDict.name}: ${tableKey} has ${rows} rows; it needs three more than the square of an odd number.`,
    );
  }
  if (features! % heads! !== 0) {
    throw new StateDictError(
      `${stateDict.name}: ${tableKey} has ${heads} heads, which do not divide ${features} features.`,
    );
  }
  const blocks = countBlocks(stateDict, 'pretrained.model.blocks.');
  return {
    family: 'midas_beit',
    preset,
    ...midasDecoder(shapeOf),
    patchEmbed: { patch: patch!, features: features! },
    encoder: {
      kind: 'beit',
      features: features!,
      blocks,
      heads: heads!,
      hidden: shapeOf('pretrained.model.blocks.0.mlp.fc1.weight', 2)[0]!,
      baseGrid,
      // MiDaS lists 2 5 8 11 for 12 blocks and 5 11 17 23 for 24: the ends of quarters.
      stageEnds: stageEndsOf(stateDict, blocks, { hooks }),
    },
    image: midasVitImage(preset, baseGrid * patch!, patch!),
  };
}
