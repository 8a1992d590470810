import { join } from 'node:path';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { launchOptions } from '../support/browser.ts';
import { filesInBrowsers } from './files.ts';
import { nodeInPages } from './node_in_pages.ts';
import { notInBrowsers } from './not_in_browsers.ts';

const root = join(import.meta.dirname, '..', '..');

/**
 * npm run test:browser: the tests of the ops and of whole models, the very files that run in Node, in a page of Chromium and
 * then in a worker of one.
 */
export default defineConfig({
  test: {
    reporters: ['default', './test/support/count_reporter.ts'],
    // One after the other: each computes on all cores.
    fileParallelism: false,
    testNamePattern: new RegExp(`^(?!.*(${notInBrowsers.source}))`),
    projects: [
      {
        plugins: [nodeInPages()],
        test: {
          name: 'page',
          include: [...filesInBrowsers],
          setupFiles: [join(root, 'test', 'support', 'device_setup.ts')],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 0 },
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: launchOptions() }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
      {
        test: {
          name: 'worker',
          include: ['test/browser/worker.test.ts'],
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
