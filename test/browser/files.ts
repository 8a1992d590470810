import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

/**
 * The test files that run in browsers as well, by their paths in the repository: the ops, but for those that ask Dawn's null
 * backend, and whole models of every family.
 */
export const filesInBrowsers: readonly string[] = [
  ...readdirSync(join(root, 'test', 'tensor', 'ops')).map((name) => `test/tensor/ops/${name}`),
  'test/dpt/parity.test.ts',
].filter((file) => !readFileSync(join(root, file), 'utf8').includes('/null_device.ts'));

/**
 * Ops whose kernels a software driver takes long to compile come in with the whole models here: a worker differs from its page
 * in how it gets a device, not in what that computes.
 */
export const filesInWorkers = filesInBrowsers.filter(
  (file) => !/ops\/(attention|conv2d|linear|window)/.test(file),
);
