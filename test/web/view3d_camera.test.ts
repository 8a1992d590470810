// What the 3D page computes without a browser, against the stored arithmetic of the original's viewer: vertices and their grid, the range
// of depths, the camera's matrix for each kind of view and eye, a photo's focal length; and when a picture is run, and how. The same formulas in WGSL are seen in view3d.test.ts.
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { App, PictureRuns } from '../../apps/web/src/app.ts';
import {
  basisOf,
  type CameraOptions,
  cameraOf,
  centreDepth,
  eyesOf,
  lookingAlong,
  moved,
  type Orbit,
  orbitOf,
  type Room,
  startOrbit,
  turned,
  zoomed,
} from '../../apps/web/src/pages/view3d/camera.ts';
import { View3dRunner } from '../../apps/web/src/pages/view3d/view3d_runner.ts';
import {
  rangeOf,
  type View3dSettings,
  view3dSchema,
} from '../../apps/web/src/pages/view3d/view3d_settings.ts';
import { Settings } from '../../apps/web/src/settings.ts';
import { Store } from '../../apps/web/src/store.ts';
import { EngineError } from '../../apps/web/src/worker/protocol.ts';
import {
  fieldOfPart,
  fieldOfView,
  focalLength35,
} from '../../apps/web/src/worker/view3d/focal_length.ts';
import { countOf, gridOf, halfSides } from '../../apps/web/src/worker/view3d/grid.ts';
import type { DrawAs } from '../../apps/web/src/worker/view3d/view3d_calls.ts';
import { withFocalLength } from '../support/exif.ts';
import { golden } from '../support/golden.ts';

const frontal: Orbit = { yaw: 0, pitch: 0, distance: 1, move: [0, 0, 0] };
const settings = Object.fromEntries(
  Object.entries(view3dSchema).map(([key, { start }]) => [key, start]),
) as never;

const firstEye = (orbit: Orbit, room: Room, options: CameraOptions): Float32Array =>
  eyesOf(orbit, room, options)[0]!.matrix;

/** Through the matrix and the division: x, y, z of the clip volume. */
function project(matrix: Float32Array, [x, y, z]: readonly number[]): [number, number, number] {
  const row = (i: number): number =>
    matrix[i]! * x! + matrix[4 + i]! * y! + matrix[8 + i]! * z! + matrix[12 + i]!;
  return [row(0) / row(3), row(1) / row(3), row(2) / row(3)];
}

describe('the grid', () => {
  test('counts what it is drawn as', () => {
    const count = (as: DrawAs): number => countOf(as, { width: 3, height: 2 });
    expect([count('triangles'), count('points'), count('lines')]).toEqual([4, 6, 9]);
  });

  test('has about as many faces as the original has at each density', () => {
    for (const density of [0.1, 0.3, 0.5, 1]) {
      const faces = countOf('triangles', gridOf({ width: 640, height: 480 }, density));
      expect(faces / (5_000_000 * density ** 4)).toBeCloseTo(1, density < 0.2 ? 0 : 1);
    }
  });

  test.each([
    [640, 480],
    [480, 640],
    [3, 4000],
    [1, 1],
  ])('of %i by %i has cells that are about square, and at least one', (width, height) => {
    const grid = gridOf({ width, height }, 0.5);
    expect(grid.width).toBeGreaterThan(1);
    expect(grid.height).toBeGreaterThan(1);
    const cell = width / (grid.width - 1) / (height / (grid.height - 1));
    expect(cell).toBeGreaterThan(0.5);
    expect(cell).toBeLessThan(2);
  });

  test.each(['mesh', 'mesh_tall'])('places vertices as the golden %s has them', (name) => {
    const [height, width] = golden(`${name}.value`).shape as [number, number];
    const positions = golden(`${name}.relative_positions`).data;
    const [sx, sy] = halfSides({ width, height }, golden('param.fov_degrees').data[0]!);
    let worst = 0;
    for (let i = 0; i < width * height; i++) {
      const [x, y, z] = [0, 1, 2].map((k) => positions[3 * i + k]!) as [number, number, number];
      const vx = (2 * (i % width)) / (width - 1) - 1;
      const vy = 1 - (2 * Math.floor(i / width)) / (height - 1);
      worst = Math.max(worst, Math.abs(x / z + vx * sx), Math.abs(y / z + vy * sy));
    }
    // The golden numbers are stored in f32.
    expect(worst).toBeLessThan(1e-6);
  });
});

