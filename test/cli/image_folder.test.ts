// A folder as people have them, through dpt image: every good picture becomes a map of its own size, every bad one is one line, and a run that is
// stopped, or killed, is gone on with. Broken models and single bad pictures are in image.test.ts.
import { spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodePng8, encodePng16 } from '../../packages/loaders/src/node.ts';
import { bin, dpt } from '../support/cli.ts';
import { tinyModel } from '../support/models.ts';

const base = mkdtempSync(join(tmpdir(), 'dpt-folder-'));
afterAll(() => rmSync(base, { recursive: true }));
const folder = join(base, 'pictures');
const small = ['-m', tinyModel, '--size', '14'];

/** What becomes of each good picture: its upright size. */
const good = new Map<string, readonly [width: number, height: number]>();
const bad: string[] = [];

const grey = (width: number, height: number): Uint8Array =>
  Uint8Array.from(
    { length: width * height * 3 },
    (_, i) => (5 * Math.floor(i / 3) + 70 * (i % 3)) % 256,
  );

beforeAll(async () => {
  mkdirSync(join(folder, 'sub', 'deep'), { recursive: true });
  const put = (name: string, bytes: Uint8Array, size?: readonly [number, number]): void => {
    writeFileSync(join(folder, name), bytes);
    if (size) good.set(name, size);
    else bad.push(name);
  };
  const png = encodePng8(grey(24, 16), 24, 16);
  const raw = (): Sharp => sharp(grey(24, 16), { raw: { width: 24, height: 16, channels: 3 } });
  put('plain.png', png, [24, 16]);
  put('üñï 猫 🐈.png', png, [24, 16]);
  put("quote ' space.png", png, [24, 16]);
  put('sub/deep/plain.png', png, [24, 16]);
  put('-dash.png', png, [24, 16]);
  put('1x1.png', encodePng8(grey(1, 1), 1, 1), [1, 1]);
  put('thin.png', encodePng8(grey(3, 40), 3, 40), [3, 40]);
  put(
    '16 bit.png',
    encodePng16(
      Uint16Array.from({ length: 24 * 16 }, (_, i) => i * 150),
      24,
      16,
    ),
    [24, 16],
  );
  put('one grey.png', encodePng8(new Uint8Array(24 * 16).fill(128), 24, 16), [24, 16]);
  put(
    'alpha.png',
    encodePng8(
      Uint8Array.from({ length: 24 * 16 * 4 }, (_, i) => i % 256),
      24,
      16,
    ),
    [24, 16],
  );
  put('cmyk.jpg', await raw().toColourspace('cmyk').jpeg().toBuffer(), [24, 16]);
  put('grey.jpg', await raw().greyscale().jpeg().toBuffer(), [24, 16]);
  put('progressive.jpeg', await raw().jpeg({ progressive: true }).toBuffer(), [24, 16]);
  put('photo.webp', await raw().webp().toBuffer(), [24, 16]);
  put('photo.tif', await raw().tiff().toBuffer(), [24, 16]);
  put('wrong name.gif', png, [24, 16]);
  for (let orientation = 1; orientation <= 8; orientation++) {
    const bytes = await raw().withMetadata({ orientation }).jpeg().toBuffer();
    put(`exif ${orientation}.jpg`, bytes, orientation > 4 ? [16, 24] : [24, 16]);
  }
  put('empty.jpg', new Uint8Array());
  put('text.jpg', new TextEncoder().encode('hello'));
  put('cut.png', png.subarray(0, 70));
  put('cut.jpg', (await raw().jpeg().toBuffer()).subarray(0, 300));
  put(
    'sub/photo.heic',
    Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypheic\0\0\0\0mif1heic')]),
  );
  writeFileSync(join(folder, 'notes.txt'), 'no picture, and not taken for one');
  symlinkSync('..', join(folder, 'sub', 'up'));
});

const whole = (path: string): boolean => PNG.sync.read(readFileSync(path)).width > 0;
const written = (output: string): string[] =>
  existsSync(output)
    ? (readdirSync(output, { recursive: true }) as string[])
        .filter((name) => statSync(join(output, name)).isFile())
        .sort()
    : [];

interface Line {
  readonly picture?: string;
  readonly error?: string;
  readonly files?: readonly string[];
  readonly photo?: { readonly width: number; readonly height: number };
  readonly summary?: object;
}

