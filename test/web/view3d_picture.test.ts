// Each control of the 3D page and what it does to the picture: the page's own path from settings to shader, on the device of these tests,
// against an f64 rasteriser that takes the controls' values. The camera's matrices are the page's (view3d_camera.test.ts has their
// arithmetic); image size and steadiness need a model and films (view3d.test.ts, smoothing.test.ts). And a film, whose colours and
// relief are of one frame whenever something is drawn.
import { beforeAll, describe, expect, test } from 'vitest';
import { startOrbit } from '../../apps/web/src/pages/view3d/camera.ts';
import { type Looking, viewFor } from '../../apps/web/src/pages/view3d/view.ts';
import {
  type View3dSettings,
  view3dSchema,
} from '../../apps/web/src/pages/view3d/view3d_settings.ts';
import type { Gpu } from '../../apps/web/src/worker/gpu.ts';
import type { ModelHost, OpenModel } from '../../apps/web/src/worker/model_host.ts';
import type { Job } from '../../apps/web/src/worker/protocol.ts';
import { type FilmFrame, LiveScene } from '../../apps/web/src/worker/view3d/live_scene.ts';
import { Renderer, type Scene } from '../../apps/web/src/worker/view3d/renderer.ts';
import { View3dSession } from '../../apps/web/src/worker/view3d/view3d_session.ts';
import { colourTable, dilateEdges } from '../../packages/dpt/src/index.ts';
import { dilateEdges as dilated } from '../reference/depth_map.ts';
import type { Nd } from '../reference/nd.ts';
import { drawSurface, type SurfaceLook } from '../reference/surface.ts';
import { random } from '../support/tensors.ts';
import { TestCanvas, testGpu } from '../support/test_canvas.ts';

const STAGE = { width: 120, height: 90 };
const PICTURE = { width: 96, height: 64 };
/** Of the map in the picture: the part that is shown is 48 × 56. */
const CROP = { x: 0.25, y: 0.125, width: 0.5, height: 0.875 };
const SHOWN = { width: 48, height: 56 };
const MAP = { height: 28, width: 24 };

const start = {
  ...(Object.fromEntries(
    Object.entries(view3dSchema).map(([key, { start: value }]) => [key, value]),
  ) as unknown as View3dSettings),
  // Few faces, and all of them.
  density: 0.1,
  cut: 0,
};

/** A slope with a box that stands out of it: what is cut has edges. */
const nearness: Nd = {
  shape: [MAP.height, MAP.width],
  data: Float64Array.from({ length: MAP.height * MAP.width }, (_, i) => {
    const [x, y] = [i % MAP.width, Math.floor(i / MAP.width)];
    const isBox = x > 6 && x < 14 && y > 8 && y < 20;
    return Math.fround(isBox ? 0.9 + 0.004 * x : 0.5 - y / 60 + 0.05 * Math.sin(x / 3));
  }),
};
const picture: Nd = {
  shape: [PICTURE.height, PICTURE.width, 3],
  data: Float64Array.from({ length: PICTURE.height * PICTURE.width * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % PICTURE.width, Math.floor(i / 3 / PICTURE.width)];
    return [40 + 2 * x, 40 + 3 * y, 128][i % 3]!;
  }),
};
const noise = random(7);
const edges: Nd = {
  shape: [MAP.height, MAP.width],
  data: Float64Array.from({ length: MAP.height * MAP.width }, () => (noise() < 0.04 ? 20 : 250)),
};
/** The visitor's, at a size of its own: the left third is dark. */
const ownMask: Nd = {
  shape: [10, 30],
  data: Float64Array.from({ length: 300 }, (_, i) => (i % 30 < 10 ? 0 : 255)),
};

interface Case {
  readonly change: Partial<View3dSettings>;
  /** What is set before as well: where the control does anything, or where that is best seen. */
  readonly from?: Partial<View3dSettings>;
  readonly looking?: Partial<Looking>;
  readonly metric?: boolean;
  /** It shows nothing: a larger world, seen from farther away. */
  readonly same?: boolean;
}

