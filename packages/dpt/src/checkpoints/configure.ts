import { type StateDict, StateDictError, shapeText } from '@dpt-webgpu/tensor';
import type { Family, Preset } from '../config.ts';
import { four } from '../grid.ts';

/** What a checkpoint cannot say, or what is to be different from what it says. */
export interface ConfigureOptions {
  /** `official`: as the authors' code computes; `muggled`: as muggled_dpt does. */
  readonly preset: Preset;
  /** Wins over what the file or its name suggests. Default: as recognised. */
  readonly family?: Family | undefined;
  /** Metres at the far end of a metric head. Above 0. Default: as the file says; a metric file that does not is refused. */
  readonly maxDepth?: number | undefined;
  /** Four blocks, counted from 0, whose output is tapped. Default: those of the released model. */
  readonly hooks?: readonly number[] | undefined;
  /** Side of the windows of a SwinV2 file that does not say (Hugging Face): 16 for tiny-256, 24 for the others. Default: as the file says. */
  readonly window?: number | undefined;
}

/** Names of families that options and metadata may use. */
export const families: ReadonlyMap<string, Family> = new Map([
  ['depth_anything_v1', 'depth_anything_v1'],
  ['depth_anything_v2', 'depth_anything_v2'],
  // The giant differs by its feed-forward, which the shapes tell.
  ['depth_anything_v2_giant', 'depth_anything_v2'],
  ['depth_anything_v2_metric', 'depth_anything_v2_metric'],
  ['midas_beit', 'midas_beit'],
  ['midas_swinv2', 'midas_swinv2'],
  // The windows of base and large, which the shapes tell.
  ['midas_swinv2_w24', 'midas_swinv2'],
  ['midas_vit', 'midas_vit'],
]);

/** Looks up shapes of an architecture's keys; what is missing or has another rank is an error that names it. */
export function shapesOf(
  { name, tensors }: StateDict,
  architecture: string,
): (key: string, rank: number) => readonly number[] {
  return (key, rank) => {
    const shape = tensors.get(key)?.shape;
    if (shape?.length === rank) return shape;
    throw new StateDictError(
      `${name}: ${key} ${shape ? `is ${shapeText(shape)}` : 'is missing'}; a ${architecture} model has it with ${rank} axes.`,
    );
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

/** The side g of the square grid behind a position encoding of 1 + g² rows. */
export function baseGridOf({ name }: StateDict, key: string, rows: number): number {
  const baseGrid = Math.sqrt(rows - 1);
  if (Number.isInteger(baseGrid) && baseGrid > 0) return baseGrid;
  throw new StateDictError(`${name}: ${key} has ${rows} rows; one more than a square is needed.`);
}

/** The number of heads is not in the weights: 64 features each in every released ViT, else the file's metadata says. */
export function headsOf({ name, metadata }: StateDict, features: number): number {
  const heads = Number(metadata.get('heads') ?? features / 64);
  if (Number.isInteger(heads) && heads > 0 && features % heads === 0) return heads;
  throw new StateDictError(
    `${name}: ${features} features do not divide into ${metadata.get('heads') ?? 'heads of 64'}; metadata "heads" must say how many heads there are.`,
  );
}

/** Blocks, counted from 0, whose output is a stage: one per level. */
export type StageEnds = readonly [number, number, number, number];

/** The option's or the metadata's list of blocks where there is one, else what the family publishes, else quarters. */
export function stageEndsOf(
  { name, metadata }: StateDict,
  blocks: number,
  {
    hooks,
    published,
    official = published,
  }: {
    hooks: readonly number[] | undefined;
    published?: StageEnds | undefined;
    /** What the authors publish, where a preset takes others. */
    official?: StageEnds | undefined;
  },
): StageEnds {
  const stated = parseList(metadata.get('hooks'));
  // A file that states the usual ones does not choose: a preset that takes others still does.
  const listed = hooks ?? (stated?.join() === official?.join() ? undefined : stated);
  if (listed) {
    const rising = listed.every((end, i) => Number.isInteger(end) && end > (listed[i - 1] ?? -1));
    if (listed.length !== 4 || !rising || listed[3]! >= blocks) {
      throw new StateDictError(
        `${name}: hooks ${listed.join(',')} must be four rising block numbers from 0 to ${blocks - 1}.`,
      );
    }
    return listed as unknown as StageEnds;
  }
  if (blocks < 4)
    throw new StateDictError(`${name}: ${blocks} blocks; four stages need at least four.`);
  return published ?? four((level) => Math.floor(((level + 1) * blocks) / 4) - 1);
}

function parseList(text: string | undefined): number[] | undefined {
  return text?.match(/\d+/g)?.map(Number);
}
