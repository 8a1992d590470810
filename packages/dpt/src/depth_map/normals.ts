import { defineKernel, expectShape, invalidArgument, type Tensor } from '@dpt-webgpu/tensor';
import { sidesOf } from './settings.ts';

const kernel = defineKernel('normals', {
  reads: ['depth', 'view'],
  writes: ['y'],
  params: { H: 'u32', W: 'u32' },
});
const toRgba = defineKernel('normals_to_rgba', {
  reads: ['x'],
  writes: ['y'],
  params: { size: 'u32' },
});

/** The value of a `view` tensor [1]: tan(fov/2), of the longer side of the picture. */
export function viewValues(fovDegrees: number): Float32Array {
  return Float32Array.of(tangentOf(fovDegrees));
}

/** How far the longer side reaches from the middle, at a distance of 1. */
export function tangentOf(fovDegrees: number): number {
  if (fovDegrees > 0 && fovDegrees < 180) return Math.tan((fovDegrees * Math.PI) / 360);
  throw invalidArgument(
    `The field of view is ${fovDegrees} degrees; it lies between 0 and 180, both excluded.`,
  );
}

/** Unit normals, x right, y up, z towards the camera.   depth [H, W], metres; view [1] → [H, W, 3] */
export function normals(depth: Tensor, view: Tensor): Tensor {
  expectShape('normals', view, [1]);
  const [H, W] = sidesOf('normals', depth);
  const y = depth.context.empty([H, W, 3], 'f32', `${depth.name}.normals`);
  kernel.dispatch(
    { depth, view, y },
    {
      params: { H, W },
      workgroups: Math.ceil((H * W) / 64),
      label: `normals ${depth.name}`,
    },
  );
  return y;
}

/** Normals as colours, the usual lilac.   [H, W, 3] → [H, W] u32, the bytes R G B A of a picture */
export function normalsToRgba(x: Tensor): Tensor {
  const [H, W] = x.dims('H W 3') as [number, number, number];
  const y = x.context.empty([H, W], 'u32', x.name);
  toRgba.dispatch(
    { x, y },
    {
      params: { size: H * W },
      workgroups: Math.ceil((H * W) / 64),
      label: `normals_to_rgba ${x.name}`,
    },
  );
  return y;
}
