import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** It has every class of WebGPU count, also for devices that were there before. */
const alone = ['test/dpt/leaks.test.ts'];

const options: TestProjectInlineConfiguration['test'] = {
  setupFiles: ['test/support/device_setup.ts'],
  // Processes, because Dawn crashes in worker threads. Two, because a software driver takes all cores anyway.
  pool: 'forks',
  maxWorkers: 2,
  // Kernels run hundreds of times slower on a CPU than on the GPU they are written for, and the machine may be busy: these end
  // what hangs, and say nothing about speed.
  testTimeout: 300_000,
  hookTimeout: 300_000,
  expect: { poll: { timeout: 120_000 } },
};

export default defineConfig({
  test: {
    globalSetup: ['test/support/adapter_setup.ts'],
    reporters: ['default', './test/support/count_reporter.ts'],
    projects: [
      {
        test: {
          ...options,
          name: 'together',
          include: ['test/**/*.test.ts'],
          // Packages and browsers have commands of their own: npm run test:packages, npm run test:browser.
          exclude: ['test/packages/**', 'test/browser/**', ...alone],
          // A process goes from file to file: to start one and load everything again takes longer than the tests of most files.
          isolate: false,
        },
      },
      { test: { ...options, name: 'alone', include: alone } },
    ],
  },
});
