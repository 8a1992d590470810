// dpt bench: one JSON object per model, size and type; errors against f32; text with the adapter and the boxes of figure 1; what is refused;
// ranks of the percentiles.
import { expect, test } from 'vitest';
import { fastestOf } from '../../packages/cli/src/commands/bench.ts';
import { mapError, timesOf } from '../../packages/cli/src/model_timing.ts';
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

test('the error of q8 against f32, whichever is named first', async () => {
  const argv = ['bench', tinyModel, '--sizes', '28', '--runs', '1', '--dtypes', 'q8,f32'];
  const { code, out } = await dpt([...argv, '--json']);
  expect(code).toBe(0);
  const [f32, q8] = out.split('\n').map((line) => JSON.parse(line));
  expect([f32.dtype, q8.dtype]).toEqual(['f32', 'q8']);
  expect(f32.error).toBeUndefined();
  expect(q8.error.max).toBeGreaterThan(0);
  expect(q8.error.max).toBeLessThan(0.1);
  expect(q8.error.mean).toBeLessThanOrEqual(q8.error.max);
  expect(q8.error.correlation).toBeGreaterThan(0.999);
  expect(q8.bytes.weights).toBeLessThan(f32.bytes.weights / 2);
  expect(q8.depth).toBeUndefined();
  const text = await dpt(argv);
  expect(text.out).toMatch(/\nerror {10}against f32, .+ largest 0\.0.+ correlation 0\.999/);
  expect(text.out).toMatch(/\nfastest here: (f32|q8) \(.+\); (f32|q8) takes \d+\.\d\d× as long$/);
});

test('the fastest type, and how far behind the others are', () => {
  const times = new Map(Object.entries({ f32: 3, f16: 2, q8: 5 }));
  expect(fastestOf(times)).toBe(
    'fastest here: f16 (--dtype f16); f32 takes 1.50×, q8 takes 2.50× as long',
  );
});

test('errors of maps: in deviations of the expected one', () => {
  const expected = Float32Array.of(0, 2, 0, 2); // deviation 1
  expect(mapError(expected, expected)).toEqual({ max: 0, mean: 0, correlation: 1 });
  expect(mapError(Float32Array.of(0, 2, 0, 6), expected)).toMatchObject({ max: 4, mean: 1 });
  expect(mapError(Float32Array.of(2, 0, 2, 0), expected).correlation).toBe(-1);
  expect(mapError(Float32Array.of(0, Number.NaN, 0, 2), expected).max).toBe(Infinity);
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
