import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // They have commands of their own: npm run test:packages, npm run test:browser.
    exclude: ['test/packages/**', 'test/browser/**'],
    globalSetup: ['test/support/adapter_setup.ts'],
    reporters: ['default', './test/support/count_reporter.ts'],
    // A process per file: Dawn crashes in worker threads. Two at a time, because a software driver takes all cores anyway.
    pool: 'forks',
    maxWorkers: 2,
    // Kernels run hundreds of times slower on a CPU than on the GPU they are written for, and the machine may be busy: these end
    // what hangs, and say nothing about speed.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 120_000 } },
  },
});
