import { invalidArgument } from '../errors.ts';
import { defineKernel } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';

const kernel = defineKernel('lookup', {
  reads: ['x', 'table'],
  writes: ['y'],
  params: { size: 'u32', entries: 'u32' },
});

/** y = table[x], where x is beyond the end the last entry.   x [...], table [n], both u32 → [...] */
export function lookup(x: Tensor, table: Tensor): Tensor {
  const [entries] = table.dims('n') as [number];
  if (x.dtype !== 'u32' || table.dtype !== 'u32' || entries === 0) {
    throw invalidArgument(
      `lookup: ${x.name} is ${x.dtype} and ${table.name} has ${entries} entries of ${table.dtype}; both are u32 and the table is not empty.`,
    );
  }
  const y = x.context.empty(x.shape, 'u32', x.name);
  kernel.dispatch(
    { x, table, y },
    {
      params: { size: x.size, entries },
      workgroups: Math.ceil(x.size / 64),
      label: `lookup ${x.name}`,
    },
  );
  return y;
}
