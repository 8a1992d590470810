import { halfSides } from '../../worker/view3d/grid.ts';
import type { View3d, View3dFacts } from '../../worker/view3d/view3d_calls.ts';
import { centreDepth, eyesOf, floorLines, frustumLines, type Orbit, type Room } from './camera.ts';
import { ownFov, rangeOf, surfaceOf, type View3dSettings } from './view3d_settings.ts';

/** What is looked at, from where, and on what. */
export interface Looking {
  readonly facts: Pick<View3dFacts, 'width' | 'height' | 'kind' | 'min' | 'max' | 'fov'>;
  readonly orbit: Orbit;
  /** The visitor's mask is in use. */
  readonly ownMask: boolean;
  /** Of the stage, in CSS pixels. */
  readonly stage: { readonly width: number; readonly height: number };
  /** Pixels of the screen per CSS pixel. */
  readonly density: number;
  /** A video is made of it. */
  readonly filmed: boolean;
}

/** What the worker is to draw: settings, camera and canvas put together. */
export function viewFor(
  settings: View3dSettings,
  { facts, orbit, ownMask, stage, density, filmed }: Looking,
): View3d {
  const scale = density * settings.resolution;
  // Encoders want even sides.
  const even = filmed ? 2 : 1;
  const width = even * Math.max(1, Math.round((stage.width * scale) / even));
  const height = even * Math.max(1, Math.round((stage.height * scale) / even));
  const range = rangeOf(settings, facts);
  const fov = settings.fov || ownFov(facts);
  const room: Room = {
    ...range,
    half: halfSides(facts, fov),
    centre: centreDepth(settings.centre, range),
  };
  const camera = {
    flat: settings.flat,
    tiltDegrees: settings.tilt,
    stereo: settings.stereo,
    eyes: settings.eyes,
    width,
    height,
  };
  return {
    width,
    height,
    surface: surfaceOf(settings, fov, range, ownMask),
    pointSize: settings.point * density,
    showDepth: settings.depth,
    eyes: eyesOf(orbit, room, camera),
    lines: Float32Array.from(
      settings.frustum ? [...floorLines(room), ...frustumLines(room)] : floorLines(room),
    ),
    background: filmed ? [0.11, 0.125, 0.14] : undefined,
  };
}
