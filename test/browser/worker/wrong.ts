// What must be seen as failures, and one test that passes.
import { describe, expect, test } from 'vitest';

const throws = () => {
  throw new Error('as said');
};

test('passes', () => expect(throws).toThrowErrorMatchingInlineSnapshot(`[Error: as said]`));
describe('fails', () => {
  test('a value', () => expect(1).toBe(2));
  test('a snapshot', () => expect(throws).toThrowErrorMatchingInlineSnapshot(`[Error: other]`));
  test('a rejection', async () => {
    await Promise.reject(new Error('lost'));
  });
});
