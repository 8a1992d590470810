// What dpt image writes: each format against the others and against readers that are not ours, metres, calibration, masks, crops, sizes, the look
// flags against the same made from the NPY on the CPU, the settings file, surfaces. Shaders are compiled anew by each run, so runs are few and each
// test looks at all that one run wrote.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { validateBytes } from 'gltf-validator';
import { parse } from 'npyjs';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { parseFlags } from '../../packages/cli/src/flags.ts';
import { imageFlags } from '../../packages/cli/src/image_flags.ts';
import { placed } from '../../packages/cli/src/image_work.ts';
import { muggledFlags } from '../../packages/cli/src/muggled_flags.ts';
import { colourise, distanceOf, lineBetween, normalise } from '../../packages/dpt/src/index.ts';
import { decodeNpy } from '../../packages/loaders/src/index.ts';
import { encodePng8, readPicture } from '../../packages/loaders/src/node.ts';
import { dpt } from '../support/cli.ts';
import { tinyModel } from '../support/models.ts';

const base = mkdtempSync(join(tmpdir(), 'dpt-outputs-'));
afterAll(() => rmSync(base, { recursive: true }));

const [W, H] = [60, 40];
const cat = join(base, 'cat.png');
/** Slopes and a bright square in the middle, so that there is something nearer. */
const rgb = Uint8Array.from({ length: W * H * 3 }, (_, i) => {
  const [x, y] = [Math.floor(i / 3) % W, Math.floor(i / 3 / W)];
  const inside = x > 20 && x < 40 && y > 12 && y < 30;
  return inside ? 230 - 20 * (i % 3) : (3 * x + 2 * y + 30 * (i % 3)) % 200;
});
writeFileSync(cat, encodePng8(rgb, W, H));

const small = ['-m', tinyModel, '--size', '28'];

let output = join(base, 'none');
beforeEach(() => {
  output = mkdtempSync(join(base, 'out-'));
});
const at = (name: string): string => join(output, name);
const bytes = (name: string): Buffer => readFileSync(at(name));
async function run(...argv: string[]): Promise<string> {
  const { code, out, err } = await dpt([
    'image',
    cat,
    '-m',
    tinyModel,
    '--size',
    '28',
    '-o',
    output,
    ...argv,
  ]);
  expect(err.split('\n').filter((line) => !line.startsWith('WebGPU adapter'))).toEqual([]);
  expect(code).toBe(0);
  return out;
}
async function fail(...argv: string[]): Promise<{ code: number; err: string }> {
  const { code, err } = await dpt([
    'image',
    cat,
    '-m',
    tinyModel,
    '--size',
    '28',
    '-o',
    output,
    '-q',
    ...argv,
  ]);
  return { code, err };
}
function floats(name = 'cat.npy'): Float32Array {
  return decodeNpy(bytes(name)).data as Float32Array;
}
/** Red, or grey. */
function png(name: string, channel = 0): number[] {
  const { data } = PNG.sync.read(bytes(name));
  return Array.from({ length: data.length / 4 }, (_, i) => data[4 * i + channel]!);
}
/** As stored, not shortened to 8 bits. */
function grey16(name: string): number[] {
  const { data, depth } = PNG.sync.read(bytes(name), { skipRescale: true });
  expect(depth).toBe(16);
  const levels = new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
  return Array.from({ length: levels.length / 4 }, (_, i) => levels[4 * i]!);
}
function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}
const range = (map: Float32Array): [number, number] => [Math.min(...map), Math.max(...map)];

async function triangles(name: string): Promise<number> {
  const { issues, info } = await validateBytes(bytes(name));
  // Told of every texture whose sides are no powers of two; glTF 2.0 does not ask for that.
  const problems = issues.messages.filter(
    ({ code }) => !/^(UNUSED_OBJECT|IMAGE_NPOT_DIMENSIONS)$/.test(code),
  );
  expect([issues.numErrors, problems]).toEqual([0, []]);
  return info.totalTriangleCount;
}
function vertices(name: string): number[][] {
  const lines = bytes(name)
    .toString()
    .split('\n')
    .filter((line) => line.startsWith('v '));
  return lines.map((line) => line.slice(2).split(' ').map(Number));
}

let base32: Float32Array;
beforeAll(async () => {
  // What the network gives, for all that is made of it.
  await dpt([
    'image',
    cat,
    ...small,
    '-o',
    join(base, 'plain'),
    '--format',
    'npy,png',
    '-q',
    '--colormap',
    'grey',
  ]);
  base32 = floats('../plain/cat.npy');
});

