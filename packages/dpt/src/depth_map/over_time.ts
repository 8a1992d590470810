import {
  type Context,
  defineKernel,
  disposeSymbol,
  expectShape,
  invalidArgument,
  shapeText,
  type Tensor,
} from '@dpt-webgpu/tensor';
import { resizeMap } from './resize_map.ts';

const kernel = defineKernel('range_over_time', {
  reads: ['range', 'thumbnail', 'pace'],
  writes: ['state', 'previous', 'y'],
  params: { size: 'u32' },
});
const followKernel = defineKernel('follow_range', {
  reads: ['x', 'range', 'pace', 'state'],
  writes: ['shown', 'y'],
  params: { size: 'u32' },
});
const thumbnailKernel = defineKernel('thumbnail', {
  reads: ['pixels'],
  writes: ['y'],
  params: { h: 'u32', w: 'u32', H: 'u32', W: 'u32' },
});

/** Sides of the thumbnails by which cuts are seen. */
export const THUMBNAIL = 16;

/** Sides of the samples by which maps are compared. */
const SAMPLES = 32;

/** Brightness of a picture, averaged over a grid of 16 × 16 areas.   pixels [h, w], four bytes each → [16, 16], 0…1 */
export function thumbnail(pixels: Tensor): Tensor {
  const [h, w] = pixels.dims('h w') as [number, number];
  if (pixels.dtype !== 'u32' || pixels.size === 0) {
    throw invalidArgument(
      `thumbnail: ${pixels.name} is ${shapeText(pixels.shape)} ${pixels.dtype}; pixels are u32, four bytes RGBA, at least one.`,
    );
  }
  const y = pixels.context.empty([THUMBNAIL, THUMBNAIL], 'f32', `${pixels.name}.thumbnail`);
  thumbnailKernel.dispatch(
    { pixels, y },
    { params: { h, w, H: THUMBNAIL, W: THUMBNAIL }, workgroups: y.size },
  );
  return y;
}

/** How quickly a range follows a film. */
export interface Pace {
  /** Weight of the new frame, 0…1. Default 0.25. */
  readonly alpha?: number;
  /** A mean change of brightness above this is a cut. Default 0.25. */
  readonly limit?: number;
}

/** The values of a `pace` tensor [2]. */
export function pace({ alpha = 0.25, limit = 0.25 }: Pace = {}): Float32Array {
  if (!(alpha >= 0 && alpha <= 1 && limit >= 0)) {
    throw invalidArgument(
      `pace: alpha is ${alpha} and limit ${limit}; needs 0 ≤ alpha ≤ 1, limit ≥ 0.`,
    );
  }
  return Float32Array.of(alpha, limit);
}

/**
 * The range of a film's maps from frame to frame, smoothed, and taken anew at cuts. What it remembers stays on the GPU,
 * in two tensors that every call rewrites: one film, one `RangeOverTime`.
 */
export class RangeOverTime {
  /** [5]; lo, hi, 1 once it has begun, the last change of brightness, 1 if that was a cut. */
  readonly state: Tensor;
  readonly #previous: Tensor;
  /** Samples of the last map as it was shown. */
  readonly #shown: Tensor;

  constructor(context: Context, thumbnailSize = THUMBNAIL * THUMBNAIL) {
    // Outside of a recording that may be open: they outlive it.
    const zeros = (size: number, name: string): Tensor =>
      context.constant(() => context.tensor(new Float32Array(size), [size], 'f32', name));
    this.state = zeros(5, 'range_over_time.state');
    this.#previous = zeros(thumbnailSize, 'range_over_time.previous');
    this.#shown = zeros(SAMPLES * SAMPLES, 'follow_range.shown');
  }

  /** The smoothed range of the next frame.   range [2 or more]: lo, hi; thumbnail [16, 16]; pace [2] → [2] */
  next(range: Tensor, frame: Tensor, framePace: Tensor): Tensor {
    expectShape('RangeOverTime.next', framePace, [2]);
    const size = this.#previous.size;
    if (frame.size !== size) {
      throw invalidArgument(
        `RangeOverTime.next: ${frame.name} is ${shapeText(frame.shape)}; needs ${size} values.`,
      );
    }
    const y = range.context.empty([2], 'f32', `${range.name}.smoothed`);
    kernel.dispatch(
      { range, thumbnail: frame, pace: framePace, state: this.state, previous: this.#previous, y },
      { params: { size }, workgroups: 1 },
    );
    return y;
  }

  /**
   * The range in which a map is most like the one shown before, from which it goes back to the map's own: for relative
   * maps, whose scale and shift differ from frame to frame. After `next`, which sees cuts.
   *   map [H, W], finite; own: lo, hi; pace [2] → [2]
   */
  follow(map: Tensor, own: Tensor, framePace: Tensor): Tensor {
    const { context } = map;
    return context.scope(() => {
      const x = resizeMap(map, [SAMPLES, SAMPLES], 'nearest');
      const y = context.empty([2], 'f32', `${map.name}.range`);
      followKernel.dispatch(
        { x, range: own, pace: framePace, state: this.state, shown: this.#shown, y },
        { params: { size: x.size }, workgroups: 1, label: `follow_range ${map.name}` },
      );
      return y;
    });
  }

  /** The next frame is the first again: after a jump in the film. */
  reset(): void {
    this.state.write(new Float32Array(5));
  }

  /** Frees what it remembers of the film. Idempotent. */
  dispose(): void {
    this.state.dispose();
    this.#previous.dispose();
    this.#shown.dispose();
  }

  [disposeSymbol](): void {
    this.dispose();
  }
}
