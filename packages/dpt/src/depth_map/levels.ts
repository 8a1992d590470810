import { defineKernel, lookup, type Tensor } from '@dpt-webgpu/tensor';
import { expectSettings } from './settings.ts';

const depthLevelsKernel = defineKernel('depth_levels', {
  reads: ['z', 'settings'],
  writes: ['values', 'levels'],
  params: { size: 'u32' },
});
const histogram = defineKernel('level_histogram', {
  reads: ['levels', 'z', 'settings'],
  writes: ['counts'],
  params: { size: 'u32', groups: 'u32' },
});
const toneTable = defineKernel('tone_table', {
  reads: ['counts', 'settings'],
  writes: ['table'],
  params: { groups: 'u32' },
});

/** A map after thresholds and gamma, as floats and as bytes; both [H, W]. */
export interface DepthLevels {
  /** t^γ, or 1 − t^γ reversed. f32, 0…1. */
  readonly values: Tensor;
  /** round(255 · t^γ), never reversed. One u32 per pixel, 0…255. */
  readonly levels: Tensor;
}

/** t = clamp((z − lo) / max(0.001, hi − lo), 0, 1), then gamma, then levels.   z [H, W] → 2 × [H, W] */
export function depthLevels(z: Tensor, settings: Tensor): DepthLevels {
  expectSettings('depthLevels', settings);
  const values = z.context.empty(z.shape, 'f32', z.name);
  const levels = z.context.empty(z.shape, 'u32', z.name);
  depthLevelsKernel.dispatch(
    { z, settings, values, levels },
    {
      params: { size: z.size },
      workgroups: Math.ceil(z.size / 64),
      label: `depth_levels ${z.name}`,
    },
  );
  return { values, levels };
}

/**
 * Levels equalised, by the histogram of the pixels within the thresholds, and reversed if the settings say so.
 *   levels, z [H, W] → [H, W]
 */
export function equaliseLevels(levels: Tensor, z: Tensor, settings: Tensor): Tensor {
  expectSettings('equaliseLevels', settings);
  const { context } = levels;
  const { size } = levels;
  const groups = Math.min(Math.ceil(size / 16_384), 256);
  return context.scope(() => {
    const counts = context.empty([groups, 256], 'u32', `${z.name}.counts`);
    histogram.dispatch(
      { levels, z, settings, counts },
      { params: { size, groups }, workgroups: groups, label: `level_histogram ${z.name}` },
    );
    return lookup(levels, tones(counts, groups, settings));
  });
}

/** Levels reversed if the settings say so, else as they are.   levels [H, W] → [H, W] */
export function reverseLevels(levels: Tensor, settings: Tensor): Tensor {
  expectSettings('reverseLevels', settings);
  return levels.context.scope(() => lookup(levels, tones(undefined, 0, settings)));
}

/** The new level of each of 256.   counts [groups, 256] or none → [256] */
function tones(counts: Tensor | undefined, groups: number, settings: Tensor): Tensor {
  const table = settings.context.empty([256], 'u32', 'tone_table');
  toneTable.dispatch(
    { counts, settings, table },
    { overrides: { EQUALISE: counts !== undefined }, params: { groups }, workgroups: 1 },
  );
  return table;
}