test('npy, pfm and exr are the same to the last bit, also for npyjs; png16 is a step away', async () => {
  const out = await run(
    '--format',
    'npy,pfm,exr,png16,png,jpg',
    '--side-by-side',
    '--colormap',
    'viridis',
  );
  expect(out).not.toMatch(/ m\)$/);
  const map = floats();
  expect(worst(map, base32)).toBe(0);
  const file = bytes('cat.npy');
  const read = parse(
    file.buffer.slice(file.byteOffset, file.byteOffset + file.length) as ArrayBuffer,
  );
  expect([read.shape, read.dtype]).toEqual([[H, W], 'f4']);
  expect(
    Buffer.from(Float32Array.from(read.data as Float32Array).buffer).equals(
      Buffer.from(map.slice().buffer),
    ),
  ).toBe(true);
  const [pfm, exr] = [bytes('cat.pfm'), bytes('cat.exr')];
  for (let y = 0; y < H; y++) {
    const row = Buffer.from(map.slice(W * y, W * (y + 1)).buffer);
    const fromBelow = pfm.length - 4 * W * (y + 1);
    expect(pfm.subarray(fromBelow, fromBelow + 4 * W).equals(row)).toBe(true);
    const line = exr.length - (H - y) * (8 + 4 * W) + 8;
    expect(exr.subarray(line, line + 4 * W).equals(row)).toBe(true);
  }
  const [min, max] = range(map);
  const restored = grey16('cat.16.png').map((level) => min + (level / 65_535) * (max - min));
  expect(worst(restored, map)).toBeLessThanOrEqual((max - min) / 65_535);

  // Colours at the right, the picture at the left.
  const expected = colourise(normalise(map), 'viridis');
  for (const name of ['cat.png', 'cat.jpg']) {
    const { data, width, height } = await readPicture(at(name));
    expect([width, height]).toEqual([2 * W, H]);
    const tolerance = name === 'cat.png' ? 6 : 60; // a level may be rounded the other way; JPEG is lossy
    for (const [x, y] of [
      [0, 0],
      [30, 20],
      [59, 39],
      [21, 13],
    ] as const) {
      const [left, right] = [4 * (y * 2 * W + x), 4 * (y * 2 * W + W + x)];
      const [rgbAt, rgbaAt] = [3 * (y * W + x), 4 * (y * W + x)];
      expect(
        worst(data.subarray(left, left + 3), rgb.subarray(rgbAt, rgbAt + 3)),
      ).toBeLessThanOrEqual(tolerance);
      expect(
        worst(data.subarray(right, right + 3), expected.subarray(rgbaAt, rgbaAt + 3)),
      ).toBeLessThanOrEqual(tolerance);
    }
  }
});

test('the look, and masks, cut-outs and normals', async () => {
  const plain = png('../plain/cat.png');
  const nearness = normalise(base32);
  expect(
    worst(
      plain,
      nearness.map((z) => 255 * z),
    ),
  ).toBeLessThanOrEqual(1);
  await run(
    '--format',
    'npy,png16,png',
    '--values',
    'shown',
    '--colormap',
    'grey',
    '--thresholds',
    '0.2,0.7',
    '--gamma',
    '0.5',
    '--reverse',
    '--mask',
    '--cut-out',
    '--normals',
  );
  const expected = nearness.map((z) => 1 - Math.min(Math.max((z - 0.2) / 0.5, 0), 1) ** 0.5);
  expect(worst(floats(), expected)).toBeLessThan(1e-3);
  expect(
    worst(
      grey16('cat.16.png').map((level) => level / 65_535),
      floats(),
    ),
  ).toBeLessThan(1 / 65_535);
  expect(
    worst(
      png('cat.png'),
      expected.map((t) => 255 * t),
    ),
  ).toBeLessThanOrEqual(1);
  const mask = png('cat.mask.png');
  expect(mask).toEqual(
    Array.from(nearness, (z) => (z >= Math.fround(0.2) && z <= Math.fround(0.7) ? 255 : 0)),
  );
  expect(png('cat.cutout.png', 3)).toEqual(mask);
  expect(png('cat.cutout.png', 1)).toEqual(mask.map((on, i) => (on ? rgb[3 * i + 1]! : 0)));
  expect(png('cat.normals.png', 2).every((blue) => blue >= 127)).toBe(true); // they face the camera
});

