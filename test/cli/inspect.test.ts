// dpt inspect: what it says of files that run, of those that do not and why, of licences. No GPU: these tests pass without an adapter.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { licenceOf } from '../../packages/cli/src/licences.ts';
import { writeSafetensors } from '../../packages/loaders/src/index.ts';
import { dpt } from '../support/cli.ts';
import { fixtures, tinyModel } from '../support/models.ts';

const folder = mkdtempSync(join(tmpdir(), 'dpt-inspect-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a model: family, configuration, licence, keys', async () => {
  const { code, out, err } = await dpt(['inspect', tinyModel]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const [head, keys] = out.split('\n\n') as [string, string];
  expect(head.replace(/^file .*$/m, 'file …')).toMatchInlineSnapshot(`
    "file …
    model           depth_anything_v2: DINOv2, 8 blocks of 128 features, 2 heads, 14-pixel patches
    stages          after blocks 1, 3, 5, 7
    depth           relative: inverse depth up to scale and shift, large is near
    picture         168 px, multiples of 14
    licence         MIT (the model that comes with dpt-webgpu)
    holds           183 tensors, 2,133,697 numbers, 4.1 MiB
    metadata model  dpt-tiny
    metadata heads  2
    metadata hooks  [1, 3, 5, 7]"
  `);
  expect(keys.split('\n')).toHaveLength(183);
  expect(keys).toMatch(/^pretrained\.pos_embed +f16 {2}\[1, 145, 128\]$/m);
});

test('--json holds the same', async () => {
  const path = join(fixtures, 'depth_anything_v1', 'model.safetensors');
  const { code, out } = await dpt(['inspect', path, '--json', '--family', 'depth_anything_v1']);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    file: path,
    bytes: 2_315_306,
    runs: true,
    architecture: 'Depth-Anything',
    config: { family: 'depth_anything_v1', encoder: { blocks: 5, stageEnds: [1, 2, 3, 4] } },
    licence: 'unknown',
    tensors: expect.arrayContaining([
      { name: 'pretrained.cls_token', dtype: 'f16', shape: [1, 1, 128] },
    ]),
  });
});

test('what it had to guess is said', async () => {
  const { code, out } = await dpt([
    'inspect',
    join(fixtures, 'depth_anything_v1/model.safetensors'),
  ]);
  expect(code).toBe(0);
  expect(out).toMatch(
    /^warning: .+taken for V2\. Say which with the option family \(--family\)\.$/m,
  );
});

describe('files that do not run are listed, with the reason', () => {
  const write = (name: string, keys: Record<string, readonly number[]>): string => {
    const tensors = Object.entries(keys).map(([key, shape]) => {
      const data = new Uint8Array(shape.reduce((a, b) => a * b, 1));
      return [key, { dtype: 'u8' as const, shape, data }] as const;
    });
    writeFileSync(join(folder, name), writeSafetensors(new Map(tensors)));
    return join(folder, name);
  };

  test('another model', async () => {
    const { code, out } = await dpt([
      'inspect',
      write('other.safetensors', { 'a.b': [2, 3], c: [] }),
    ]);
    expect(code).toBe(0);
    expect(out).toMatch(/^model +not recognised$/m);
    expect(out).toMatch(/^does not run +.+not a depth model this project knows/m);
    expect(out).toMatch(/^holds +2 tensors, 7 numbers, 0\.0 MiB$/m);
    expect(out).toMatch(/^a\.b +u8 {2}\[2, 3\]$/m);
  });

  test('a file without tensors, and keys that would move the cursor', async () => {
    expect((await dpt(['inspect', write('none.safetensors', {})])).code).toBe(0);
    const { out } = await dpt(['inspect', write('escape.safetensors', { '\x1b[2Jkey\n': [1] })]);
    expect(out).not.toContain('\x1b');
    expect(out).toContain('\\u001b[2Jkey\\n');
  });
});

test('what cannot be read is an error', async () => {
  const page = join(folder, 'page.pth');
  writeFileSync(page, '<!DOCTYPE html>');
  expect(await dpt(['inspect', page])).toMatchObject({ code: 1, out: '' });
  expect(await dpt(['inspect', join(folder, 'gone')])).toMatchObject({ code: 2, out: '' });
  expect(await dpt(['inspect', folder])).toMatchObject({ code: 2, out: '' });
  expect(await dpt(['inspect'])).toMatchObject({ code: 2, out: '' });
  expect(await dpt(['inspect', page, page])).toMatchObject({ code: 2, out: '' });
});

test.each([
  ['depth_anything_v2_vits.pth', {}, 'Apache-2.0'],
  ['/models/depth_anything_v2_vitl.safetensors', {}, 'CC-BY-NC-4.0 (not for commercial use)'],
  ['depth_anything_v2_metric_hypersim_vits.pth', {}, 'unknown'],
  ['depth_anything_vitb14.pth', {}, 'Apache-2.0'],
  ['dpt_swin2_tiny_256.pt', {}, 'MIT'],
  ['model.safetensors', {}, 'unknown'],
  ['depth_anything_v2_vits.pth', { license: 'proprietary' }, 'proprietary'],
])('the licence of %s %j is %s', (name, metadata: Record<string, string>, licence) => {
  const stateDict = {
    name,
    metadata: new Map(Object.entries(metadata)),
    tensors: new Map(),
    close: async () => {},
  };
  expect(licenceOf(stateDict).licence).toBe(licence);
});
