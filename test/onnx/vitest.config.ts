import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const root = join(import.meta.dirname, '../..');

export default defineConfig({
  root,
  test: {
    include: ['test/onnx/**/*.check.ts'],
    globalSetup: [join(root, 'test/support/adapter_setup.ts')],
    reporters: ['default', join(root, 'test/support/count_reporter.ts')],
    pool: 'forks',
    testTimeout: 120_000,
  },
});
