import {
  bicubicResize,
  bilinearResize,
  defineKernel,
  imageToTensor,
  invalidArgument,
  nearestResize,
  type Tensor,
} from '@dpt-webgpu/tensor';
import { sidesOf } from './settings.ts';

const guided = defineKernel('guided_upsample', {
  reads: ['x', 'small', 'pixels'],
  writes: ['y'],
  params: {
    H: 'u32',
    W: 'u32',
    H2: 'u32',
    W2: 'u32',
    step_y: 'f32',
    step_x: 'f32',
    over_space: 'f32',
    over_colour: 'f32',
  },
});

/**
 * `bilinear`: as muggled_dpt; `bilinear_align_corners`: as Depth-Anything; `bicubic`: as MiDaS, which may overshoot;
 * `nearest`: the pixel under the centre, for masks. None antialiases.
 */
export type ResizeMethod = 'bilinear' | 'bilinear_align_corners' | 'bicubic' | 'nearest';

/** A map at another size.   map [H, W], finite → [H2, W2] */
export function resizeMap(
  map: Tensor,
  [H2, W2]: readonly [height: number, width: number],
  method: ResizeMethod = 'bilinear',
): Tensor {
  const [H, W] = sidesOf('resizeMap', map);
  const x = map.reshape([1, H, W, 1]);
  const size = [H2, W2] as const;
  const resized =
    method === 'bicubic'
      ? bicubicResize(x, size)
      : method === 'nearest'
        ? nearestResize(x, size)
        : bilinearResize(x, size, { alignCorners: method === 'bilinear_align_corners' });
  return resized.reshape([...map.shape.slice(0, -2), H2, W2]);
}

/** What counts as a neighbour in joint bilateral upsampling. */
export interface GuidedOptions {
  /** σ: how far neighbours count, in pixels of the map. Default 1. */
  readonly space?: number;
  /** ρ: how different a colour may be, of a picture with values 0 to 1. Default 0.1. */
  readonly colour?: number;
}

/**
 * A map at the size of its picture, with edges where the picture has them: joint bilateral upsampling (Kopf et al.,
 * 2007).   map [H, W], finite; pixels [h, w], four bytes each → [h, w]
 */
export function guidedUpsample(
  map: Tensor,
  pixels: Tensor,
  { space = 1, colour = 0.1 }: GuidedOptions = {},
): Tensor {
  const { context } = map;
  const [H, W] = sidesOf('guidedUpsample', map);
  const [H2, W2] = pixels.dims('h w') as [number, number];
  if (!(space > 0 && colour > 0)) {
    throw invalidArgument(
      `guidedUpsample: space is ${space} and colour ${colour}; both must be above 0.`,
    );
  }
  return context.scope(() => {
    const small = imageToTensor(pixels, {
      size: [H, W],
      filter: 'antialiased',
      mean: [0, 0, 0],
      std: [1, 1, 1],
    });
    const y = context.empty([...map.shape.slice(0, -2), H2, W2], 'f32', map.name);
    guided.dispatch(
      { x: map, small, pixels, y },
      {
        params: {
          H,
          W,
          H2,
          W2,
          step_y: H / H2,
          step_x: W / W2,
          over_space: 1 / (2 * space * space),
          over_colour: 1 / (2 * colour * colour),
        },
        workgroups: Math.ceil((H2 * W2) / 64),
        label: `guided_upsample ${map.name}`,
      },
    );
    return y;
  });
}
