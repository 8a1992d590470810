import {
  type Context,
  type Dtype,
  type LoadOptions,
  type StateDict,
  StateDictError,
  Weights,
} from '@dpt-webgpu/tensor';
import type { DptConfig, Family, Preset } from '../config.ts';
import { DPTModel } from '../dpt_model.ts';
import { describeEncoder } from '../encoders/index.ts';
import type { GridCacheOptions } from '../grid_cache.ts';
import { type ConfigureOptions, families } from './configure.ts';
import { configureDepthAnything } from './depth_anything.ts';
import { depthAnythingHfRules, depthAnythingRules } from './depth_anything_keys.ts';
import { withHfConfig } from './hf_config.ts';
import { configureMidasBeit } from './midas_beit.ts';
import { midasBeitHfRules, midasBeitRules, midasVitHfRules, midasVitRules } from './midas_keys.ts';
import { configureMidasSwinv2 } from './midas_swinv2.ts';
import { midasSwinv2HfRules, midasSwinv2Rules } from './midas_swinv2_keys.ts';
import { configureMidasVit } from './midas_vit.ts';
import { inverse, type RenamedStateDict, type RenameRule, rename } from './rename.ts';

/** How a checkpoint becomes a model. */
export interface DptOptions extends Omit<ConfigureOptions, 'preset'> {
  /** Default `official`: what the authors' code computes. */
  readonly preset?: Preset;
  /**
   * Storage type of matrices and of what late blocks make with them; biases, scales and the residual stream are f32.
   * Default f32. With q8 the matrices of linear maps are int8 with a scale for each column, and everything else is f32:
   * 0.32 to 0.48 of the bytes of f32.
   */
  readonly dtype?: Dtype;
  /** What is kept per size of grid. Default: the last eight grids. */
  readonly gridCache?: GridCacheOptions;
}

/** What a checkpoint was recognised as. */
export interface Recognised {
  /** As read off the file, with the options. */
  readonly config: DptConfig;
  /** The same tensors under the names that the modules use. */
  readonly stateDict: RenamedStateDict;
  /** The architecture, and the key that told. */
  readonly architecture: string;
  /** The key of the file that told. */
  readonly toldBy: string;
  /** What had to be guessed. */
  readonly warnings: readonly string[];
}

interface Architecture {
  readonly name: string;
  /** A key that tells. */
  readonly key: string;
  /** A key that models with other parts have besides, which are not supported. */
  readonly unless?: RegExp;
  /** What it may be asked to be. */
  readonly families: readonly Family[];
  /** From the names in the file to the original names; absent where they are the same. */
  readonly toOriginal?: readonly RenameRule[];
  /** Reads the configuration off a state dict with the original names. */
  readonly configure: (
    stateDict: StateDict,
    options: ConfigureOptions,
    warn: (warning: string) => void,
  ) => DptConfig;
  /** From the original names to ours. */
  readonly toOurs: readonly RenameRule[];
}

const depthAnything = {
  families: ['depth_anything_v1', 'depth_anything_v2', 'depth_anything_v2_metric'],
  configure: configureDepthAnything,
  toOurs: depthAnythingRules,
} as const;
const midasBeit = {
  families: ['midas_beit'],
  configure: configureMidasBeit,
  toOurs: midasBeitRules,
} as const;
const midasSwinv2 = {
  families: ['midas_swinv2'],
  configure: configureMidasSwinv2,
  toOurs: midasSwinv2Rules,
} as const;
const midasVit = {
  families: ['midas_vit'],
  configure: configureMidasVit,
  toOurs: midasVitRules,
} as const;

/** A ResNet in front of the ViT: `dpt_hybrid_384.pt`, Intel/dpt-hybrid-midas. */
const HYBRID = /^(pretrained\.model\.patch_embed|dpt\.embeddings)\.backbone\./;

