// What must be seen as failures, and one test that passes.
import { describe, expect, test } from 'vitest';
import { testDevice } from '../../support/device.ts';

const throws = () => {
  throw new Error('as said');
};

test('passes', () => expect(throws).toThrowErrorMatchingInlineSnapshot(`[Error: as said]`));
describe('fails', () => {
  test('a value', () => expect(1).toBe(2));
  test('a snapshot', () => expect(throws).toThrowErrorMatchingInlineSnapshot(`[Error: other]`));
  test('what the GPU reports and nobody captures', async () => {
    const device = await testDevice();
    device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
  });
  test('a rejection', async () => {
    await Promise.reject(new Error('lost'));
  });
});