const POINTS = { as: 'points', point: 4 } as const;
const facts = { ...SHOWN, kind: 'relative', min: 0, max: 1 } as const;
const cases: Readonly<Record<string, Case>> = {
  Nearest: { change: { near: 0.2 } },
  Farthest: { change: { far: 7 }, same: true },
  'Nearest and farthest, of a metric model': {
    change: {},
    looking: { facts: { ...facts, kind: 'metric', min: 2, max: 9 } },
    metric: true,
  },
  'Field of view': { change: { fov: 90 } },
  'Field of view, by the photo': { change: {}, looking: { facts: { ...facts, fov: 74 } } },
  'Distances along rays': { change: { rays: true, fov: 90 } },
  Cut: { change: { cut: 0.2 } },
  Mask: { change: { mask: 0.5 } },
  Widen: { from: { mask: 0.5 }, change: { wider: 2 } },
  'Use my mask': { change: { mask: 0.5 }, looking: { ownMask: true } },
  Density: { from: POINTS, change: { density: 0.14 } },
  Jitter: { from: POINTS, change: { jitter: 0.4 } },
  Seed: { from: POINTS, change: { seed: 42 } },
  'Draw as points': { change: POINTS },
  'Point size': { from: POINTS, change: { point: 5.5 } },
  'Draw as lines': { change: { as: 'lines' } },
  'Lines that are cut': { from: { as: 'lines' }, change: { cut: 0.2 } },
  Resolution: { change: { resolution: 0.5 } },
  Tilt: { change: { tilt: 35 } },
  'Orbit centre': { change: { centre: 1 } },
  'Flat camera': { change: { flat: true } },
  'Depth as texture': { change: { depth: true } },
  'Side by side': { change: { stereo: 'side' } },
  'Side by side, half width': { change: { stereo: 'half' } },
  'Cross-eyed': { change: { stereo: 'cross' } },
  'Red and cyan': { change: { stereo: 'red' } },
  'Eye distance': { from: { stereo: 'red' }, change: { eyes: 1 } },
  'the camera': { change: {}, looking: { orbit: { ...startOrbit, yaw: -0.6, distance: 0.7 } } },
};

let gpu: Gpu;
let canvas: TestCanvas;
let renderer: Renderer;
let scene: Scene;
let own: Scene;
beforeAll(async () => {
  gpu = await testGpu();
  canvas = new TestCanvas(gpu);
  renderer = new Renderer(canvas as unknown as OffscreenCanvas);
  const { context } = gpu;
  const mask = context.tensor(Uint32Array.from(edges.data), [1, MAP.height, MAP.width], 'u32');
  const { shape, data } = ownMask;
  const rgba = Uint32Array.from(data, (value) => (value * 0x010101 + 0xff000000) >>> 0);
  scene = {
    ...SHOWN,
    texture: textureOf(gpu, picture),
    crop: CROP,
    metric: false,
    nearness: context.tensor(Float32Array.from(nearness.data), [1, MAP.height, MAP.width]),
    mask,
    maskIsPicture: false,
  };
  own = { ...scene, mask: context.tensor(rgba, shape, 'u32'), maskIsPicture: true };
});

function textureOf({ device }: Gpu, { shape, data }: Nd): GPUTexture {
  const [height, width] = shape as [number, number];
  const { TEXTURE_BINDING, COPY_DST, COPY_SRC } = GPUTextureUsage;
  const texture = device.createTexture({
    size: [width, height],
    format: 'rgba8unorm',
    usage: TEXTURE_BINDING | COPY_DST | COPY_SRC,
  });
  writeTexture(
    texture,
    Array.from({ length: width * height }, (_, i) => [
      ...data.subarray(3 * i, 3 * i + 3),
      255,
    ]).flat(),
  );
  return texture;
}

function writeTexture(texture: GPUTexture, rgba: readonly number[]): void {
  const { width, height } = texture;
  gpu.device.queue.writeTexture({ texture }, Uint8Array.from(rgba), { bytesPerRow: 4 * width }, [
    width,
    height,
  ]);
}

/** By the page's path; without the lines on the ground unless wanted. */
async function drawn({ change, looking, metric = false }: Case, lines = false) {
  const settings = { ...start, ...change };
  const plain: Looking = {
    facts,
    orbit: startOrbit,
    ownMask: false,
    stage: STAGE,
    density: 1,
    filmed: false,
    ...looking,
  };
  const view = viewFor(settings, plain);
  const mask = settings.wider > 0 ? dilateEdges(scene.mask, settings.wider) : scene.mask;
  const from = plain.ownMask ? own : { ...scene, mask };
  const drawnLines = lines ? view.lines : new Float32Array();
  renderer.draw(gpu, { ...view, lines: drawnLines }, { ...from, metric });
  return { view, settings, plain, data: await canvas.read() };
}

