// The tarballs: no complaint of publint and of arethetypeswrong, everything inside that belongs there, nothing done by
// importing them, sizes of bundles. Not here: whether they work (projects.test.ts).
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { build } from 'esbuild';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { bareShader } from '../../scripts/bare_shader.ts';

const scratch = inject('scratch');
const installed = (name: string): string => join(scratch, 'node_modules', '@dpt-webgpu', name);
const filesOf = (name: string): string[] =>
  readdirSync(installed(name), { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.\w+$/.test(basename(file)),
  );
const read = (name: string, file: string): string =>
  readFileSync(join(installed(name), file), 'utf8');

const packages = inject('tarballs').map((tarball) => {
  const [, name] = /dpt-webgpu-(\w+)-[\d.]+\.tgz$/.exec(tarball)!;
  return { name: name!, tarball };
});

test('there are four', () => {
  expect(packages.map(({ name }) => name)).toEqual(['tensor', 'dpt', 'loaders', 'cli']);
});

describe.each(packages)('$name', ({ name, tarball }) => {
  test('publint has no complaint', async () => {
    const { buffer } = readFileSync(tarball);
    const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });

  test('its types resolve wherever modules do', async () => {
    const analysis = await checkPackage(
      createPackageFromTarballData(new Uint8Array(readFileSync(tarball))),
    );
    expect(analysis.types).toBeTruthy();
    const problems = analysis.types ? (analysis as { problems: readonly Problem[] }).problems : [];
    expect(problems.filter((problem) => !isForOldResolution(problem))).toEqual([]);
  });

  test('brings its licence, the sources that its maps name, and the files that its exports name', () => {
    const files = new Set(filesOf(name));
    expect(existsSync(join(installed(name), 'LICENSE'))).toBe(true);
    expect(existsSync(join(installed(name), 'NOTICE'))).toBe(true);
    const maps = [...files].filter((file) => file.endsWith('.map') && file.startsWith('dist'));
    expect(maps.length).toBeGreaterThan(10);
    const missing = maps.flatMap((map) => {
      const { sources } = JSON.parse(read(name, map)) as { sources: string[] };
      const paths = sources.map((source) => join(dirname(map), source));
      return paths.filter((path) => !files.has(path)).map((path) => `${map}: ${path}`);
    });
    expect(missing).toEqual([]);
    const { exports } = JSON.parse(read(name, 'package.json')) as { exports: object };
    const named = [...JSON.stringify(exports).matchAll(/"\.\/((?:dist|src)[^"]*)"/g)];
    expect(named.map(([, file]) => file!).filter((file) => !files.has(file))).toEqual([]);
  });

  test('imports nothing of the repository but packages by their names', () => {
    const wrong = filesOf(name)
      .filter((file) => /^dist.*\.(js|d\.ts)$/.test(file))
      .flatMap((file) => {
        const text = read(name, file);
        const imports = [...text.matchAll(/^(?:import|export)[^'"\n]*from ["']([^'"]+)["']/gm)];
        return imports
          .map(([, to]) => to!)
          .filter((to) => (to.startsWith('.') ? !to.endsWith('.js') : to.startsWith('#')))
          .map((to) => `${file} → ${to}`);
      });
    expect(wrong).toEqual([]);
  });
});

test('every kernel brings its shader, with comments to read and without to load', () => {
  const shaders = ['tensor', 'dpt'].flatMap((name) =>
    filesOf(name)
      .filter((file) => file.startsWith('shaders'))
      .map((file) => ({ name, file })),
  );
  const ours = readdirSync(join(import.meta.dirname, '../../shaders'));
  expect(shaders.map(({ file }) => basename(file)).sort()).toEqual(
    ours.filter((file) => file.endsWith('.wgsl')).sort(),
  );
  for (const { name, file } of shaders) {
    const declared = `export const ${basename(file, '.wgsl')}_wgsl = `;
    const line = read(name, 'dist/shaders/texts.js')
      .split('\n')
      .find((text) => text.startsWith(declared));
    const bare = JSON.parse(line!.slice(declared.length).replace(/;$/, '')) as string;
    expect(bare).toBe(bareShader(read(name, file)));
  }
});

describe('importing', () => {
  const probe = `
    // A page's globals, none of which may be touched before somebody asks for something.
    const touched = [];
    for (const name of ['navigator', 'document', 'window', 'self', 'GPUBufferUsage', 'GPUShaderStage', 'indexedDB', 'caches']) {
      Object.defineProperty(globalThis, name, { configurable: true, get() { touched.push(name); } });
    }
    globalThis.fetch = () => touched.push('fetch');
    const before = Reflect.ownKeys(globalThis).length;
    for (const name of ['tensor', 'dpt', 'loaders']) await import('@dpt-webgpu/' + name);
    console.log(JSON.stringify({ touched, added: Reflect.ownKeys(globalThis).length - before, open: process.getActiveResourcesInfo() }));
  `;

  test('does nothing', () => {
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', probe], {
      cwd: scratch,
      encoding: 'utf8',
    });
    const { touched, added, open } = JSON.parse(printed) as {
      touched: string[];
      added: number;
      open: string[];
    };
    expect({ touched, added }).toEqual({ touched: [], added: 0 });
    expect(open.filter((resource) => !/Pipe|TTY|FS|CloseReq/.test(resource))).toEqual([]);
  });
});

