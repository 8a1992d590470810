// The library in a browser, in a page and in a worker: pictures in every form that a page has them, from bytes to external
// textures, give one depth map; devices that are lost, twice and at every stage, or have the least of everything, memory and
// shaders that fail, aborts, disposal, several models and devices at once end as in Node (test/dpt/faults.test.ts). No error of WebGPU is left over, nothing is written to the console.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SiteServer, startSiteServer } from '../../packages/cli/src/serve/site_server.ts';
import { launchBrowser } from '../support/browser.ts';
import type { LibraryCalls } from './library_page/library.ts';

let outDir: string;
let server: SiteServer;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  outDir = mkdtempSync(join(tmpdir(), 'dpt-library-'));
  await build({
    ...{ root: join(import.meta.dirname, 'library_page'), configFile: false, logLevel: 'error' },
    worker: { format: 'es' },
    build: { outDir, emptyOutDir: true, target: 'esnext', minify: false, assetsInlineLimit: 0 },
  });
  server = await startSiteServer({ site: outDir, host: '127.0.0.1', port: 0 });
  browser = await launchBrowser();
  page = await browser.newPage();
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.goto(server.address);
  await page.waitForFunction(() => 'call' in globalThis);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(outDir, { recursive: true, force: true });
});

interface Answer {
  readonly result: Record<string, unknown>;
  readonly errors: readonly string[];
}

/** Runs a function of the page's module, there or in its worker. */
function call(name: keyof LibraryCalls, where: 'page' | 'worker'): Promise<Answer> {
  return page.evaluate(
    async ([name, where]) => {
      const { call } = globalThis as unknown as { call(...args: unknown[]): Promise<unknown> };
      if (where === 'worker') return (await call(name, where)) as Answer;
      const result = (await call(name, where)) as Record<string, unknown>;
      return { result, errors: (await call('errors', where)) as string[] };
    },
    [name, where] as const,
  );
}

describe.each(['page', 'worker'] as const)('in a %s', (where) => {
  test('pictures in every form', async () => {
    const { result, errors } = await call('sources', where);
    const { 'video element': video, ...others } = result as Record<string, number>;
    expect(Object.keys(others).length).toBe(where === 'page' ? 12 : 10);
    // Colours of 8 bits arrive as they are; 1e-3 of the deviation is less than one step of them makes. Pixels that are
    // not square are stretched by the browser, which may choose other neighbours than its canvas does.
    for (const [name, difference] of Object.entries(others)) {
      const allowed = name.startsWith('wide pixels') ? 0.1 : 1e-3;
      expect({ name, same: difference < allowed, difference }).toMatchObject({ name, same: true });
    }
    // A stream is Y′CbCr with colours at half size.
    if (where === 'page') expect(video).toBeLessThan(0.5);
    expect([errors, complaints]).toEqual([[], []]);
  });

  test('faults', async () => {
    const { result, errors } = await call('faults', where);
    expect(result).toEqual({
      'first loss': 'device-lost,device-lost,device-lost,device-lost',
      'same after one': true,
      'second loss': 'device-lost,device-lost,device-lost,device-lost',
      'same after two': true,
      'at once': true,
      'abort before': 'AbortError',
      'abort in flight': 'AbortError',
      'after the abort': true,
      'abort while loading': 'AbortError',
      'left of the load': 0,
      'no buffer': 'RangeError,RangeError,RangeError,RangeError',
      'left without': true,
      'after no buffer': true,
      'no memory': 'out-of-memory',
      'left without memory': true,
      'after no memory': true,
      'broken shader': 'gpu',
      'after a broken shader': true,
      'disposed in flight': true,
      'used afterwards': 'disposed',
      'left of it': 0,
    });
    expect([errors, complaints]).toEqual([[], []]);
  });

  test('the least of devices, and one lost before and while loading', async () => {
    const { result, errors } = await call('leastAndLost', where);
    expect(result).toEqual({
      least: { f16: false, timestamps: false, maxStorageBinding: 134_217_728 },
      'lost before': 'device-lost',
      'left before': 0,
      'lost while loading': 'device-lost',
      'left of the load': 0,
      'the same elsewhere': true,
    });
    expect([errors, complaints]).toEqual([[], []]);
  });
});
