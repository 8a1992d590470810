import { defineKernel, minMax, type Tensor } from '@dpt-webgpu/tensor';
import { normaliseRange } from './normalise_map.ts';
import { expectSettings, sidesOf } from './settings.ts';

const fit = defineKernel('plane_of_best_fit', {
  reads: ['z'],
  writes: ['y'],
  params: {
    size: 'u32',
    W: 'u32',
    mean_x: 'f32',
    mean_y: 'f32',
    over_x: 'f32',
    over_y: 'f32',
    over_pixels: 'f32',
  },
});
const remove = defineKernel('remove_plane', {
  reads: ['z', 'plane', 'settings'],
  writes: ['y'],
  params: { size: 'u32', W: 'u32' },
});

const PIXELS_PER_WORKGROUP = 16_384;
/** A bare plane leaves nothing but rounding, which must not be stretched to fill the range. */
const FLAT = 1e-4;

/**
 * The plane z = a·x + b·y + c nearest to a map by least squares over every pixel, x and y counted from 0 at the top
 * left.   z [H, W] → [3]: a, b, c
 */
export function planeOfBestFit(z: Tensor): Tensor {
  const { context } = z;
  const [H, W] = sidesOf('planeOfBestFit', z);
  // Σ (i − (n − 1)/2)² over n whole numbers is n(n² − 1)/12.
  const over = (n: number, times: number): number => (n > 1 ? 12 / (times * n * (n * n - 1)) : 0);
  const params = {
    W,
    mean_x: (W - 1) / 2,
    mean_y: (H - 1) / 2,
    over_x: over(W, H),
    over_y: over(H, W),
    over_pixels: 1 / (W * H),
  };
  return context.scope(() => {
    let from = z;
    let size = W * H;
    for (let combine = false; ; combine = true) {
      const groups = Math.ceil(size / PIXELS_PER_WORKGROUP);
      const y = context.empty(groups === 1 ? [3] : [groups, 3], 'f32', `${z.name}.plane`);
      fit.dispatch(
        { z: from, y },
        {
          overrides: { COMBINE: combine, LAST: groups === 1 },
          params: { size, ...params },
          workgroups: groups,
          label: `plane_of_best_fit ${z.name}`,
        },
      );
      if (groups === 1) return y;
      from = y;
      size = groups;
    }
  });
}

/** z − k · plane, k the `planeStrength` of the settings; not normalised.   z [H, W], plane [3] → [H, W] */
export function subtractPlane(z: Tensor, plane: Tensor, settings: Tensor): Tensor {
  expectSettings('subtractPlane', settings);
  plane.dims('3');
  const [, W] = sidesOf('subtractPlane', z);
  const y = z.context.empty(z.shape, 'f32', z.name);
  remove.dispatch(
    { z, plane, settings, y },
    {
      params: { size: z.size, W },
      workgroups: Math.ceil(z.size / 64),
      label: `remove_plane ${z.name}`,
    },
  );
  return y;
}

/** z − k · plane brought to 0…1 again; all 0 where nothing is left but the plane.   z [H, W], plane [3] → [H, W] */
export function removePlane(z: Tensor, plane: Tensor, settings: Tensor): Tensor {
  return z.context.scope(() => {
    const left = subtractPlane(z, plane, settings);
    return normaliseRange(left, minMax(left), { flat: FLAT });
  });
}
