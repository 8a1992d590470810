import {
  type Context,
  defineKernel,
  disposeSymbol,
  expectShape,
  imageToTensor,
  invalidArgument,
  shapeText,
  type Tensor,
} from '@dpt-webgpu/tensor';
import { resizeMap } from './resize_map.ts';
import { sidesOf } from './settings.ts';

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
const filterKernel = defineKernel('temporal_filter', {
  reads: ['x', 'picture', 'pace', 'state'],
  writes: ['before', 'lumas', 'y'],
  params: { H: 'u32', W: 'u32' },
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

/** How quickly what is shown follows a film. */
export interface Pace {
  /** Weight of the new frame's range, 0…1. Default 0.25. */
  readonly alpha?: number;
  /** A mean change of brightness above this is a cut. Default 0.25. */
  readonly limit?: number;
  /** Weight of the new frame in pixels that stand still, 0…1. Used by `RangeOverTime.filter`. Default `alpha`. */
  readonly still?: number;
}

/** The values of a `pace` tensor [3]. */
export function pace({ alpha = 0.25, limit = 0.25, still = alpha }: Pace = {}): Float32Array {
  if (!(alpha >= 0 && alpha <= 1 && still >= 0 && still <= 1 && limit >= 0)) {
    throw invalidArgument(
      `pace: alpha is ${alpha}, still ${still} and limit ${limit}; needs 0 ≤ alpha, still ≤ 1, limit ≥ 0.`,
    );
  }
  return Float32Array.of(alpha, limit, still);
}

/**
 * Weight of a new frame in an exponential mean over so many seconds, `passed` seconds after the frame before: with it in
 * `pace` a film looks the same whatever its rate, and when frames are left out. Over 0 seconds: 1.
 */
export const weightOver = (seconds: number, passed: number): number =>
  seconds > 0 ? 1 - Math.exp(-Math.max(passed, 0) / seconds) : 1;

/**
 * The range of a film's maps from frame to frame, smoothed, and taken anew at cuts; on top of it, if wanted, their pixels.
 * What it remembers stays on the GPU, in tensors that every call rewrites: one film, one `RangeOverTime`.
 */
export class RangeOverTime {
  /** [6]; lo, hi, 1 once it has begun, the last change of brightness, 1 if that was a cut, 0 and 1 by turns. */
  readonly state: Tensor;
  readonly #context: Context;
  readonly #previous: Tensor;
  /** Samples of the last map as it was shown. */
  readonly #shown: Tensor;
  /**
   * The last map [H, W] as it was filtered, and the brightness of two frames [2, H, W]: of this size, and of the one before,
   * which a recording may still be run for while the next is made.
   */
  readonly #maps: { readonly before: Tensor; readonly lumas: Tensor }[] = [];

  constructor(context: Context, thumbnailSize = THUMBNAIL * THUMBNAIL) {
    this.#context = context;
    this.state = this.#kept(6, 'range_over_time.state');
    this.#previous = this.#kept(thumbnailSize, 'range_over_time.previous');
    this.#shown = this.#kept(SAMPLES * SAMPLES, 'follow_range.shown');
  }

  /** Outside of a recording that may be open: it outlives that. */
  #kept(size: number, name: string, value = 0): Tensor {
    const context = this.#context;
    const values = new Float32Array(size).fill(value);
    return context.constant(() => context.tensor(values, [size], 'f32', name));
  }

  /** The smoothed range of the next frame.   range [2 or more]: lo, hi; thumbnail [16, 16]; pace [3] → [2] */
  next(range: Tensor, frame: Tensor, framePace: Tensor): Tensor {
    expectShape('RangeOverTime.next', framePace, [3]);
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
   *   map [H, W], finite; own: lo, hi; pace [3] → [2]
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

  /**
   * The map smoothed pixel by pixel over time, as far as the picture stands still there. After `next`, which sees cuts;
   * maps of another size begin anew, and what was recorded for the size before the last is not to be run any more.
   *   map [H, W], 0…1, finite; pixels [h, w], the frame; pace [3] → [H, W]
   */
  filter(map: Tensor, pixels: Tensor, framePace: Tensor): Tensor {
    expectShape('RangeOverTime.filter', framePace, [3]);
    const [H, W] = sidesOf('RangeOverTime.filter', map);
    if (this.#maps.at(-1)?.before.size !== map.size) {
      this.#maps.push({
        before: this.#kept(map.size, 'temporal_filter.before', -1),
        lumas: this.#kept(2 * map.size, 'temporal_filter.lumas'),
      });
      this.#forgetMaps(2);
    }
    const kept = this.#maps.at(-1)!;
    const { context } = map;
    return context.scope(() => {
      const picture = imageToTensor(pixels, {
        size: [H, W],
        filter: 'antialiased',
        mean: [0, 0, 0],
        std: [1, 1, 1],
      });
      const y = context.empty(map.shape, 'f32', map.name);
      filterKernel.dispatch(
        { x: map, picture, pace: framePace, state: this.state, ...kept, y },
        {
          params: { H, W },
          workgroups: Math.ceil(map.size / 64),
          label: `temporal_filter ${map.name}`,
        },
      );
      return y;
    });
  }

  /** The next frame is the first again: after a jump in the film. */
  reset(): void {
    this.state.write(new Float32Array(6));
  }

  #forgetMaps(most: number): void {
    while (this.#maps.length > most) {
      const { before, lumas } = this.#maps.shift()!;
      before.dispose();
      lumas.dispose();
    }
  }

  /** Frees what it remembers of the film. Idempotent. */
  dispose(): void {
    this.state.dispose();
    this.#previous.dispose();
    this.#shown.dispose();
    this.#forgetMaps(0);
  }

  [disposeSymbol](): void {
    this.dispose();
  }
}
