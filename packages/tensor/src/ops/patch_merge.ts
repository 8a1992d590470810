import { invalidArgument } from '../errors.ts';
import { defineKernel } from '../kernel.ts';
import { shapeText } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import type { Size } from './resize.ts';
import { vectorTypes } from './vectors.ts';

const kernel = defineKernel('patch_merge', {
  reads: ['x'],
  writes: ['y'],
  params: { B: 'u32', H: 'u32', W: 'u32', C: 'u32' },
});

/**
 * The four tokens of every 2 × 2 cell one after the other, in the order (0, 0), (1, 0), (0, 1), (1, 1) of (row, column).
 * A linear map of the result is SwinV2's patch merging.   x [B, H·W, C] → [B, H/2 · W/2, 4C]
 */
export function patchMerge(x: Tensor, [H, W]: Size): Tensor {
  const [B, N, C] = x.dims('B N C') as [number, number, number];
  if (N !== H * W || H % 2 || W % 2) {
    throw invalidArgument(
      `patchMerge: ${x.name} is ${shapeText(x.shape)} on a grid of ${H}×${W}; it must have a token for each place, and both sides must be even.`,
    );
  }
  const y = x.context.empty([B, N / 4, 4 * C], x.dtype, x.name);
  const { types, lanes } = vectorTypes({ T: x.dtype }, C);
  kernel.dispatch(
    { x, y },
    {
      // No arithmetic, so no type for it.
      types: { T: types.T },
      params: { B, H: H / 2, W: W / 2, C: C / lanes },
      workgroups: Math.ceil(y.size / lanes / 64),
      label: `patch_merge ${x.name}`,
    },
  );
  return y;
}
