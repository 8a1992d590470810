import { invalidArgument } from '../errors.ts';
import { defineKernel } from '../kernel.ts';
import type { Tensor } from '../tensor.ts';

const kernel = defineKernel('patchify', {
  reads: ['x'],
  writes: ['y'],
  params: { B: 'u32', H: 'u32', W: 'u32', C: 'u32', P: 'u32' },
});

/**
 * Patches of P × P pixels as rows of their values in (y, x, channel) order, patches row by row. A linear map of the rows
 * is the patch embedding.   image [B, H, W, C] → [B, H/P · W/P, P · P · C]
 */
export function patchify(image: Tensor, P: number): Tensor {
  const [B, height, width, C] = image.dims('B H W C') as [number, number, number, number];
  if (height % P || width % P) {
    const nearest = (side: number): number => Math.max(Math.round(side / P), 1) * P;
    throw invalidArgument(
      `patchify: the image is ${height}×${width}; both sides must be multiples of ${P}. Nearest: ${nearest(height)}×${nearest(width)}.`,
    );
  }
  const [H, W] = [height / P, width / P];
  const y = image.context.empty([B, H * W, P * P * C], image.dtype, 'patches');
  kernel.dispatch(
    { x: image, y },
    {
      types: { X: image.dtype, Y: image.dtype },
      params: { B, H, W, C, P },
      workgroups: Math.ceil(y.size / 64),
      label: `patchify ${image.name}`,
    },
  );
  return y;
}