test('percentiles, plane, contrast and guided size together, an inverted mask, written in the settings', async () => {
  await run(
    '--colormap',
    'grey',
    '--percentiles',
    '5,95',
    '--plane',
    '1',
    '--high-contrast',
    '--upsample',
    'guided',
    '--mask',
    '--invert-mask',
    '--settings',
  );
  const levels = png('cat.png');
  expect(worst(levels, png('../plain/cat.png'))).toBeGreaterThan(10);
  // Equalised: half of the pixels lie below the middle.
  expect(levels.filter((level) => level < 128).length / levels.length).toBeCloseTo(0.5, 1);
  expect(Math.max(...png('cat.mask.png'))).toBe(0);
  expect(JSON.parse(bytes('cat.json').toString()).settings).toMatchObject({
    upsample: 'guided',
    percentiles: [5, 95],
    plane: 1,
    highContrast: true,
    invertMask: true,
    colormap: 'grey',
  });
});

test('metres from near and far, millimetres in png16, points', async () => {
  const line = lineBetween(2, 9);
  const out = await run('--format', 'npy,png16,glb', '--near', '2', '--far', '9', '--points');
  expect(out).toContain('2.000 … 9.000 m)');
  expect(
    worst(
      floats(),
      normalise(base32).map((z) => distanceOf(z, line)),
    ),
  ).toBeLessThan(1e-4);
  expect(
    worst(
      grey16('cat.16.png').map((level) => level / 1000),
      floats(),
    ),
  ).toBeLessThan(0.000_51);
  expect(await triangles('cat.glb')).toBe(0);
});

test('metres from known pixels, and what the settings say of it', async () => {
  const nearness = normalise(base32);
  const line = lineBetween(1.5, 6);
  const pixels = [
    [2, 3],
    [30, 20],
    [38, 28],
  ] as const;
  const list = pixels.map(
    ([x, y]) => `${x},${y}=${distanceOf(nearness[y * W + x]!, line).toFixed(6)}`,
  );
  const out = await run(
    '--format',
    'npy,png16',
    '--calibrate',
    list.join(','),
    '--settings',
    '--levels-per-metre',
    '256',
  );
  const [, A, B, errors] = /calibrated: A = (\S+), B = (\S+), errors (.+) m\)$/.exec(out)!;
  expect(Number(A)).toBeCloseTo(1 / 1.5 - 1 / 6, 3);
  expect(Number(B)).toBeCloseTo(1 / 6, 3);
  expect(errors!.split(' ').map((text) => Math.abs(Number(text.replace('−', '-'))))).toEqual([
    0, 0, 0,
  ]);
  expect(
    worst(
      floats(),
      nearness.map((z) => distanceOf(z, line)),
    ),
  ).toBeLessThan(1e-2);
  expect(
    worst(
      grey16('cat.16.png').map((level) => level / 256),
      floats(),
    ),
  ).toBeLessThan(0.001_96);
  const settings = JSON.parse(bytes('cat.json').toString());
  expect(settings).toMatchObject({
    picture: 'cat.png',
    crop: null,
    values: { kind: 'metres', unit: 'metres', png16: { step: 1 / 256, offset: 0 } },
    metres: { slope: expect.closeTo(0.5, 3), limit: 1000, assumed: false },
    network: { width: 42, height: 28, dtype: 'f32', preset: 'official' },
    model: { file: 'dpt_tiny.safetensors', licence: 'MIT' },
  });
  expect(settings.calibration.points).toHaveLength(3);
});

test('known pixels count from the corner of the whole picture', () => {
  const part = { width: 20, height: 10, left: 30, top: 5, data: new Uint8Array() };
  expect(placed({ x: 31, y: 14, metres: 2 }, part)).toEqual({ x: 1, y: 9, metres: 2 });
  expect(() => placed({ x: 31, y: 15, metres: 2 }, part)).toThrow(
    '31,15 lies outside of this picture (from 30,5, 20×10).',
  );
});

test('surfaces: where vertices lie, what files refer to, no errors', async () => {
  await run(
    '--format',
    'glb,ply,obj,npy',
    '--edge',
    'none',
    '--near',
    '1',
    '--far',
    '2',
    '--fov',
    '90',
    '--name',
    'my {stem}{ext}',
  );
  expect(await triangles('my cat.glb')).toBe(2 * (W - 1) * (H - 1));
  const depth = floats('my cat.npy');
  const v = vertices('my cat.obj');
  expect(v).toHaveLength(W * H);
  // The longer side reaches as far to each side as it is away, at 90 degrees.
  expect(worst(v[0]!, [-depth[0]!, (depth[0]! * H) / W, -depth[0]!])).toBeLessThan(1e-5);
  expect(bytes('my cat.obj').toString()).toContain('mtllib my cat.mtl\n');
  expect(bytes('my cat.mtl').toString()).toContain('map_Kd my cat.texture.jpg\n');
  expect(await readPicture(at('my cat.texture.jpg'))).toMatchObject({ width: W, height: H });
  expect(bytes('my cat.ply').toString('latin1')).toContain(`element vertex ${W * H}\n`);
});

