import {
  defineKernel,
  invalidArgument,
  minMax,
  sameShape,
  shapeText,
  type Tensor,
} from '@dpt-webgpu/tensor';
import { expectSettings, sidesOf } from './settings.ts';

const maskKernel = defineKernel('depth_mask', {
  reads: ['z', 'settings'],
  writes: ['y'],
  params: { size: 'u32' },
});
const cutOutKernel = defineKernel('cut_out', {
  reads: ['pixels', 'mask'],
  writes: ['y'],
  params: { size: 'u32' },
});
const map = { reads: ['x'], writes: ['y'], params: { H: 'u32', W: 'u32' } } as const;
const blur = defineKernel('edge_blur', map);
const gradient = defineKernel('edge_gradient', map);
const dilate = defineKernel('edge_dilate', {
  reads: ['x'],
  writes: ['y'],
  params: { H: 'u32', W: 'u32', radius: 'u32' },
});
const edges = defineKernel('edge_mask', {
  reads: ['steepness', 'ends'],
  writes: ['y'],
  params: { size: 'u32' },
});

/** 255 within the thresholds of the settings, both ends included, else 0; or inverted.   z [H, W] → [H, W] u32 */
export function depthMask(z: Tensor, settings: Tensor): Tensor {
  expectSettings('depthMask', settings);
  const y = z.context.empty(z.shape, 'u32', z.name);
  maskKernel.dispatch(
    { z, settings, y },
    { params: { size: z.size }, workgroups: Math.ceil(z.size / 64), label: `depth_mask ${z.name}` },
  );
  return y;
}

/** A picture with a mask as alpha, and no colour where that is 0.   pixels [h, w], mask [h, w], u32 → [h, w] */
export function cutOut(pixels: Tensor, mask: Tensor): Tensor {
  pixels.dims('h w');
  const fits = sameShape(mask.shape.slice(-2), pixels.shape) && mask.size === pixels.size;
  if (!fits || mask.dtype !== 'u32' || pixels.dtype !== 'u32') {
    throw invalidArgument(
      `cutOut: ${pixels.name} is ${shapeText(pixels.shape)} ${pixels.dtype} and ${mask.name} ${shapeText(mask.shape)} ${mask.dtype}; both are u32 of one size.`,
    );
  }
  const y = pixels.context.empty(pixels.shape, 'u32', pixels.name);
  cutOutKernel.dispatch(
    { pixels, mask, y },
    {
      params: { size: y.size },
      workgroups: Math.ceil(y.size / 64),
      label: `cut_out ${pixels.name}`,
    },
  );
  return y;
}

/**
 * Dark where a map is steep, 255 where it is level: where a mesh had better be cut. The filter of muggled_dpt's viewer.
 *   z [H, W], 0…1 → [H, W] u32, 0…255
 */
export function edgeMask(z: Tensor): Tensor {
  const { context } = z;
  const [H, W] = sidesOf('edgeMask', z);
  const workgroups = Math.ceil(z.size / 64);
  return context.scope(() => {
    const through = (kernel: typeof blur, x: Tensor): Tensor => {
      const y = context.empty(z.shape, 'f32', z.name);
      kernel.dispatch({ x, y }, { params: { H, W }, workgroups });
      return y;
    };
    const steepness = through(gradient, through(blur, z));
    const y = context.empty(z.shape, 'u32', z.name);
    edges.dispatch(
      { steepness, ends: minMax(steepness), y },
      { params: { size: z.size }, workgroups, label: `edge_mask ${z.name}` },
    );
    return y;
  });
}

/** Edges that reach `radius` pixels farther: each pixel is as dark as the darkest within that distance.   mask [H, W] u32 → [H, W] u32 */
export function dilateEdges(mask: Tensor, radius: number): Tensor {
  const [H, W] = sidesOf('dilateEdges', mask);
  if (mask.dtype !== 'u32' || !(Number.isSafeInteger(radius) && radius >= 0)) {
    throw invalidArgument(
      `dilateEdges: ${mask.name} is ${mask.dtype} and the radius ${radius}; needs u32, as edgeMask gives it, and whole pixels from 0.`,
    );
  }
  const y = mask.context.empty(mask.shape, 'u32', mask.name);
  dilate.dispatch(
    { x: mask, y },
    {
      params: { H, W, radius },
      workgroups: Math.ceil(mask.size / 64),
      label: `edge_dilate ${mask.name}`,
    },
  );
  return y;
}
