import type { ColourMap, DepthKind } from '@dpt-webgpu/dpt';
import type { Call } from '../protocol.ts';

/** A place in what is used of a picture, 0…1. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What a pane of the view shows. */
export type PaneContent = 'photo' | 'depth' | 'normals' | 'cutout';

export interface Pane {
  readonly content: PaneContent;
  /** Where the picture lies, in canvas pixels; it may reach beyond the canvas. */
  readonly rect: Rect;
  /** Nothing is drawn outside. Default: the rectangle itself. */
  readonly clip?: Rect;
  /** The photo as a whole, not what was cropped from it. */
  readonly whole?: boolean;
}

/** What the canvas shows. The page lays it out, because what lies on top of the picture is HTML. */
export interface View {
  /** Of the canvas, in device pixels. */
  readonly width: number;
  readonly height: number;
  /** Device pixels per CSS pixel. */
  readonly scale: number;
  /** Of corners, in device pixels. */
  readonly radius: number;
  readonly panes: readonly Pane[];
}

/** How a run looks at the photo. */
export interface RunOptions {
  readonly size: number;
  readonly square: boolean;
  /** The part of the photo that is used, 0…1. */
  readonly crop: Rect | undefined;
}

/** How many runs one map is made of. */
export interface ManyRunOptions extends RunOptions {
  /** Tiles along each side, each seen by the network at `size`; 1: the photo as a whole. */
  readonly tiles: number;
  /** The mean with the map of the mirrored photo. */
  readonly flip: boolean;
}

export interface RunProgress {
  /** Kernels compiled, or runs of the network done. */
  readonly step: 'compile' | 'run';
  readonly done: number;
  readonly total: number;
}

export interface RunFacts {
  /** Pixels of the photo that were used. */
  readonly width: number;
  readonly height: number;
  /** What the network saw, each time. */
  readonly networkWidth: number;
  readonly networkHeight: number;
  /** Of the map: of all tiles together. */
  readonly mapWidth: number;
  readonly mapHeight: number;
  /** Runs of the network. */
  readonly runs: number;
  readonly kind: DepthKind;
  readonly min: number;
  readonly max: number;
  readonly modelTime: number;
  readonly totalTime: number;
  /** Bytes on the device. */
  readonly memory: number;
}

/** How a map comes to the size of its photo, in the words of `dpt image --upsample`. */
export const upsamplings = ['model', 'bilinear', 'guided', 'none'] as const;
export type Upsampling = (typeof upsamplings)[number];

/** How the map is shown: everything that needs no new run of the model. */
export interface Look {
  readonly colourMap: ColourMap;
  readonly reverse: boolean;
  readonly contrast: boolean;
  readonly low: number;
  readonly high: number;
  /** Percent left out at each end. */
  readonly percentile: number;
  readonly gamma: number;
  readonly plane: number;
  readonly upsample: Upsampling;
  /** Colour the plane that was fitted, in place of the map. For the eye: files are of the map. */
  readonly showPlane: boolean;
  readonly cutLow: number;
  readonly cutHigh: number;
  readonly cutInvert: boolean;
  /** Also make the normals, which take a few steps more. */
  readonly normals: boolean;
  /** Distances from nearness, as the visitor measured them: 1/metres = slope · nearness + offset. */
  readonly line: { readonly slope: number; readonly offset: number } | undefined;
}

export const HISTOGRAM_BINS = 64;

export interface LookFacts {
  /** How many pixels have which nearness, before thresholds. */
  readonly histogram: readonly number[];
  /** All at one depth, so that there is nothing to colour. */
  readonly flat: boolean;
}

export interface Picked {
  /** As the network gave it, resized as the model prescribes. */
  readonly value: number;
  readonly nearness: number;
}

export type SaveFormat =
  | 'png'
  | 'png16'
  | 'npy'
  | 'pfm'
  | 'exr'
  | 'normals'
  | 'mask'
  | 'cutout'
  | 'glb'
  | 'ply'
  | 'obj';

/** `map`: as the network gave it; `source`: the photo, or what was cropped from it. */
export type SaveSize = 'map' | 'source';

export interface ImageCalls {
  /** Moves a canvas to the worker for good. */
  readonly 'image.canvas': Call<{ readonly canvas: OffscreenCanvas }, undefined>;
  readonly 'image.open': Call<
    { readonly blob: Blob; readonly name: string },
    { readonly width: number; readonly height: number }
  >;
  /** The look that the first map will have: what it needs is compiled while a model loads. */
  readonly 'image.expect': Call<Look, undefined>;
  readonly 'image.run': Call<ManyRunOptions, RunFacts, RunProgress>;
  readonly 'image.look': Call<Look, LookFacts>;
  readonly 'image.view': Call<View, undefined>;
  /** Values at places of what was used of the photo, 0…1. */
  readonly 'image.pick': Call<readonly Place[], readonly Picked[]>;
  readonly 'image.save': Call<
    { readonly format: SaveFormat; readonly size: SaveSize; readonly look: Look },
    Blob
  >;
  /** A picture decoded at strip size, cut to the shape. */
  readonly 'image.thumbnail': Call<
    { readonly blob: Blob; readonly width: number; readonly height: number },
    ImageBitmap
  >;
}
