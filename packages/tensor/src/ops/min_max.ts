import { defineKernel } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';

const kernel = defineKernel('min_max', {
  reads: ['x'],
  writes: ['y'],
  params: { size: 'u32', threads: 'u32' },
});
const VALUES_PER_THREAD = 128;

/**
 * Smallest finite value, largest finite value, and how many are finite; 0, 0, 0 where none is.   x [...] → [3]
 *
 * The count is an f32: exact up to 2²⁴.
 */
export function minMax(x: Tensor): Tensor {
  const { context } = x;
  const name = `${x.name}.min_max`;
  return context.scope(() => {
    let from = x;
    let size = x.size;
    for (let combine = false; ; combine = true) {
      const threads = Math.max(Math.ceil(size / VALUES_PER_THREAD), 1);
      const y = context.empty(threads === 1 ? [3] : [threads, 3], 'f32', name);
      kernel.dispatch(
        { x: from, y },
        {
          types: { T: from.dtype },
          overrides: { COMBINE: combine },
          params: { size, threads },
          workgroups: Math.ceil(threads / 64),
          label: `min_max ${x.name}`,
        },
      );
      if (threads === 1) return y;
      from = y;
      size = threads;
    }
  });
}
