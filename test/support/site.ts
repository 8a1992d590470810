import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright';
import { build } from 'vite';
import { type SiteServer, startSiteServer } from '../../packages/cli/src/serve/site_server.ts';
import { type BrowserOptions, launchBrowser } from './browser.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The built site on a server of its own, a browser, and what went wrong in its pages. */
export interface Site {
  readonly server: SiteServer;
  readonly browser: Browser;
  /** Errors of pages, and requests that left this machine. */
  readonly complaints: string[];
  /** A page with storage of its own, on an address of the site. */
  open(path?: string, size?: { width: number; height: number }): Promise<Page>;
  close(): Promise<void>;
}

let built: Promise<string> | undefined;

/** The folder of the built site, once for all test files of a process. */
async function buildSite(): Promise<string> {
  const outDir = mkdtempSync(join(tmpdir(), 'dpt-site-'));
  process.on('exit', () => rmSync(outDir, { recursive: true, force: true }));
  await build({
    root: join(root, 'apps', 'web'),
    configFile: join(root, 'apps', 'web', 'vite.config.ts'),
    logLevel: 'error',
    build: { outDir, minify: false },
  });
  return outDir;
}

export async function openSite(options: BrowserOptions = {}): Promise<Site> {
  built ??= buildSite();
  const outDir = await built;
  const server = await startSiteServer({ site: outDir, host: '127.0.0.1', port: 0 });
  const browser = await launchBrowser(options);
  const complaints: string[] = [];
  const contexts: BrowserContext[] = [];
  return {
    server,
    browser,
    complaints,
    async open(path = '', size = { width: 1280, height: 800 }) {
      const context = await browser.newContext({ viewport: size, acceptDownloads: true });
      contexts.push(context);
      // A busy machine without a GPU takes its time: what hangs is ended, and nothing is said about speed.
      context.setDefaultTimeout(120_000);
      const page = await context.newPage();
      page.on('pageerror', ({ message }) => complaints.push(message));
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      page.on('request', (request) => {
        const url = request.url();
        if (!url.startsWith(server.address) && !url.startsWith('blob:')) {
          complaints.push(`a request to ${url}`);
        }
      });
      await page.goto(server.address + path);
      return page;
    },
    async close() {
      for (const context of contexts) await context.close();
      await browser.close();
      await server.close();
    },
  };
}

/**
 * Acts in the page's own turn, after whichever change of it lets `act` say that it did: what is soon over may pass between two
 * looks of a test. `act` goes there as text.
 */
export function asSoonAs(page: Page, act: () => boolean): Promise<void> {
  return page.evaluate(`new Promise((resolve) => {
    const act = ${act};
    const observer = new MutationObserver(() => {
      if (!act()) return;
      observer.disconnect();
      resolve();
    });
    observer.observe(document, { subtree: true, childList: true });
  })`);
}

/** Drops a file on a page, as the desktop would. */
export async function dropFile(
  page: Page,
  name: string,
  bytes: Uint8Array,
  type = '',
): Promise<void> {
  const transfer = await page.evaluateHandle(
    ({ name: file, base64, type: kind }) => {
      const data = new DataTransfer();
      const buffer = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      data.items.add(new File([buffer], file, { type: kind }));
      return data;
    },
    { name, base64: Buffer.from(bytes).toString('base64'), type },
  );
  for (const event of ['dragenter', 'dragover', 'drop']) {
    await page.dispatchEvent('body', event, { dataTransfer: transfer });
  }
}
