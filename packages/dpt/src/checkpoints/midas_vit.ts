import type { StateDict } from '@dpt-webgpu/tensor';
import type { DptConfig } from '../config.ts';
import {
  baseGridOf,
  type ConfigureOptions,
  countBlocks,
  headsOf,
  shapesOf,
  stageEndsOf,
} from './configure.ts';
import { midasDecoder, midasVitImage } from './midas.ts';

/** Reads the configuration of a MiDaS v3 model with a plain ViT, with the original key names, off keys and shapes. */
export function configureMidasVit(
  stateDict: StateDict,
  { preset, hooks }: ConfigureOptions,
): DptConfig {
  const shapeOf = shapesOf(stateDict, 'MiDaS ViT');
  const [features, , , patch] = shapeOf('pretrained.model.patch_embed.proj.weight', 4) as number[];
  const [, positions] = shapeOf('pretrained.model.pos_embed', 3) as number[];
  const baseGrid = baseGridOf(stateDict, 'pretrained.model.pos_embed', positions!);
  const blocks = countBlocks(stateDict, 'pretrained.model.blocks.');
  return {
    family: 'midas_vit',
    preset,
    ...midasDecoder(shapeOf),
    patchEmbed: { patch: patch!, features: features! },
    encoder: {
      kind: 'vit',
      features: features!,
      blocks,
      heads: headsOf(stateDict, features!),
      hidden: shapeOf('pretrained.model.blocks.0.mlp.fc1.weight', 2)[0]!,
      baseGrid,
      // MiDaS lists 5 11 17 23 for 24 blocks: the ends of quarters.
      stageEnds: stageEndsOf(stateDict, blocks, { hooks }),
    },
    image: midasVitImage(preset, baseGrid * patch!, patch!),
  };
}
