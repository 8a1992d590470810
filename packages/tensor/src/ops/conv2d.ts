import type { Capabilities } from '../capabilities.ts';
import type { Dtype } from '../dtype.ts';
import { invalidArgument } from '../errors.ts';
import { defineKernel } from '../kernel.ts';
import { expectShape, shapeText } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { chooseVariant, type Variant } from '../variants.ts';
import { epilogueChoices, epilogueParams, overridesOf, vectorDtype } from './epilogue.ts';
import { type Epilogue, isForLargeTiles, linear } from './linear.ts';
import { matrixUnits } from './matrix_units.ts';
import { moduleOf } from './naming.ts';

/** Where the kernel is laid, and what is done before and after. */
export interface Conv2dOptions extends Epilogue {
  /** Pixels between neighbouring results, in both directions. Default 1. */
  readonly stride?: number;
  /** Rows and columns of zeros on every side. Default 0. */
  readonly padding?: number;
  /** Apply max(x, 0) to x as it is read. A residual unit is then two kernels, and its skip stays raw. Default false. */
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
  /** Height and width of the window. */
  readonly window: readonly [number, number];
  readonly stride: number;
  /** Pixels of the result. */
  readonly pixels: number;
  /** Storage of the weight. */
  readonly weight: Dtype;
}

const matrices = defineKernel('conv2d_subgroup_matrix', layout);
const tiled = defineKernel('conv2d_tiled', layout);
// Drivers that compile for the processor take a tenth to half a second for every combination of what are overrides elsewhere.
const chosenAsItRuns = {
  ...layout,
  params: { ...layout.params, PRE_RELU: 'u32', ...epilogueParams },
} as const;
const shuffle = defineKernel('conv2d_shuffle', chosenAsItRuns);
const registers = defineKernel('conv2d_registers', chosenAsItRuns);
const plain = defineKernel('conv2d', layout);

/** `tile`: pixels down, pixels across and channels of y that a workgroup shares, or that each of its 64 threads has for itself. */
const kernels = {
  conv2d_subgroup_matrix_128: {
    kernel: matrices,
    tile: [1, 128, 128],
    shared: true,
    size: { SIDE: 128 },
  },
  conv2d_subgroup_matrix: { kernel: matrices, tile: [1, 64, 64], shared: true, size: { SIDE: 64 } },
  conv2d_tiled: { kernel: tiled, tile: [8, 8, 64], shared: true, size: { ACROSS: 8 } },
  conv2d_tiled_32: { kernel: tiled, tile: [8, 16, 32], shared: true, size: { ACROSS: 16 } },
  conv2d_shuffle: { kernel: shuffle, tile: [1, 16, 32], shared: true, size: { LANES: 8 } },
  conv2d_shuffle_4: { kernel: shuffle, tile: [1, 16, 16], shared: true, size: { LANES: 4 } },
  conv2d_registers: { kernel: registers, tile: [1, 8, 8], shared: false, size: {} },
  conv2d: { kernel: plain, tile: [1, 1, 1], shared: false, size: {} },
} as const;

const divisibleBy4 = ({ I, O }: Pick<Case, 'I' | 'O'>): boolean => I % 4 === 0 && O % 4 === 0;
const isThreeByThree = (problem: Case): boolean =>
  divisibleBy4(problem) && problem.window.every((side) => side === 3) && problem.stride === 1;

type Multiplied = Pick<Case, 'I' | 'O' | 'weight'> & { readonly device: Capabilities };
const suitsMatrixUnits = ({ device, weight, ...problem }: Multiplied): boolean =>
  divisibleBy4(problem) && device.subgroupMatrix > 0 && weight === 'f16';

/** Of 32 channels, half a tile would be computed for nothing, and an x of f32 counts twice. */
export const paysOnMatrixUnits = (problem: Multiplied): boolean =>
  !problem.device.software && problem.O > 32 && suitsMatrixUnits(problem);

