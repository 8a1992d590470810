import { invalidArgument, shapeText, type Tensor } from '@dpt-webgpu/tensor';

/** What may change from one run of a recording to the next. Values are those of a map brought to 0…1, 1 the nearest. */
export interface DepthSettings {
  /** The range that is shown, in percent of all pixels, to two decimals. Default 0, 100: all. Used with `percentiles`. */
  readonly percentiles?: readonly [low: number, high: number];
  /** Share of the plane of best fit that is taken away, −1…2 or so. Default 0. Used with `plane`. */
  readonly planeStrength?: number;
  /** The band that is spread over 0…1, and that masks keep. Default 0, 1. */
  readonly thresholds?: readonly [lo: number, hi: number];
  /** Exponent of the values, > 0; below 1 brightens. Default 1. */
  readonly gamma?: number;
  /** Far becomes bright. Default false. */
  readonly reverse?: boolean;
  /** Masks keep what lies outside of the thresholds. Default false. */
  readonly invertMask?: boolean;
}

/** Values in the tensor of settings: struct Settings of the shaders. */
export const SETTINGS = 8;

/** Settings as the pipeline reads them: the values of an f32 tensor [8]. */
export function depthSettings({
  percentiles = [0, 100],
  planeStrength = 0,
  thresholds = [0, 1],
  gamma = 1,
  reverse = false,
  invertMask = false,
}: DepthSettings = {}): Float32Array {
  const [low, high] = percentiles;
  if (!(low >= 0 && low <= high && high <= 100)) {
    throw invalidArgument(
      `depthSettings: percentiles are ${low} and ${high}; needs 0 ≤ low ≤ high ≤ 100.`,
    );
  }
  const [lo, hi] = thresholds;
  if (!(Number.isFinite(lo) && Number.isFinite(hi) && lo <= hi)) {
    throw invalidArgument(`depthSettings: thresholds are ${lo} and ${hi}; needs lo ≤ hi.`);
  }
  if (!(Number.isFinite(gamma) && gamma > 0)) {
    throw invalidArgument(`depthSettings: gamma is ${gamma}; needs a number above 0.`);
  }
  if (!Number.isFinite(planeStrength)) {
    throw invalidArgument(`depthSettings: planeStrength is ${planeStrength}; needs a number.`);
  }
  return Float32Array.of(
    low,
    high,
    planeStrength,
    lo,
    hi,
    gamma,
    Number(reverse),
    Number(invertMask),
  );
}

/** Throws unless the tensor can be a shader's struct Settings. */
export function expectSettings(op: string, settings: Tensor): void {
  if (settings.size === SETTINGS && settings.dtype === 'f32') return;
  throw invalidArgument(
    `${op}: ${settings.name} is ${shapeText(settings.shape)} ${settings.dtype}, expected [${SETTINGS}] f32 (see depthSettings()).`,
  );
}

/** Height and width of one map: [H, W], or [1, H, W] as the network gives it. */
export function sidesOf(op: string, map: Tensor): readonly [H: number, W: number] {
  const { shape } = map;
  const H = shape.at(-2) ?? 0;
  const W = shape.at(-1) ?? 0;
  if (H > 0 && W > 0 && map.size === H * W) return [H, W];
  throw invalidArgument(
    `${op}: ${map.name} is ${shapeText(shape)}; needs one map, [H, W] or [1, H, W], of at least one pixel.`,
  );
}
