import { defineKernel, expectShape, invalidArgument, type Tensor } from '@dpt-webgpu/tensor';

const kernel = defineKernel('inverse_to_depth', {
  reads: ['v', 'line'],
  writes: ['y'],
  params: { size: 'u32' },
});

/**
 * A straight line from v, inverse depth in 0…1, to 1/depth: 1/depth = slope · v + offset. Relative models leave both open;
 * two known distances, or a calibration, settle them.
 */
export interface DepthLine {
  /** In 1/metres. */
  readonly slope: number;
  /** In 1/metres: what v = 0 has. */
  readonly offset: number;
  /** Distances end here: where the line gives less than 1/limit, or nothing above 0. May be infinite. */
  readonly limit: number;
}

/** The line through the distances of v = 1 and v = 0; `farthest` may be infinite. */
export function lineBetween(nearest: number, farthest: number): DepthLine {
  if (!(nearest > 0 && farthest > nearest)) {
    throw invalidArgument(
      `lineBetween: nearest is ${nearest} and farthest ${farthest}; needs 0 < nearest < farthest.`,
    );
  }
  return { slope: 1 / nearest - 1 / farthest, offset: 1 / farthest, limit: farthest };
}

/** The values of a `line` tensor [4]. */
export function lineValues({ slope, offset, limit }: DepthLine): Float32Array {
  return Float32Array.of(slope, offset, 1 / limit, limit);
}

/** The distance of one value. */
export function distanceOf(v: number, { slope, offset, limit }: DepthLine): number {
  const inverse = slope * v + offset;
  return inverse > 1 / limit ? 1 / inverse : limit;
}

/** Distances of a map.   v [...], line [4] from `lineValues()` → [...] */
export function inverseToDepth(v: Tensor, line: Tensor): Tensor {
  expectShape('inverseToDepth', line, [4]);
  const y = v.context.empty(v.shape, 'f32', v.name);
  kernel.dispatch(
    { v, line, y },
    {
      params: { size: v.size },
      workgroups: Math.ceil(v.size / 64),
      label: `inverse_to_depth ${v.name}`,
    },
  );
  return y;
}

/** A point of a picture whose distance is known. */
export interface KnownDistance {
  /** v there: the `nearness` of `depthPipeline`. */
  readonly value: number;
  /** Above 0. */
  readonly metres: number;
}

/** A line through known distances, and how well it fits. */
export interface Calibration extends DepthLine {
  /** What the line says about each point, in metres, less what was known. */
  readonly residuals: readonly number[];
}

/**
 * The line that fits known distances: least squares of 1/depth against v, unweighted. Two points with different values
 * at least. Metres beyond `limit` are not told apart: a relative map has no horizon of its own.
 */
export function calibrate(
  points: readonly KnownDistance[],
  { limit = 1000 }: { readonly limit?: number } = {},
): Calibration {
  for (const { value, metres } of points) {
    if (Number.isFinite(value) && Number.isFinite(metres) && metres > 0) continue;
    throw invalidArgument(
      `calibrate: a point has the value ${value} and the distance ${metres} m; needs finite numbers, metres above 0.`,
    );
  }
  const n = points.length;
  const meanV = points.reduce((sum, { value }) => sum + value, 0) / n;
  const meanInverse = points.reduce((sum, { metres }) => sum + 1 / metres, 0) / n;
  const spread = points.reduce((sum, { value }) => sum + (value - meanV) ** 2, 0);
  if (n < 2 || spread === 0) {
    throw invalidArgument(
      `calibrate: ${n} points with ${new Set(points.map(({ value }) => value)).size} different values; needs 2.`,
    );
  }
  const slope =
    points.reduce((sum, { value, metres }) => sum + (value - meanV) * (1 / metres), 0) / spread;
  const line = { slope, offset: meanInverse - slope * meanV, limit };
  const residuals = points.map(({ value, metres }) => distanceOf(value, line) - metres);
  return { ...line, residuals };
}