describe('without the package webgpu', () => {
  const bare = mkdtempSync(join(tmpdir(), 'dpt-bare-'));
  cpSync(installed('tensor'), join(bare, 'node_modules', '@dpt-webgpu', 'tensor'), {
    recursive: true,
  });
  afterAll(() => rmSync(bare, { recursive: true, force: true }));

  test('tensor loads, and its Node entry says what is missing', () => {
    const source = `
      import { Context, linear } from '@dpt-webgpu/tensor';
      import { NoAdapterError, requestDevice } from '@dpt-webgpu/tensor/node';
      const error = await requestDevice().catch((error) => error);
      console.log(error instanceof NoAdapterError, error.message);
    `;
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', source], {
      cwd: bare,
      encoding: 'utf8',
    });
    expect(printed).toMatch(/^true requestAdapter: .*webgpu/);
  });
});

describe('a bundle', () => {
  /** kB after minification and gzip. */
  async function size(source: string): Promise<number> {
    const { outputFiles } = await build({
      stdin: { contents: source, resolveDir: scratch },
      bundle: true,
      minify: true,
      write: false,
      logLevel: 'silent',
      format: 'esm',
      target: 'es2022',
      platform: 'browser',
    });
    return gzipSync(outputFiles[0]!.contents, { level: 9 }).length / 1000;
  }

  test.each([
    // With every kernel of it, that on matrix units among them, which takes an f32 apart.
    ['linear', "export { linear } from '@dpt-webgpu/tensor';", 13],
    ['linear, Context', "export { linear, Context } from '@dpt-webgpu/tensor';", 20],
    ['all of tensor', "export * from '@dpt-webgpu/tensor';", 60],
    [
      'all of tensor and dpt',
      "export * from '@dpt-webgpu/tensor'; export * from '@dpt-webgpu/dpt';",
      80,
    ],
  ])('of %s', async (what, source, limit) => {
    const kB = await size(source);
    process.stdout.write(`gzip: ${what} ${kB.toFixed(1)} kB of ${limit} kB allowed\n`);
    expect(kB).toBeGreaterThan(1);
    expect(kB).toBeLessThan(limit);
  });

  test('of one op holds no other op', async () => {
    const shaders = await size("export { softmax } from '@dpt-webgpu/tensor';");
    expect(shaders).toBeLessThan(await size("export { linear } from '@dpt-webgpu/tensor';"));
  });

  test('for a page cannot have the entry for Node', async () => {
    const entry = "export * from '@dpt-webgpu/tensor/node';";
    await expect(size(entry)).rejects.toThrow(/"\.\/node" is not exported|Could not resolve/);
  });
});

interface Problem {
  readonly kind: string;
  readonly resolutionKind?: string;
}

/** What these packages do not offer: CommonJS, and compilers that know no exports. */
function isForOldResolution({ kind, resolutionKind }: Problem): boolean {
  return resolutionKind === 'node10' || kind === 'CJSResolvesToESM';
}
