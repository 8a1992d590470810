import type { Dtype } from '../dtype.ts';
import { invalidArgument } from '../errors.ts';
import { defineKernel } from '../kernel.ts';
import { shapeText } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { chooseVariant, type Variant } from '../variants.ts';
import { attentionValues } from './attention_values.ts';
import { attentionOnUnits, attentionUnits } from './matrix_units.ts';
import { parentOf } from './naming.ts';

/** How the features are split, and how scores are scaled. */
export interface AttentionOptions {
  /** How many; C / heads is a multiple of 4, at most 128. */
  readonly heads: number;
  /** Multiplies q · kᵀ. Default 1/√d, d = C / heads. */
  readonly scale?: number;
  /**
   * f16: matrix units, where a device has them, may take q, k, v and the weights of an f32 qkv as sums of two f16 each.
   * Sums and softmax are f32 in any case. Default: the dtype of qkv.
   */
  readonly products?: Dtype;
  /**
   * Scores, softmax and values as three steps, with the N × N matrix stored. Default false;
   * a recording made with `attentionWeights` has them anyway.
   */
  readonly textbook?: boolean;
}

const layout = {
  reads: ['qkv'],
  writes: ['y'],
  params: { B: 'u32', N: 'u32', heads: 'u32', d4: 'u32', scale: 'f32' },
} as const;
/**
 * `queries`: of a workgroup, or of each of its 64 threads. `knows`: where d is compiled in. `row`: d values of a thread.
 */
const kernels = {
  attention_subgroup_matrix: {
    kernel: defineKernel('attention_subgroup_matrix', layout),
    queries: 64,
    shared: true,
    knows: 'everywhere',
    row: undefined,
  },
  attention_tiled: {
    kernel: defineKernel('attention_tiled', layout),
    queries: 64,
    shared: true,
    knows: 'on GPUs',
    row: undefined,
  },
  attention_registers: {
    kernel: defineKernel('attention_registers', layout),
    queries: 4,
    shared: false,
    knows: 'nowhere',
    row: (d: number) => `array<f32, ${d}>`,
  },
  attention: {
    kernel: defineKernel('attention', layout),
    queries: 1,
    shared: false,
    knows: 'on GPUs',
    row: (d: number) => `array<vec4f, ${d / 4}>`,
  },
} as const;
const scoresKernel = defineKernel('attention_scores', layout);

interface Case {
  readonly N: number;
  readonly d: number;
  readonly products: Dtype;
}

export const attentionVariants: readonly (Variant<Case> & {
  readonly name: keyof typeof kernels;
})[] = [
  // Tensor cores and their like, in models whose weights are f16. Not measured on a GPU yet.
  {
    name: 'attention_subgroup_matrix',
    ...attentionOnUnits,
  },
  // A third of the plain kernel's reads per product, and from workgroup memory. For GPUs; not measured on one yet. On
  // processors its barriers cost more than they save. 6 heads of 64, N = 577, processor time in the same run:
  //   tiled, registers, plain   SwiftShader 844, 529, 1854 ms   lavapipe 168, 97, 400 ms
  {
    name: 'attention_tiled',
    fits: ({ d }) => d <= 64,
    pays: ({ N, device }) => !device.software && N >= 32,
  },
  // 4 queries × 8 keys a step. 6 heads of 64, busy machine of two cores, against the plain kernel:
  //   N = 1370   SwiftShader 2.6 s for 12.1 s   lavapipe 0.36 s for 2.1 s
  //   N = 325    SwiftShader 205 ms for 684 ms  lavapipe 43 ms for 126 ms
  // One channel a step, where these had four, takes another fifth off on SwiftShader and an eighth on lavapipe. Of other
  // blocks, SwiftShader takes half as long again for 4 × 4 and a fifth less for 8 × 8; lavapipe runs all alike, but
  // compiles 8 × 8 in 7 s and this in 2 s. Not for GPUs: o alone is more registers than a thread has.
  {
    name: 'attention_registers',
    fits: () => true,
    pays: ({ N, device }) => device.software && N >= 2,
  },
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
  { heads, scale, products = qkv.dtype, textbook = false }: AttentionOptions,
): Tensor {
  const [B, N, C3] = qkv.dims('B N 3C') as [number, number, number];
  const d = C3 / 3 / heads;
  if (!Number.isInteger(d) || d % 4 !== 0 || d > 128 || d < 4) {
    throw invalidArgument(
      `attention: ${qkv.name} ${shapeText(qkv.shape)} has ${d} channels for each of ${heads} heads; it must be a multiple of 4 up to 128.`,
    );
  }
  const { context, dtype } = qkv;
  const problem = { B, N, heads, d4: d / 4, scale: scale ?? 1 / Math.sqrt(d) };
  if (textbook || context.recorder?.attentionWeights) return inThreeSteps(qkv, problem);

  const y = context.empty([B, N, C3 / 3], dtype, `${parentOf(qkv)}.values`);
  const name = chooseVariant(context, 'attention', attentionVariants, {
    N,
    d,
    products,
  }) as keyof typeof kernels;
  const { kernel, queries, shared, knows, row } = kernels[name];
  const blocks = B * heads * Math.ceil(N / queries);
  const { software, subgroupMatrix } = context.capabilities;
  const compiledIn = knows === 'everywhere' || (knows === 'on GPUs' && !software);
  const units = name === 'attention_subgroup_matrix' ? attentionUnits(subgroupMatrix, dtype) : {};
  kernel.dispatch(
    { qkv, y },
    {
      types: { T: dtype, ...(row && { Row: row(d) }), ...units.types },
      overrides: { ...(compiledIn && { D4: d / 4 }), ...units.overrides },
      params: problem,
      workgroups: shared ? blocks : Math.ceil(blocks / 64),
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
function inThreeSteps(qkv: Tensor, params: Problem): Tensor {
  const { context, dtype } = qkv;
  const { B, N, heads } = params;
  const parent = parentOf(qkv);
  return context.scope(() => {
    const scores = context.empty([B, heads, N, N], 'f32', `${parent}.scores`);
    scoresKernel.dispatch(
      { qkv, y: scores },
      {
        types: { T: dtype },
        params,
        workgroups: Math.ceil(scores.size / 64),
        label: `attention_scores ${parent}`,
      },
    );
    return attentionValues(scores, qkv);
  });
}
