import { type StateDict, StateDictError } from '@dpt-webgpu/tensor';
import type { DptConfig, Family, Preset } from '../config.ts';
import { four } from '../grid.ts';
import {
  baseGridOf,
  type ConfigureOptions,
  countBlocks,
  families,
  headsOf,
  type StageEnds,
  shapesOf,
  stageEndsOf,
} from './configure.ts';

/** Stage ends by number of blocks, as the authors list them for V2 (depth_anything_v2/dpt.py). Never computed. */
const v2StageEnds: Readonly<Record<number, StageEnds>> = {
  12: [2, 5, 8, 11],
  24: [4, 11, 17, 23],
  40: [9, 19, 29, 39],
};

/** Reads the configuration of a Depth-Anything model, with the original key names, off keys and shapes. */
export function configureDepthAnything(
  stateDict: StateDict,
  { preset, family: wanted, maxDepth, hooks }: ConfigureOptions,
  warn: (warning: string) => void,
): DptConfig {
  const shapeOf = shapesOf(stateDict, 'Depth-Anything');
  const [features, , , patch] = shapeOf('pretrained.patch_embed.proj.weight', 4) as number[];
  const [, positions] = shapeOf('pretrained.pos_embed', 3) as number[];
  const baseGrid = baseGridOf(stateDict, 'pretrained.pos_embed', positions!);
  const blocks = countBlocks(stateDict, 'pretrained.blocks.');
  const isSwiglu = stateDict.tensors.has('pretrained.blocks.0.mlp.w12.weight');
  const hidden = isSwiglu
    ? shapeOf('pretrained.blocks.0.mlp.w3.weight', 2)[1]!
    : shapeOf('pretrained.blocks.0.mlp.fc1.weight', 2)[0]!;
  const scratch = 'depth_head.scratch';
  const family = wanted ?? guessFamily(stateDict, warn);
  const isV1 = family === 'depth_anything_v1';
  const published = publishedStageEnds(blocks, { isV1, preset });
  const official = publishedStageEnds(blocks, { isV1, preset: 'official' });
  return {
    family,
    preset,
    depth: family === 'depth_anything_v2_metric' ? 'metric' : 'relative',
    maxDepth: family === 'depth_anything_v2_metric' ? metres(stateDict, maxDepth) : undefined,
    patchEmbed: { patch: patch!, features: features! },
    encoder: {
      kind: 'dinov2',
      features: features!,
      blocks,
      heads: headsOf(stateDict, features!),
      feedForward: { kind: isSwiglu ? 'swiglu' : 'mlp', hidden },
      baseGrid,
      positionResize: preset === 'muggled' ? 'size' : 'scale_with_offset',
      stageEnds: stageEndsOf(stateDict, blocks, { hooks, published, official }),
    },
    reassemble: { hidden: four((s) => shapeOf(`${scratch}.layer${s + 1}_rn.weight`, 4)[1]!) },
    fusion: { channels: shapeOf(`${scratch}.layer1_rn.weight`, 4)[0]! },
    head: {
      hidden: [
        shapeOf(`${scratch}.output_conv1.weight`, 4)[0]!,
        shapeOf(`${scratch}.output_conv2.0.weight`, 4)[0]!,
      ],
    },
    image: {
      mean: [0.485, 0.456, 0.406], // ImageNet, RGB
      std: [0.229, 0.224, 0.225],
      baseSize: baseGrid * patch!,
      multiple: preset === 'muggled' ? 2 * patch! : patch!,
      sizing: preset === 'muggled' ? 'longer_side' : 'lower_bound',
      filter: preset === 'muggled' ? 'antialiased' : 'cubic',
      depthFilter: preset === 'muggled' || isV1 ? 'bilinear' : 'bilinear_align_corners',
    },
  };
}

/** V1 takes the last four blocks, V2 its list; muggled_dpt takes the quarters of V2 models. */
function publishedStageEnds(
  blocks: number,
  { isV1, preset }: { isV1: boolean; preset: Preset },
): StageEnds | undefined {
  if (isV1) return four((level) => blocks - 4 + level);
  return preset === 'muggled' ? undefined : v2StageEnds[blocks];
}

/**
 * V1, V2 and metric files cannot be told apart by their weights. The file's metadata says, else its name does, else it
 * is taken for a relative V2 with a warning.
 */
function guessFamily({ name, metadata }: StateDict, warn: (warning: string) => void): Family {
  const said = families.get(metadata.get('family') ?? '');
  if (said?.startsWith('depth_anything')) return said;
  if (metadata.get('model') === 'dpt-tiny') return 'depth_anything_v2';
  const base = name.split(/[\\/]/).at(-1)!.toLowerCase();
  if (/metric|hypersim|vkitti/.test(base)) return 'depth_anything_v2_metric';
  if (base.includes('v2')) return 'depth_anything_v2';
  if (/anything_vit|v1/.test(base)) return 'depth_anything_v1';
  warn(
    `${name}: weights do not say whether this is Depth-Anything V1, V2 or metric; taken for V2. Say which with the option family (--family).`,
  );
  return 'depth_anything_v2';
}

/** The far end of a metric head: the option, else metadata, else the data set in the file's name. */
function metres({ name, metadata }: StateDict, maxDepth: number | undefined): number {
  const base = name.toLowerCase();
  const far =
    maxDepth ??
    Number(
      metadata.get('max_depth') ??
        (/hypersim|indoor/.test(base) ? 20 : /vkitti|outdoor/.test(base) ? 80 : Number.NaN),
    );
  if (Number.isFinite(far) && far > 0) return far;
  throw new StateDictError(
    `${name}: a metric model needs its range in metres, which the file does not say. Give maxDepth (--max-depth): 20 for indoor (hypersim), 80 for outdoor (vkitti).`,
  );
}
