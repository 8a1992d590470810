import { invalidArgument } from '../errors.ts';
import { defineKernel } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';

const histogram = defineKernel('radix_histogram', {
  reads: ['x', 'found'],
  writes: ['counts'],
  params: { size: 'u32', groups: 'u32', shift: 'u32' },
});
const select = defineKernel('radix_select', {
  reads: ['counts', 'percent', 'found'],
  writes: ['y'],
  params: { size: 'u32', groups: 'u32', shift: 'u32' },
});
const values = defineKernel('percentile_values', {
  reads: ['found', 'percent'],
  writes: ['y'],
  params: { size: 'u32' },
});

/**
 * Two percentiles, as numpy.percentile has them: the value at (size − 1) · percent / 100 of the sorted list, linear
 * between neighbours.   x [...], percent [2 or more] → [2]
 *
 * Exact, by radix select: eight bits at a time, four times. x is finite, and the first two of `percent` are looked at,
 * each 0 to 100 with two decimals; they may change between runs of a recording.
 */
export function percentiles(x: Tensor, percent: Tensor): Tensor {
  const { context, size } = x;
  if (size === 0 || percent.size < 2) {
    throw invalidArgument(
      `percentiles: ${x.name} has ${size} values and ${percent.name} ${percent.size}; at least 1 and 2 are needed.`,
    );
  }
  // Each workgroup's counts are added up by one, so there are never many.
  const groups = Math.min(Math.ceil(size / 16_384), 256);
  const label = (step: string): string => `${step} ${x.name}`;
  return context.scope(() => {
    let found: Tensor | undefined;
    for (const shift of [24, 16, 8, 0]) {
      const shared = { overrides: { FIRST: found === undefined }, params: { size, groups, shift } };
      const counts = context.empty([groups, 4, 256], 'u32', label('counts'));
      histogram.dispatch(
        { x, found, counts },
        { ...shared, types: { T: x.dtype }, workgroups: groups, label: label('radix_histogram') },
      );
      const y = context.empty([4, 2], 'u32', label('ranks'));
      select.dispatch(
        { counts, percent, found, y },
        { ...shared, workgroups: 1, label: label('radix_select') },
      );
      found = y;
    }
    const y = context.empty([2], 'f32', `${x.name}.percentiles`);
    values.dispatch(
      { found, percent, y },
      { params: { size }, workgroups: 1, label: label('percentile_values') },
    );
    return y;
  });
}
