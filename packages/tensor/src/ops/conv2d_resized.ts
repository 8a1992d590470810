import { bufferBytes, type Dtype } from '../dtype.ts';
import { invalidArgument } from '../errors.ts';
import { defineKernel } from '../kernel.ts';
import { expectShape, expectSides, shapeText, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { chooseVariant, type Variant } from '../variants.ts';
import { conv2d, paysOnMatrixUnits } from './conv2d.ts';
import { epilogueChoices, vectorDtype } from './epilogue.ts';
import type { Epilogue } from './linear.ts';
import { moduleOf } from './naming.ts';
import { bilinearResize, type Size } from './resize.ts';

/** Where the kernel is laid on the resized map, and what is done after. */
export interface ResizedConv2dOptions extends Epilogue {
  /** Rows and columns of zeros on every side of the resized map. Default 0. */
  readonly padding?: number;
  /** Of the resized map, which is stored where a recording is to keep it. Default: it has none, and is never stored. */
  readonly name?: string;
}

const layout = {
  reads: ['x', 'weight', 'bias', 'scale', 'residual'],
  writes: ['y'],
  params: {
    B: 'u32',
    H: 'u32',
    W: 'u32',
    I: 'u32',
    Hr: 'u32',
    Wr: 'u32',
    step_y: 'f32',
    step_x: 'f32',
    Ho: 'u32',
    Wo: 'u32',
    O: 'u32',
    kH: 'u32',
    kW: 'u32',
    padding: 'u32',
  },
} as const;

interface Case {
  readonly I: number;
  readonly O: number;
  /** Height and width of the window. */
  readonly window: readonly [number, number];
  /** Of the resized map, were it stored. */
  readonly bytes: number;
  /** Storage of the weight. */
  readonly weight: Dtype;
}

const tiled = defineKernel('conv2d_resized_tiled', layout);
const plain = defineKernel('conv2d_resized', layout);

/** `tile`: pixels down, pixels across and channels of y that a workgroup shares. */
const kernels = {
  conv2d_resized_tiled: { kernel: tiled, tile: [8, 8, 64], size: { ACROSS: 8 } },
  conv2d_resized_tiled_32: { kernel: tiled, tile: [8, 16, 32], size: { ACROSS: 16 } },
  conv2d_resized: { kernel: plain, tile: undefined, size: {} },
} as const;

const isThreeByThree = ({ I, O, window }: Case): boolean =>
  I % 4 === 0 && O % 4 === 0 && window.every((side) => side === 3);

export const resizedConv2dVariants: readonly (Variant<Case> & {
  readonly name: keyof typeof kernels | 'resize_then_conv2d';
})[] = [
  // Processors resize once and not once for every workgroup that needs a pixel; matrix units gain more than the resized map
  // costs. Unless it is too large to be bound. conv2d takes its own best variant then.
  {
    name: 'resize_then_conv2d',
    fits: ({ device, bytes }) => bytes <= Math.min(device.maxStorageBinding, device.maxBufferSize),
    pays: (problem) => problem.device.software || paysOnMatrixUnits(problem),
  },
  // As conv2d_tiled. Not measured on a GPU yet.
  { name: 'conv2d_resized_tiled', fits: isThreeByThree, pays: ({ O }) => O > 32 },
  { name: 'conv2d_resized_tiled_32', fits: isThreeByThree },
  { name: 'conv2d_resized', fits: () => true },
];

/**
 * conv2d(bilinearResize(x, size, corners aligned), …) at stride 1, where it pays without storing the resized map.
 * x [B, H, W, I], weight [kH, kW, I, O] → [B, H', W', O] with H' = size[0] + 2 · padding − kH + 1
 */
export function resizedConv2d(
  x: Tensor,
  size: Size,
  weight: Tensor,
  bias?: Tensor,
  options: ResizedConv2dOptions = {},
): Tensor {
  const { padding = 0, name: resizedName = '', scaledBy, addTo } = options;
  const [kH, kW, I, O] = weight.dims('kH kW I O') as [number, number, number, number];
  if (x.shape.length !== 4 || x.shape[3] !== I) {
    throw invalidArgument(
      `resizedConv2d: ${weight.name} is ${shapeText(weight.shape)}, so x must be [B, H, W, ${I}], but ${x.name} is ${shapeText(x.shape)}.`,
    );
  }
  expectSides('resizedConv2d', `the size to resize ${x.name} to`, size, 1);
  const [B, H, W] = x.dims('B H W I') as [number, number, number, number];
  const [Hr, Wr] = size;
  const [Ho, Wo] = [Hr + 2 * padding - kH + 1, Wr + 2 * padding - kW + 1];
  if (!Number.isInteger(padding) || padding < 0 || Ho < 1 || Wo < 1) {
    throw invalidArgument(
      `resizedConv2d: the ${kH}×${kW} window of ${weight.name} does not fit into ${Hr}×${Wr} pixels with padding ${padding}.`,
    );
  }
  const shape = [B, Ho, Wo, O];
  if (bias) expectShape('resizedConv2d', bias, [O]);
  if (scaledBy) expectShape('resizedConv2d', scaledBy, scaledBy.size === 1 ? [1] : [O]);
  if (addTo) expectShape('resizedConv2d', addTo, shape);

  const { context } = x;
  const bytes = bufferBytes(sizeOf([B, Hr, Wr, I]), x.dtype);
  const problem = { I, O, window: [kH, kW] as const, bytes, weight: weight.dtype };
  const name = context.recorder?.isKept(resizedName)
    ? 'resize_then_conv2d'
    : chooseVariant(context, 'conv2d_resized', resizedConv2dVariants, problem);
  if (name === 'resize_then_conv2d') {
    // The scope frees the resized map when ops run at once.
    return context.scope(() => {
      const resized = bilinearResize(x, size, { alignCorners: true });
      return conv2d(resizedName ? resized.named(resizedName) : resized, weight, bias, options);
    });
  }
  const { kernel, tile, size: tileSize } = kernels[name as keyof typeof kernels];
  const dtype = options.dtype ?? addTo?.dtype ?? weight.dtype;
  const y = context.empty(shape, dtype, moduleOf(weight));
  const step = (from: number, to: number): number => (to > 1 ? (from - 1) / (to - 1) : 0);
  kernel.dispatch(
    { x, weight, bias, scale: scaledBy, residual: addTo, y },
    {
      types: {
        X: x.dtype,
        W: weight.dtype,
        E: vectorDtype('resizedConv2d', bias, scaledBy),
        R: addTo?.dtype ?? 'f32',
        Y: dtype,
      },
      overrides: { ...tileSize, ...epilogueChoices(bias, options) },
      params: {
        ...{ B, H, W, I, Hr, Wr, step_y: step(H, Hr), step_x: step(W, Wr) },
        ...{ Ho, Wo, O, kH, kW, padding },
      },
      workgroups: tile
        ? B * Math.ceil(Ho / tile[0]) * Math.ceil(Wo / tile[1]) * Math.ceil(O / tile[2])
        : Math.ceil(y.size / 64),
      label: `conv2d_resized ${moduleOf(weight)}`,
    },
  );
  return y;
}
