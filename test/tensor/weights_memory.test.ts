// Weights on the GPU are not kept on the host as well: what a load reads is collected while it runs and after it.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { Context, type StateDict, Weights } from '../../packages/tensor/src/index.ts';
import { testDevice } from '../support/device.ts';

const COUNT = 30;
const FLOATS = 2 ** 20;

const stateDict: StateDict = {
  name: 'test.safetensors',
  metadata: new Map(),
  tensors: new Map(
    Array.from({ length: COUNT }, (_, i) => [
      `w${i}`,
      { dtype: 'f32', shape: [FLOATS], read: async () => new Uint8Array(4 * FLOATS) },
    ]),
  ),
  close: async () => {},
};

test('120 MiB of weights leave nothing behind on the host', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const held = (): number => {
    collect();
    return process.memoryUsage().arrayBuffers / (4 * FLOATS);
  };
  const context = new Context(await testDevice());
  const weights = new Weights(context, stateDict);
  for (const name of stateDict.tensors.keys()) weights.tensor(name, [FLOATS]);
  const before = held();
  await weights.load();
  expect(context.memory().weights).toBe(COUNT * 4 * FLOATS);
  // In tensors. The last one may still be in use somewhere, and what the driver was handed is let go of a turn later.
  await expect.poll(() => held() - before).toBeLessThan(2);
  weights.dispose();
  context.dispose();
});