export const conv2dVariants: readonly (Variant<Case> & { readonly name: keyof typeof kernels })[] =
  [
    // As linear_subgroup_matrix. Not measured on a GPU yet.
    {
      name: 'conv2d_subgroup_matrix_128',
      fits: suitsMatrixUnits,
      pays: ({ device, pixels, O }) => isForLargeTiles({ device, M: pixels, N: O }),
    },
    {
      name: 'conv2d_subgroup_matrix',
      fits: suitsMatrixUnits,
      pays: paysOnMatrixUnits,
    },
    // For GPUs: what neighbouring pixels share is read once. The second for few channels. Not measured on a GPU yet.
    {
      name: 'conv2d_tiled',
      fits: isThreeByThree,
      pays: ({ device, O }) => !device.software && O > 32,
    },
    {
      name: 'conv2d_tiled_32',
      fits: isThreeByThree,
      pays: ({ device, O }) => !device.software && O > 4,
    },
    // As linear_shuffle.
    {
      name: 'conv2d_shuffle',
      fits: ({ device, O }) => O % 4 === 0 && device.subgroupSize >= 8,
      pays: ({ device }) => device.software,
    },
    {
      name: 'conv2d_shuffle_4',
      fits: ({ device, O }) => O % 4 === 0 && device.subgroupSize >= 4,
      pays: () => false,
    },
    // 8 pixels × 8 channels a thread from registers. 10 times the plain kernel on SwiftShader (1.3 for 0.12 GFLOP per
    // CPU second), 4 times on lavapipe (3.1 for 0.75), 3×3 from 64 to 64 channels on 74² and on 19² pixels, with four
    // channels a step; with one SwiftShader has 1.5 for 1.0 (32 to 32 channels, 48 × 72 pixels).
    { name: 'conv2d_registers', fits: ({ O }) => O % 4 === 0 },
    { name: 'conv2d', fits: () => true },
  ];

/** Tiles of one row of pixels run over the ends of rows and pictures; larger ones lie inside a picture. */
function tilesOf(
  [B, H, W, O]: readonly [number, number, number, number],
  [down, across, channels]: readonly [number, number, number],
): number {
  const pixels =
    down === 1 ? Math.ceil((B * H * W) / across) : B * Math.ceil(H / down) * Math.ceil(W / across);
  return pixels * Math.ceil(O / channels);
}

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
  const { scaledBy, addTo } = epilogue;
  const [kH, kW, I, O] = weight.dims('kH kW I O') as [number, number, number, number];
  if (x.shape.length !== 4 || x.shape[3] !== I) {
    throw invalidArgument(
      `conv2d: ${weight.name} is ${shapeText(weight.shape)}, so x must be [B, H, W, ${I}], but ${x.name} is ${shapeText(x.shape)}.`,
    );
  }
  if (!Number.isInteger(stride) || stride < 1 || !Number.isInteger(padding) || padding < 0) {
    throw invalidArgument(
      `conv2d: stride is ${stride} and padding ${padding}; they are whole numbers from 1 and from 0.`,
    );
  }
  const [B, H, W] = x.dims('B H W I') as [number, number, number, number];
  const Ho = Math.floor((H + 2 * padding - kH) / stride) + 1;
  const Wo = Math.floor((W + 2 * padding - kW) / stride) + 1;
  if (Ho < 1 || Wo < 1) {
    throw invalidArgument(
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
  const name = chooseVariant(x.context, 'conv2d', conv2dVariants, {
    I,
    O,
    window: [kH, kW],
    stride,
    pixels: B * Ho * Wo,
    weight: weight.dtype,
  }) as keyof typeof kernels;
  const { kernel, tile, shared, size } = kernels[name];
  const tiles = tilesOf([B, Ho, Wo, O], tile);
  const choices = { PRE_RELU: Number(preRelu), ...epilogueChoices(bias, epilogue) };
  const units =
    kernel === matrices ? matrixUnits(x.context.capabilities.subgroupMatrix, x.dtype) : {};
  kernel.dispatch(
    { x, weight, bias, scale: scaledBy, residual: addTo, y },
    {
      types: {
        X: x.dtype,
        W: weight.dtype,
        E: vectorDtype('conv2d', bias, scaledBy),
        R: addTo?.dtype ?? 'f32',
        Y: dtype,
        ...units.types,
      },
      overrides: { ...size, ...overridesOf(kernel, choices), ...units.overrides },
      params: { B, H, W, I, Ho, Wo, O, kH, kW, stride, padding, ...choices },
      workgroups: shared ? tiles : Math.ceil(tiles / 64),
      label: `conv2d ${moduleOf(weight)}`,
    },
  );
  return y;
}
