import { type StateDict, shapeText } from '@dpt-webgpu/tensor';
import type { DptConfig, Family } from '../config.ts';
import { four } from '../grid.ts';
import type { ConfigureOptions } from './configure.ts';

/** Stage ends by number of blocks, as the authors list them for V2 (depth_anything_v2/dpt.py). Never computed. */
const publishedStageEnds: Readonly<Record<number, StageEnds>> = {
  12: [2, 5, 8, 11],
  24: [4, 11, 17, 23],
  40: [9, 19, 29, 39],
};

type StageEnds = readonly [number, number, number, number];

/** Reads the configuration of a Depth-Anything model, with the original key names, off keys and shapes. */
export function configureDepthAnything(
  stateDict: StateDict,
  { preset, family: wanted, maxDepth, hooks }: ConfigureOptions,
  warn: (warning: string) => void,
): DptConfig {
  const shapeOf = (key: string, rank: number): readonly number[] => {
    const shape = stateDict.tensors.get(key)?.shape;
    if (shape?.length === rank) return shape;
    throw new Error(
      `${stateDict.name}: ${key} ${shape ? `is ${shapeText(shape)}` : 'is missing'}; a Depth-Anything model has it with ${rank} axes.`,
    );
  };
  const [features, , , patch] = shapeOf('pretrained.patch_embed.proj.weight', 4) as number[];
  const [, positions] = shapeOf('pretrained.pos_embed', 3) as number[];
  const baseGrid = Math.sqrt(positions! - 1);
  if (!Number.isInteger(baseGrid)) {
    throw new Error(
      `${stateDict.name}: pretrained.pos_embed has ${positions} rows; one more than a square is needed.`,
    );
  }
  const blocks = countBlocks(stateDict, 'pretrained.blocks.');
  const isSwiglu = stateDict.tensors.has('pretrained.blocks.0.mlp.w12.weight');
  const hidden = isSwiglu
    ? shapeOf('pretrained.blocks.0.mlp.w3.weight', 2)[1]!
    : shapeOf('pretrained.blocks.0.mlp.fc1.weight', 2)[0]!;
  const scratch = 'depth_head.scratch';
  const family = wanted ?? guessFamily(stateDict, warn);
  const isV1 = family === 'depth_anything_v1';
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
      stageEnds: stageEndsOf(stateDict, blocks, { isV1, preset, hooks }),
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

/** One more than the largest index after a prefix. */
export function countBlocks(stateDict: StateDict, prefix: string): number {
  let count = 0;
  for (const key of stateDict.tensors.keys()) {
    const match = key.startsWith(prefix) && /^\d+(?=\.)/.exec(key.slice(prefix.length));
    if (match) count = Math.max(count, Number(match[0]) + 1);
  }
  return count;
}

/** The number of heads is not in the weights: 64 features each in every released ViT, else the file's metadata says. */
function headsOf({ name, metadata }: StateDict, features: number): number {
  const heads = Number(metadata.get('heads') ?? features / 64);
  if (Number.isInteger(heads) && heads > 0 && features % heads === 0) return heads;
  throw new Error(
    `${name}: ${features} features do not divide into ${metadata.get('heads') ?? 'heads of 64'}; metadata "heads" must say how many heads there are.`,
  );
}

function stageEndsOf(
  { name, metadata }: StateDict,
  blocks: number,
  { isV1, preset, hooks }: { isV1: boolean; preset: string; hooks: readonly number[] | undefined },
): StageEnds {
  const listed = hooks ?? parseList(metadata.get('hooks'));
  if (listed) {
    const rising = listed.every((end, i) => Number.isInteger(end) && end > (listed[i - 1] ?? -1));
    if (listed.length !== 4 || !rising || listed[3]! >= blocks) {
      throw new Error(
        `${name}: hooks ${listed.join(',')} must be four rising block numbers from 0 to ${blocks - 1}.`,
      );
    }
    return listed as unknown as StageEnds;
  }
  if (blocks < 4) throw new Error(`${name}: ${blocks} blocks; four stages need at least four.`);
  if (isV1) return four((level) => blocks - 4 + level);
  const published = preset === 'muggled' ? undefined : publishedStageEnds[blocks];
  return published ?? four((level) => Math.floor(((level + 1) * blocks) / 4) - 1);
}

function parseList(text: string | undefined): number[] | undefined {
  return text?.match(/\d+/g)?.map(Number);
}

/**
 * V1, V2 and metric files cannot be told apart by their weights. The file's metadata says, else its name does, else it
 * is taken for a relative V2 with a warning.
 */
function guessFamily({ name, metadata }: StateDict, warn: (warning: string) => void): Family {
  const said = metadata.get('family');
  if (said && families.has(said)) return families.get(said)!;
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

/** Names of families that options and metadata may use. */
export const families: ReadonlyMap<string, Family> = new Map([
  ['depth_anything_v1', 'depth_anything_v1'],
  ['depth_anything_v2', 'depth_anything_v2'],
  // The giant differs by its feed-forward, which the shapes tell.
  ['depth_anything_v2_giant', 'depth_anything_v2'],
  ['depth_anything_v2_metric', 'depth_anything_v2_metric'],
]);

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
  throw new Error(
    `${name}: a metric model needs its range in metres, which the file does not say. Give maxDepth (--max-depth): 20 for indoor (hypersim), 80 for outdoor (vkitti).`,
  );
}
