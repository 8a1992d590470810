// dpt forward, in this process: its tensors against PyTorch's with names and layouts as they are in the fixtures, f16 input, kept modules,
// and inputs that are refused. The larger set of fixtures is run through it where it lies beside the checkout (numerics at every box
// are the business of dpt/parity).
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { families } from '../../packages/dpt/src/index.ts';
import { type SafetensorsEntry, writeSafetensors } from '../../packages/loaders/src/index.ts';
import { f16FromArray } from '../../packages/tensor/src/index.ts';
import { dpt } from '../support/cli.ts';
import { fixtures, ioFiles, moreFixtures, readTensors, tinyModel } from '../support/models.ts';
import { expectValuesClose, random } from '../support/tensors.ts';

const base = mkdtempSync(join(tmpdir(), 'dpt-forward-'));
afterAll(() => rmSync(base, { recursive: true }));

let out: string;
beforeEach(() => {
  out = join(mkdtempSync(join(base, 'case-')), 'out.safetensors');
});

const v2 = join(fixtures, 'depth_anything_v2');
const model = join(v2, 'model.safetensors');
const boxes = ['tokens_in', 'stage_*', 'reassembled_*', 'fused_*'].join(',');

const run = (model: string, pixels: string, ...argv: string[]) =>
  dpt(['forward', '--model', model, '--pixels', pixels, '--out', out, ...argv]);

function pixelFile(entry: SafetensorsEntry, name = 'pixel_values'): string {
  const path = join(base, `${Math.random()}.safetensors`);
  writeFileSync(path, writeSafetensors(new Map([[name, entry]])));
  return path;
}

function randomPixels(shape: readonly number[]): Float32Array {
  const next = random(7);
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 4 * next() - 2);
}

