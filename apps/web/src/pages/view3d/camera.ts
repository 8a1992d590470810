import type { Eye } from '../../worker/view3d/view3d_calls.ts';
import type { Stereo } from './view3d_settings.ts';

type Vector = readonly [x: number, y: number, z: number];

/** Where the visitor looks from: around a centre, at a distance, with the centre moved aside. Angles in radians. */
export interface Orbit {
  readonly yaw: number;
  readonly pitch: number;
  /** Of the fitting distance: 1 shows all. */
  readonly distance: number;
  /** Of the centre, in the same unit. */
  readonly move: Vector;
}

/** A little from the side: from the front a relief looks like the photo. */
export const startOrbit: Orbit = { yaw: 0.3, pitch: 0.12, distance: 1, move: [0, 0, 0] };

/** The same as numbers for the address, none for the start. Whole turns are left out. */
export function cameraOf(orbit: Orbit): readonly number[] {
  const turn = 2 * Math.PI;
  const yaw = orbit.yaw - turn * Math.round(orbit.yaw / turn);
  const numbers = [yaw, orbit.pitch, orbit.distance, ...orbit.move];
  const start = [startOrbit.yaw, startOrbit.pitch, startOrbit.distance, ...startOrbit.move];
  const isStart = numbers.every((value, i) => Math.abs(value - start[i]!) < 5e-5);
  return isStart ? [] : numbers;
}

/** The way back. Numbers out of a link may be any: they are brought to where hands could have. */
export function orbitOf(camera: readonly number[]): Orbit {
  const [yaw, pitch, distance, x, y, z] = camera;
  if (yaw === undefined || pitch === undefined || distance === undefined) return startOrbit;
  const orbit = { ...startOrbit, yaw, move: [x ?? 0, y ?? 0, z ?? 0] as const };
  return zoomed(turned(orbit, 0, pitch - startOrbit.pitch), distance / startOrbit.distance);
}

/** What the view has to know of the surface. */
export interface Room {
  readonly nearest: number;
  readonly farthest: number;
  /** Half the picture's sides at depth 1. */
  readonly half: readonly [x: number, y: number];
  /** Depth of what the camera turns around. */
  readonly centre: number;
}

export interface CameraOptions {
  readonly flat: boolean;
  readonly tiltDegrees: number;
  readonly stereo: Stereo;
  readonly eyes: number;
  readonly width: number;
  readonly height: number;
}

/** Half the angle of view from bottom to top. */
const HALF_ANGLE = (22.5 * Math.PI) / 180;
const CORNERS = [
  [-1, -1],
  [1, -1],
  [1, 1],
  [-1, 1],
] as const;
/** Around what is in sight: buttons stand in the corners. */
const MARGIN = 1.1;
const STEEPEST = Math.PI / 2 - 0.001;

export function centreDepth(
  offset: number,
  { nearest, farthest }: { nearest: number; farthest: number },
): number {
  return offset < 0.5 ? 2 * offset * nearest : nearest + (2 * offset - 1) * (farthest - nearest);
}

/** How far from the centre the camera stands when all of the surface is in sight, from the front and from where it starts. */
function fittingDistance(
  { nearest, farthest, half, centre }: Room,
  { width, height, flat }: { width: number; height: number; flat: boolean },
): number {
  const up = Math.tan(HALF_ANGLE);
  const across = (up * width) / height;
  let distance = 0.05 * farthest;
  for (const from of [{ yaw: 0, pitch: 0 }, startOrbit]) {
    const axes = basisOf(from);
    for (const depth of [nearest, farthest]) {
      for (const [x, y] of CORNERS) {
        const corner: Vector = [x * half[0] * depth, y * half[1] * depth, centre - depth];
        const along = (axis: Vector): number =>
          corner[0] * axis[0] + corner[1] * axis[1] + corner[2] * axis[2];
        const aside = Math.max(Math.abs(along(axes.up)) / up, Math.abs(along(axes.right)) / across);
        // A flat camera sees what is far as large as what is near.
        distance = Math.max(distance, aside + (flat ? 0 : along(axes.back)));
      }
    }
  }
  return MARGIN * distance;
}

