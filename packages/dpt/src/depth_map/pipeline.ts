import { lookup, minMax, replaceNonFinite, type Tensor } from '@dpt-webgpu/tensor';
import type { DepthKind } from '../config.ts';
import { depthLevels, equaliseLevels, reverseLevels } from './levels.ts';
import { normaliseRange, percentileRange } from './normalise_map.ts';
import { type RangeOverTime, thumbnail } from './over_time.ts';
import { planeOfBestFit, removePlane } from './plane.ts';
import { type GuidedOptions, guidedUpsample, type ResizeMethod, resizeMap } from './resize_map.ts';
import { expectSettings, sidesOf } from './settings.ts';

/**
 * What of the chain runs. A recording keeps these choices; what the tensors among them hold may change from run to run.
 */
export interface DepthPipelineOptions {
  /** [8], from `depthSettings()`. */
  readonly settings: Tensor;
  /** `metric` maps are turned round: 1 is the nearest from there on. Default `relative`. */
  readonly kind?: DepthKind;
  /** Take the range from the percentiles of the settings. Default: from end to end. */
  readonly percentiles?: boolean;
  /** Smooth the range over the frames of a film. `pace` [3], from `pace()`; `pixels` [h, w], the frame. Default: each map for itself. */
  readonly overTime?: {
    readonly range: RangeOverTime;
    readonly pixels: Tensor;
    readonly pace: Tensor;
    /** Fit each map to the one before as well: `RangeOverTime.follow`. For relative maps. Default false. */
    readonly follow?: boolean;
    /** Smooth each pixel, too, where the picture stands still: `RangeOverTime.filter`. Default false. */
    readonly filter?: boolean;
  };
  /** Fit a plane and take away as much of it as the settings say. Default false. */
  readonly plane?: boolean;
  /** Resize before thresholds and levels, or let the picture guide it. Default: the size of the map. */
  readonly resize?:
    | { readonly size: readonly [height: number, width: number]; readonly method?: ResizeMethod }
    | ({ readonly guide: Tensor } & GuidedOptions);
  /** Spread the levels evenly: high contrast. Default false. */
  readonly equalise?: boolean;
  /** [256] u32, from `colourWords()`. Without them there is no `rgba`. Default: none. */
  readonly colours?: Tensor;
}

/** Everything that somebody may show, save or go on with. */
export interface ProcessedDepth<Rgba extends Tensor | undefined = Tensor | undefined> {
  /** The map without NaN and infinities, in the numbers of the network. f32, as the map. */
  readonly clean: Tensor;
  /** Smallest and largest finite value of the map, and how many are finite. [3] */
  readonly ends: Tensor;
  /** The range that became 0…1. [2 or 3], the first two count. */
  readonly range: Tensor;
  /** 0…1, 1 the nearest, plane removed, resized: what masks, metres and meshes are made from. */
  readonly nearness: Tensor;
  /** Thresholds, gamma and reversal on top, never equalised: for files of floats and of 16 bits. */
  readonly values: Tensor;
  /** One u32 per pixel, 0…255, with everything. */
  readonly levels: Tensor;
  /** The levels in colour: the bytes R G B A of a picture. */
  readonly rgba: Rgba;
}

/**
 * From a depth map to a picture, in this order: clean, range, 0…1, filter, plane, resize, thresholds, gamma, bytes, equalise,
 * reverse, colour. Nothing is read back, so it runs in a recording as well as at once.
 *   map [H, W] or [1, H, W] → see ProcessedDepth
 */
export function depthPipeline(
  map: Tensor,
  options: DepthPipelineOptions & { readonly colours: Tensor },
): ProcessedDepth<Tensor>;
export function depthPipeline(map: Tensor, options: DepthPipelineOptions): ProcessedDepth;
export function depthPipeline(map: Tensor, options: DepthPipelineOptions): ProcessedDepth {
  const { settings, kind = 'relative', overTime, resize } = options;
  sidesOf('depthPipeline', map);
  expectSettings('depthPipeline', settings);
  const nearIsLow = kind === 'metric';

  const made: Tensor[] = [];
  const step = (tensor: Tensor): Tensor => {
    made.push(tensor);
    return tensor;
  };
  try {
    const ends = step(minMax(map));
    const clean = step(replaceNonFinite(map, ends, nearIsLow ? 'max' : 'min'));

    let range = ends;
    if (options.percentiles) range = step(percentileRange(clean, ends, settings));
    if (overTime) {
      const frame = step(thumbnail(overTime.pixels));
      const smooth = step(overTime.range.next(range, frame, overTime.pace));
      range = overTime.follow ? step(overTime.range.follow(clean, range, overTime.pace)) : smooth;
    }

    let nearness = step(normaliseRange(clean, range, { nearIsLow }));
    if (overTime?.filter) {
      nearness = step(overTime.range.filter(nearness, overTime.pixels, overTime.pace));
    }
    if (options.plane) {
      const plane = step(planeOfBestFit(nearness));
      nearness = step(removePlane(nearness, plane, settings));
    }
    if (resize) {
      nearness =
        'guide' in resize
          ? step(guidedUpsample(nearness, resize.guide, resize))
          : step(resizeMap(nearness, resize.size, resize.method));
    }

    const { values, levels: plain } = depthLevels(nearness, settings);
    step(values);
    step(plain);
    const levels = step(
      options.equalise ? equaliseLevels(plain, nearness, settings) : reverseLevels(plain, settings),
    );
    const rgba = options.colours && step(lookup(levels, options.colours));

    const result = { clean, ends, range, nearness, values, levels, rgba };
    disposeExcept(made, Object.values(result));
    return result;
  } catch (error) {
    disposeExcept(made, []);
    throw error;
  }
}

/** Frees what was made on the way: an op that runs at once leaves a buffer, inside a recording there is nothing to free. */
function disposeExcept(made: readonly Tensor[], kept: readonly (Tensor | undefined)[]): void {
  const storages = new Set(kept.map((tensor) => tensor?.storage));
  for (const tensor of made) if (!storages.has(tensor.storage)) tensor.dispose();
}
