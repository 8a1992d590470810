import type { Dtype } from '../dtype.ts';
import { invalidArgument } from '../errors.ts';
import { defineKernel } from '../kernel.ts';
import { expectShape, shapeText } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { chooseVariant, type Variant } from '../variants.ts';
import { attentionValues } from './attention_values.ts';
import { attentionOnUnits, attentionUnits } from './matrix_units.ts';
import { parentOf } from './naming.ts';

/** How the features are split, and which bias each pair of tokens gets. */
export interface RelativeAttentionOptions {
  /** How many; C / heads is a multiple of 4, at most 128. */
  readonly heads: number;
  /** [heads, (2H − 1)(2W − 1) + 3], f32: the bias per offset of two patches, then the three of the readout token. */
  readonly table: Tensor;
  /** Rows and columns of the patches that follow the readout token. */
  readonly grid: readonly [H: number, W: number];
  /** Multiplies q · kᵀ, before the bias is added. Default 1/√d, d = C / heads. */
  readonly scale?: number;
  /**
   * f16: matrix units, where a device has them, may take q, k, v and the weights of an f32 qkv as sums of two f16 each.
   * Sums, biases and softmax are f32 in any case. Default: the dtype of qkv.
   */
  readonly products?: Dtype;
  /**
   * Scores, softmax and values as three steps, with the N × N matrix stored. Default false;
   * a recording made with `attentionWeights` has them anyway.
   */
  readonly textbook?: boolean;
}

const layout = {
  reads: ['qkv', 'table'],
  writes: ['y'],
  params: {
    B: 'u32',
    N: 'u32',
    heads: 'u32',
    d4: 'u32',
    H: 'u32',
    W: 'u32',
    scale: 'f32',
  },
} as const;
/**
 * `queries`: of a workgroup, or of each of its 64 threads. `knows`: where d is compiled in. `row`: d values of a thread.
 */
const kernels = {
  attention_relative_subgroup_matrix: {
    kernel: defineKernel('attention_relative_subgroup_matrix', layout),
    queries: 64,
    shared: true,
    knows: 'everywhere',
    row: undefined,
  },
  attention_relative_tiled: {
    kernel: defineKernel('attention_relative_tiled', layout),
    queries: 64,
    shared: true,
    knows: 'on GPUs',
    row: undefined,
  },
  attention_relative_registers: {
    kernel: defineKernel('attention_relative_registers', layout),
    queries: 4,
    shared: false,
    knows: 'nowhere',
    row: (d: number) => `array<f32, ${d}>`,
  },
  attention_relative: {
    kernel: defineKernel('attention_relative', layout),
    queries: 1,
    shared: false,
    knows: 'on GPUs',
    row: (d: number) => `array<vec4f, ${d / 4}>`,
  },
};
const scoresKernel = defineKernel('attention_relative_scores', layout);

interface Case {
  readonly N: number;
  readonly d: number;
  readonly products: Dtype;
}

export const relativeAttentionVariants: readonly (Variant<Case> & {
  readonly name: keyof typeof kernels;
})[] = [
  // As attention_subgroup_matrix, for models whose weights are f16. Not measured on a GPU yet.
  {
    name: 'attention_relative_subgroup_matrix',
    ...attentionOnUnits,
  },
  // As attention_tiled, for GPUs; not measured on one yet.
  {
    name: 'attention_relative_tiled',
    fits: ({ d }) => d <= 64,
    pays: ({ N, device }) => !device.software && N >= 32,
  },
  // As attention_registers, for processors that play GPU. 12 heads of 64 on a grid of 24 × 24, least of 7 and 15 runs on a
  // busy machine of two cores (npx tsx bench/beit_bias.ts):
  //                       no bias   from the table   from an N × N matrix   the plain kernel
  //   SwiftShader          1.40 s       1.31 s             1.41 s               4.86 s
  //   lavapipe             0.20 s       0.20 s             0.21 s               0.71 s
  // That was with four channels a step; with one SwiftShader takes 0.90 s for 1.27 and lavapipe the same.
  // Finding the row costs less than these runs scatter, and the matrix would be 15 MiB a block for 0.1.
  {
    name: 'attention_relative_registers',
    fits: () => true,
    pays: ({ device }) => device.software,
  },
  { name: 'attention_relative', fits: () => true },
];

/**
 * Attention where every pair of tokens has a bias: softmax(q · kᵀ · scale + bias) · v.   qkv [B, 1 + H·W, 3C] → [B, 1 + H·W, C]
 *
 * The bias of two patches depends on their offset, (y, x) of the query minus (y, x) of the key, and stands in row
 * (dy + H − 1)(2W − 1) + dx + W − 1 of the table. The last three rows are readout → patch, patch → readout and
 * readout → readout. The kernel finds the row for a pair itself; the N × N bias is never stored.
 */
export function attentionWithRelativePositions(
  qkv: Tensor,
  { heads, table, grid, scale, products = qkv.dtype, textbook = false }: RelativeAttentionOptions,
): Tensor {
  const [B, N, C3] = qkv.dims('B N 3C') as [number, number, number];
  const [H, W] = grid;
  const d = C3 / 3 / heads;
  if (!Number.isInteger(d) || d % 4 !== 0 || d > 128 || d < 4) {
    throw invalidArgument(
      `attentionWithRelativePositions: ${qkv.name} ${shapeText(qkv.shape)} has ${d} channels for each of ${heads} heads; it must be a multiple of 4 up to 128.`,
    );
  }
  if (N !== 1 + H * W) {
    throw invalidArgument(
      `attentionWithRelativePositions: ${qkv.name} ${shapeText(qkv.shape)} has ${N} tokens; a grid of ${H}×${W} patches and a readout token are ${1 + H * W}.`,
    );
  }
  expectShape('attentionWithRelativePositions', table, [heads, (2 * H - 1) * (2 * W - 1) + 3]);
  const { context, dtype } = qkv;
  const params = { B, N, heads, d4: d / 4, H, W, scale: scale ?? 1 / Math.sqrt(d) };
  const parent = parentOf(qkv);
  if (textbook || context.recorder?.attentionWeights) {
    // Outside a recording the matrix is freed at the end.
    return context.scope(() => {
      const scores = context.empty([B, heads, N, N], 'f32', `${parent}.scores`);
      scoresKernel.dispatch(
        { qkv, table, y: scores },
        {
          types: { T: dtype },
          params,
          workgroups: Math.ceil(scores.size / 64),
          label: `attention_relative_scores ${parent}`,
        },
      );
      return attentionValues(scores, qkv);
    });
  }

  const y = context.empty([B, N, C3 / 3], dtype, `${parent}.values`);
  const name = chooseVariant(context, 'attention_relative', relativeAttentionVariants, {
    N,
    d,
    products,
  }) as keyof typeof kernels;
  const { kernel, queries, shared, knows, row } = kernels[name];
  const blocks = B * heads * Math.ceil(N / queries);
  const { software, subgroupMatrix } = context.capabilities;
  const compiledIn = knows === 'everywhere' || (knows === 'on GPUs' && !software);
  const onUnits = name === 'attention_relative_subgroup_matrix';
  const units = onUnits ? attentionUnits(subgroupMatrix, dtype) : {};
  kernel.dispatch(
    { qkv, table, y },
    {
      types: { T: dtype, ...(row && { Row: row(d) }), ...units.types },
      overrides: { ...(compiledIn && { D4: d / 4 }), ...units.overrides },
      params,
      workgroups: shared ? blocks : Math.ceil(blocks / 64),
      label: `attention_relative ${parent}`,
    },
  );
  return y;
}
