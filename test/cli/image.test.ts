// dpt image, in this process: what is written where, what is refused before work starts (exit code 2), what fails picture by picture (1),
// models that cannot be run. Sizes are small: what a map looks like is tested elsewhere.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { planFiles } from '../../packages/cli/src/output_files.ts';
import { colourise, normalise } from '../../packages/dpt/src/index.ts';
import { decodeNpy, writeSafetensors } from '../../packages/loaders/src/index.ts';
import { encodePng8, openCheckpointFile } from '../../packages/loaders/src/node.ts';
import { dpt } from '../support/cli.ts';
import { tinyModel } from '../support/models.ts';

const base = mkdtempSync(join(tmpdir(), 'dpt-image-'));
afterAll(() => rmSync(base, { recursive: true }));

let folder: string;
let output: string;
beforeEach(() => {
  folder = mkdtempSync(join(base, 'case-'));
  output = join(folder, 'out');
});

/** A picture with slopes in it, so that its depth is not flat. */
function picture(name: string, width = 40, height = 30): string {
  const path = join(folder, name);
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < rgb.length; i++) {
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    rgb[i] = (7 * x + 5 * y + 60 * (i % 3)) % 256;
  }
  writeFileSync(path, encodePng8(rgb, width, height));
  return path;
}

function file(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

function correlation(a: Float32Array, b: Float32Array): number {
  const mean = (x: Float32Array): number => x.reduce((sum, v) => sum + v, 0) / x.length;
  const [ma, mb] = [mean(a), mean(b)];
  const sums = [0, 0, 0] as [number, number, number];
  for (let i = 0; i < a.length; i++) {
    const [da, db] = [a[i]! - ma, b[i]! - mb];
    sums[0] += da * db;
    sums[1] += da * da;
    sums[2] += db * db;
  }
  return sums[0] / Math.sqrt(sums[1] * sums[2]);
}

const small = ['--size', '28', '-m', tinyModel];
const run = (...argv: string[]) => dpt(['image', '-o', output, ...argv]);

describe('writes', () => {
  test('with --tiles a map of more detail that agrees with the whole, and with --flip the mean of both sides', async () => {
    const cat = picture('cat.png', 120, 90);
    const maps = new Map<string, Float32Array>();
    for (const flags of ['', '--tiles 3', '--flip', '--tiles 3 --flip']) {
      const more = flags.split(' ').filter(Boolean);
      const { code, out } = await run(cat, ...small, '--format', 'npy', '--settings', ...more);
      expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('42×28') });
      const { shape, data } = decodeNpy(readFileSync(join(output, 'cat.npy')));
      expect(shape).toEqual([90, 120]);
      maps.set(flags, data as Float32Array);
      const { settings } = JSON.parse(readFileSync(join(output, 'cat.json'), 'utf8'));
      expect(settings).toMatchObject({
        tiles: flags.includes('tiles') ? 3 : 1,
        flip: flags.includes('flip'),
      });
    }
    const [plain, ...others] = maps.values();
    for (const other of others) {
      expect(other).not.toEqual(plain);
      expect(other.every(Number.isFinite)).toBe(true);
      expect(correlation(plain!, other)).toBeGreaterThan(0.5);
    }
  });

  test('every format, and the line says what the files hold', async () => {
    const cat = picture('cat.jpg'); // a PNG by its bytes; the name decides nothing
    const { code, out, err } = await run(cat, ...small, '--format', 'png,png16,npy,pfm');
    expect(code).toBe(0);
    expect(err).toMatch(/^WebGPU adapter: .+$/);
    expect(readdirSync(output).sort()).toEqual(['cat.16.png', 'cat.npy', 'cat.pfm', 'cat.png']);
    const said = /^(.+) → (.+) {2}\(42×28, \d+ ms, values (\S+) … (\S+)\)$/.exec(out)!;
    const files = ['cat.png', 'cat.16.png', 'cat.npy', 'cat.pfm'].map((name) => join(output, name));
    expect(said.slice(1, 3)).toEqual([cat, files.join(', ')]);

    const npy = decodeNpy(readFileSync(files[2]!));
    const depth = npy.data as Float32Array;
    expect(npy.shape).toEqual([30, 40]);
    expect([Math.min(...depth), Math.max(...depth)]).toEqual([Number(said[3]), Number(said[4])]);

    const png = PNG.sync.read(readFileSync(files[0]!));
    expect([png.width, png.height]).toEqual([40, 30]);
    expect(png.data.equals(colourise(normalise(depth), 'inferno'))).toBe(true);

    const grey = PNG.sync.read(readFileSync(files[1]!), { skipRescale: true });
    expect(grey.depth).toBe(16);
    // The printed range brings the values back, to half a step.
    const levels = new Uint16Array(grey.data.buffer, grey.data.byteOffset, 40 * 30 * 4);
    const [min, max] = [Number(said[3]), Number(said[4])];
    depth.forEach((value, i) => {
      const restored = min + (levels[4 * i]! / 65_535) * (max - min);
      expect(Math.abs(restored - value)).toBeLessThan((max - min) / 65_535);
    });

    const pfm = readFileSync(files[3]!);
    const header = Buffer.from('Pf\n40 30\n-1.0\n');
    expect(pfm.subarray(0, header.length)).toEqual(header);
    expect(pfm.readFloatLE(header.length)).toBe(depth[29 * 40]); // its first row is the lowest
  });

  test('the good ones among bad pictures, in any name and shape', async () => {
    const [bytes, many] = [readFileSync(picture('whole.png')), 65_535];
    const huge = Buffer.from(bytes);
    huge.writeUInt32BE(many, 16);
    huge.writeUInt32BE(many, 20);
    const bad = [
      file('empty.png', ''),
      file('text.jpg', 'hello'),
      file('cut.png', bytes.subarray(0, 60)),
      file('huge.png', huge),
      picture('thin.png', 1, 4000),
    ];
    const good = [
      picture('one.png', 1, 1),
      picture('13.png', 13, 13),
      picture('üñï 猫 çödé.png'),
      picture('new\nline.png', 20, 30),
      picture('.png', 8, 8),
    ];
    const { code, out, err } = await run('-m', tinyModel, ...bad, ...good);
    expect(code).toBe(1);
    const lines = err.split('\n').filter((line) => !line.startsWith('WebGPU adapter'));
    expect(lines.map((line) => line.replace(`${folder}/`, '').slice(0, 40))).toEqual([
      'dpt image: empty.png: is empty (0 bytes)',
      'dpt image: text.jpg: is a text file, not',
      'dpt image: cut.png: is cut short after 6',
      expect.stringMatching(/^dpt image: huge\.png: /),
      'dpt image: thin.png: A 1×4000 picture wo',
      'dpt image: 5 of 10 pictures failed.',
    ]);
    expect(readdirSync(output).sort()).toEqual(
      ['one.png', '13.png', 'üñï 猫 çödé.png', 'new\nline.png', '.png.png'].sort(),
    );
    expect(out.split('\n')).toHaveLength(5);
    expect(out).toContain('new\\nline.png → ');
  });

  test('pictures without contrast and long ones, stretched by the muggled preset', async () => {
    const white = join(folder, 'white.png');
    writeFileSync(white, encodePng8(new Uint8Array(20 * 20 * 3).fill(255), 20, 20));
    const thin = picture('thin.png', 1, 4000);
    const { code, out } = await run(white, thin, ...small, '--preset', 'muggled');
    expect(code).toBe(0);
    expect(out.match(/28×28/g)).toHaveLength(2);
    const { width, height } = PNG.sync.read(readFileSync(join(output, 'thin.png')));
    expect([width, height]).toEqual([1, 4000]);
  });

  test('nothing but errors with --quiet, and warns of flags without effect', async () => {
    const cat = picture('cat.png');
    const { code, out, err } = await run(cat, ...small, '--quiet', '--max-depth', '20');
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(err).toBe('warning: --max-depth has no effect: depth_anything_v2 is not metric.');
  });

  test('nothing once it is stopped', async () => {
    const controller = new AbortController();
    controller.abort();
    const cat = picture('cat.png');
    const outcome = await dpt(['image', cat, '-o', output, ...small], {
      signal: controller.signal,
    });
    expect(outcome).toEqual({ code: 130, out: '', err: 'dpt image: interrupted.' });
    expect(existsSync(output)).toBe(false);
  });
});