const architectures: readonly Architecture[] = [
  {
    name: 'Depth-Anything (Hugging Face names)',
    key: 'backbone.encoder.layer.0.layer_scale1.lambda1',
    toOriginal: depthAnythingHfRules,
    ...depthAnything,
  },
  { name: 'Depth-Anything', key: 'pretrained.blocks.0.ls1.gamma', ...depthAnything },
  {
    name: 'MiDaS v3.1 BEiT (Hugging Face names)',
    key: 'backbone.encoder.layer.0.attention.attention.relative_position_bias.relative_position_bias_table',
    toOriginal: midasBeitHfRules,
    ...midasBeit,
  },
  {
    name: 'MiDaS v3.1 BEiT',
    key: 'pretrained.model.blocks.0.attn.relative_position_bias_table',
    ...midasBeit,
  },
  {
    name: 'MiDaS v3.1 SwinV2 (Hugging Face names)',
    key: 'backbone.encoder.layers.0.blocks.0.attention.self.logit_scale',
    toOriginal: midasSwinv2HfRules,
    ...midasSwinv2,
  },
  {
    name: 'MiDaS v3.1 SwinV2',
    key: 'pretrained.model.layers.0.blocks.0.attn.logit_scale',
    ...midasSwinv2,
  },
  {
    name: 'MiDaS v3 ViT (Hugging Face names)',
    key: 'dpt.encoder.layer.0.attention.attention.query.weight',
    unless: HYBRID,
    toOriginal: midasVitHfRules,
    ...midasVit,
  },
  {
    name: 'MiDaS v3 ViT',
    key: 'pretrained.model.pos_embed',
    unless: HYBRID,
    ...midasVit,
  },
  // Our own names, as `dpt convert --names ours` writes them: brought to the original ones, so that one configure is enough.
  {
    name: 'MiDaS v3.1 SwinV2 (names of dpt-webgpu)',
    key: 'encoder.stages.0.blocks.0.attention.logit_scale',
    toOriginal: inverse(midasSwinv2Rules),
    ...midasSwinv2,
  },
  {
    name: 'MiDaS v3.1 BEiT (names of dpt-webgpu)',
    key: 'encoder.blocks.0.attention.relative_position_bias',
    toOriginal: inverse(midasBeitRules),
    ...midasBeit,
  },
  {
    name: 'Depth-Anything (names of dpt-webgpu)',
    key: 'encoder.blocks.0.gamma1',
    toOriginal: inverse(depthAnythingRules),
    ...depthAnything,
  },
  {
    name: 'MiDaS v3 ViT (names of dpt-webgpu)',
    key: 'encoder.blocks.0.attention.qkv.weight',
    toOriginal: inverse(midasVitRules),
    ...midasVit,
  },
];

/** Files that people have and this version does not run, by a telling key. */
const unsupported: readonly { readonly name: string; readonly key: RegExp }[] = [
  { name: 'MiDaS v3 hybrid', key: HYBRID },
  {
    name: 'MiDaS v3.1 Swin V1',
    key: /^pretrained\.model\.layers\.0\.blocks\.0\.attn\.relative_position_bias_table$/,
  },
  { name: 'ZoeDepth, as Depth-Anything V1 metric', key: /^core\.core\./ },
  { name: 'MiDaS v2 with a convolutional encoder', key: /^pretrained\.layer1\./ },
  { name: 'Hugging Face DPT', key: /^(dpt|backbone)\.(encoder|embeddings)\./ },
];

/**
 * Recognises a checkpoint by its keys, reads the configuration off the shapes, and renames the keys. Nothing is read
 * from the file but its table of contents.
 */
export function recognise(stateDict: StateDict, options: DptOptions = {}): Recognised {
  const keys = [...stateDict.tensors.keys()];
  const architecture = architectures.find(
    ({ key, unless }) =>
      stateDict.tensors.has(key) && !keys.some((other) => unless?.test(other) ?? false),
  );
  if (!architecture) throw unrecognised(stateDict);
  expectFamily(stateDict, architecture, options.family ?? statedFamily(stateDict));
  const warnings: string[] = [];
  const original = architecture.toOriginal ? rename(stateDict, architecture.toOriginal) : undefined;
  const config = architecture.configure(
    original ?? stateDict,
    { preset: 'official', ...options },
    (warning) => warnings.push(warning),
  );
  const renamed = rename(original ?? stateDict, architecture.toOurs);
  return {
    config,
    stateDict: original
      ? { ...renamed, originOf: (key) => throughBoth(original, renamed, key) }
      : renamed,
    architecture: architecture.name,
    toldBy: architecture.key,
    warnings,
  };
}

function throughBoth(first: RenamedStateDict, second: RenamedStateDict, key: string): string {
  return (second.originOf(key) ?? key)
    .split(' + ')
    .map((middle) => first.originOf(middle) ?? middle)
    .join(' + ');
}