test('right maps of the good, a line for each of the bad, and exit code 1', async () => {
  const output = join(base, 'all');
  const { code, out, err } = await dpt([
    'image',
    folder,
    ...small,
    '-o',
    output,
    '--json',
    '--batch',
    '4',
  ]);
  expect(code).toBe(1);
  const lines = out.split('\n').map((line) => JSON.parse(line) as Line);
  const sizes = lines.flatMap(({ picture, photo }) =>
    picture && photo
      ? [[picture.slice(folder.length + 1), [photo.width, photo.height]] as const]
      : [],
  );
  expect(new Map(sizes)).toEqual(good);
  expect(lines.at(-1)).toEqual({
    summary: {
      pictures: good.size + bad.length,
      done: good.size,
      skipped: 0,
      failed: bad.length,
      seconds: expect.any(Number),
    },
  });

  const problems = err.split('\n').filter((line) => line.startsWith('dpt image:'));
  expect(problems).toHaveLength(bad.length);
  for (const name of bad) {
    expect(
      problems.filter((line) => line.startsWith(`dpt image: ${join(folder, name)}: `)),
    ).toHaveLength(1);
    expect(
      lines.filter(({ picture, error }) => picture === join(folder, name) && error),
    ).toHaveLength(1);
  }
  // Two pictures are called plain, wrong and grey are not, and names that meet keep their endings.
  const files = lines.flatMap(({ files = [] }) =>
    files.map((file) => file.slice(output.length + 1)),
  );
  expect(files.sort()).toEqual(written(output));
  expect(files).toContain('sub/deep/plain.png');
  for (const { picture = '', files = [] } of lines) {
    const size = good.get(picture.slice(folder.length + 1));
    if (!size) continue;
    const { width, height } = PNG.sync.read(readFileSync(files[0]!));
    expect([width, height], picture).toEqual(size);
  }

  // The same again does nothing but the bad ones; without the flag it would do all.
  const before = written(output).map((name) => statSync(join(output, name)).mtimeMs);
  const again = await dpt(['image', folder, ...small, '-o', output, '--skip-existing']);
  expect(again.code).toBe(1);
  expect(again.out).toBe('');
  expect(again.err).toContain(
    `${good.size} of ${good.size + bad.length} pictures are done already.`,
  );
  expect(written(output).map((name) => statSync(join(output, name)).mtimeMs)).toEqual(before);
});

test('shares do every picture once, with the names that one run gives', async () => {
  const mine = join(base, 'shares of');
  mkdirSync(join(mine, 'x'), { recursive: true });
  for (const name of ['a.png', 'a.webp', 'b.png', 'c.png', 'x/a.png', 'x/d.png']) {
    copyFileSync(join(folder, 'plain.png'), join(mine, name));
  }
  const output = join(base, 'shares');
  const outs: string[] = [];
  for (const share of ['1/2', '2/2']) {
    const { code, out } = await dpt([
      'image',
      mine,
      ...small,
      '-o',
      output,
      '--shard',
      share,
      '--name',
      '{stem}_d{ext}',
    ]);
    expect(code).toBe(0);
    outs.push(...out.split('\n').filter((line) => line !== ''));
  }
  expect(outs).toHaveLength(6);
  expect(written(output)).toEqual([
    'a.webp_d.png',
    'a_d.png',
    'b_d.png',
    'c_d.png',
    'x/a_d.png',
    'x/d_d.png',
  ]);
});

test('a picture that is piped in', async () => {
  const bytes = readFileSync(join(folder, 'plain.png'));
  const input = (async function* () {
    yield bytes.subarray(0, 50);
    yield bytes.subarray(50);
  })();
  const output = join(base, 'piped');
  const { code, out } = await dpt(['image', '-', ...small, '-o', output], { input });
  expect(code).toBe(0);
  expect(out).toMatch(/^- → .*stdin\.png /);
  expect(whole(join(output, 'stdin.png'))).toBe(true);
  const nothing = await dpt(['image', '-', ...small, '-o', output]);
  expect(nothing).toMatchObject({ code: 1, err: 'dpt image: -: stdin: is empty (0 bytes).' });
});

test('killed, stopped and gone on with: no file is half written, and in the end all are there', async () => {
  const many = join(base, 'many');
  mkdirSync(many);
  for (let i = 0; i < 80; i++) copyFileSync(join(folder, 'plain.png'), join(many, `${i}.png`));
  const output = join(base, 'stopped');
  const argv = ['image', many, ...small, '-o', output, '--skip-existing'];
  const wholeFiles = (): string[] => {
    // A kill may leave a part, under a hidden name.
    const files = written(output).filter((name) => !/^\..*\.part$/.test(name));
    expect(files.every((name) => whole(join(output, name)))).toBe(true);
    return files;
  };
  let before = 0;
  for (const signal of ['SIGKILL', 'SIGINT'] as const) {
    const child = spawn(process.execPath, [bin, ...argv], { stdio: ['ignore', 'pipe', 'ignore'] });
    child.stdout.once('data', () => child.kill(signal));
    const ended = await new Promise((resolve) => child.on('close', (...how) => resolve(how)));
    expect(ended).toEqual([null, signal]);
    const files = wholeFiles();
    expect(files.length).toBeGreaterThan(before);
    expect(files.length).toBeLessThan(80);
    before = files.length;
  }
  const { code, out, err } = await dpt(argv);
  expect(code).toBe(0);
  expect(err).toContain(`${before} of 80 pictures are done already.`);
  expect(out.split('\n')).toHaveLength(80 - before);
  expect(wholeFiles()).toHaveLength(80);
  // Three starts of the program, two of them in processes of their own.
}, 240_000);

const more = join(import.meta.dirname, '../../../shared/data/images');
test.runIf(existsSync(more))('the photos beside the checkout', async () => {
  const output = join(base, 'photos');
  const { code, out } = await dpt(['image', more, ...small, '-o', output, '--format', 'npy']);
  expect(code).toBe(0);
  expect(out.split('\n')).toHaveLength(
    readdirSync(more).filter((name) => /\.(jpg|png|webp)$/.test(name)).length,
  );
});
