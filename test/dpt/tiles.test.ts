// Tiles: merged as the reference in f64 does it, for maps that are known (a predictor that makes them up) and for a real
// photo with the demonstration model, where no seam may show; one tile, more tiles than pixels, constant maps, values that
// are no numbers, tiles that disagree with the whole; metric maps; mirrored runs; sizes, progress, memory, aborts, bad
// arguments. Not here: what it looks like on the command line and in the page.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  type DepthKind,
  type DepthMap,
  DepthPredictor,
  type Photo,
  planFor,
  predictTiled,
  tileSize,
} from '../../packages/dpt/src/index.ts';
import { fitTile } from '../../packages/dpt/src/merge_tiles.ts';
import { readPicture } from '../../packages/loaders/src/node.ts';
import { merge, type Tile } from '../reference/tiles.ts';
import { expectWithin } from '../support/depth_maps.ts';
import { tinyModel } from '../support/models.ts';
import { loadModel } from '../support/run_model.ts';
import { random, testContext } from '../support/tensors.ts';

const NET = { width: 12, height: 10 };
const dog = join(import.meta.dirname, '../../examples/pictures/dog_indoor.jpg');

/** Pixels that say where they are. */
function photoOf(width: number, height: number): Photo {
  const data = new Uint8Array(4 * width * height);
  for (let i = 0; i < width * height; i++)
    data.set([i % width, Math.floor(i / width), 7, 255], 4 * i);
  return { width, height, data };
}

/** A predictor that gives what `map` says of each photo that it is asked for, and remembers them. */
function madeUp(
  map: (call: number, photo: Photo) => ArrayLike<number>,
  kind: DepthKind = 'relative',
) {
  const photos: Photo[] = [];
  return {
    photos,
    async predict(photo: Photo): Promise<DepthMap> {
      photos.push(photo);
      const data = Float32Array.from(map(photos.length - 1, photo));
      return { ...NET, data, kind, networkSize: NET };
    },
  };
}

/** Every tile near the whole in numbers of its own, with detail besides. */
function roughMaps(seed: number): (call: number) => number[] {
  const next = random(seed);
  return (call) => {
    const [scale, shift] = [0.5 + Math.abs(next()), 3 * next()];
    return Array.from({ length: NET.width * NET.height }, (_, i) => {
      const [x, y] = [(i % NET.width) / NET.width, Math.floor(i / NET.width) / NET.height];
      const smooth = Math.sin(2 * x + call * 0.3) + y;
      return scale * smooth + shift + 0.2 * next();
    });
  };
}

/** What the reference makes of the maps: call 0 is the whole, then tiles row by row. */
function expected(
  maps: readonly ArrayLike<number>[],
  photo: Photo,
  tile: { width: number; height: number },
  tiles: number,
  size: { width: number; height: number },
  metric = false,
): Float64Array {
  const start = (i: number, side: number, length: number): number =>
    Math.round((i * (side - length)) / (tiles - 1));
  const [whole, ...parts] = maps.map(
    (data, call): Tile => ({
      x: call === 0 ? 0 : start((call - 1) % tiles, photo.width, tile.width),
      y: call === 0 ? 0 : start(Math.floor((call - 1) / tiles), photo.height, tile.height),
      width: call === 0 ? photo.width : tile.width,
      height: call === 0 ? photo.height : tile.height,
      map: { ...NET, data: Float32Array.from(data) },
    }),
  );
  const step = (side: 'width' | 'height'): number =>
    Math.max(
      ...Array.from({ length: tiles - 1 }, (_, i) => {
        const [here, next] = [i, i + 1].map((k) => start(k, photo[side], tile[side]));
        return next! - here!;
      }),
    );
  const overlap = { width: tile.width - step('width'), height: tile.height - step('height') };
  return merge(parts, whole!, size, { metric, overlap });
}

