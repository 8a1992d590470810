import { defineKernel } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';

const kernel = defineKernel('replace_non_finite', {
  reads: ['x', 'range'],
  writes: ['y'],
  params: { size: 'u32' },
});

/**
 * NaN and infinities become the smallest, or the largest, of the other values.   x [...], range [3] → [...]
 *
 * `range` is `minMax(x)`; where nothing is finite it holds zeros, and so does the result.
 */
export function replaceNonFinite(x: Tensor, range: Tensor, by: 'min' | 'max' = 'min'): Tensor {
  range.dims('3');
  const y = x.context.empty(x.shape, 'f32', x.name);
  kernel.dispatch(
    { x, range, y },
    {
      types: { T: x.dtype },
      overrides: { LARGEST: by === 'max' },
      params: { size: x.size },
      workgroups: Math.ceil(x.size / 64),
      label: `replace_non_finite ${x.name}`,
    },
  );
  return y;
}
