import { bicubicResize, bilinearResize, type Tensor } from '@dpt-webgpu/tensor';
import type { DPTModel } from './dpt_model.ts';
import type { Size } from './image_size.ts';

/** Maps as the network gives them, resized as the model's preset does.   depth [B, H, W] → [B, height, width] */
export function resizedDepth(
  { config }: Pick<DPTModel, 'config'>,
  depth: Tensor,
  { width, height }: Size,
): Tensor {
  const [B, H, W] = depth.dims('B H W') as [number, number, number];
  if (H === height && W === width) return depth;
  const { depthFilter } = config.image;
  const map = depth.reshape([B, H, W, 1]);
  const resized =
    depthFilter === 'bicubic'
      ? bicubicResize(map, [height, width])
      : bilinearResize(map, [height, width], {
          alignCorners: depthFilter === 'bilinear_align_corners',
        });
  return resized.reshape([B, height, width]);
}