export function turned(orbit: Orbit, yaw: number, pitch: number): Orbit {
  return {
    ...orbit,
    yaw: orbit.yaw + yaw,
    pitch: Math.min(Math.max(orbit.pitch + pitch, -STEEPEST), STEEPEST),
  };
}

export const zoomed = (orbit: Orbit, by: number): Orbit => ({
  ...orbit,
  distance: Math.min(Math.max(orbit.distance * by, 0.02), 20),
});

/** Moves the centre along the screen, in shares of its height; `forward` into it. */
export function moved(orbit: Orbit, right: number, up: number, forward = 0): Orbit {
  const basis = basisOf(orbit);
  const scale = 2 * Math.tan(HALF_ANGLE) * orbit.distance;
  const move = [0, 1, 2].map(
    (i) =>
      orbit.move[i]! +
      scale * (right * basis.right[i]! + up * basis.up[i]! - forward * basis.back[i]!),
  );
  return { ...orbit, move: move as unknown as Vector };
}

export function lookingAlong(orbit: Orbit, axis: 'x' | 'y' | 'z', behind: boolean): Orbit {
  const yaw = axis === 'x' ? Math.PI / 2 : 0;
  const pitch = axis === 'y' ? STEEPEST : 0;
  if (axis === 'y') return { ...orbit, yaw: 0, pitch: behind ? -pitch : pitch, move: [0, 0, 0] };
  return { ...orbit, yaw: behind ? yaw + Math.PI : yaw, pitch, move: [0, 0, 0] };
}

/** Axes of the camera in space; `back` leads from the centre to it. */
export function basisOf({ yaw, pitch }: Pick<Orbit, 'yaw' | 'pitch'>) {
  const [sy, cy, sp, cp] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)];
  return {
    right: [cy, 0, -sy] as Vector,
    up: [-sy * sp, cp, -cy * sp] as Vector,
    back: [sy * cp, sp, cy * cp] as Vector,
  };
}

/** The eyes of a view, each with its part of the canvas. */
export function eyesOf(orbit: Orbit, room: Room, options: CameraOptions): Eye[] {
  const { width, height, stereo } = options;
  const whole = { x: 0, y: 0, width, height };
  if (stereo === 'off') {
    return [{ rect: whole, matrix: matrixOf(orbit, room, options, 0), channels: 'all' }];
  }
  if (stereo === 'red') {
    return [
      { rect: whole, matrix: matrixOf(orbit, room, options, -1), channels: 'red' },
      { rect: whole, matrix: matrixOf(orbit, room, options, 1), channels: 'cyan' },
    ];
  }
  const half = Math.floor(width / 2);
  // Half: squeezed to half the width, as televisions stretch it again.
  const shape = stereo === 'half' ? options : { ...options, width: half };
  const sides = stereo === 'cross' ? ([1, -1] as const) : ([-1, 1] as const);
  return sides.map((side, i) => ({
    rect: { x: i * half, y: 0, width: half, height },
    matrix: matrixOf(orbit, room, shape, side),
    channels: 'all' as const,
  }));
}

