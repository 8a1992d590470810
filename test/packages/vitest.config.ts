import { defineConfig } from 'vitest/config';

/** npm run test:packages: what is published, packed, installed into projects of their own and run there. */
export default defineConfig({
  test: {
    include: ['test/packages/*.test.ts'],
    globalSetup: ['test/support/adapter_setup.ts', 'test/packages/install_setup.ts'],
    reporters: ['default', './test/support/count_reporter.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 120_000 } },
  },
});
