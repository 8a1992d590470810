import type { Dtype } from '../dtype.ts';
import { defineKernel } from '../kernel.ts';
import { expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { chooseVariant, type Variant } from '../variants.ts';
import { moduleOf } from './naming.ts';
import { vectorTypes } from './vectors.ts';

const layout = {
  reads: ['x', 'weight', 'bias', 'residual'],
  writes: ['y'],
  params: { rows: 'u32', C: 'u32', eps: 'f32' },
} as const;
const perWorkgroup = defineKernel('layer_norm', layout);
const perThread = defineKernel('layer_norm_rows', layout);

export const layerNormVariants: readonly Variant<{ readonly C: number }>[] = [
  // A row per thread: three times layer_norm.wgsl on SwiftShader at [1370, 384], where barriers are slow.
  { name: 'layer_norm_rows', fits: ({ device }) => device.software },
  { name: 'layer_norm', fits: () => true },
];

export interface LayerNormOptions {
  /** Default 1e-6, as DINOv2 and BEiT have it; SwinV2 has 1e-5. */
  readonly eps?: number;
  /** Shape of x: added last, the residual stream of a block that normalises what it adds (SwinV2). */
  readonly addTo?: Tensor | undefined;
  /** Storage type of the result. Default: of `addTo`, else of the weight. */
  readonly dtype?: Dtype;
}

/** y = (x − mean) / √(var + eps) · weight + bias + addTo over the last axis, var biased (÷ C).   x [..., C] → [..., C] */
export function layerNorm(
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  { eps = 1e-6, addTo, dtype = addTo?.dtype ?? weight.dtype }: LayerNormOptions = {},
): Tensor {
  const C = x.shape.at(-1)!;
  expectShape('layerNorm', weight, [C]);
  expectShape('layerNorm', bias, [C]);
  if (addTo) expectShape('layerNorm', addTo, x.shape);
  const rows = x.size / C;
  const y = x.context.empty(x.shape, dtype, moduleOf(weight));
  const label = `layer_norm ${moduleOf(weight)}`;
  const types = { X: x.dtype, W: weight.dtype, R: addTo?.dtype ?? 'f32', Y: dtype };
  const tensors = { x, weight, bias, residual: addTo, y };
  const HAS_RESIDUAL = addTo !== undefined;
  if (chooseVariant(x.context, 'layer_norm', layerNormVariants, { C }) === 'layer_norm') {
    const params = { rows, C, eps };
    const overrides = { HAS_RESIDUAL };
    perWorkgroup.dispatch(tensors, { types, overrides, params, workgroups: rows, label });
  } else {
    const vectors = vectorTypes(types, C);
    perThread.dispatch(tensors, {
      types: vectors.types,
      overrides: { LANES: vectors.lanes, HAS_RESIDUAL },
      params: { rows, C: C / vectors.lanes, eps },
      workgroups: Math.ceil(rows / 64),
      label,
    });
  }
  return y;
}
