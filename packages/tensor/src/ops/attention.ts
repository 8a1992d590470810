import { defineKernel } from '../kernel.ts';
import { shapeText } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { chooseVariant, type Variant } from '../variants.ts';
import { parentOf } from './naming.ts';
import { softmax } from './softmax.ts';

export interface AttentionOptions {
  readonly heads: number;
  /** Multiplies q · kᵀ. Default 1/√d, d = C / heads. */
  readonly scale?: number;
  /** Scores, softmax and values as three steps, with the N × N matrix stored. */
  readonly textbook?: boolean;
}

const sizes = { B: 'u32', N: 'u32', heads: 'u32', d4: 'u32' } as const;
const layout = {
  reads: ['qkv'],
  writes: ['y'],
  params: { ...sizes, scale: 'f32' },
} as const;
const kernels = {
  attention_registers: { kernel: defineKernel('attention_registers', layout), queries: 4 },
  attention: { kernel: defineKernel('attention', layout), queries: 1 },
};
const scoresKernel = defineKernel('attention_scores', layout);
const valuesKernel = defineKernel('attention_values', {
  reads: ['weights', 'qkv'],
  writes: ['y'],
  params: sizes,
});

export const attentionVariants: readonly (Variant<{ readonly N: number }> & {
  readonly name: keyof typeof kernels;
})[] = [
  { name: 'attention_registers', fits: ({ N }) => N >= 2 },
  { name: 'attention', fits: () => true },
];

/**
 * Multi-head attention, softmax(q · kᵀ · scale) · v.   qkv [B, N, 3C] → [B, N, C]
 *
 * q, k and v lie in that order along the last axis, each with its heads one after the other. The N × N matrix of
 * weights is never stored, except in the textbook form: there it is named `….weights`, for `record(…, { keep })`.
 */
export function attention(
  qkv: Tensor,
  { heads, scale, textbook = false }: AttentionOptions,
): Tensor {
  const [B, N, C3] = qkv.dims('B N 3C') as [number, number, number];
  const d = C3 / 3 / heads;
  if (!Number.isInteger(d) || d % 4 !== 0 || d > 128 || d < 4) {
    throw new Error(
      `attention: ${qkv.name} ${shapeText(qkv.shape)} has ${d} channels for each of ${heads} heads; it must be a multiple of 4 up to 128.`,
    );
  }
  const { context, dtype } = qkv;
  const problem = { B, N, heads, d4: d / 4, scale: scale ?? 1 / Math.sqrt(d) };
  if (textbook || context.recorder?.attentionWeights) return inThreeSteps(qkv, problem);

  const y = context.empty([B, N, C3 / 3], dtype, `${parentOf(qkv)}.values`);
  const name = chooseVariant(context, 'attention', attentionVariants, {
    N,
  }) as keyof typeof kernels;
  const { kernel, queries } = kernels[name];
  kernel.dispatch(
    { qkv, y },
    {
      types: { T: dtype, Row: `array<vec4f, ${d / 4}>` },
      params: problem,
      workgroups: Math.ceil((B * heads * Math.ceil(N / queries)) / 64),
      label: `attention ${parentOf(qkv)}`,
    },
  );
  return y;
}

interface Problem {
  readonly B: number;
  readonly N: number;
  readonly heads: number;
  readonly d4: number;
  readonly scale: number;
}

/** The same by the book. Outside a recording the matrix is freed at the end. */
function inThreeSteps(qkv: Tensor, { scale, ...params }: Problem): Tensor {
  const { context, dtype } = qkv;
  const { B, N, heads, d4 } = params;
  const parent = parentOf(qkv);
  return context.scope(() => {
    const scores = context.empty([B, heads, N, N], 'f32', `${parent}.scores`);
    scoresKernel.dispatch(
      { qkv, y: scores },
      {
        types: { T: dtype },
        params: { ...params, scale },
        workgroups: Math.ceil(scores.size / 64),
        label: `attention_scores ${parent}`,
      },
    );
    const weights = softmax(scores).named(`${parent}.weights`);
    const y = context.empty([B, N, heads * d4 * 4], dtype, `${parent}.values`);
    valuesKernel.dispatch(
      { weights, qkv, y },
      {
        types: { T: dtype },
        params,
        workgroups: Math.ceil(y.size / 4 / 64),
        label: `attention_values ${parent}`,
      },
    );
    return y;
  });
}
