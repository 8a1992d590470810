// dpt parity: a folder, a folder of folders, the exit code by tolerance, a model from elsewhere, what is refused; NaN and
// another shape are the worst of errors.
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { boxOf, relativeError, toleranceOf } from '../../packages/cli/src/golden_files.ts';
import { dpt } from '../support/cli.ts';
import { fixtures } from '../support/models.ts';

const base = mkdtempSync(join(tmpdir(), 'dpt-parity-'));
afterAll(() => rmSync(base, { recursive: true }));
const beit = join(fixtures, 'midas_beit');

test('a table of errors per box', async () => {
  const { code, out } = await dpt(['parity', beit]);
  expect(code).toBe(0);
  const [head, ...rows] = out.split('\n');
  expect(head).toMatch(/^max \|error\| \/ std +tokens +stages +reassembled +fused +depth$/);
  expect(rows).toHaveLength(2);
  for (const row of rows) expect(row).toMatch(/io_\d+x\d+\.safetensors( +\d\.\de-\d){5} {2}ok$/);
});

test('the exit code follows the tolerance', async () => {
  const { code, out } = await dpt(['parity', beit, '--tolerance', '1e-9', '--json']);
  expect(code).toBe(1);
  const rows = out.split('\n').map((line) => JSON.parse(line));
  expect(rows.map(({ passed }) => passed)).toEqual([false, false]);
  expect(rows[0].errors.depth).toBe(rows[0].boxes.depth);
});

test('folders in a folder; one without a model is said', async () => {
  const folder = join(base, 'golden');
  mkdirSync(join(folder, 'midas_beit'), { recursive: true });
  const io = 'io_96x96.safetensors';
  cpSync(join(beit, io), join(folder, 'midas_beit', io));
  const without = await dpt(['parity', folder]);
  expect(without).toMatchObject({
    code: 0,
    err: expect.stringMatching(/skipped, it holds no model/),
  });
  const given = await dpt(['parity', folder, '-m', join(beit, 'model.safetensors')]);
  expect(given).toMatchObject({ code: 0, out: expect.stringMatching(/ok$/) });
});

test.each([
  [[], /which folder\?/],
  [[base, '--tolerance', '-1'], /--tolerance takes a number above 0/],
  [[join(base, 'none')], /there is no such folder/],
])('refuses %j', async (argv, message) => {
  expect(await dpt(['parity', ...argv])).toMatchObject({
    code: 2,
    err: expect.stringMatching(message),
  });
});

test('errors and boxes', () => {
  expect(relativeError([1, 2.5], [1, 2])).toBeCloseTo(1);
  expect(relativeError([1, Number.NaN], [1, 2])).toBe(Number.POSITIVE_INFINITY);
  expect(relativeError([5, 5], [4, 4])).toBe(1);
  expect(['depth', 'tokens_in', 'stage_2', 'fused_4', 'x'].map(boxOf)).toEqual([
    ...['depth', 'tokens', 'stages', 'fused', 'other'],
  ]);
  expect(toleranceOf('depth', 'f32')).toBeGreaterThan(toleranceOf('stages', 'f32'));
});
