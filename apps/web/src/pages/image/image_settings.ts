import { type ColourMap, colourMaps } from '@dpt-webgpu/dpt';
import type { PictureRuns } from '../../app.ts';
import { flag, number, numbers, oneOf, type Schema, whole } from '../../settings.ts';
import { type Look, type Upsampling, upsamplings } from '../../worker/image/image_calls.ts';

export const views = ['depth', 'compare', 'side', 'normals', 'cutout'] as const;
/** Along each side: 16 runs, and one of the whole. `dpt image` has more patience. */
export const MOST_TILES = 4;
export type ImageView = (typeof views)[number];

/** Everything that the image page remembers and that its links carry. */
export interface ImageSettings {
  readonly view: ImageView;
  /** Where the line of the compare view stands, 0…1. */
  readonly divider: number;
  readonly map: ColourMap;
  readonly reverse: boolean;
  readonly contrast: boolean;
  readonly low: number;
  readonly high: number;
  readonly percentile: number;
  readonly gamma: number;
  readonly plane: number;
  readonly upsample: Upsampling;
  /** The plane that is fitted, in place of the map. */
  readonly showplane: boolean;
  /** Pixels, 0: what the model was trained at. */
  readonly size: number;
  readonly shape: 'aspect' | 'square';
  /** Which rules make the network's input: the authors' or muggled_dpt's. */
  readonly rounding: 'official' | 'muggled';
  /** Left, top, right, bottom, 0…1; none: all. */
  readonly crop: readonly number[];
  /** Along each side; 1: the photo as a whole. */
  readonly tiles: number;
  /** The mean with the map of the mirrored photo. */
  readonly flip: boolean;
  readonly cutlow: number;
  readonly cuthigh: number;
  readonly invert: boolean;
}

export const imageSchema: Schema<ImageSettings> = {
  view: oneOf(views, 'depth'),
  divider: number(0.5, 0, 1),
  map: oneOf(colourMaps, 'magma'),
  reverse: flag(false),
  contrast: flag(false),
  low: number(0, 0, 1),
  high: number(1, 0, 1),
  percentile: number(0, 0, 10),
  gamma: number(1, 0.1, 5),
  plane: number(0, -1, 2),
  upsample: oneOf(upsamplings, 'model'),
  showplane: flag(false),
  size: number(0, 0, 2048),
  shape: oneOf(['aspect', 'square'], 'aspect'),
  rounding: oneOf(['official', 'muggled'], 'official'),
  crop: numbers(4, 0, 1),
  tiles: whole(1, 1, MOST_TILES),
  flip: flag(false),
  cutlow: number(0.5, 0, 1),
  cuthigh: number(1, 0, 1),
  invert: flag(false),
};

/** `line`: distances as the visitor measured them, where that was done. */
export const lookOf = (settings: ImageSettings, line?: Look['line']): Look => ({
  colourMap: settings.map,
  reverse: settings.reverse,
  contrast: settings.contrast,
  low: Math.min(settings.low, settings.high),
  high: Math.max(settings.low, settings.high),
  percentile: settings.percentile,
  gamma: settings.gamma,
  plane: settings.plane,
  upsample: settings.upsample,
  showPlane: settings.showplane,
  cutLow: Math.min(settings.cutlow, settings.cuthigh),
  cutHigh: Math.max(settings.cutlow, settings.cuthigh),
  cutInvert: settings.invert,
  normals: settings.view === 'normals',
  line,
});

/** How pictures are run, but for their size and crop. */
export const runsOf = ({ shape, tiles, flip, upsample }: ImageSettings): PictureRuns => ({
  square: shape === 'square',
  tiles,
  flip,
  guided: upsample === 'guided',
});

export interface Crop {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The crop as a box, or none where it is all or nothing. */
export function cropOf({ crop }: Pick<ImageSettings, 'crop'>): Crop | undefined {
  const [left = 0, top = 0, right = 1, bottom = 1] = crop;
  if (!(right > left && bottom > top)) return undefined;
  if (left === 0 && top === 0 && right === 1 && bottom === 1) return undefined;
  return { x: left, y: top, width: right - left, height: bottom - top };
}