describe('the range', () => {
  test('of the sliders is a share of the farthest, as in the original', () => {
    expect(rangeOf(settings, { kind: 'relative', min: 0, max: 1 })).toEqual({
      nearest: 50,
      farthest: 100,
    });
  });

  test('of metres is the map’s own until a slider moves', () => {
    const map = { kind: 'metric', min: 1.5, max: 20 };
    expect(rangeOf(settings, map)).toEqual({ nearest: 1.5, farthest: 20 });
    const changed = { ...(settings as object), far: 30 } as never;
    expect(rangeOf(changed, map)).toEqual({ nearest: 15, farthest: 30 });
  });

  test('the orbit’s centre goes from the camera to the nearest to the farthest plane', () => {
    const range = { nearest: 50, farthest: 100 };
    expect([0, 0.25, 0.5, 0.75, 1].map((at) => centreDepth(at, range))).toEqual([
      0, 25, 50, 75, 100,
    ]);
  });
});

describe('the camera', () => {
  const room: Room = {
    nearest: 50,
    farthest: 100,
    half: halfSides({ width: 4, height: 3 }, 50),
    centre: 50,
  };
  const plain: CameraOptions = {
    flat: false,
    tiltDegrees: 0,
    stereo: 'off',
    eyes: 0.35,
    width: 800,
    height: 600,
  };
  const corners = [room.nearest, room.farthest].flatMap((depth) =>
    [-1, 1].flatMap((x) =>
      [-1, 1].map((y) => [x * room.half[0] * depth, y * room.half[1] * depth, -depth]),
    ),
  );

  test.each([
    ['perspective', plain],
    ['flat', { ...plain, flat: true }],
    ['tall', { ...plain, width: 300, height: 900 }],
  ])(
    '%s: all of the surface is in sight from the front and at the start, and its centre in the middle',
    (_, options) => {
      for (const orbit of [frontal, startOrbit]) {
        const matrix = firstEye(orbit, room, options);
        const [x, y] = project(matrix, [0, 0, -room.centre]);
        expect(x).toBeCloseTo(0, 5);
        expect(y).toBeCloseTo(0, 5);
        for (const corner of corners) {
          const [px, py, pz] = project(matrix, corner);
          expect(Math.max(Math.abs(px), Math.abs(py))).toBeLessThan(1);
          expect(pz).toBeGreaterThan(0);
          expect(pz).toBeLessThan(1);
        }
      }
    },
  );

  test('nearer is smaller in z, right is right, up is up', () => {
    const matrix = firstEye(frontal, room, plain);
    expect(project(matrix, [0, 0, -50])[2]).toBeLessThan(project(matrix, [0, 0, -100])[2]);
    expect(project(matrix, [10, 0, -50])[0]).toBeGreaterThan(0);
    expect(project(matrix, [0, 10, -50])[1]).toBeGreaterThan(0);
  });

  test('turning keeps the centre, whatever the angles', () => {
    for (const [yaw, pitch] of [
      [1, 0],
      [-2.5, 0.7],
      [0, 9],
    ] as const) {
      const matrix = firstEye(turned(startOrbit, yaw, pitch), room, plain);
      const [x, y] = project(matrix, [0, 0, -room.centre]);
      expect(x).toBeCloseTo(0, 5);
      expect(y).toBeCloseTo(0, 5);
    }
    expect(turned(startOrbit, 0, 9).pitch).toBeLessThan(Math.PI / 2);
  });

  test('zooming halves and doubles; moving by the height of the screen moves the centre by it', () => {
    const size = (orbit: Orbit): number => {
      const matrix = firstEye(orbit, room, plain);
      return project(matrix, [0, 1, -50])[1] - project(matrix, [0, 0, -50])[1];
    };
    expect(size(zoomed(frontal, 0.5)) / size(frontal)).toBeCloseTo(2, 5);
    expect(zoomed(frontal, 1e9).distance).toBe(20);
    const matrix = firstEye(moved(frontal, 0, 0.5), room, plain);
    // The clip volume is two high.
    expect(project(matrix, [0, 0, -room.centre])[1]).toBeCloseTo(-1, 5);
  });

  test('tilting turns space about the centre, the far side up, whatever the camera', () => {
    const tilt = 0.4;
    const point = [7, -5, -90] as const;
    const [ahead, c] = [point[2] + room.centre, Math.cos(tilt)];
    const turnedPoint = [
      point[0],
      c * point[1] - Math.sin(tilt) * ahead,
      Math.sin(tilt) * point[1] + c * ahead - room.centre,
    ];
    for (const flat of [false, true]) {
      const degrees = (tilt * 180) / Math.PI;
      const tilted = firstEye(startOrbit, room, { ...plain, flat, tiltDegrees: degrees });
      const expected = project(firstEye(startOrbit, room, { ...plain, flat }), turnedPoint);
      for (const [i, value] of project(tilted, point).entries()) {
        expect(value).toBeCloseTo(expected[i]!, 5);
      }
    }
  });

  test('is a few numbers in the address, none at the start; numbers that hands could not reach are brought back', () => {
    expect(cameraOf(startOrbit)).toEqual([]);
    expect(orbitOf([])).toBe(startOrbit);
    const orbit = moved(zoomed(turned(startOrbit, 0.5, -0.3), 1.7), 0.1, 0.2, 0.3);
    const numbers = cameraOf(orbit);
    const again = orbitOf(view3dSchema.camera.parse(view3dSchema.camera.print(numbers))!);
    expect(cameraOf(again)).toHaveLength(6);
    for (const [i, value] of cameraOf(again).entries()) expect(value).toBeCloseTo(numbers[i]!, 3);
    // Whole turns are seen by nobody.
    expect(cameraOf(turned(startOrbit, 4 * Math.PI, 0))).toEqual([]);
    const wild = orbitOf([1, 99, 1e4, 0, 0, 0]);
    expect(wild.pitch).toBeLessThan(Math.PI / 2);
    expect(wild.distance).toBe(20);
    expect(orbitOf([0, 0, 0, 0, 0, 0]).distance).toBeGreaterThan(0);
  });

  test('axes are looked along from both sides', () => {
    const back = (axis: 'x' | 'y' | 'z', behind: boolean) =>
      basisOf(lookingAlong(startOrbit, axis, behind)).back.map((value) => Math.round(value) + 0);
    expect(back('z', false)).toEqual([0, 0, 1]);
    expect(back('z', true)).toEqual([0, 0, -1]);
    expect(back('x', false)).toEqual([1, 0, 0]);
    expect(back('y', false)).toEqual([0, 1, 0]);
    expect(back('y', true)).toEqual([0, -1, 0]);
  });

  describe.each([false, true])('stereo, flat: %s', (flat) => {
    const at = (stereo: CameraOptions['stereo'], depth: number): number[] =>
      eyesOf(frontal, room, { ...plain, flat, stereo }).map(
        ({ matrix }) => project(matrix, [0, 0, -depth])[0],
      );

    test('eyes agree on the centre; what is beyond moves apart, as eyes see it', () => {
      for (const kind of ['side', 'half', 'red'] as const) {
        const [left, right] = at(kind, room.centre);
        expect(left! - right!).toBeCloseTo(0, 5);
        const [leftFar, rightFar] = at(kind, room.farthest);
        expect(leftFar!).toBeLessThan(rightFar!);
      }
      const [first, second] = at('cross', room.farthest);
      expect(first!).toBeGreaterThan(second!);
    });
  });

  test('the two pictures share the canvas, or its colours', () => {
    const of = (stereo: CameraOptions['stereo']) => eyesOf(frontal, room, { ...plain, stereo });
    expect(of('side').map(({ rect }) => [rect.x, rect.width])).toEqual([
      [0, 400],
      [400, 400],
    ]);
    expect(of('red').map(({ channels, rect }) => [channels, rect.width])).toEqual([
      ['red', 800],
      ['cyan', 800],
    ]);
    // Half width: the whole picture, squeezed. Eyes agree on what is as far as the centre.
    const across = (stereo: CameraOptions['stereo']): number =>
      project(of(stereo)[0]!.matrix, [10, 0, -room.centre])[0];
    expect(across('half')).toBeCloseTo(across('off'), 5);
  });
});

