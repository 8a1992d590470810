import { defineKernel } from '../kernel.ts';
import { expectSides } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { tapsOf, uploadTaps } from './taps.ts';
import { vectorTypes } from './vectors.ts';

const layout = {
  reads: ['x'],
  writes: ['y'],
  params: {
    B: 'u32',
    H: 'u32',
    W: 'u32',
    C: 'u32',
    H2: 'u32',
    W2: 'u32',
    step_y: 'f32',
    step_x: 'f32',
  },
} as const;
const bilinear = defineKernel('bilinear_resize', layout);
const bicubic = defineKernel('bicubic_resize', layout);
const nearest = defineKernel('nearest_resize', {
  reads: ['x'],
  writes: ['y'],
  params: { B: 'u32', H: 'u32', W: 'u32', C: 'u32', H2: 'u32', W2: 'u32' },
});
const resample = defineKernel('resample', {
  reads: ['x', 'rows', 'columns'],
  writes: ['y'],
  params: {
    B: 'u32',
    H: 'u32',
    W: 'u32',
    C: 'u32',
    H2: 'u32',
    W2: 'u32',
    taps_y: 'u32',
    taps_x: 'u32',
  },
});

/** Height and width. */
export type Size = readonly [H: number, W: number];

/**
 * PyTorch's `interpolate(mode='bilinear')`, by size, without antialiasing.   x [B, H, W, C] → [B, H2, W2, C]
 *
 * With `alignCorners` the centres of the corner pixels stay where they are; without, the outer edges do.
 */
export function bilinearResize(
  x: Tensor,
  size: Size,
  { alignCorners }: { alignCorners: boolean },
): Tensor {
  const [, H, W] = x.dims('B H W C') as [number, number, number, number];
  if (H === size[0] && W === size[1]) return x; // t = 0 everywhere
  const step = (from: number, to: number): number => {
    if (!alignCorners) return from / to;
    return to > 1 ? (from - 1) / (to - 1) : 0;
  };
  return resize(bilinear, 'bilinear_resize', x, size, [step(H, size[0]), step(W, size[1])], {
    ALIGN_CORNERS: alignCorners,
  });
}

/**
 * PyTorch's `interpolate(mode='bicubic', align_corners=False)`, A = −0.75, without antialiasing.
 *   x [B, H, W, C] → [B, H2, W2, C]
 *
 * `step` is how far one output pixel goes in the source, [y, x]. Default: in / out, as when PyTorch is given a size;
 * given a scale factor it takes 1 / scale, which DINOv2 relies on.
 */
export function bicubicResize(
  x: Tensor,
  size: Size,
  { step }: { step?: readonly [number, number] } = {},
): Tensor {
  const [, H, W] = x.dims('B H W C') as [number, number, number, number];
  const steps = step ?? [H / size[0], W / size[1]];
  // Then every t is 0 and the weights are 0, 1, 0, 0.
  if (H === size[0] && W === size[1] && steps[0] === 1 && steps[1] === 1) return x;
  return resize(bicubic, 'bicubic_resize', x, size, steps);
}

/** Steps are rounded to f32 where they are packed: the quotient of two sizes, then one rounding, as PyTorch has it. */
function resize(
  kernel: typeof bilinear,
  op: string,
  x: Tensor,
  size: Size,
  [step_y, step_x]: readonly [number, number],
  overrides: Readonly<Record<string, boolean>> = {},
): Tensor {
  const [B, H, W, C] = x.dims('B H W C') as [number, number, number, number];
  const [H2, W2] = size;
  expectSides(op, `the size to resize ${x.name} to`, size, 1);
  const y = x.context.empty([B, H2, W2, C], x.dtype, x.name);
  const { types, lanes } = vectorTypes({ T: x.dtype }, C);
  kernel.dispatch(
    { x, y },
    {
      types,
      overrides,
      params: { B, H, W, C: C / lanes, H2, W2, step_y, step_x },
      workgroups: Math.ceil(y.size / lanes / 64),
      label: `${op} ${x.name}`,
    },
  );
  return y;
}

/**
 * Every pixel becomes the source pixel under its centre, PyTorch's `nearest-exact`; with `corners` the one under its top
 * left corner, PyTorch's `nearest`. The way to resize masks.   x [B, H, W, C], u32 too → [B, H2, W2, C]
 */
export function nearestResize(
  x: Tensor,
  size: Size,
  { corners = false }: { corners?: boolean } = {},
): Tensor {
  const [B, H, W, C] = x.dims('B H W C') as [number, number, number, number];
  const [H2, W2] = size;
  expectSides('nearest_resize', `the size to resize ${x.name} to`, size, 1);
  if (H === H2 && W === W2) return x;
  const y = x.context.empty([B, H2, W2, C], x.dtype, x.name);
  nearest.dispatch(
    { x, y },
    {
      types: { T: x.dtype },
      overrides: { CENTRES: !corners },
      params: { B, H, W, C, H2, W2 },
      workgroups: Math.ceil(y.size / 64),
      label: `nearest_resize ${x.name}`,
    },
  );
  return y;
}

/**
 * PyTorch's `interpolate(mode='bilinear', antialias=True)`: where it shrinks, every source pixel counts.
 *   x [B, H, W, C] → [B, H2, W2, C]
 */
export function antialiasedBilinearResize(x: Tensor, size: Size): Tensor {
  const { context } = x;
  const [B, H, W, C] = x.dims('B H W C') as [number, number, number, number];
  const [H2, W2] = size;
  expectSides('antialiased_bilinear_resize', `the size to resize ${x.name} to`, size, 1);
  if (H === H2 && W === W2) return x;
  // The tables are freed after the dispatch, or belong to the open recording.
  return context.scope(() => {
    const y = context.empty([B, H2, W2, C], x.dtype, x.name);
    const { types, lanes } = vectorTypes({ T: x.dtype }, C);
    const tapsY = tapsOf('antialiased', H, H2);
    const tapsX = tapsOf('antialiased', W, W2);
    resample.dispatch(
      {
        x,
        rows: uploadTaps(context, tapsY, `${x.name} rows`),
        columns: uploadTaps(context, tapsX, `${x.name} columns`),
        y,
      },
      {
        types,
        params: { B, H, W, C: C / lanes, H2, W2, taps_y: tapsY.count, taps_x: tapsX.count },
        workgroups: Math.ceil(y.size / lanes / 64),
        label: `antialiased_bilinear_resize ${x.name}`,
      },
    );
    return y;
  });
}
