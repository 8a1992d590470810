import { defineKernel } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';
import { parentOf } from './naming.ts';
import { softmax } from './softmax.ts';

const kernel = defineKernel('attention_values', {
  reads: ['weights', 'qkv'],
  writes: ['y'],
  params: { B: 'u32', N: 'u32', heads: 'u32', d4: 'u32' },
});

/**
 * Steps 2 and 3 of attention in its textbook form: softmax(scores) · v, which is where the matrix of weights is named
 * `….weights`.   scores [B, heads, N, N], qkv [B, N, 3C] → [B, N, C]
 */
export function attentionValues(scores: Tensor, qkv: Tensor): Tensor {
  const [B, heads, N] = scores.dims('B h N N') as [number, number, number, number];
  const C = qkv.shape.at(-1)! / 3;
  const parent = parentOf(qkv);
  const weights = softmax(scores).named(`${parent}.weights`);
  const y = qkv.context.empty([B, N, C], qkv.dtype, `${parent}.values`);
  kernel.dispatch(
    { weights, qkv, y },
    {
      types: { T: qkv.dtype },
      params: { B, N, heads, d4: C / heads / 4 },
      workgroups: Math.ceil(y.size / 4 / 64),
      label: `attention_values ${parent}`,
    },
  );
  return y;
}
