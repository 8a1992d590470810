// dpt bench: one JSON object per model, size and type; text with the adapter and the boxes of figure 1; what is refused;
// ranks of the percentiles.
import { expect, test } from 'vitest';
import { timesOf } from '../../packages/cli/src/model_timing.ts';
import { dpt } from '../support/cli.ts';
import { tinyModel } from '../support/models.ts';

test('numbers for machines', async () => {
  const { code, out } = await dpt([
    'bench',
    tinyModel,
    '--sizes',
    '28,42',
    '--runs',
    '2',
    '--json',
  ]);
  expect(code).toBe(0);
  const rows = out.split('\n').map((line) => JSON.parse(line));
  expect(rows.map(({ size }) => size.width)).toEqual([28, 42]);
  for (const row of rows) {
    expect(row).toMatchObject({
      file: tinyModel,
      dtype: 'f32',
      runs: 2,
      adapter: expect.any(String),
    });
    expect(Object.keys(row.boxes).sort()).toEqual(
      expect.arrayContaining(['encoder', 'fusion', 'head', 'patch_embed', 'reassemble']),
    );
    expect(row.run.median).toBeGreaterThan(0);
    expect(row.run.p95).toBeGreaterThanOrEqual(row.run.median);
    expect(row.bytes.slots).toBeGreaterThanOrEqual(row.bytes.lowerBound);
  }
});

test('text for people', async () => {
  const { code, out } = await dpt([
    'bench',
    '-m',
    tinyModel,
    '--sizes',
    '28',
    '--runs',
    '1',
    '--ops',
  ]);
  expect(code).toBe(0);
  expect(out).toMatch(/^WebGPU adapter: .+\n/);
  expect(out).toMatch(/\nrun {12}.+ \(95 %: .+\).+first run .+\n/);
  expect(out).toMatch(
    /by box of figure 1 \((gpu|wall) clock[\s\S]+ encoder [\s\S]+by op[\s\S]+ linear /,
  );
});

test.each([
  [['--sizes', '0'], /--sizes takes whole numbers/],
  [['--dtypes', 'f64'], /--dtypes can be f32, f16/],
  [['--runs', '0'], /--runs takes a whole number/],
])('refuses %j', async (argv, message) => {
  expect(await dpt(['bench', ...argv])).toMatchObject({
    code: 2,
    err: expect.stringMatching(message),
  });
});

test('percentiles are times that were measured', () => {
  expect(timesOf([3, 1, 2])).toEqual({ median: 2, p95: 3 });
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect(timesOf(hundred)).toEqual({ median: 50, p95: 95 });
});