describe('refuses before work starts', () => {
  async function expectUsage(argv: string[], message: string | RegExp): Promise<void> {
    const { code, out, err } = await run(...argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
    expect(err.split('\n')).toHaveLength(1);
    expect(existsSync(output)).toBe(false);
  }

  test('pictures that are not there', async () => {
    await expectUsage([], 'dpt image: which picture? For example: dpt image photo.jpg');
    await expectUsage([''], 'dpt image: a file name is empty.');
    await expectUsage([picture('a.png'), 'gone.png'], 'gone.png: there is no such file.');
    await expectUsage([`${picture('a.png')}/b.png`], 'a.png/b.png: there is no such file.');
    await expectUsage([mkdtempSync(join(folder, 'empty-'))], ': holds no pictures.');
    await expectUsage([join(folder, '*.webp')], '*.webp: nothing fits this pattern.');
  });

  test('models that are not there', async () => {
    const cat = picture('cat.png');
    await expectUsage([cat, '-m', 'gone.pth'], 'gone.pth: there is no such file.');
    await expectUsage([cat, '-m', folder], 'is a folder; a file is needed.');
  });

  test.each([
    [['--size', '-1'], '--size takes a whole number from 1 to 16384, not "-1"'],
    [['--size', '1e9'], 'not "1e9"'],
    [
      ['--format', 'tga'],
      '--format can be png, jpg, png16, npy, pfm, exr, glb, ply, obj, not "tga"',
    ],
    [
      ['--colormap', 'jet'],
      '--colormap can be inferno, magma, viridis, plasma, cividis, turbo, twilight, spectral, grey',
    ],
    [['--dtype', 'f64'], '--dtype can be f32, f16'],
    [['--preset', 'mugled'], 'Did you mean muggled?'],
    [['--family', 'v2'], '--family can be depth_anything_v1, depth_anything_v2'],
    [['--hooks', '3,2,1,0'], '--hooks takes four rising block numbers'],
    [['--max-depth', '0'], '--max-depth takes a number above 0, not "0"'],
    [['--sise', '3'], 'there is no flag --sise. Did you mean --size?'],
  ])('%j', async (argv, message) => {
    await expectUsage([picture('cat.png'), ...argv], message);
  });

  test('to overwrite what it reads', async () => {
    const cat = picture('cat.png');
    const { code, err } = await dpt(['image', cat, '-o', folder]);
    expect(code).toBe(2);
    expect(err).toBe(`dpt image: ${cat} is an input and would be overwritten. Choose another -o.`);
    const onto = await dpt(['image', cat, '-o', cat]);
    expect(onto).toMatchObject({
      code: 2,
      err: `dpt image: --output: ${cat} is a file, not a folder.`,
    });
    symlinkSync(folder, join(base, 'link'));
    const linked = await dpt(['image', cat, '-o', join(base, 'link')]);
    expect(linked.code).toBe(2);
  });
});

describe('names of files', () => {
  const plan = async (names: string[], formats: ('png' | 'png16' | 'npy')[] = ['png']) => {
    const paths = names.map((name) => {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      return file(name, 'x');
    });
    const inputs = paths.map((path) => ({ path, name: basename(path), key: path }));
    const planned = await planFiles(inputs, { folder: output, outputs: formats });
    return planned.map(({ files }) => files.map(({ file }) => file.slice(output.length + 1)));
  };

  test('a second picture of a name keeps its extension', async () => {
    expect(await plan(['cat.jpg', 'a/cat.png'])).toEqual([['cat.png'], ['cat.png.png']]);
    expect(await plan(['dog.jpg', 'DOG.png'])).toEqual([['dog.png'], ['DOG.png.png']]);
  });

  test('a name may collide with another format', async () => {
    expect(await plan(['cat.jpg', 'cat.16.jpg'], ['png', 'png16'])).toEqual([
      ['cat.png', 'cat.16.png'],
      ['cat.16.jpg.png', 'cat.16.jpg.16.png'],
    ]);
  });

  test('what stays ambiguous is refused', async () => {
    await expect(plan(['cat.jpg', 'a/cat.jpg', 'b/cat.jpg'])).rejects.toThrow(
      /b\/cat\.jpg and .+a\/cat\.jpg would become the same file .+cat\.jpg\.png\. Do them in two calls/,
    );
  });
});

describe('models that cannot be run', () => {
  const fail = async (model: string, ...argv: string[]) => {
    const cat = picture('cat.png');
    const { code, out, err } = await run(cat, cat.replace('cat', 'dog'), '-m', model, ...argv);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(existsSync(output)).toBe(false);
    return err.replace(/^WebGPU adapter.*\n/, '').replaceAll(`${folder}/`, '');
  };
  beforeEach(() => {
    picture('dog.png');
  });

  test('files that are no checkpoints', async () => {
    expect(await fail(file('empty.pth', ''))).toBe(
      'dpt image: empty.pth: is empty (0 bytes). Download it again.',
    );
    expect(await fail(file('page.pth', '<!DOCTYPE html><p>404</p>'))).toMatch(
      /^dpt image: page\.pth: is a web page, not a checkpoint\./,
    );
    expect(await fail(picture('cat.pth'))).toMatch(/^dpt image: cat\.pth: is a PNG picture/);
  });

  test('other models, missing and misshapen keys, NaN and infinity', async () => {
    const stateDict = await openCheckpointFile(tinyModel);
    const entries = new Map<string, { dtype: 'f16'; shape: readonly number[]; data: Uint8Array }>();
    for (const [key, { shape, read }] of stateDict.tensors) {
      entries.set(key, { dtype: 'f16', shape, data: new Uint8Array(await read()) });
    }
    await stateDict.close();
    const { metadata } = stateDict;
    const qkv = 'pretrained.blocks.3.attn.qkv.weight';
    const changed = (name: string, change: (all: typeof entries) => void): string => {
      const all = new Map(entries);
      change(all);
      return file(name, writeSafetensors(all, metadata));
    };

    const other = writeSafetensors(
      new Map([['a', { dtype: 'f32', shape: [1], data: new Float32Array(1) }]]),
    );
    expect(await fail(file('other.safetensors', other))).toMatch(
      /^dpt image: other\.safetensors: not a depth model this project knows/,
    );

    const keys = changed('keys.safetensors', (all) => {
      all.set('extra', all.get('pretrained.blocks.3.norm1.bias')!);
      all.delete('pretrained.blocks.3.norm1.bias');
      all.set(qkv, { ...all.get(qkv)!, shape: [128, 384] });
    });
    expect(await fail(keys)).toMatchInlineSnapshot(`
      "dpt image: keys.safetensors: 1 key missing, 1 unused, 1 misshapen for depth_anything_v2 (DINOv2, 8 blocks of 128 features, 2 heads):
        missing    pretrained.blocks.3.norm1.bias      → encoder.blocks.3.norm1.bias
        unused     extra
        misshapen  pretrained.blocks.3.attn.qkv.weight is [128, 384], expected [384, 128]"
    `);

    const infinite = changed('infinite.safetensors', (all) => {
      const data = all.get(qkv)!.data.slice();
      data.set([0x00, 0x7c]); // +∞ in f16
      all.set(qkv, { ...all.get(qkv)!, data });
    });
    expect(await fail(infinite)).toMatch(
      `dpt image: infinite.safetensors: ${qkv} holds 1 values that are NaN or infinite (of 49152).`,
    );
  });

  test('options that do not fit the file', async () => {
    expect(await fail(tinyModel, '--hooks', '1,2,3,99')).toMatch(
      'hooks 1,2,3,99 must be four rising block numbers from 0 to 7.',
    );
    expect(await fail(tinyModel, '--family', 'depth_anything_v2_metric')).toMatch(
      /a metric model needs its range in metres.+--max-depth/,
    );
  });
});
