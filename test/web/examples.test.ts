// The examples that are pages, in a browser: an engine whose encoder, textures and submit we are guests of; three.js on the
// same device with a material that reads our buffer; the webcam in a worker, through frames that are imported and not
// copied. Each runs for some frames without an error of WebGPU, of the page or of the console.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright';
import { build } from 'vite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type SiteServer, startSiteServer } from '../../packages/cli/src/serve/site_server.ts';
import { launchBrowser } from '../support/browser.ts';

const pages = join(import.meta.dirname, '../../examples/pages');
let outDir: string;
let server: SiteServer;
let browser: Browser;

beforeAll(async () => {
  outDir = mkdtempSync(join(tmpdir(), 'dpt-examples-'));
  await build({
    ...{ root: pages, configFile: false, logLevel: 'error', base: './' },
    worker: { format: 'es' },
    build: { outDir, emptyOutDir: true, target: 'esnext', minify: false, assetsInlineLimit: 0 },
  });
  server = await startSiteServer({ site: outDir, host: '127.0.0.1', port: 0 });
  browser = await launchBrowser({
    flags: ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  });
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(outDir, { recursive: true, force: true });
});

/** Runs an example until its status says enough frames; gives the status and what went wrong. */
async function watch(name: string, frames: number): Promise<{ status: string; page: Page }> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.goto(`${server.address}?${name}`);
  try {
    await page.waitForFunction(
      (enough) => {
        const text = document.getElementById('status')!.textContent ?? '';
        return text.startsWith('Error') || Number.parseInt(text, 10) >= enough;
      },
      frames,
      { timeout: 150_000 },
    );
  } catch (error) {
    const text = await page.locator('#status').textContent();
    throw new Error(`${name} stopped at: ${text}; ${complaints.join('; ')}`, { cause: error });
  }
  expect(complaints).toEqual([]);
  return { status: (await page.locator('#status').textContent()) ?? '', page };
}

/** How many different colours a canvas shows. What was drawn is shown a little later. */
async function coloursOf(page: Page, selector: string): Promise<number> {
  const png = await page.locator(selector).screenshot();
  return await page.evaluate(
    async (bytes) => {
      const bitmap = await createImageBitmap(new Blob([Uint8Array.from(bytes)]));
      const paint = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')!;
      paint.drawImage(bitmap, 0, 0);
      const { data } = paint.getImageData(0, 0, bitmap.width, bitmap.height);
      return new Set(new Uint32Array(data.buffer)).size;
    },
    [...png],
  );
}

test('an engine draws depth in its own frame', { timeout: 180_000 }, async () => {
  const { status, page } = await watch('in_your_engine&size=56', 12);
  console.log(`in_your_engine, 320×192, network 56, software GPU: ${status}`);
  expect(status).toMatch(/^\d+ frames; [\d.]+ ms without, [\d.]+ ms with depth; 0 errors $/);
  await expect.poll(() => coloursOf(page, 'canvas')).toBeGreaterThan(40);
  await page.context().close();
});

test('three.js bends a plane by our buffer', { timeout: 180_000 }, async () => {
  const { status, page } = await watch('three_displacement', 8);
  expect(status).toMatch(/^\d+ frames; 0 errors $/);
  await expect.poll(() => coloursOf(page, 'canvas')).toBeGreaterThan(3);
  await page.context().close();
});

test('the webcam in a worker', { timeout: 180_000 }, async () => {
  const { status, page } = await watch('webcam_worker', 3);
  expect(status).toMatch(/^\d+ frames of \d+×\d+, \d+ ms; 0 errors $/);
  await expect.poll(() => coloursOf(page, 'canvas')).toBeGreaterThan(20);
  await page.context().close();
});
