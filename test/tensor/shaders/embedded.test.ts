// The module for bundles holds the same text as the files, for each of them, and both say the same about one that is missing.
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as disk from '../../../packages/tensor/src/shaders/disk.ts';
import * as embedded from '../../../packages/tensor/src/shaders/embedded.ts';

const names = readdirSync(new URL('../../../shaders/', import.meta.url))
  .filter((file) => file.endsWith('.wgsl'))
  .map((file) => file.replace('.wgsl', ''));

test('there are shaders', () => {
  expect(names.length).toBeGreaterThan(0);
});

test.each(names)('%s', (name) => {
  expect(embedded.shaderSource(name)).toBe(disk.shaderSource(name));
  expect(disk.shaderSource(name)).toContain('fn ');
});

test.each([
  ['disk', disk],
  ['embedded', embedded],
])('%s names a missing shader', (_, { shaderSource }) => {
  expect(() => shaderSource('no_such')).toThrowErrorMatchingInlineSnapshot(
    `[Error: shaderSource: there is no shaders/no_such.wgsl]`,
  );
  expect(() => shaderSource('toString')).toThrow('there is no shaders/toString.wgsl');
});
