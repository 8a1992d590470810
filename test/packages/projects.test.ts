// Projects of strangers with the packed packages: a script in Node 20, 22 and 24, the command, a page and a worker bundled by vite and by
// esbuild, Deno (whose WebGPU is wgpu, that of Firefox), strict TypeScript. All compute the same numbers as the sources.
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build as esbuild } from 'esbuild';
import ts from 'typescript';
import { build as vite } from 'vite';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { startSiteServer } from '../../packages/cli/src/serve/site_server.ts';
import { launchBrowser } from '../support/browser.ts';
import { denoPath } from '../support/deno.ts';
import { testDevice } from '../support/device.ts';
import { tinyModel } from '../support/models.ts';
import { nodePath, nodeVersions } from '../support/nodes.ts';
import { run } from './projects/depth.js';

const scratch = inject('scratch');
const root = join(import.meta.dirname, '../..');

interface Results {
  readonly y: readonly number[];
  readonly depth: readonly number[];
}

let expected: Results;
beforeAll(async () => {
  expected = await run(await testDevice(), readFileSync(tinyModel));
});

/** Drivers round differently; a map that is off by a thousandth of its size is another map. */
function expectSame({ y, depth }: Results): void {
  expect(y).toEqual([11, 22, 38, 13, 24, 48]);
  expect(depth.length).toBe(expected.depth.length);
  const largest = Math.max(...expected.depth.map(Math.abs));
  const off = depth.map((value, i) => Math.abs(value - expected.depth[i]!) / largest);
  expect(largest).toBeGreaterThan(1);
  expect(Math.max(...off)).toBeLessThan(1e-3);
}

function inScratch(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  return execFileSync(command, args, {
    cwd: scratch,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

describe('Node', () => {
  test.for([20, 22, 24] as const)('%i', (line, { skip }) => {
    let node: string;
    try {
      node = nodePath(line);
    } catch (error) {
      skip(`Node ${nodeVersions[line]} cannot be had from npm here: ${error}`);
      return;
    }
    expect(inScratch(node, ['--version'])).toMatch(new RegExp(`^v${line}\\.`));
    expectSame(JSON.parse(inScratch(node, ['node.js'])) as Results);
    const dpt = join('node_modules', '@dpt-webgpu', 'cli', 'bin', 'dpt.mjs');
    expect(inScratch(node, [dpt, '--version'])).toMatch(/^\d+\.\d+\.\d+$/m);
  });
});

test('the command', () => {
  const dpt = join(scratch, 'node_modules', '.bin', 'dpt');
  expect(inScratch(dpt, ['--version'])).toMatch(/^\d+\.\d+\.\d+$/m);
  const photo = join(root, 'examples', 'pictures', 'dog_indoor.jpg');
  inScratch(dpt, ['image', photo, '--size', '56', '-o', 'depth']);
  expect(readdirSync(join(scratch, 'depth')).filter((file) => file.endsWith('.png'))).not.toEqual(
    [],
  );
});

test('Deno', () => {
  // wgpu takes the driver that the tests take; it complains about a folder that only windows need.
  const env = { DENO_NO_UPDATE_CHECK: '1', XDG_RUNTIME_DIR: scratch };
  const printed = inScratch(denoPath(), ['run', '--no-remote', '--allow-all', 'deno.js'], env);
  expectSame(JSON.parse(printed) as Results);
});

describe('in Chromium', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  async function expectPageWorks(site: string): Promise<void> {
    const server = await startSiteServer({ site, host: '127.0.0.1', port: 0 });
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    try {
      await page.goto(server.address);
      await expect
        .poll(() => complaints.length > 0 || page.evaluate(() => 'results' in globalThis))
        .toBe(true);
      expect(complaints).toEqual([]);
      const results = await page.evaluate(
        () => Reflect.get(globalThis, 'results') as { page: Results; worker: Results },
      );
      expectSame(results.page);
      expectSame(results.worker);
    } finally {
      await page.close();
      await server.close();
    }
  }

  test('a page and a worker built by vite', async () => {
    await vite({
      root: scratch,
      configFile: false,
      logLevel: 'error',
      worker: { format: 'es' },
      build: { outDir: 'from_vite', target: 'es2022' },
    });
    await expectPageWorks(join(scratch, 'from_vite'));
  });

  test('a page and a worker bundled by esbuild', async () => {
    const outdir = join(scratch, 'from_esbuild');
    await esbuild({
      absWorkingDir: scratch,
      entryPoints: ['page.js', 'worker.js'],
      bundle: true,
      minify: true,
      format: 'esm',
      target: 'es2022',
      outdir,
    });
    cpSync(join(scratch, 'public'), outdir, { recursive: true });
    cpSync(join(scratch, 'index.html'), join(outdir, 'index.html'));
    await expectPageWorks(outdir);
  });
});

describe('strict TypeScript', () => {
  test.each(['node16', 'bundler'])('with moduleResolution %s', (moduleResolution) => {
    expect(problems(moduleResolution)).toEqual([]);
  });

  function problems(moduleResolution: string): string[] {
    const { options, errors } = ts.convertCompilerOptionsFromJson(
      {
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        noPropertyAccessFromIndexSignature: true,
        verbatimModuleSyntax: true,
        isolatedModules: true,
        skipLibCheck: false,
        noEmit: true,
        target: 'es2022',
        lib: ['es2022', 'dom'],
        types: [],
        module: moduleResolution === 'bundler' ? 'esnext' : moduleResolution,
        moduleResolution,
      },
      scratch,
    );
    expect(errors).toEqual([]);
    const program = ts.createProgram([join(scratch, 'strict.ts')], options);
    return ts
      .getPreEmitDiagnostics(program)
      .map(
        ({ file: source, messageText }) =>
          `${source?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
      );
  }
});
