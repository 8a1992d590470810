// The program itself, each time a process of its own (1.5 s, so they are few): exit codes, which stream, working folder, Ctrl-C, a reader
// that goes away, stack traces only on demand. And the choice of a model, which looks into folders.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { chooseModel } from '../../packages/cli/src/default_model.ts';
import { progressOn } from '../../packages/cli/src/progress.ts';
import { encodePng8 } from '../../packages/loaders/src/node.ts';
import { bin, spawnDpt } from '../support/cli.ts';
import { tinyModel } from '../support/models.ts';

const base = mkdtempSync(join(tmpdir(), 'dpt-process-'));
afterAll(() => rmSync(base, { recursive: true }));

const { version } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../packages/cli/package.json'), 'utf8'),
) as { version: string };

function folderWith(...pictures: string[]): string {
  const folder = mkdtempSync(join(base, 'case-'));
  const grey = Uint8Array.from({ length: 40 * 30 }, (_, i) => (i * 7) % 256);
  for (const name of pictures) writeFileSync(join(folder, name), encodePng8(grey, 40, 30));
  return folder;
}

describe('dpt', () => {
  test('writes into the folder it is called from', async () => {
    const cwd = folderWith('-x.jpg');
    const { code, out, err } = await spawnDpt(
      ['image', '--size', '28', '-m', tinyModel, '--', '-x.jpg'],
      { cwd },
    );
    expect(out).toMatch(/^-x\.jpg → output\/-x\.png {2}\(42×28, \d+ ms, values \S+ … \S+\)\n$/);
    expect(err).toMatch(/^WebGPU adapter: .+$/m); // some drivers say more
    expect(code).toBe(0);
    expect(readdirSync(join(cwd, 'output'))).toEqual(['-x.png']);
  });

  test.each([
    [['--version'], 0, `${version}\n`, /^$/],
    [['imgae'], 2, '', /^dpt: there is no command imgae\. Did you mean image\?\n$/],
    [['inspect', '.'], 2, '', /^dpt inspect: \.: is a folder; a file is needed\.\n$/],
    [['inspect', bin], 1, '', /^dpt inspect: .+\n$/],
  ])('%j ends with %d', async (argv, code, out, err) => {
    expect(await spawnDpt(argv)).toEqual({ code, out, err: expect.stringMatching(err) });
  });

  test('prints stack traces only with DPT_DEBUG=1', async () => {
    const { code, err } = await spawnDpt(['inspect', bin], { env: { DPT_DEBUG: '1' } });
    expect(code).toBe(1);
    expect(err).toMatch(/\n {4}at /);
  });

  test.skipIf(process.platform === 'win32')('ends when it is interrupted', async () => {
    const cwd = folderWith('a.png', 'b.png', 'c.png');
    const begun = performance.now();
    let killed = begun;
    // Large enough for minutes on a software adapter, which must not be waited for.
    const { code, out, err } = await spawnDpt(
      ['image', 'a.png', 'b.png', 'c.png', '-m', tinyModel, '--size', '1400'],
      { cwd, kill: /WebGPU adapter/, onKill: () => (killed = performance.now()) },
    );
    // A busy machine is slow at both: to begin takes seconds.
    expect(performance.now() - killed).toBeLessThan(10 * (killed - begun));
    expect(code).toBe(130);
    expect(err).toMatch(/\ndpt image: interrupted\.\n$/);
    expect(out).toBe('');
    expect(readdirSync(cwd).sort()).toEqual(['a.png', 'b.png', 'c.png']);
  });

  test('goes on when its reader goes away', async () => {
    const child = spawn(process.execPath, [bin, 'inspect', tinyModel], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    let err = '';
    child.stderr.on('data', (data) => (err += data));
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });

  test('doctor computes a depth map', async () => {
    const { code, out } = await spawnDpt(['doctor', '--json']);
    expect(JSON.parse(out)).toMatchObject({
      ok: true,
      node: process.versions.node,
      adapter: { description: expect.any(String), limits: { maxBufferSize: expect.any(Number) } },
      trial: expect.any(Number),
      problems: [],
    });
    expect(code).toBe(0);
  });

  test('doctor says what is missing', async () => {
    const { code, out } = await spawnDpt(['doctor'], { env: { DPT_ADAPTER: 'nonsense' } });
    expect(code).toBe(1);
    expect(out).toMatch(/^problem: DPT_ADAPTER is 'nonsense'/m);
    expect(out).toMatch(/\nDepth cannot be computed here yet\.\n$/);
  });
});

describe('the model, when none is named', () => {
  const env = { XDG_CACHE_HOME: join(base, 'cache') };

  test('is the first in model_weights/, and the others are named', async () => {
    const folder = folderWith();
    const weights = join(folder, 'model_weights');
    mkdirSync(join(weights, 'folder.pth'), { recursive: true });
    for (const name of ['b.pth', 'a.safetensors', '.hidden.pth', 'notes.txt']) {
      writeFileSync(join(weights, name), '');
    }
    expect(await chooseModel(undefined, { folder, env })).toEqual({
      path: join(weights, 'a.safetensors'),
      source: 'model_weights',
      notes: [
        'model_weights holds a.safetensors, b.pth. Taking a.safetensors; choose another with -m.',
      ],
    });
    expect(await chooseModel('model_weights/b.pth', { folder, env })).toEqual({
      path: join(weights, 'b.pth'),
      source: 'given',
      notes: [],
    });
  });

  test('is the small one at last, with a line that says so', async () => {
    const { path, source, notes } = await chooseModel(undefined, { folder: folderWith(), env });
    // A checkout in use may have model_weights/ of its own.
    if (source === 'model_weights') return;
    expect({ path, source }).toEqual({ path: tinyModel, source: 'bundled' });
    expect(notes).toEqual([expect.stringMatching(/small demonstration model.+v2-small/)]);
  });
});

describe('progress', () => {
  function terminal(isTTY: boolean) {
    const written: string[] = [];
    return { isTTY, columns: 20, written, write: (text: string) => written.push(text) };
  }

  test('is drawn over itself and taken away at the end', () => {
    const stream = terminal(true);
    const progress = progressOn(stream);
    progress.report('Loading weights of a model', 1, 4);
    progress.report('Loading weights', 2, 4); // too soon to be drawn again
    progress.report('Loading weights', 4, 4);
    progress.clear();
    expect(stream.written).toEqual(['\r\x1b[KLoading weights of ', '\r\x1b[K']);
  });

  test('is silent where nobody watches', () => {
    const stream = terminal(false);
    progressOn(stream).report('Loading weights', 1, 4);
    expect(stream.written).toEqual([]);
  });
});
