import type { DepthKind } from '@dpt-webgpu/dpt';
import type { Steady } from '../film/film_calls.ts';
import type { Movie } from '../film/movie_writer.ts';
import type { ManyRunOptions, Place, Rect, RunProgress } from '../image/image_calls.ts';
import type { Call } from '../protocol.ts';

export type DrawAs = 'triangles' | 'points' | 'lines';

/** How the map becomes a surface. */
export interface Surface {
  readonly nearest: number;
  readonly farthest: number;
  /** Of the longer side, in degrees. */
  readonly fov: number;
  /** 0…1: 5 million faces times its fourth power. */
  readonly density: number;
  readonly jitter: number;
  readonly seed: number;
  /** Triangles whose depths differ by this share or more are left out; 0: none. */
  readonly cut: number;
  /** What is darker in the mask is left out, 0…1. */
  readonly threshold: number;
  /** How many pixels of the map the edges in their mask reach farther. */
  readonly wider: number;
  /** The visitor's mask, where there is one, in place of that of the edges. */
  readonly ownMask: boolean;
  readonly drawAs: DrawAs;
  /** Depths are distances from the camera along the ray of each pixel; else along its axis. */
  readonly rays: boolean;
}

/** One look at the surface: a part of the canvas, a camera, and which colours it fills. */
export interface Eye {
  readonly rect: Rect;
  /** From space to the clip volume, column by column. */
  readonly matrix: Float32Array;
  readonly channels: 'all' | 'red' | 'cyan';
}

export interface View3d {
  /** Of the canvas, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly surface: Surface;
  readonly pointSize: number;
  readonly showDepth: boolean;
  readonly eyes: readonly Eye[];
  /** Ends of lines in space, with their colour and opacity: x, y, z, r, g, b, a. */
  readonly lines: Float32Array;
  /** There is no map yet: a grey relief stands in for it. */
  readonly waiting?: boolean;
  /** Filled behind the surface; transparent where absent. */
  readonly background?: readonly [number, number, number] | undefined;
}

export interface View3dFacts {
  /** Of the picture, or of what was used of it. */
  readonly width: number;
  readonly height: number;
  readonly mapWidth: number;
  readonly mapHeight: number;
  readonly kind: DepthKind;
  readonly min: number;
  readonly max: number;
  readonly modelTime: number;
  /** Of the longer side in degrees, where the file says so. */
  readonly fov?: number | undefined;
}

export interface Run3dOptions extends ManyRunOptions {
  /** Edges are where the picture has them, at most 1280 pixels along its longer side. */
  readonly guided: boolean;
}

export interface DrawFacts {
  /** Triangles, points or lines; 0 where there is no surface yet. */
  readonly count: number;
  readonly drawAs: DrawAs;
  readonly time: number;
}

export type Save3dFormat = 'glb' | 'ply' | 'obj' | 'depth' | 'mask' | 'view';

export interface View3dCalls {
  readonly 'view3d.canvas': Call<{ readonly canvas: OffscreenCanvas }, undefined>;
  /** Another picture, from the next run on. */
  readonly 'view3d.open': Call<
    { readonly blob: Blob; readonly name: string },
    { readonly width: number; readonly height: number }
  >;
  readonly 'view3d.run': Call<Run3dOptions, View3dFacts, RunProgress>;
  /** The newest frame of the film instead of a picture; undefined before there is one. */
  readonly 'view3d.film': Call<Steady, View3dFacts | undefined>;
  /** A picture, dark where the surface has to go; undefined: none. */
  readonly 'view3d.mask': Call<
    { readonly blob: Blob; readonly name: string } | undefined,
    undefined
  >;
  /** How near the surface is at places of its picture, 0…1; none before there is one. */
  readonly 'view3d.pick': Call<readonly Place[], readonly number[]>;
  readonly 'view3d.draw': Call<View3d, DrawFacts | undefined>;
  /** Everything that is drawn from now on goes into a video, first this. False: this browser cannot encode one. */
  readonly 'view3d.record': Call<View3d, boolean>;
  /** Ends it. Undefined: none was under way. */
  readonly 'view3d.recorded': Call<undefined, Movie | undefined>;
  readonly 'view3d.save': Call<
    { readonly format: Save3dFormat; readonly view: View3d; readonly name: string },
    Blob
  >;
}