describe('the focal length that a JPEG says', () => {
  const jpeg = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xda, 0, 2]);
  const of = (bytes: Uint8Array) => focalLength35(new Blob([Uint8Array.from(bytes)]));

  test.each([false, true])('in either order of bytes: little %s', async (little) => {
    expect(await of(withFocalLength(jpeg, 26, little))).toBe(26);
  });

  test('is none where there is none, and where the file is damaged', async () => {
    expect(await of(jpeg)).toBeUndefined();
    expect(await of(withFocalLength(jpeg, 0))).toBeUndefined();
    expect(await of(Buffer.from('PNG'))).toBeUndefined();
    expect(await of(new Uint8Array())).toBeUndefined();
    const whole = withFocalLength(jpeg, 26);
    for (let length = 0; length < 50; length++) {
      expect(await of(whole.subarray(0, length))).toBeUndefined();
    }
    // The first directory leads nowhere.
    expect(await of(Buffer.from(whole).fill(0xff, 22, 34))).toBeUndefined();
  });

  test('is an angle of the longer side, and a smaller one of a part', () => {
    const degrees = (mm: number): number => (2 * Math.atan(mm / 2 / 26) * 180) / Math.PI;
    expect(fieldOfView(26, { width: 300, height: 200 })).toBeCloseTo(degrees(36), 6);
    expect(fieldOfView(26, { width: 3000, height: 4000 })).toBeCloseTo(
      degrees(0.8 * Math.hypot(36, 24)),
      6,
    );
    const whole = { width: 400, height: 300 };
    expect(fieldOfPart(90, whole, whole)).toBeCloseTo(90, 6);
    expect(fieldOfPart(90, whole, { width: 200, height: 100 })).toBeCloseTo(53.13, 2);
  });
});

