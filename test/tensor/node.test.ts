// requestDevice: an adapter is found without driver or root; errors nobody captures are reported.
import { expect, test } from 'vitest';
import { testDevice } from '../support/device.ts';

test('a device computes', async () => {
  const device = await testDevice();
  expect(device.limits.maxComputeInvocationsPerWorkgroup).toBeGreaterThanOrEqual(128);
});
