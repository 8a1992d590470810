// The table of docs/limits.md is what the planner says today.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { page, withTable } from '../../scripts/limits.ts';

test('docs/limits.md is up to date: npm run docs:limits', () => {
  const text = readFileSync(page, 'utf8');
  expect(text).toBe(withTable(text));
});

test('a page without its marks is an error', () => {
  expect(() => withTable('# Limits\n')).toThrow('marks');
});
