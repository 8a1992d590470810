import type { Dtype } from '../dtype.ts';
import { invalidArgument } from '../errors.ts';
import { defineKernel } from '../kernel.ts';
import { expectShape, shapeText } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { linear } from './linear.ts';
import { moduleOf } from './naming.ts';
import { vectorTypes } from './vectors.ts';

const kernel = defineKernel('pixel_shuffle', {
  reads: ['x', 'bias'],
  writes: ['y'],
  params: { B: 'u32', H: 'u32', W: 'u32', k: 'u32', O: 'u32' },
});

/** How the result is stored. */
export interface ConvTranspose2dOptions {
  /** Storage type of the result. Default: of the weight. */
  readonly dtype?: Dtype;
}

/**
 * The transposed convolution whose stride is its kernel: every pixel becomes k × k pixels of its own, so it is a linear
 * map followed by a rearrangement.   x [B, H, W, I], weight [I, k, k, O] → [B, kH, kW, O]
 */
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  { dtype = weight.dtype }: ConvTranspose2dOptions = {},
): Tensor {
  const [I, k, across, O] = weight.dims('I k k O') as [number, number, number, number];
  if (x.shape.length !== 4 || x.shape[3] !== I || k !== across) {
    throw invalidArgument(
      `convTranspose2d: ${weight.name} is ${shapeText(weight.shape)}, expected [I, k, k, O] and x [B, H, W, I], but ${x.name} is ${shapeText(x.shape)}.`,
    );
  }
  if (bias) expectShape('convTranspose2d', bias, [O]);
  const [B, H, W] = x.dims('B H W I') as [number, number, number, number];

  // The scope frees the linear map's result when ops run at once.
  return x.context.scope(() => {
    const spread = linear(x, weight.reshape([I, k * k * O]), undefined, { dtype });
    const { types, lanes } = vectorTypes({ X: dtype, W: bias?.dtype ?? dtype, Y: dtype }, O);
    const y = x.context.empty([B, k * H, k * W, O], dtype, moduleOf(weight));
    kernel.dispatch(
      { x: spread, bias, y },
      {
        types,
        overrides: { HAS_BIAS: bias !== undefined },
        params: { B, H, W, k, O: O / lanes },
        workgroups: Math.ceil(y.size / lanes / 64),
        label: `pixel_shuffle ${moduleOf(weight)}`,
      },
    );
    return y;
  });
}
