import type { Capabilities } from '../capabilities.ts';
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
const perSubgroup = defineKernel('layer_norm_subgroup', layout);
const perWorkgroup = defineKernel('layer_norm', layout);
const perThread = defineKernel('layer_norm_rows', layout);

/** Lanes that share a row: as many as every subgroup of the device has, up to 32. */
const lanesOf = ({ subgroupSize }: Capabilities): number =>
  [32, 16, 8, 4].find((lanes) => lanes <= subgroupSize) ?? 0;

export const layerNormVariants: readonly Variant<{ readonly C: number }>[] = [
  // A row per thread: three times layer_norm.wgsl on SwiftShader at [1370, 384], where barriers are slow.
  {
    name: 'layer_norm_rows',
    fits: () => true,
    pays: ({ device }) => device.software,
  },
  // Rows are read once, without barriers. Not measured on a GPU yet.
  {
    name: 'layer_norm_subgroup',
    fits: ({ device, C }) => C % 4 === 0 && C <= 64 * lanesOf(device),
    pays: ({ device }) => lanesOf(device) === 32,
  },
  { name: 'layer_norm', fits: () => true },
];

/** What is added under the root, and to the result. */
export interface LayerNormOptions {
  /** Default 1e-6, as DINOv2 and BEiT have it; SwinV2 has 1e-5. */
  readonly eps?: number;
  /** Shape of x: added last, the residual stream of a block that normalises what it adds (SwinV2). Default: none. */
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
  const name = chooseVariant(x.context, 'layer_norm', layerNormVariants, { C });
  if (name === 'layer_norm') {
    const params = { rows, C, eps };
    const overrides = { HAS_RESIDUAL };
    perWorkgroup.dispatch(tensors, { types, overrides, params, workgroups: rows, label });
  } else if (name === 'layer_norm_subgroup') {
    const LANES = lanesOf(x.context.capabilities);
    const COUNT = Math.ceil(C / 4 / LANES);
    const params = { rows, C: C / 4, eps };
    const overrides = { LANES, COUNT, HAS_RESIDUAL };
    perSubgroup.dispatch(tensors, { types, overrides, params, workgroups: rows, label });
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
