import { defineKernel, percentiles, type Tensor } from '@dpt-webgpu/tensor';
import { expectSettings } from './settings.ts';

const range = defineKernel('display_range', {
  reads: ['percentiles', 'ends'],
  writes: ['y'],
  params: {},
});
const normalise = defineKernel('normalise_range', {
  reads: ['x', 'range'],
  writes: ['y'],
  params: { size: 'u32', flat: 'f32' },
});

/**
 * The two percentiles of the settings, or the ends of the map where they coincide.   map, finite; ends = minMax → [2]
 */
export function percentileRange(map: Tensor, ends: Tensor, settings: Tensor): Tensor {
  expectSettings('percentileRange', settings);
  const { context } = map;
  return context.scope(() => {
    const y = context.empty([2], 'f32', `${map.name}.range`);
    range.dispatch(
      { percentiles: percentiles(map, settings), ends, y },
      { params: {}, workgroups: 1, label: `display_range ${map.name}` },
    );
    return y;
  });
}

/** How a range becomes 0…1. */
export interface NormaliseOptions {
  /** A span up to this counts as none: then all is 0. Default 0. */
  readonly flat?: number;
  /** 1 − the result: for metres, so that 1 is the nearest. Default false. */
  readonly nearIsLow?: boolean;
}

/** clamp((x − lo) / (hi − lo), 0, 1).   x [...], finite; range [2 or more]: lo, hi → [...] */
export function normaliseRange(
  x: Tensor,
  range: Tensor,
  { flat = 0, nearIsLow = false }: NormaliseOptions = {},
): Tensor {
  const y = x.context.empty(x.shape, 'f32', x.name);
  normalise.dispatch(
    { x, range, y },
    {
      overrides: { NEAR_IS_LOW: nearIsLow },
      params: { size: x.size, flat },
      workgroups: Math.ceil(x.size / 64),
      label: `normalise_range ${x.name}`,
    },
  );
  return y;
}
