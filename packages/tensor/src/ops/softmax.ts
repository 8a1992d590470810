import { defineKernel } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';

const kernel = defineKernel('softmax', {
  reads: ['x'],
  writes: ['y'],
  params: { rows: 'u32', C: 'u32' },
});

/** y = exp(x − max x) / Σ exp(x − max x) over the last axis.   x [..., C] → [..., C] */
export function softmax(x: Tensor): Tensor {
  const C = x.shape.at(-1)!;
  const rows = x.size / C;
  const y = x.context.empty(x.shape, x.dtype, x.name);
  kernel.dispatch(
    { x, y },
    {
      types: { T: x.dtype },
      params: { rows, C },
      workgroups: Math.ceil(rows / 64),
      label: `softmax ${x.name}`,
    },
  );
  return y;
}