test('a thinned surface of a square map has the shape of the picture; flags of muggled_dpt', async () => {
  const argv = [
    `--image_path=${cat}`,
    '--model_path',
    tinyModel,
    '--base_size_px',
    '28',
    '-f32',
    '-nc',
  ];
  const { code } = await dpt([
    'image',
    ...argv,
    '-o',
    output,
    '-q',
    '--preset',
    'muggled',
    '--upsample',
    'none',
    '--format',
    'npy,obj,glb',
    '--edge',
    'none',
    '--faces',
    '500',
  ]);
  expect(code).toBe(0);
  expect(decodeNpy(bytes('cat.npy')).shape).toEqual([28, 28]);
  const [[x = 0, y = 0] = []] = vertices('cat.obj');
  expect(-x / y).toBeCloseTo(W / H, 4);
  expect(await triangles('cat.glb')).toBeLessThanOrEqual(500);
  expect(await triangles('cat.glb')).toBeGreaterThan(350);
});

test('surfaces are cut at edges; pictures of one size run together as they run alone', async () => {
  const others = ['a.png', 'b.png'].map((name, i) => {
    writeFileSync(
      join(base, name),
      encodePng8(
        rgb.map((value) => value >> i),
        W,
        H,
      ),
    );
    return join(base, name);
  });
  await run(...others, '--format', 'npy,glb', '--edge', '1.02', '--batch', '2');
  expect(await triangles('cat.glb')).toBeLessThan(2 * (W - 1) * (H - 1));
  const [min, max] = range(base32);
  expect(worst(floats('cat.npy'), base32)).toBeLessThan(1e-4 * (max - min));
  expect(worst(floats('a.npy'), base32)).toBeLessThan(1e-4 * (max - min)); // the same picture
  expect(worst(floats('b.npy'), base32)).toBeGreaterThan(0);
});

test('a known pixel that is not in the picture', async () => {
  expect(await fail('--calibrate', '0,0=1,60,0=2')).toEqual({
    code: 1,
    err: `dpt image: ${cat}: --calibrate: 60,0 lies outside of this picture (from 0,0, ${W}×${H}).`,
  });
});

test('the flags of muggled_dpt stand for ours, with underscores and with dashes', () => {
  const parsed = (...argv: string[]) => parseFlags(argv, imageFlags, muggledFlags);
  const ours = parsed(
    'x.jpg',
    '--size',
    '28',
    '--no-square',
    '--dtype',
    'f32',
    '--no-cache',
    '-m',
    'a',
  );
  expect(parsed('-i', 'x.jpg', '-b', '28', '-ar', '-f32', '-nc', '--model-path=a')).toEqual(ours);
  expect(
    parsed(
      '--image_path=x.jpg',
      '--base_size_px',
      '28',
      '--use_aspect_ratio',
      '--use_float32',
      '--no_cache',
      '--model_path',
      'a',
    ),
  ).toEqual(ours);
});

test.each([
  [['--near', '2'], '--near and --far go together'],
  [['--near', '3', '--far', '2'], '--near 3 must be less than --far 2.'],
  [['--calibrate', '1,2=3'], '--calibrate needs two known distances at least'],
  [['--calibrate', '1,2=0,3,4=5'], '--calibrate takes x,y=metres'],
  [['--calibrate', '1,2=1,3,4=5', '--near', '1', '--far', '2'], 'give one of them'],
  [['--values', 'metres'], '--values metres: depth_anything_v2 is relative.'],
  [['--thresholds', '0.7,0.2'], '--thresholds takes two rising numbers from 0 to 1'],
  [['--percentiles', '5'], '--percentiles takes 2 numbers with commas between, not "5"'],
  [['--gamma', '0'], '--gamma takes a number above 0'],
  [['--edge', '1'], '--edge takes a ratio above 1, or none, not 1.'],
  [['--fov', '180'], '--fov takes degrees between 0 and 180'],
  [['--upsample', 'none', '--cut-out'], "--cut-out needs a map of the picture's size"],
  [['--side-by-side', '--format', 'npy'], '--side-by-side is about png and jpg'],
  [['--square'], '--square needs --preset muggled'],
  [['--skip-existing', '--overwrite'], '--skip-existing and --overwrite exclude each other.'],
  [['--name', 'x'], '--name takes a name with {stem} in it'],
  [['--crop', '1,2,3'], '--crop takes 4 numbers'],
])('refuses %j', async (argv, message) => {
  const { code, err } = await fail(...argv);
  expect(err).toContain(message);
  expect(code).toBe(2);
});
