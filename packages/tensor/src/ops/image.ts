import { defineKernel } from '../kernel.ts';
import { expectSides } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import type { Size } from './resize.ts';
import { type Filter, tapsOf, uploadTaps } from './taps.ts';

const kernel = defineKernel('image_to_tensor', {
  reads: ['pixels', 'rows', 'columns'],
  writes: ['y'],
  params: {
    h: 'u32',
    w: 'u32',
    H: 'u32',
    W: 'u32',
    taps_y: 'u32',
    taps_x: 'u32',
    mean_r: 'f32',
    mean_g: 'f32',
    mean_b: 'f32',
    std_r: 'f32',
    std_g: 'f32',
    std_b: 'f32',
  },
});

export type Rgb = readonly [r: number, g: number, b: number];

export interface ImageToTensorOptions {
  /** Of the result. */
  readonly size: Size;
  /**
   * `cubic`: as the original repositories prepare pictures (OpenCV INTER_CUBIC, no antialiasing, overshoot kept).
   * `antialiased`: as muggled_dpt does (PyTorch's antialiased bilinear).
   */
  readonly filter: Filter;
  /** Of a picture with values 0 to 1. */
  readonly mean: Rgb;
  readonly std: Rgb;
}

/**
 * A picture as the network takes it: resized, then (rgb / 255 − mean) / std.   pixels [h, w] → [1, H, W, 3]
 *
 * A pixel is a `u32` with red in the lowest byte, then green, blue and alpha: the bytes of `ImageData` as they are.
 */
export function imageToTensor(
  pixels: Tensor,
  { size, filter, mean, std }: ImageToTensorOptions,
): Tensor {
  const { context } = pixels;
  const [h, w] = pixels.dims('h w') as [number, number];
  const [H, W] = size;
  if (pixels.dtype !== 'u32') {
    throw new Error(
      `imageToTensor: ${pixels.name} is ${pixels.dtype}; pixels are u32, four bytes RGBA.`,
    );
  }
  expectSides('imageToTensor', pixels.name, [h, w], 1);
  expectSides('imageToTensor', 'size', size, 1);
  // The tables are freed after the dispatch, or belong to the open recording.
  return context.scope(() => {
    const y = context.empty([1, H, W, 3], 'f32', pixels.name);
    const tapsY = tapsOf(filter, h, H);
    const tapsX = tapsOf(filter, w, W);
    kernel.dispatch(
      {
        pixels,
        rows: uploadTaps(context, tapsY, `${pixels.name} rows`),
        columns: uploadTaps(context, tapsX, `${pixels.name} columns`),
        y,
      },
      {
        params: {
          h,
          w,
          H,
          W,
          taps_y: tapsY.count,
          taps_x: tapsX.count,
          mean_r: mean[0],
          mean_g: mean[1],
          mean_b: mean[2],
          std_r: std[0],
          std_g: std[1],
          std_b: std[2],
        },
        workgroups: Math.ceil((H * W) / 64),
        label: `image_to_tensor ${pixels.name}`,
      },
    );
    return y;
  });
}