describe('a picture is run', () => {
  const file = new File([], 'a.jpg');
  const crop = { x: 0, y: 0, width: 0.5, height: 1 };
  const plain: PictureRuns = { square: false, tiles: 1, flip: false, guided: false };

  /** The runner on a worker that answers at once, or when told. */
  function runnerWith(answer: () => Promise<unknown> = async () => ({ width: 1, height: 1 })) {
    vi.stubGlobal('requestAnimationFrame', () => 0);
    const calls: unknown[] = [];
    const page = { runs: plain };
    const model = new Store({ state: 'ready' });
    const call = (name: string, options: unknown, { signal }: { signal?: AbortSignal } = {}) => {
      if (name !== 'view3d.run') return Promise.resolve({});
      calls.push(options);
      const aborted = new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(new EngineError(CANCELLED)));
      });
      return Promise.race([answer(), aborted]);
    };
    const engine = { call, model, info: { baseSize: 168, dtype: 'f32' } };
    const app = { engine, pictureRuns: () => page.runs } as unknown as App;
    const own = new Settings<View3dSettings>('view3d', view3dSchema, '');
    return { runner: new View3dRunner(app, own, () => undefined), calls, page, own };
  }
  const CANCELLED = { code: 'cancelled', message: 'Cancelled.' } as const;
  afterEach(() => vi.unstubAllGlobals());

  test('as the image page has it, at the size of this one, and again once either differs', async () => {
    const { runner, calls, page, own } = runnerWith();
    await runner.open(file, crop);
    await vi.waitUntil(() => runner.facts.value);
    expect(calls).toEqual([{ size: 168, crop, ...plain }]);
    runner.refresh({ kind: 'picture', key: file, crop });
    expect(calls).toHaveLength(1);

    page.runs = { square: true, tiles: 2, flip: true, guided: true };
    runner.refresh({ kind: 'picture', key: file, crop: undefined });
    expect(calls.slice(1)).toEqual([{ size: 168, crop: undefined, ...page.runs }]);
    await vi.waitUntil(() => runner.run.value.state === 'idle');
    own.change({ size: 252 });
    expect(calls[2]).toEqual({ size: 252, crop: undefined, ...page.runs });
    await vi.waitUntil(() => runner.run.value.state === 'idle');
    // The crop of another picture is none of this one's.
    runner.refresh({ kind: 'picture', key: new File([], 'b.jpg'), crop });
    expect(calls).toHaveLength(3);
  });

  test('until it is stopped', async () => {
    const { runner, calls } = runnerWith(() => new Promise(() => {}));
    expect(runner.cancelRun()).toBe(false);
    await runner.open(file);
    expect(runner.run.value.state).toBe('running');
    expect(runner.cancelRun()).toBe(true);
    await vi.waitUntil(() => runner.run.value.state === 'idle');
    expect(runner.facts.value).toBeUndefined();
    expect(calls).toHaveLength(1);
  });
});
