// The examples that run in Node end well and print what they say; every example is one file of at most 120 lines and is
// named in the README. The pages are in test/web/examples.test.ts; `npm start` and films in test/cli.
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const files = ['examples', 'examples/pages']
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))
  .filter((name) => name.endsWith('.ts'));

/** What an example prints. */
async function run(name: string, args: string[] = []): Promise<string> {
  const command = ['--import', 'tsx', join(root, 'examples', name), ...args];
  const { stdout } = await promisify(execFile)(process.execPath, command, {
    cwd: root,
    timeout: 120_000,
  });
  return stdout;
}

test.each(files)('%s is short and in the README', (file) => {
  const lines = readFileSync(join(root, file), 'utf8').trimEnd().split('\n');
  expect(lines.length).toBeLessThanOrEqual(120);
  expect(readFileSync(join(root, 'README.md'), 'utf8')).toContain(`](${file})`);
});

test('new_op: an op of one’s own finds the edges of a square', { timeout: 150_000 }, async () => {
  const printed = await run('new_op.ts');
  expect(printed).toMatch(/0 {2}conv2d edges .*\n.*1 {2}max_pool .*\n.*2 {2}conv2d smooth/);
  const rows = printed.trimEnd().split('\n').slice(-8);
  // Nothing in the middle, something on the border, and the same in all four directions.
  expect(rows[3]!.slice(6, 9)).toBe('   ');
  expect(rows[2]!.trim().length).toBe(15);
  expect(rows.toReversed()).toEqual(rows);
  expect(rows.map((row) => [...row].toReversed().join(''))).toEqual(rows);
});

test('own_encoder: an encoder of one’s own in the skeleton', { timeout: 150_000 }, async () => {
  const printed = await run('own_encoder.ts');
  expect(printed).toMatch(/^\d+ buffers, \d+\.\d MiB$/m);
  expect(printed).toMatch(/^a map of 168×112 from a network of 168×112$/m);
});

test('batch_folder: a map per picture', { timeout: 150_000 }, async () => {
  const output = mkdtempSync(join(tmpdir(), 'dpt-batch-'));
  onTestFinished(() => rmSync(output, { recursive: true, force: true }));
  const command = [
    ...['--import', join(root, 'node_modules/tsx/dist/esm/index.mjs')],
    ...[join(root, 'examples/batch_folder.ts'), join(root, 'examples/pictures')],
    join(root, 'models/dpt_tiny.safetensors'),
  ];
  const { stdout } = await promisify(execFile)(process.execPath, command, {
    cwd: output,
    timeout: 120_000,
  });
  const pictures = readdirSync(join(root, 'examples/pictures')).filter((name) =>
    /\.(jpe?g|png|webp)$/i.test(name),
  );
  expect(readdirSync(join(output, 'output')).sort()).toEqual(
    pictures.map((name) => `${name}.npy`).sort(),
  );
  expect(stdout.trim().split('\n').length).toBeGreaterThanOrEqual(pictures.length);
});
