// convert: every family's fixture under its own names and under ours, in each type; metadata that recognise goes by;
// what f16 changes and refuses; that a broken disk, a broken model and the input itself are safe.
import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildDpt, recognise } from '../../packages/dpt/src/index.ts';
import { writeSafetensors } from '../../packages/loaders/src/index.ts';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import { Context, type StateDict } from '../../packages/tensor/src/index.ts';
import { dpt } from '../support/cli.ts';
import { fixtures } from '../support/models.ts';

let folder: string;
let out: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dpt-convert-'));
  out = join(folder, 'out.safetensors');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const fixture = (family: string): string => join(fixtures, family, 'model.safetensors');

async function withFile<T>(path: string, use: (file: StateDict) => Promise<T> | T): Promise<T> {
  const file = await openCheckpointFile(path);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

/** What a model made from a file would be: its configuration, and all its weights by our names. */
const modelIn = (path: string) =>
  withFile(path, async (file) => {
    const recognised = recognise(file);
    buildDpt(Context.planning(), recognised);
    const hashes = new Map<string, string>();
    for (const [name, tensor] of recognised.stateDict.tensors) {
      const bytes = await tensor.read();
      hashes.set(name, createHash('sha256').update(bytes).digest('hex'));
    }
    return { ...recognised, hashes };
  });

const write = async (tensors: Record<string, number[]>): Promise<string> => {
  const path = join(folder, 'in.safetensors');
  const entries = Object.entries(tensors).map(
    ([name, values]) =>
      [
        name,
        { dtype: 'f32' as const, shape: [values.length], data: Float32Array.from(values) },
      ] as const,
  );
  await writeFile(path, writeSafetensors(new Map(entries)));
  return path;
};

describe.each([
  { family: 'depth_anything_v1', flags: [] },
  { family: 'depth_anything_v2', flags: [] },
  { family: 'depth_anything_v2_giant', flags: ['--family', 'depth_anything_v2'] },
  { family: 'midas_beit', flags: [] },
  { family: 'midas_swinv2', flags: [] },
])('$family', ({ family, flags }) => {
  test.each(['original', 'ours'])('under %s names is the same model', async (names) => {
    // Its name would tell the family; that of the result does not.
    const named = flags.length > 0 ? flags : family.startsWith('depth') ? ['--family', family] : [];
    const argv = ['convert', fixture(family), out, '--names', names, ...named, '--json'];
    const { code, out: text, err } = await dpt(argv);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const [before, after] = [await modelIn(fixture(family)), await modelIn(out)];
    expect(after.hashes).toEqual(before.hashes);
    expect(after.warnings).toEqual([]);
    expect(after.config.encoder).toEqual(
      await withFile(fixture(family), (file) => {
        const wanted = flags[1] ?? (family.startsWith('depth') ? family : undefined);
        const { config } = recognise(file, { family: wanted as typeof before.config.family });
        return config.encoder;
      }),
    );
    const { metadata } = JSON.parse(text);
    expect(metadata).toMatchObject({
      family: flags[1] ?? family,
      source: 'model.safetensors',
      source_sha256: createHash('sha256')
        .update(await readFile(fixture(family)))
        .digest('hex'),
    });
    expect(after.architecture.includes('dpt-webgpu')).toBe(names === 'ours');
  });
});

test('metadata holds what the flags say, and recognise goes by it', async () => {
  const flags = [
    '--family',
    'depth_anything_v2_metric',
    '--max-depth',
    '12.5',
    '--hooks',
    '0,1,2,3',
  ];
  expect((await dpt(['convert', fixture('depth_anything_v2'), out, ...flags])).code).toBe(0);
  await withFile(out, (file) => {
    const { config, warnings } = recognise(file);
    expect(config).toMatchObject({ depth: 'metric', maxDepth: 12.5 });
    expect(config.encoder).toMatchObject({ stageEnds: [0, 1, 2, 3] });
    expect(warnings).toEqual([]);
    // An option wins over it.
    expect(recognise(file, { maxDepth: 7 }).config.maxDepth).toBe(7);
  });
});

test('a family that the weights contradict is an error', async () => {
  const { code, err } = await dpt([
    'convert',
    fixture('midas_beit'),
    out,
    '--family',
    'depth_anything_v2',
  ]);
  expect(code).toBe(1);
  expect(err).toContain('and family depth_anything_v2 contradicts that');
  expect(await readdir(folder)).toEqual([]);
});

describe('f16', () => {
  test('halves the file and says what it rounded', async () => {
    const values = Array.from({ length: 4096 }, (_, i) => Math.sin(i * i) * 3);
    const path = await write({ x: values });
    const { code, out: text } = await dpt(['convert', path, out, '--dtype', 'f16', '--json']);
    expect(code).toBe(0);
    const { bytes, rounding } = JSON.parse(text);
    expect(bytes).toBe(2 * values.length);
    // Half of the last of eleven digits.
    expect(rounding.largest).toBeGreaterThan(2 ** -12);
    expect(rounding.largest).toBeLessThanOrEqual(2 ** -11);
    expect(rounding.tensor).toBe('x');
  });

  test('refuses what it cannot hold, and leaves nothing behind', async () => {
    const path = await write({ fine: [1], large: [1, 65520, -1e9] });
    const { code, err } = await dpt(['convert', path, out, '--dtype', 'f16']);
    expect(code).toBe(1);
    expect(err).toContain(
      'large holds 2 values beyond ±65504, which f16 cannot store. Use --dtype f32.',
    );
    expect(await readdir(folder)).toEqual(['in.safetensors']);
  });

  test('counts small values', async () => {
    const path = await write({ x: [1, 1e-5, 1e-9, 0, 65504] });
    const { out: text } = await dpt(['convert', path, out, '--dtype', 'f16', '--json']);
    expect(JSON.parse(text).rounding).toEqual({ largest: 0, tensor: '', small: 2, zeroed: 1 });
  });

  test('and back is f32 again', async () => {
    const half = join(folder, 'half.safetensors');
    const path = await write({ x: [0.5, -3] });
    await dpt(['convert', path, half, '--dtype', 'f16']);
    expect((await dpt(['convert', half, out, '--dtype', 'f32', '--json'])).code).toBe(0);
    await withFile(out, async ({ tensors }) => {
      const bytes = await tensors.get('x')!.read();
      expect([...new Float32Array(bytes.slice().buffer)]).toEqual([0.5, -3]);
    });
  });
});

describe('files', () => {
  test('of PyTorch, by a short name', async () => {
    const store = join(folder, 'dpt-webgpu', 'models');
    const { mkdir } = await import('node:fs/promises');
    await mkdir(store, { recursive: true });
    await copyFile(
      join(fixtures, '..', 'loaders', 'zip.pth'),
      join(store, 'depth_anything_v2_vits.pth'),
    );
    const { code, err } = await dpt(['convert', 'v2-small', out], {
      env: { XDG_CACHE_HOME: folder },
    });
    expect(code).toBe(0);
    expect(err).toContain('Its tensors are converted as they are.');
  });

  test('that are no model keep their names; under ours they are refused', async () => {
    const path = await write({ a: [1, 2], b: [3] });
    const { code, err } = await dpt(['convert', path, out]);
    expect(code).toBe(0);
    expect(err).toContain('not a depth model this project knows');
    await withFile(out, ({ tensors }) => expect([...tensors.keys()]).toEqual(['a', 'b']));
    expect((await dpt(['convert', path, out, '--names', 'ours'])).code).toBe(1);
  });

  test('the input is not overwritten, under whatever name', async () => {
    const path = await write({ a: [1] });
    const { code, err } = await dpt(['convert', path, join(folder, '.', basename(path))]);
    expect(code).toBe(2);
    expect(err).toContain('is an input and would be overwritten');
  });

  test.each([
    [['a.pth'], 'from which file to which'],
    [['a.pth', 'b.pth'], 'must end in .safetensors'],
    [['a.pth', 'b.safetensors', 'c'], 'one argument too many'],
    [['missing.pth', 'b.safetensors'], 'there is no such file'],
  ])('%j', async (argv, message) => {
    const { code, err } = await dpt(['convert', ...argv]);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  test('a folder that is not there, and Ctrl-C', async () => {
    const path = await write({ a: [1] });
    expect((await dpt(['convert', path, join(folder, 'no', 'x.safetensors')])).code).toBe(2);
    const controller = new AbortController();
    controller.abort();
    expect((await dpt(['convert', path, out], { signal: controller.signal })).code).toBe(130);
    expect(await readdir(folder)).toEqual(['in.safetensors']);
  });
});