/** Every tensor of an io file but the pixels, as the command writes it. */
async function expectAsIn(io: string): Promise<void> {
  const expected = await readTensors(io);
  expected.delete('pixel_values');
  const written = await readTensors(out);
  expect([...written.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [name, { shape, data }] of expected) {
    expect(written.get(name)!.shape, name).toEqual(shape);
    const tolerance = /tokens|stage/.test(name) ? 2e-4 : 1e-3;
    expectValuesClose(written.get(name)!.data, data, tolerance);
  }
}

describe('writes', () => {
  test('depth and what is kept, in the layouts of PyTorch', async () => {
    const io = join(v2, 'io_70x98.safetensors');
    const outcome = await run(model, io, '--family', 'depth_anything_v2', '--keep', boxes);
    expect(outcome).toMatchObject({
      code: 0,
      out: expect.stringMatching(/ → .+ {2}\(depth ?\[1, 70, 98\] and 13 more, \d+ ms\)$/),
    });
    await expectAsIn(io);
  });

  test('the same with --no-cache, bit for bit', async () => {
    const io = join(v2, 'io_56x112.safetensors');
    expect((await run(model, io, '-q')).code).toBe(0);
    const cached = readFileSync(out);
    expect((await run(model, io, '-q', '--no-cache')).code).toBe(0);
    expect(readFileSync(out).equals(cached)).toBe(true);
  });

  test('batches, f16 input and modules by name', async () => {
    const shape = [2, 3, 28, 42];
    const values = f16FromArray(randomPixels(shape));
    const pixels = pixelFile({ dtype: 'f16', shape, data: values });
    const keep = 'encoder.blocks.*.mlp,fused_4';
    expect((await run(tinyModel, pixels, '--keep', keep)).code).toBe(0);
    const written = await readTensors(out);
    expect(written.get('depth')!.shape).toEqual([2, 28, 42]);
    expect(written.get('fused_4')!.shape).toEqual([2, 32, 2, 3]);
    expect(written.get('encoder.blocks.7.mlp')!.shape).toEqual([2, 7, 128]);
    expect(written.size).toBe(10);
  });
});

describe('refuses', () => {
  const fails = async (code: number, pixels: string, ...argv: string[]): Promise<string> => {
    const outcome = await run(tinyModel, pixels, ...argv);
    expect(outcome).toMatchObject({ code, out: '' });
    expect(existsSync(out)).toBe(false);
    return outcome.err.replace(/^WebGPU adapter.*\n/, '').replace(`${base}/`, '');
  };
  const zeros = (shape: readonly number[]): string =>
    pixelFile({ dtype: 'f32', shape, data: randomPixels(shape) });

  test('a command line with something missing or too much', async () => {
    expect(await dpt(['forward'])).toMatchObject({
      code: 2,
      err: 'dpt forward: --model is required.',
    });
    const pixels = zeros([1, 3, 14, 14]);
    expect(await fails(2, 'gone')).toBe('dpt forward: gone: there is no such file.');
    expect(await fails(2, pixels, 'more')).toMatch('more is one argument too many');
    expect(await fails(2, pixels, '--keep', ',')).toMatch('--keep takes names with commas between');
  });

  test('to write where it reads or where there is no folder', async () => {
    const pixels = zeros([1, 3, 14, 14]);
    const onto = (out: string) =>
      dpt(['forward', '--model', tinyModel, '--pixels', pixels, '--out', out]);
    expect((await onto(pixels)).err).toMatch(/is an input and would be overwritten/);
    expect((await onto(tinyModel)).err).toMatch(/is an input and would be overwritten/);
    expect((await onto(join(base, 'none', 'out'))).err).toMatch(/--out: there is no folder/);
  });

  test('pixels of other shapes, types and values', async () => {
    expect(await fails(1, zeros([1, 28, 42, 3]))).toMatch(
      /pixel_values is \[1, 28, 42, 3\]; it must be \[B, 3, H, W\], none of them 0\. Move the channels to the front\.$/,
    );
    expect(await fails(1, zeros([3, 28, 42]))).toMatch(/pixel_values is \[3, 28, 42\]/);
    expect(await fails(1, zeros([0, 3, 28, 42]))).toMatch(/pixel_values is \[0, 3, 28, 42\]/);
    expect(await fails(1, zeros([1, 3, 28, 43]))).toMatch(
      /28×43.+multiples of 14|43.+multiple of 14/,
    );
    const nan = randomPixels([1, 3, 14, 14]).fill(Number.NaN, 0, 5);
    expect(await fails(1, pixelFile({ dtype: 'f32', shape: [1, 3, 14, 14], data: nan }))).toMatch(
      /pixel_values holds 5 values that are NaN or infinite\.$/,
    );
    const bytes = new Uint8Array(588);
    expect(await fails(1, pixelFile({ dtype: 'u8', shape: [1, 3, 14, 14], data: bytes }))).toMatch(
      /pixel_values is u8; it must be f32 or f16\.$/,
    );
    const other = pixelFile({ dtype: 'u8', shape: [588], data: bytes }, 'image');
    expect(await fails(1, other)).toMatch(/holds no pixel_values \(but image\)\.$/);
  });

  test('names that nothing has', async () => {
    const message = await fails(1, zeros([1, 3, 14, 14]), '--keep', 'stage_9');
    expect(message).toMatch(/^dpt forward: .*nothing is named stage_9\. There are: /);
  });
});

describe.skipIf(!moreFixtures)('Depth-Anything, the larger set', () => {
  const names = moreFixtures ? readdirSync(moreFixtures) : [];
  const cases = names
    .filter((name) => name.startsWith('depth_anything') && families.has(name))
    .flatMap((name) => ioFiles(join(moreFixtures!, name)).map((io) => ({ name, io })));
  test.each(cases)('$name $io', async ({ name, io }) => {
    const pixels = join(moreFixtures!, name, io);
    const hasBoxes = (await readTensors(pixels)).has('tokens_in');
    const outcome = await run(
      join(moreFixtures!, name, 'model.safetensors'),
      pixels,
      ...['--family', name],
      ...(name.endsWith('metric') ? ['--max-depth', '20'] : []),
      ...(hasBoxes ? ['--keep', boxes] : []),
    );
    expect(outcome).toMatchObject({ code: 0 });
    await expectAsIn(pixels);
  });
});