/** From space to the clip volume, column by column. `side`: −1 the left eye, 1 the right one. */
function matrixOf(
  orbit: Orbit,
  room: Room,
  { flat, tiltDegrees, width, height, eyes }: CameraOptions,
  side: -1 | 0 | 1,
): Float32Array {
  const fit = fittingDistance(room, { width, height, flat });
  const distance = fit * orbit.distance;
  const { right, up, back } = basisOf(orbit);
  // The centre lies on the photo's axis; the camera turns around it, and space is tilted about it.
  const centre: Vector = [0, 0, -room.centre];
  const [st, ct] = [
    Math.sin((tiltDegrees * Math.PI) / 180),
    Math.cos((tiltDegrees * Math.PI) / 180),
  ];
  const apart = (side * eyes * 0.06 * distance) / 2;
  const tilted = (axis: Vector): Vector => [
    axis[0],
    ct * axis[1] + st * axis[2],
    -st * axis[1] + ct * axis[2],
  ];
  const row = (axis: Vector, shift: number): [number, number, number, number] => {
    const a = tilted(axis);
    const toCentre = -(a[0] * centre[0] + a[1] * centre[1] + a[2] * centre[2]);
    const aside =
      fit * (axis[0] * orbit.move[0] + axis[1] * orbit.move[1] + axis[2] * orbit.move[2]);
    return [a[0], a[1], a[2], toCentre - aside - shift];
  };
  const x = row(right, apart);
  const y = row(up, 0);
  const z = row(back, distance);
  const far = distance + 4 * room.farthest + fit * 8;
  const close = flat ? -far : Math.max(distance, 0.05 * fit) * 0.02;
  const sy = 1 / Math.tan(HALF_ANGLE);
  const sx = (sy * height) / width;
  const matrix = new Float32Array(16);
  for (let i = 0; i < 4; i++) {
    const last = i === 3 ? 1 : 0;
    if (flat) {
      // Eyes of a flat camera would see the same: they lean instead.
      matrix[4 * i] = ((x[i]! - z[i]! * (apart / distance)) * sx) / distance;
      matrix[4 * i + 1] = (y[i]! * sy) / distance;
      matrix[4 * i + 2] = (-z[i]! - last * close) / (far - close);
      matrix[4 * i + 3] = last;
    } else {
      // Both eyes see the centre at the same place of the screen.
      matrix[4 * i] = (x[i]! - z[i]! * (apart / distance)) * sx;
      matrix[4 * i + 1] = y[i]! * sy;
      matrix[4 * i + 2] = (-z[i]! * far - last * far * close) / (far - close);
      matrix[4 * i + 3] = -z[i]!;
    }
  }
  return matrix;
}

const TEAL = [0.37, 0.83, 0.78] as const;

/** The photo's own view: from its camera to the corners of the farthest plane, with the nearest one between. */
export function frustumLines({ nearest, farthest, half }: Room): number[] {
  const corner = (i: number, depth: number): Vector => [
    (i === 0 || i === 3 ? -1 : 1) * half[0] * depth,
    (i < 2 ? 1 : -1) * half[1] * depth,
    -depth,
  ];
  const lines: number[] = [];
  const join = (a: Vector, b: Vector, opacity: number): void => {
    lines.push(...a, ...TEAL, opacity, ...b, ...TEAL, opacity);
  };
  for (let i = 0; i < 4; i++) {
    join([0, 0, 0], corner(i, farthest), 0.35);
    join(corner(i, nearest), corner((i + 1) % 4, nearest), 0.8);
    join(corner(i, farthest), corner((i + 1) % 4, farthest), 0.35);
  }
  return lines;
}

/** A floor below the surface, so that turning has a direction. */
export function floorLines({ nearest, farthest, half }: Room): number[] {
  const y = -half[1] * farthest * 1.02;
  const side = half[0] * farthest * 1.6;
  const [from, to] = [-nearest + 0.6 * (farthest - nearest), -farthest * 1.25];
  const lines: number[] = [];
  const COUNT = 12;
  for (let i = 0; i <= COUNT; i++) {
    const x = side * ((2 * i) / COUNT - 1);
    const z = from + ((to - from) * i) / COUNT;
    for (const [a, b] of [
      [
        [x, y, from],
        [x, y, to],
      ],
      [
        [-side, y, z],
        [side, y, z],
      ],
    ] as const) {
      lines.push(...a, 1, 1, 1, 0.1, ...b, 1, 1, 1, 0.1);
    }
  }
  return lines;
}