test.each([
  { tiles: 2, overlap: 0.25, kind: 'relative' as const, output: 'photo' as const },
  { tiles: 3, overlap: 0.5, kind: 'relative' as const, output: 'network' as const },
  { tiles: 4, overlap: 0.1, kind: 'metric' as const, output: 'photo' as const },
])(
  'merges $tiles × $tiles $kind tiles as the reference',
  async ({ tiles, overlap, kind, output }) => {
    const photo = photoOf(61, 47);
    const make = roughMaps(tiles);
    const maps: number[][] = [];
    const predictor = madeUp((call) => {
      // Metres are above 0.
      maps.push(make(call).map((value) => (kind === 'metric' ? 10 + value : value)));
      return maps.at(-1)!;
    }, kind);
    const depth = await predictTiled(predictor, photo, { tiles, overlap, output });
    expect(maps.length).toBe(tiles * tiles + 1);
    const tile = tileSize(photo, { tiles, overlap });
    expect(depth).toMatchObject({ kind, networkSize: NET });
    const size =
      output === 'photo'
        ? photo
        : {
            width: Math.round((61 * NET.width) / tile.width),
            height: Math.round((47 * NET.height) / tile.height),
          };
    expect([depth.width, depth.height]).toEqual([size.width, size.height]);
    const reference = expected(maps, photo, tile, tiles, size, kind === 'metric');
    // Four sums in f32 of values up to 15.
    expectWithin(depth.data, reference, 1e-5);
  },
);

test('every run is of one size: the whole shrunk, then the tiles, which reach to the borders', async () => {
  const photo = photoOf(100, 60);
  const predictor = madeUp(() => new Float32Array(NET.width * NET.height));
  await predictTiled(predictor, photo, { tiles: 2 });
  const size = tileSize(photo, { tiles: 2 });
  expect(size).toEqual({ width: 58, height: 35 });
  const [whole, ...tiles] = predictor.photos;
  for (const each of predictor.photos) expect(each).toMatchObject(size);
  const corner = ({ data }: Photo, at: 'first' | 'last') =>
    at === 'first' ? [...data.subarray(0, 2)] : [...data.subarray(-4, -2)];
  expect(tiles.map((tile) => corner(tile, 'first'))).toEqual([
    [0, 0],
    [42, 0],
    [0, 25],
    [42, 25],
  ]);
  expect(corner(tiles[3]!, 'last')).toEqual([99, 59]);
  // Means of the two or three pixels at the corners.
  expect([corner(whole!, 'first'), corner(whole!, 'last')]).toEqual([
    [1, 1],
    [99, 59],
  ]);
});

test('a tile in other numbers than the whole is brought to it exactly', async () => {
  const photo = photoOf(80, 80);
  // A plane, so that bilinear sampling gives it back but for the pixels at the borders.
  const predictor = madeUp((call) =>
    Array.from({ length: NET.width * NET.height }, (_, i) => {
      const [left, top, side] =
        call === 0 ? [0, 0, 80] : [34 * ((call - 1) % 2), call > 2 ? 34 : 0, 46];
      const x = left + (((i % NET.width) + 0.5) * side) / NET.width;
      const y = top + ((Math.floor(i / NET.width) + 0.5) * side) / NET.height;
      const value = 2 * x + y;
      return call === 0 ? value : (value - 5 * call) / (1 + call);
    }),
  );
  const { data } = await predictTiled(predictor, photo, { tiles: 2 });
  for (const [x, y] of [
    [10, 10],
    [40, 40],
    [38, 70],
    [70, 12],
  ] as const) {
    // Whole cells at a tile's border hold only a part of it, so means are off by a share of a cell.
    expect(Math.abs(data[y * 80 + x]! - (2 * (x + 0.5) + y + 0.5))).toBeLessThan(2.5);
  }
});

test('constant maps stay constant', async () => {
  const predictor = madeUp((call) =>
    new Float32Array(NET.width * NET.height).fill(call === 0 ? 3 : call),
  );
  const { data } = await predictTiled(predictor, photoOf(50, 40), { tiles: 3 });
  expectWithin(data, new Float32Array(data.length).fill(3), 1e-6);
});

