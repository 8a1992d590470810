import { defineKernel } from '../kernel.ts';
import { expectShape, shapeText } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { chooseVariant, type Variant } from '../variants.ts';
import { activationCode } from './activation.ts';
import { type Epilogue, linear } from './linear.ts';
import { moduleOf } from './naming.ts';

export interface Conv2dOptions extends Epilogue {
  /** Pixels between neighbouring results, in both directions. Default 1. */
  readonly stride?: number;
  /** Rows and columns of zeros on every side. Default 0. */
  readonly padding?: number;
  /** Apply max(x, 0) to x as it is read. A residual unit is then two kernels, and its skip stays raw. */
  readonly preRelu?: boolean;
}

const layout = {
  reads: ['x', 'weight', 'bias', 'scale', 'residual'],
  writes: ['y'],
  params: {
    B: 'u32',
    H: 'u32',
    W: 'u32',
    I: 'u32',
    Ho: 'u32',
    Wo: 'u32',
    O: 'u32',
    kH: 'u32',
    kW: 'u32',
    stride: 'u32',
    padding: 'u32',
  },
} as const;

interface Case {
  readonly I: number;
  readonly O: number;
}

const kernels = {
  conv2d_registers: {
    kernel: defineKernel('conv2d_registers', layout),
    tile: { pixels: 8, channels: 8 },
  },
  conv2d: { kernel: defineKernel('conv2d', layout), tile: { pixels: 1, channels: 1 } },
};

export const conv2dVariants: readonly (Variant<Case> & { readonly name: keyof typeof kernels })[] =
  [
    // 8 pixels × 8 channels a thread from registers. 10 times the plain kernel on SwiftShader (1.3 for 0.12 GFLOP per
    // CPU second), 4 times on lavapipe (3.1 for 0.75), 3×3 from 64 to 64 channels on 74² and on 19² pixels.
    { name: 'conv2d_registers', fits: ({ I, O }) => I % 4 === 0 && O % 4 === 0 },
    { name: 'conv2d', fits: () => true },
  ];

/**
 * y = activation(x ⋆ weight + bias) · scaledBy + addTo: cross-correlation with zeros around the picture.
 * x [B, H, W, I], weight [kH, kW, I, O] → [B, H', W', O] with H' = ⌊(H + 2 · padding − kH) / stride⌋ + 1
 */
export function conv2d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  options: Conv2dOptions = {},
): Tensor {
  const { stride = 1, padding = 0, preRelu = false, ...epilogue } = options;
  const { activation = 'none', scaledBy, addTo } = epilogue;
  const [kH, kW, I, O] = weight.dims('kH kW I O') as [number, number, number, number];
  if (x.shape.length !== 4 || x.shape[3] !== I) {
    throw new Error(
      `conv2d: ${weight.name} is ${shapeText(weight.shape)}, so x must be [B, H, W, ${I}], but ${x.name} is ${shapeText(x.shape)}.`,
    );
  }
  if (!Number.isInteger(stride) || stride < 1 || !Number.isInteger(padding) || padding < 0) {
    throw new Error(
      `conv2d: stride is ${stride} and padding ${padding}; they are whole numbers from 1 and from 0.`,
    );
  }
  const [B, H, W] = x.dims('B H W I') as [number, number, number, number];
  const Ho = Math.floor((H + 2 * padding - kH) / stride) + 1;
  const Wo = Math.floor((W + 2 * padding - kW) / stride) + 1;
  if (Ho < 1 || Wo < 1) {
    throw new Error(
      `conv2d: ${weight.name} is ${shapeText(weight.shape)}; its ${kH}×${kW} window does not fit into ${x.name} ${shapeText(x.shape)} with padding ${padding}.`,
    );
  }
  const shape = [B, Ho, Wo, O];
  if (bias) expectShape('conv2d', bias, [O]);
  if (scaledBy) expectShape('conv2d', scaledBy, scaledBy.size === 1 ? [1] : [O]);
  if (addTo) expectShape('conv2d', addTo, shape);

  // A window of one pixel is a linear map of every pixel.
  if (kH === 1 && kW === 1 && stride === 1 && padding === 0 && !preRelu) {
    return linear(x, weight.reshape([I, O]), bias, epilogue);
  }
  const dtype = options.dtype ?? addTo?.dtype ?? weight.dtype;
  const y = x.context.empty(shape, dtype, moduleOf(weight));
  const name = chooseVariant(x.context, 'conv2d', conv2dVariants, { I, O }) as keyof typeof kernels;
  const { kernel, tile } = kernels[name];
  const WORKGROUP_SIZE = 64;
  kernel.dispatch(
    { x, weight, bias, scale: scaledBy, residual: addTo, y },
    {
      types: { X: x.dtype, W: weight.dtype, R: addTo?.dtype ?? 'f32', Y: dtype },
      overrides: {
        PRE_RELU: preRelu,
        ACTIVATION: activationCode[activation],
        HAS_BIAS: bias !== undefined,
        SCALE: scaledBy === undefined ? 0 : scaledBy.size === 1 ? 1 : 2,
        HAS_RESIDUAL: addTo !== undefined,
      },
      params: { B, H, W, I, Ho, Wo, O, kH, kW, stride, padding },
      workgroups: Math.ceil(
        (Math.ceil((B * Ho * Wo) / tile.pixels) * Math.ceil(O / tile.channels)) / WORKGROUP_SIZE,
      ),
      label: `conv2d ${moduleOf(weight)}`,
    },
  );
  return y;
}
