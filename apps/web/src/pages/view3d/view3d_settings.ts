import { flag, number, numbers, oneOf, type Schema, whole } from '../../settings.ts';
import type { DrawAs, Surface } from '../../worker/view3d/view3d_calls.ts';
import { type SteadySettings, steadySchema } from '../video/steady.ts';

export const stereoKinds = ['off', 'side', 'half', 'cross', 'red'] as const;
export type Stereo = (typeof stereoKinds)[number];

/** Everything that the 3D page remembers and that its links carry. */
export interface View3dSettings extends SteadySettings {
  /** The nearest distance, as a share of the farthest. */
  readonly near: number;
  readonly far: number;
  /** Of the picture's longer side, in degrees. 0: what the photo says, or 50. */
  readonly fov: number;
  /** Depths are distances along the rays of pixels, as some metric models and sensors give them. */
  readonly rays: boolean;
  readonly cut: number;
  readonly mask: number;
  /** Pixels of the map that its edges reach farther in their mask. */
  readonly wider: number;
  readonly density: number;
  readonly jitter: number;
  readonly seed: number;
  readonly point: number;
  /** Pixels of the canvas per pixel of the screen. */
  readonly resolution: number;
  readonly as: DrawAs;
  readonly tilt: number;
  /** What the camera turns around: 0 the photo's camera, ½ the nearest, 1 the farthest plane. */
  readonly centre: number;
  readonly flat: boolean;
  readonly frustum: boolean;
  readonly depth: boolean;
  readonly stereo: Stereo;
  readonly eyes: number;
  /** What recording makes: a video, or a picture of everything that is drawn. */
  readonly record: 'video' | 'png';
  /** Pixels of the model's input, 0: what it was trained at. */
  readonly size: number;
  /** Where the visitor looks from, as `cameraOf` has it; none: the start. */
  readonly camera: readonly number[];
}

/** Of edges: as many pixels again, and most of a map would be gone. */
export const WIDEST = 8;

export const view3dSchema: Schema<View3dSettings> = {
  near: number(0.5, 0.0001, 1),
  far: number(100, 0.01, 10_000),
  fov: number(0, 0, 179),
  rays: flag(false),
  cut: number(0.05, 0, 1),
  mask: number(0, 0, 1),
  wider: whole(0, 0, WIDEST),
  density: number(0.5, 0.05, 1),
  jitter: number(1, 0, 1),
  seed: number(1, 0, 1e6),
  point: number(2, 0.1, 25),
  resolution: number(1, 0.05, 1),
  as: oneOf(['triangles', 'points', 'lines'], 'triangles'),
  tilt: number(0, -90, 90),
  centre: number(0.5, 0, 1),
  flat: flag(false),
  frustum: flag(true),
  depth: flag(false),
  stereo: oneOf(stereoKinds, 'off'),
  eyes: number(0.35, 0, 1),
  record: oneOf(['video', 'png'], 'video'),
  size: number(0, 0, 4096),
  camera: numbers(6, -1e4, 1e4),
  ...steadySchema,
};

/** Distances: as the sliders say; of a model that gives metres, those of the map until a slider was moved. */
export function rangeOf(
  { near, far }: View3dSettings,
  map: { readonly kind: string; readonly min: number; readonly max: number } | undefined,
): { nearest: number; farthest: number } {
  const untouched = near === view3dSchema.near.start && far === view3dSchema.far.start;
  if (untouched && map?.kind === 'metric' && map.max > map.min && map.max > 0) {
    return { nearest: Math.max(map.min, map.max / 1000), farthest: map.max };
  }
  return { nearest: near * far, farthest: far };
}

/** The smallest angle that can be set, the one of a photo that knows none, the largest. */
export const FOV = { min: 10, start: 50, max: 179 } as const;

/** Of a photo, where its file says so, in whole degrees. */
export const ownFov = (photo: { readonly fov?: number | undefined } | undefined): number =>
  photo?.fov ? Math.min(Math.max(Math.round(photo.fov), FOV.min), FOV.max) : FOV.start;

export const surfaceOf = (
  settings: View3dSettings,
  fov: number,
  range: { nearest: number; farthest: number },
  ownMask: boolean,
): Surface => ({
  ...range,
  fov,
  density: settings.density,
  jitter: settings.jitter,
  seed: settings.seed,
  cut: settings.cut,
  threshold: settings.mask,
  wider: settings.wider,
  ownMask,
  drawAs: settings.as,
  rays: settings.rays,
});