test('where a tile is no number or says the opposite, the whole is taken', async () => {
  const ramp = Array.from({ length: NET.width * NET.height }, (_, i) => i % NET.width);
  const whole = madeUp(() => ramp);
  const bad = madeUp((call) => (call === 0 ? ramp : new Array(ramp.length).fill(Number.NaN)));
  const opposite = madeUp((call) => (call === 0 ? ramp : ramp.map((value) => -value)));
  const photo = photoOf(48, 40);
  const alone = await predictTiled(bad, photo, { tiles: 2 });
  const resized = Float32Array.from({ length: 48 * 40 }, (_, i) =>
    Math.min(Math.max((((i % 48) + 0.5) * 12) / 48 - 0.5, 0), 11),
  );
  expectWithin(alone.data, resized, 1e-5);
  expectWithin((await predictTiled(opposite, photo, { tiles: 2 })).data, resized, 1e-5);
  // The control: tiles with numbers are used.
  const used = await predictTiled(whole, photo, { tiles: 2 });
  expect(Math.abs(used.data[47]! - resized[47]!)).toBeGreaterThan(0.1);
  const few = madeUp((call) =>
    call === 0 ? ramp : ramp.map((value, i) => (i % 7 === 0 ? Number.NaN : value)),
  );
  const { data } = await predictTiled(few, photo, { tiles: 2 });
  expect(data.every(Number.isFinite)).toBe(true);
});

test('detail of a tile alone does not make its scale smaller', () => {
  const place = { x: 0, y: 0, width: 60, height: 60 };
  const at = (side: number, value: (x: number, i: number) => number) => ({
    width: side,
    height: side,
    kind: 'relative' as const,
    data: Float32Array.from({ length: side * side }, (_, i) => value(((i % side) + 0.5) / side, i)),
  });
  const whole = { ...place, map: at(6, (x) => 2 * x) };
  const tile = { ...place, map: at(60, (x, i) => x + (i % 2 === 0 ? 1 : -1)) };
  expect(fitTile(tile, whole).scale).toBeCloseTo(2, 1);
});

test('more tiles than pixels', async () => {
  const predictor = madeUp((call) => new Float32Array(NET.width * NET.height).fill(call));
  const pixel = await predictTiled(predictor, photoOf(1, 1), { tiles: 4, output: 'network' });
  // One tile is the photo: nothing is merged.
  expect(predictor.photos.length).toBe(1);
  expect([pixel.width, pixel.height]).toEqual([NET.width, NET.height]);
  const row = await predictTiled(predictor, photoOf(3, 1), { tiles: 4 });
  expect([row.width, row.height]).toEqual([3, 1]);
  expect(row.data.every(Number.isFinite)).toBe(true);
});

test('mirrored runs are averaged', async () => {
  const ramp = Array.from({ length: NET.width * NET.height }, (_, i) => i % NET.width);
  const predictor = madeUp((call) => (call === 0 ? ramp : ramp.map((value) => 100 + value)));
  const photo = photoOf(30, 20);
  const seen: string[] = [];
  const depth = await predictTiled(predictor, photo, {
    flip: true,
    onRun: (done, total) => seen.push(`${done}/${total}`),
  });
  expect(seen).toEqual(['1/2', '2/2']);
  const [plain, mirror] = predictor.photos;
  expect([plain!.data[0], mirror!.data[0], mirror!.data[4 * 29]]).toEqual([0, 29, 0]);
  // x, and 100 + (11 − x).
  expectWithin(depth.data, new Float32Array(depth.data.length).fill(55.5), 0);
});

test('an abort between tiles', async () => {
  const controller = new AbortController();
  const context = await testContext();
  const predictor = new DepthPredictor(await loadModel(context, tinyModel));
  const seen: number[] = [];
  const run = predictTiled(predictor, photoOf(60, 60), {
    ...{ tiles: 3, size: 28, signal: controller.signal },
    onRun: (done) => {
      seen.push(done);
      if (done === 2) controller.abort();
    },
  });
  await expect(run).rejects.toThrow(/abort/i);
  expect(seen).toEqual([1, 2]);
});

