import {
  type DPTModel,
  type DptOptions,
  type Family,
  type Recognised,
  recognise,
  summary,
} from '@dpt-webgpu/dpt';
import type { StateDict } from '@dpt-webgpu/tensor';
import type { GpuInfo } from './gpu.ts';
import type { Inspection, ModelInfo, ModelOptions, ModelSource } from './model_calls.ts';
import { nameOf } from './model_source.ts';

export const dptOptions = ({ preset, family, maxDepth }: ModelOptions): DptOptions => ({
  preset,
  family,
  maxDepth,
});

/** Recognises a file, with a guess where it keeps back what only a person can know. */
export function recogniseOrAsk(
  stateDict: StateDict,
  options: ModelOptions,
): Pick<Inspection, 'asks'> & { recognised: Recognised } {
  const asks: ('family' | 'maxDepth')[] = [];
  const attempt = (maxDepth = options.maxDepth): Recognised =>
    recognise(stateDict, dptOptions({ ...options, maxDepth }));
  let recognised: Recognised;
  try {
    recognised = attempt();
  } catch (error) {
    // Every other reason comes again, range or no range.
    recognised = attempt(20);
    if (options.maxDepth !== undefined) throw error;
    asks.push('maxDepth');
  }
  if (recognised.warnings.length > 0) asks.push('family');
  return { recognised, asks };
}

/** Auto: half precision where the device has it, except for the small model, whose output leaves its range. */
export function dtypeOf(
  { precision }: ModelOptions,
  { f16 }: GpuInfo,
  stateDict: StateDict,
): 'f32' | 'f16' {
  if (precision !== 'auto') return precision;
  return f16 && stateDict.metadata.get('model') !== 'dpt-tiny' ? 'f16' : 'f32';
}

export function licenceOf({ metadata }: StateDict): string | undefined {
  if (metadata.get('model') === 'dpt-tiny') return 'MIT';
  return metadata.get('license') ?? metadata.get('licence');
}

/** Families whose weights look the same, so that only a person can tell. */
export function familiesLike(family: Family): Family[] {
  return family.startsWith('depth_anything')
    ? ['depth_anything_v2', 'depth_anything_v2_metric', 'depth_anything_v1']
    : [family];
}

export function infoOf(from: {
  source: ModelSource;
  options: ModelOptions;
  title: string;
  recognised: Recognised;
  stateDict: StateDict;
  dtype: 'f32' | 'f16';
  model: DPTModel;
}): ModelInfo {
  const { source, options, title, recognised, stateDict, dtype, model } = from;
  const { config, warnings } = recognised;
  const { baseSize, multiple, sizing } = config.image;
  return {
    source,
    options,
    title,
    file: nameOf(source),
    family: config.family,
    summary: summary(config),
    dtype,
    depth: config.depth,
    maxDepth: config.maxDepth,
    baseSize,
    multiple,
    sizing,
    weightBytes: model.weights.bytes,
    licence: licenceOf(stateDict),
    warnings,
  };
}