/** As the words on the controls have it. */
function expected(
  { view, settings, plain }: Awaited<ReturnType<typeof drawn>>,
  metric: boolean,
): Nd {
  const table = colourTable('magma');
  const look: SurfaceLook = {
    nearest: metric ? plain.facts.min : settings.near * settings.far,
    farthest: metric ? plain.facts.max : settings.far,
    fov: settings.fov || plain.facts.fov || 50,
    rays: settings.rays,
    density: settings.density,
    jitter: settings.jitter,
    seed: settings.seed,
    cut: settings.cut,
    threshold: settings.mask,
    drawAs: settings.as,
    pointSize: settings.point,
    colours: settings.depth
      ? Array.from({ length: 256 }, (_, i) => [...table.subarray(3 * i, 3 * i + 3)])
      : undefined,
  };
  const mask = plain.ownMask ? ownMask : dilated(edges, settings.wider);
  const { x, y, width, height } = CROP;
  const crop = [x, y, x + width, y + height] as const;
  return drawSurface({ ...SHOWN, nearness, picture, mask, crop, metric }, look, view.eyes, {
    width: STAGE.width * settings.resolution,
    height: STAGE.height * settings.resolution,
  });
}

const isThere = (data: ArrayLike<number>, at: number): boolean => data[4 * at + 3]! > 0;

/** Pixels that are drawn in one of both only, or whose colours are more than 4 levels apart. */
function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let count = 0;
  for (let i = 0; i < a.length; i += 4) {
    const off = [0, 1, 2, 3].some((channel) => Math.abs(a[i + channel]! - b[i + channel]!) > 4);
    if (off) count++;
  }
  return count;
}

/** Rounding in f32 may move a pixel over an edge. */
const MOST_APART = 12;

describe('as its reference says:', () => {
  test.each(Object.entries(cases))('%s', async (_, entry) => {
    const { from = {}, change, same, metric = false } = entry;
    const before = await drawn({ change: from });
    const made = await drawn({ ...entry, change: { ...from, ...change } });
    for (const [each, isMetric] of [
      [before, false],
      [made, metric],
    ] as const) {
      const { shape, data } = expected(each, isMetric);
      const [height, width] = shape as [number, number];
      expect(each.data.length).toBe(4 * width * height);
      const seen = data.filter((value, i) => i % 4 === 3 && value > 0).length;
      expect(seen).toBeGreaterThan(500);
      const { as } = each.settings;
      if (as === 'lines') expectLines(each.data, data, width, height);
      // Corners are rounded to 1/16 of a pixel or less, and points have many.
      else expect(apart(each.data, data)).toBeLessThan(as === 'points' ? seen / 25 : MOST_APART);
    }
    if (made.data.length !== before.data.length) return;
    const changed = apart(made.data, before.data);
    if (same) expect(changed).toBeLessThan(MOST_APART);
    else expect(changed).toBeGreaterThan(4 * MOST_APART);
  });

  test('Show frustum', async () => {
    const off = await drawn({ change: { frustum: false } }, true);
    const on = await drawn({ change: { frustum: true } }, true);
    const { matrix } = on.view.eyes[0]!;
    const across = Math.tan((50 * Math.PI) / 360);
    // The longer side is the height here.
    const half = [(across * SHOWN.width) / SHOWN.height, across];
    const place = ([x, y, z]: readonly number[]): [x: number, y: number] => {
      const [cx, cy, w] = [0, 1, 3].map(
        (i) => matrix[i]! * x! + matrix[4 + i]! * y! + matrix[8 + i]! * z! + matrix[12 + i]!,
      ) as [number, number, number];
      return [((cx / w + 1) / 2) * STAGE.width, ((1 - cy / w) / 2) * STAGE.height];
    };
    const corner = (i: number, depth: number): [x: number, y: number] =>
      place([
        [-1, 1, 1, -1][i % 4]! * half[0]! * depth,
        (i % 4 < 2 ? 1 : -1) * half[1]! * depth,
        -depth,
      ]);
    const lines = [0, 1, 2, 3].flatMap((i) => [
      [place([0, 0, 0]), corner(i, 100)] as const,
      [corner(i, 50), corner(i + 1, 50)] as const,
      [corner(i, 100), corner(i + 1, 100)] as const,
    ]);
    const distance = (x: number, y: number): number =>
      Math.min(
        ...lines.map(([[ax, ay], [bx, by]]) => {
          const along =
            ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2);
          const share = Math.min(Math.max(along, 0), 1);
          return Math.hypot(ax + share * (bx - ax) - x, ay + share * (by - ay) - y);
        }),
      );
    let count = 0;
    for (let i = 0; i < STAGE.width * STAGE.height; i++) {
      if ([0, 1, 2, 3].every((channel) => on.data[4 * i + channel] === off.data[4 * i + channel]))
        continue;
      count++;
      expect(distance((i % STAGE.width) + 0.5, Math.floor(i / STAGE.width) + 0.5)).toBeLessThan(
        1.5,
      );
    }
    expect(count).toBeGreaterThan(100);
  });
});

