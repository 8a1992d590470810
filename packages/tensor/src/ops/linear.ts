import type { Capabilities } from '../capabilities.ts';
import type { Context } from '../context.ts';
import type { Dtype } from '../dtype.ts';
import { invalidArgument } from '../errors.ts';
import { defineKernel } from '../kernel.ts';
import { expectShape, shapeText } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { chooseVariant, type Variant } from '../variants.ts';
import type { Activation } from './activation.ts';
import {
  epilogueChoices,
  epilogueParams,
  overridesOf,
  paramsBehindActivation,
  vectorDtype,
} from './epilogue.ts';
import { linearQ8Kernels, linearQ8Variants } from './linear_q8.ts';
import { matrixUnits } from './matrix_units.ts';
import { moduleOf } from './naming.ts';

/** What a matrix product does to its result before it is stored, in the order of the fields. */
export interface Epilogue {
  /** Applied behind the bias, before `scaledBy`. Default: none. */
  readonly activation?: Activation;
  /** [N] or [1]: multiplies the result after the activation (LayerScale's γ; the range of a metric head). */
  readonly scaledBy?: Tensor | undefined;
  /** Shape of the result: added last (the residual stream). The result takes its dtype. */
  readonly addTo?: Tensor | undefined;
  /** Storage type of the result. Default: of `addTo`, else of the weight. */
  readonly dtype?: Dtype;
}

const layout = {
  reads: ['x', 'weight', 'bias', 'scale', 'residual'],
  writes: ['y'],
  params: { M: 'u32', N: 'u32', K: 'u32' },
} as const;

interface Case {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** Storage of the weight. */
  readonly weight: Dtype;
}

const matrices = defineKernel('linear_subgroup_matrix', layout);
const tiled = defineKernel('linear_tiled', layout);
const shuffle = defineKernel('linear_shuffle', {
  ...layout,
  params: { ...layout.params, ...epilogueParams },
});
const registers = defineKernel('linear_registers', {
  ...layout,
  params: { ...layout.params, ...paramsBehindActivation },
});
const plain = defineKernel('linear', layout);

/** `tile`: rows and columns of y that a workgroup shares, or that each of its 64 threads has for itself. */
const kernels = {
  linear_subgroup_matrix_128: {
    kernel: matrices,
    tile: [128, 128],
    shared: true,
    size: { SIDE: 128 },
  },
  linear_subgroup_matrix: { kernel: matrices, tile: [64, 64], shared: true, size: { SIDE: 64 } },
  linear_tiled_128: { kernel: tiled, tile: [128, 128], shared: true, size: { TX: 16, TY: 16 } },
  linear_tiled: { kernel: tiled, tile: [64, 64], shared: true, size: { TX: 8, TY: 8 } },
  linear_shuffle: { kernel: shuffle, tile: [16, 32], shared: true, size: { LANES: 8 } },
  linear_shuffle_4: { kernel: shuffle, tile: [16, 16], shared: true, size: { LANES: 4 } },
  linear_registers: { kernel: registers, tile: [8, 8], shared: false, size: {} },
  linear: { kernel: plain, tile: [1, 1], shared: false, size: {} },
} as const;

const divisibleBy4 = ({ N, K }: Case): boolean => N % 4 === 0 && K % 4 === 0;
const suitsMatrixUnits = ({ device, ...problem }: Case & { device: Capabilities }): boolean =>
  divisibleBy4(problem) && device.subgroupMatrix > 0 && problem.weight === 'f16';
/** Whether tiles of 128 × 128 leave enough of them. */
export const isForLargeTiles = ({
  device,
  M,
  N,
}: Pick<Case, 'M' | 'N'> & { readonly device: Capabilities }): boolean =>
  !device.software && N > 64 && Math.ceil(M / 128) * Math.ceil(N / 128) >= 256;