/** The family that the file's metadata names, where it is one of ours. */
const statedFamily = ({ metadata }: StateDict): Family | undefined =>
  families.get(metadata.get('family') ?? '');

function expectFamily(
  { name: file }: StateDict,
  { name, families: possible }: Architecture,
  wanted: Family | undefined,
): void {
  if (wanted === undefined || possible.includes(wanted)) return;
  throw new StateDictError(
    `${file}: this is a ${name} checkpoint, and family ${wanted} contradicts that. It can be: ${possible.join(', ')}. Leave the option family (--family) out to have it recognised.`,
  );
}

function unrecognised(stateDict: StateDict): StateDictError {
  const keys = [...stateDict.tensors.keys()];
  const known = unsupported.find(({ key }) => keys.some((name) => key.test(name)));
  const first = keys.slice(0, 3).join(', ');
  return new StateDictError(
    known
      ? `${stateDict.name}: this is a ${known.name} checkpoint, which is not supported. These are: ${supported()}.`
      : `${stateDict.name}: not a depth model this project knows: none of its ${keys.length} keys tells (first: ${first || 'there are none'}). These are read: ${supported()}.`,
  );
}

/** Every architecture by name; files with Hugging Face names are read wherever the original ones are. */
const supported = (): string =>
  `${architectures
    .filter(({ toOriginal }) => !toOriginal)
    .map(({ name }) => name)
    .join(', ')}, with original or Hugging Face names, or those of dpt-webgpu`;

/** A model with its weights still in the file: `plan` can say what it needs, and `weights.load()` reads them. */
export function buildDpt(
  context: Context,
  { config, stateDict }: Recognised,
  { dtype = 'f32', gridCache = {} }: Pick<DptOptions, 'dtype' | 'gridCache'> = {},
): DPTModel {
  const weights = new Weights(context, stateDict, {
    dtype,
    title: `${config.family} (${describeEncoder(config.encoder)})`,
    originOf: (key) => stateDict.originOf(key),
  });
  const model = new DPTModel(config, weights, gridCache);
  weights.check();
  return model;
}

/** A model on the GPU, and how it was recognised. */
export interface LoadedDpt {
  /** As read off the file, with the options. */
  readonly config: DptConfig;
  /** Its weights are on the GPU until `model.dispose()`, which is for the caller to call. */
  readonly model: DPTModel;
  /** The architecture, and the key of the file that told. */
  readonly recognisedBy: { readonly architecture: string; readonly key: string };
  /** What had to be guessed. */
  readonly warnings: readonly string[];
}

/** What `loadDpt` needs beside the checkpoint. */
export interface LoadDptOptions extends DptOptions, LoadOptions {
  /** Where the weights go. A guest: it outlives the model. */
  readonly context: Context;
  /** Text of the `config.json` that came with a Hugging Face file: what the file alone does not say. Default: none. */
  readonly hfConfig?: string | undefined;
}

/**
 * From a checkpoint of any family to a model on the GPU: recognise → configure → rename → build → load. Files it knows
 * and does not support are refused by name; everything missing, unused and misshapen is in one `StateDictError`.
 *
 * ```ts
 * const { model, recognisedBy } = await loadDpt(await openCheckpointFile('dpt_beit_large_512.pt'), { context });
 * ```
 */
export async function loadDpt(
  source: StateDict,
  { context, hfConfig, ...options }: LoadDptOptions,
): Promise<LoadedDpt> {
  const stateDict = hfConfig === undefined ? source : withHfConfig(source, hfConfig, 'config.json');
  const recognised = recognise(stateDict, options);
  const model = buildDpt(context, recognised, options);
  await model.weights.load(options);
  const { config, architecture, toldBy, warnings } = recognised;
  return { config, model, recognisedBy: { architecture, key: toldBy }, warnings };
}

/**
 * `loadDpt` with the context first, under the name that the original has.
 *
 * ```ts
 * const { config, model } = await makeDptFromStateDict(context, await openCheckpointFile('depth_anything_v2_vits.pth'));
 * ```
 */
export async function makeDptFromStateDict(
  context: Context,
  stateDict: StateDict,
  options: DptOptions & LoadOptions = {},
): Promise<LoadedDpt> {
  return await loadDpt(stateDict, { ...options, context });
}
