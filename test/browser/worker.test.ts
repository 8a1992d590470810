// The tests of the ops and of whole models once more in a worker of a page: the files that run in Node and in the page, by
// vitest's own runner and matchers. Each of their tests is one here.
import { join } from 'node:path';
import { createServer } from 'vite';
import { expect, test } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { filesInWorkers } from './files.ts';
import { nodeInPages } from './node_in_pages.ts';
import type { Result } from './worker/run_tests.ts';

const root = join(import.meta.dirname, '..', '..');
const wrong = 'test/browser/worker/wrong.ts';

const server = await createServer({
  root,
  configFile: false,
  logLevel: 'error',
  plugins: [nodeInPages()],
  cacheDir: join(root, '.cache', 'vite-worker'),
  resolve: {
    alias: [{ find: /^vitest$/, replacement: join(import.meta.dirname, 'worker', 'vitest.ts') }],
  },
  // Found on the way, they would make the page load again.
  optimizeDeps: {
    noDiscovery: true,
    include: [
      'chai',
      '@vitest/expect',
      '@vitest/pretty-format',
      '@vitest/runner',
      '@vitest/runner/utils',
    ],
  },
  server: { host: '127.0.0.1', port: 0, hmr: false, watch: null },
});
await server.listen();
const browser = await launchBrowser();
const results: Result[] = [];
try {
  const page = await browser.newPage();
  await page.goto(`${server.resolvedUrls!.local[0]}test/browser/worker/index.html`);
  for (const file of [...filesInWorkers, wrong]) {
    const start = performance.now();
    results.push(
      ...(await page.evaluate(
        (path) =>
          new Promise<Result[]>((resolve, reject) => {
            // A worker per file, as in Node a process: each has a device of its own.
            const worker = new Worker('/test/browser/worker/run_tests.ts', { type: 'module' });
            worker.onmessage = ({ data }) => {
              resolve(data as Result[]);
              worker.terminate();
            };
            worker.onerror = ({ message }) => reject(new Error(`${path}: ${message}`));
            worker.postMessage(`/${path}`);
          }),
        file,
      )),
    );
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    process.stdout.write(`in a worker: ${file} ${seconds} s\n`);
  }
} finally {
  await browser.close();
  await server.close();
}

test('every file has tests that passed', () => {
  const empty = filesInWorkers.filter(
    (file) => !results.some(({ name, state }) => name.startsWith(file) && state === 'passed'),
  );
  expect(empty).toEqual([]);
});

test('failures are seen', () => {
  const seen = results.filter(({ name }) => name.startsWith(wrong));
  expect(seen.map(({ name, state }) => `${state}${name.slice(wrong.length)}`)).toEqual([
    'passed > passes',
    'failed > fails > a value',
    'failed > fails > a snapshot',
    'failed > fails > what the GPU reports and nobody captures',
    'failed > fails > a rejection',
  ]);
  expect(seen.map(({ message }) => message).join()).toContain('expected 1 to be 2');
});

for (const { name, state, message } of results.filter(({ name }) => !name.startsWith(wrong))) {
  test.skipIf(state === 'skipped')(name, () => expect(message || state).toBe('passed'));
}