export const linearVariants: readonly (Variant<Case> & { readonly name: keyof typeof kernels })[] =
  [
    // Tensor cores and their like, where the weight is f16; an x of f32 is two f16. Not measured on a GPU yet.
    {
      name: 'linear_subgroup_matrix_128',
      fits: suitsMatrixUnits,
      pays: isForLargeTiles,
    },
    {
      name: 'linear_subgroup_matrix',
      fits: suitsMatrixUnits,
      pays: ({ device, M, N }) => !device.software && M >= 32 && N >= 32,
    },
    // Half the traffic of 64 × 64, where that leaves enough tiles for two on each of 128 cores, of which none is half empty.
    // Not measured on a GPU yet: the size follows what tensor libraries for GPUs take.
    {
      name: 'linear_tiled_128',
      fits: divisibleBy4,
      pays: isForLargeTiles,
    },
    // For GPUs, likewise. On processors its barriers cost more than they save.
    {
      name: 'linear_tiled',
      fits: divisibleBy4,
      pays: ({ device, M, N }) => !device.software && M >= 32 && N >= 32,
    },
    // For drivers that run 8 lanes in one vector of the processor. lavapipe, GFLOP per CPU second, against linear_registers
    // on a busy machine of two cores, 325 rows: 384 → 1536 10.4 for 4.5, 1536 → 384 9.2 for 4.4.
    {
      name: 'linear_shuffle',
      fits: ({ device, N }) => N % 4 === 0 && device.subgroupSize >= 8,
      pays: ({ device, M }) => device.software && M > 8,
    },
    // SwiftShader's 4 lanes: as fast as linear_registers, not faster.
    {
      name: 'linear_shuffle_4',
      fits: ({ device, N }) => N % 4 === 0 && device.subgroupSize >= 4,
      pays: () => false,
    },
    // 8 × 8 results a thread from registers. 10 times the plain kernel on SwiftShader, 4 times on lavapipe (1024³), with
    // four k a step; with one SwiftShader has 1.7 GFLOP per CPU second for 1.2 (325 × 384 · 384 × 384).
    { name: 'linear_registers', fits: ({ N }) => N % 4 === 0, pays: ({ M }) => M >= 2 },
    { name: 'linear', fits: () => true },
  ];

/**
 * y = activation(x · weight + bias) · scaledBy + addTo over the last axis.   x [..., K], weight [K, N] → [..., N]
 *
 * `weight` is input-major, the transpose of what PyTorch stores, so that neighbouring threads read neighbouring columns.
 * It may be q8: int8 with a scale for each column.
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor, epilogue: Epilogue = {}): Tensor {
  const [K, N] = weight.dims('K N') as [number, number];
  if (x.shape.at(-1) !== K) {
    throw invalidArgument(
      `linear: ${weight.name} is ${shapeText(weight.shape)}, so x must end in ${K}, but ${x.name} is ${shapeText(x.shape)}.`,
    );
  }
  const shape = [...x.shape.slice(0, -1), N];
  const { scaledBy, addTo } = epilogue;
  if (bias) expectShape('linear', bias, [N]);
  if (scaledBy) expectShape('linear', scaledBy, scaledBy.size === 1 ? [1] : [N]);
  if (addTo) expectShape('linear', addTo, shape);

  const { scales } = weight;
  const vectors = vectorDtype('linear', bias, scaledBy);
  const { subgroupMatrix } = x.context.capabilities;
  const dtype = epilogue.dtype ?? addTo?.dtype ?? (scales ? vectors : weight.dtype);
  const y = x.context.empty(shape, dtype, moduleOf(weight));
  const M = x.size / K;
  const variant = scales ? chooseQ8(x.context, { M, N, K }) : choose(weight, { M, N, K });
  const { tile, shared, size } = variant;
  const tiles = Math.ceil(M / tile[0]) * Math.ceil(N / tile[1]);
  const tensors = { x, weight, bias, scale: scaledBy, residual: addTo, y };
  const choices = epilogueChoices(bias, epilogue);
  const units = variant.kernel === matrices ? matrixUnits(subgroupMatrix, x.dtype) : {};
  const options = {
    types: {
      X: x.dtype,
      ...(!scales && { W: weight.dtype }),
      E: vectors,
      R: addTo?.dtype ?? 'f32',
      Y: dtype,
      ...units.types,
    },
    overrides: {
      ...size,
      ...overridesOf(variant.kernel, choices),
      ...units.overrides,
    },
    params: { M, N, K, ...choices },
    workgroups: shared ? tiles : Math.ceil(tiles / 64),
    label: `linear ${moduleOf(weight)}`,
  };
  if (variant.isQ8) variant.kernel.dispatch({ ...tensors, scales }, options);
  else variant.kernel.dispatch(tensors, options);
  return y;
}

type Sizes = Pick<Case, 'M' | 'N' | 'K'>;

function choose({ context, dtype }: Tensor, sizes: Sizes) {
  const problem = { ...sizes, weight: dtype };
  const name = chooseVariant(context, 'linear', linearVariants, problem) as keyof typeof kernels;
  return { isQ8: false as const, ...kernels[name] };
}

function chooseQ8(context: Context, sizes: Sizes) {
  const name = chooseVariant(context, 'linear_q8', linearQ8Variants, sizes);
  return { isQ8: true as const, ...linearQ8Kernels[name as keyof typeof linearQ8Kernels] };
}
