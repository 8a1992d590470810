import type { Dtype } from '../dtype.ts';
import { defineKernel } from '../kernel.ts';
import { expectShape, shapeText } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { chooseVariant, type Variant } from '../variants.ts';
import { type Activation, activationCode } from './activation.ts';
import { moduleOf } from './naming.ts';

export interface Epilogue {
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
}

const kernels = {
  linear_registers: {
    kernel: defineKernel('linear_registers', layout),
    tile: { rows: 8, columns: 8 },
  },
  linear: { kernel: defineKernel('linear', layout), tile: { rows: 1, columns: 1 } },
};

export const linearVariants: readonly (Variant<Case> & { readonly name: keyof typeof kernels })[] =
  [
    // 8 × 8 results a thread from registers. 10 times the plain kernel on SwiftShader, 4 times on lavapipe (1024³).
    { name: 'linear_registers', fits: ({ M, N, K }) => M >= 2 && N % 4 === 0 && K % 4 === 0 },
    { name: 'linear', fits: () => true },
  ];

/**
 * y = activation(x · weight + bias) · scaledBy + addTo over the last axis.   x [..., K], weight [K, N] → [..., N]
 *
 * `weight` is input-major, the transpose of what PyTorch stores, so that neighbouring threads read neighbouring columns.
 */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor, epilogue: Epilogue = {}): Tensor {
  const [K, N] = weight.dims('K N') as [number, number];
  if (x.shape.at(-1) !== K) {
    throw new Error(
      `linear: ${weight.name} is ${shapeText(weight.shape)}, so x must end in ${K}, but ${x.name} is ${shapeText(x.shape)}.`,
    );
  }
  const shape = [...x.shape.slice(0, -1), N];
  const { activation = 'none', scaledBy, addTo } = epilogue;
  if (bias) expectShape('linear', bias, [N]);
  if (scaledBy) expectShape('linear', scaledBy, scaledBy.size === 1 ? [1] : [N]);
  if (addTo) expectShape('linear', addTo, shape);

  const dtype = epilogue.dtype ?? addTo?.dtype ?? weight.dtype;
  const y = x.context.empty(shape, dtype, moduleOf(weight));
  const M = x.size / K;
  const name = chooseVariant(x.context, 'linear', linearVariants, {
    M,
    N,
    K,
  }) as keyof typeof kernels;
  const { kernel, tile } = kernels[name];
  const WORKGROUP_SIZE = 64;
  kernel.dispatch(
    { x, weight, bias, scale: scaledBy, residual: addTo, y },
    {
      types: { X: x.dtype, W: weight.dtype, R: addTo?.dtype ?? 'f32', Y: dtype },
      overrides: {
        ACTIVATION: activationCode[activation],
        HAS_BIAS: bias !== undefined,
        SCALE: scaledBy === undefined ? 0 : scaledBy.size === 1 ? 1 : 2,
        HAS_RESIDUAL: addTo !== undefined,
      },
      params: { M, N, K },
      workgroups: Math.ceil(
        (Math.ceil(M / tile.rows) * Math.ceil(N / tile.columns)) / WORKGROUP_SIZE,
      ),
      label: `linear ${moduleOf(weight)}`,
    },
  );
  return y;
}