/** Devices choose the pixels of a line a little differently: each has one within a pixel in the other picture. */
function expectLines(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  width: number,
  height: number,
): void {
  const alone = (here: ArrayLike<number>, there: ArrayLike<number>): number => {
    let count = 0;
    for (let y = 1; y < height - 1; y++) {
      for (let x = 1; x < width - 1; x++) {
        if (!isThere(here, y * width + x)) continue;
        const around = [-1, 0, 1].some((j) =>
          [-1, 0, 1].some((i) => isThere(there, (y + j) * width + x + i)),
        );
        if (!around) count++;
      }
    }
    return count;
  };
  expect(alone(a, b)).toBe(0);
  expect(alone(b, a)).toBe(0);
}

test('colours and relief are of one frame of a film, whatever was done to its texture since', async () => {
  const { context } = gpu;
  const texture = textureOf(gpu, picture);
  const grey = (level: number): void =>
    writeTexture(
      texture,
      Array.from({ length: 4 * PICTURE.width * PICTURE.height }, (_, i) =>
        i % 4 === 3 ? 255 : level,
      ),
    );
  const config = { depth: 'relative' };
  const opened = { gpu, model: { config } } as unknown as OpenModel;
  const depth = context.tensor(Float32Array.from(nearness.data), [1, MAP.height, MAP.width]);
  const pixels = context.tensor(new Uint32Array(64), [8, 8], 'u32');
  const frame: FilmFrame = {
    opened,
    texture,
    depth,
    pixels,
    ...PICTURE,
    time: 0,
    begun: 1,
    modelTime: 1,
  };
  const host = { gpu: async () => gpu, onClose: () => {} } as unknown as ModelHost;
  const { handlers } = new View3dSession(host, () => frame);
  const job = undefined as unknown as Job<never>;
  const shown = new TestCanvas(gpu);
  await handlers['view3d.canvas']({ canvas: shown as unknown as OffscreenCanvas }, job);
  const steady = { kind: 'off', range: 0, pixels: 0, cuts: false } as const;
  const view = viewFor(start, {
    facts: { ...facts, ...PICTURE },
    orbit: startOrbit,
    ownMask: false,
    stage: STAGE,
    density: 1,
    filmed: false,
  });
  const plain = { ...view, lines: new Float32Array() };
  /** Colours that are there. */
  const levels = async (): Promise<number[]> => {
    await handlers['view3d.draw'](plain, job);
    const data = await shown.read();
    return [
      ...new Set(
        Array.from(data).filter((_, i) => i % 4 !== 3 && isThere(data, Math.floor(i / 4))),
      ),
    ];
  };
  grey(60);
  await handlers['view3d.film'](steady, job);
  expect(await levels()).toEqual([60]);
  // The next frame is on its way through the model: its colours are there, its map is not.
  grey(200);
  expect(await levels()).toEqual([60]);
  await handlers['view3d.film'](steady, job);
  expect(await levels()).toEqual([200]);
});

test('a guided map is as large as its picture; maps of their own are freed when others take their place', async () => {
  const { context } = gpu;
  const opened = { gpu, model: { config: { depth: 'relative' } } } as unknown as OpenModel;
  const texture = textureOf(gpu, picture);
  const part = { x: 24, y: 8, ...SHOWN };
  const live = new LiveScene();
  const still = async (guided: boolean, wider: number) => {
    const depth = context.tensor(Float32Array.from(nearness.data), [1, MAP.height, MAP.width]);
    const photo = { ...PICTURE, texture };
    await live.setStill({ opened, photo, part, crop: CROP, depth, isOwn: true, guided });
    return live.scene(wider)!;
  };
  const plain = await still(false, 0);
  expect(plain.nearness.shape).toEqual([1, MAP.height, MAP.width]);
  const guided = await still(true, 2);
  for (const { shape } of [guided.nearness, guided.mask]) {
    expect(shape).toEqual([1, SHOWN.height, SHOWN.width]);
  }
  const values = await guided.nearness.read();
  expect([Math.min(...values), Math.max(...values)].map((value) => value.toFixed(1))).toEqual([
    '0.0',
    '1.0',
  ]);
  const around = async (): Promise<number> => {
    await still(true, 2);
    await still(false, 0);
    return context.memory().total;
  };
  const once = await around();
  expect(await around()).toBe(once);
  // What is newer wins, however long the older takes.
  const [older] = await Promise.allSettled([still(false, 0), still(true, 0)]);
  expect(older.status).toBe('rejected');
  expect(live.scene(0)!.nearness.shape).toEqual([1, SHOWN.height, SHOWN.width]);
  live.forget();
  expect(live.scene(0)).toBeUndefined();
});