test('a real photo: one recording, flat memory, no seam', { timeout: 240_000 }, async () => {
  const context = await testContext();
  const model = await loadModel(context, tinyModel);
  const predictor = new DepthPredictor(model);
  const photo = await readPicture(dog);
  const options = { size: 84 } as const;
  const plain = await predictor.predict(photo, options);
  expect(await predictTiled(predictor, photo, { ...options, tiles: 1 })).toEqual(plain);
  predictor.dispose();

  const tiled = new DepthPredictor(model);
  const depth = await predictTiled(tiled, photo, { ...options, tiles: 2 });
  expect(tiled.recordings).toBe(1);
  const memory = context.memory();
  expect(await predictTiled(tiled, photo, { ...options, tiles: 2 })).toEqual(depth);
  expect(context.memory()).toEqual(memory);
  expect([depth.width, depth.height]).toEqual([photo.width, photo.height]);

  // Where a tile begins or ends, values go on as they do beside it: the mean step across the edge is no larger than the
  // mean steps of the columns around it.
  const { width } = tileSize(photo, { tiles: 2 });
  const step = (x: number): number => {
    let sum = 0;
    for (let y = 0; y < depth.height; y++) {
      const at = y * depth.width + x;
      sum += Math.abs(depth.data[at]! - depth.data[at - 1]!);
    }
    return sum / depth.height;
  };
  for (const edge of [photo.width - width, width]) {
    const around = Array.from({ length: 21 }, (_, i) => step(edge - 10 + i)).sort((a, b) => a - b);
    expect(step(edge)).toBeLessThan(2 * around[10]!);
  }
  // The control: the same tiles put side by side without fit or fading do show an edge.
  const tile = (x: number): Photo => {
    const part = { width: photo.width / 2, height: photo.height };
    const data = new Uint8Array(4 * part.width * part.height);
    for (let y = 0; y < part.height; y++) {
      const from = 4 * (y * photo.width + x);
      data.set(photo.data.subarray(from, from + 4 * part.width), 4 * y * part.width);
    }
    return { ...part, data };
  };
  const left = await tiled.predict(tile(0), options);
  const right = await tiled.predict(tile(photo.width / 2), options);
  let seam = 0;
  for (let y = 0; y < photo.height; y++) {
    seam += Math.abs(left.data[(y + 1) * left.width - 1]! - right.data[y * right.width]!);
  }
  expect(seam / photo.height).toBeGreaterThan(2 * step(photo.width / 2));
});

test('what fits in tiles where the photo does not', async () => {
  const { config, weights } = await loadModel(await testContext(), tinyModel);
  const photo = { width: 9000, height: 6000 };
  const limits = { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 };
  const { fits, problem } = planFor(config, photo, limits, { size: 252 });
  expect(fits).toBe(false);
  expect(problem).toMatch(/tiles/);
  expect(planFor(config, tileSize(photo, { tiles: 3 }), limits, { size: 252 }).fits).toBe(true);
  expect(weights.bytes).toBeGreaterThan(0);
});

test('what cannot be', async () => {
  const predictor = madeUp(() => []);
  const photo = photoOf(4, 4);
  await expect(
    predictTiled(predictor, photo, { tiles: 0 }),
  ).rejects.toThrowErrorMatchingInlineSnapshot(
    `[DptError: tiles is 0; it must be a whole number from 1 to 32.]`,
  );
  await expect(
    predictTiled(predictor, photo, { tiles: 2, overlap: 0.7 }),
  ).rejects.toThrowErrorMatchingInlineSnapshot(
    `[DptError: overlap is 0.7; it must be above 0 and at most 0.5.]`,
  );
  await expect(
    predictTiled(predictor, { ...photo, width: 5 }, { tiles: 2 }),
  ).rejects.toThrowErrorMatchingInlineSnapshot(
    `[DptError: The photo is 5×4 with 64 bytes; RGBA needs 80.]`,
  );
  expect(predictor.photos.length).toBe(0);
});
