// dtype q8, end to end: which weights become int8 and how many bytes they leave; depth of the tiny model against its own in f32,
// also with the kernels of a GPU; that a plan knows the bytes.
import { expect, test } from 'vitest';
import { planFor } from '../../packages/dpt/src/index.ts';
import { tinyModel } from '../support/models.ts';
import { depthOf, loadModel, randomImage } from '../support/run_model.ts';
import { compare, testContext } from '../support/tensors.ts';

const image = randomImage([1, 70, 98], 1);

test('matrices of the encoder are int8, everything else is f32', async () => {
  const context = await testContext();
  const f32 = await loadModel(context, tinyModel);
  const q8 = await loadModel(context, tinyModel, { dtype: 'q8' });
  const { weights, config } = q8;
  expect([weights.dtype, weights.linearDtype]).toEqual(['f32', 'q8']);
  expect(q8.head.reduce.weight.dtype).toBe('f32');
  expect(q8.patchEmbed.weight.dtype).toBe('f32');
  // Three of four bytes of the blocks' matrices, but for the scales.
  const { features, blocks } = config.encoder as { features: number; blocks: number };
  const saved = blocks * 12 * features ** 2 * 3 - blocks * 9 * features * 4;
  expect(f32.weights.bytes - weights.bytes).toBe(saved);
  const options = { size: 70, dtype: 'q8' } as const;
  const plan = planFor(config, { width: 98, height: 70 }, context.capabilities, options);
  expect(plan.bytes.weights).toBe(weights.bytes);
  f32.dispose();
  q8.dispose();
});

// Measured on SwiftShader: max |error| / std 0.0072, mean 0.0047. A weight is off by at most 1/254 of the largest in its
// column, some 1 % of an ordinary one, and errors of many weights cancel.
test.each([
  { device: 'this device', software: true },
  { device: 'a GPU', software: false },
])(
  'depth is that of f32 but for some hundredths, with the kernels of $device',
  async ({ software }) => {
    const context = await testContext({ capabilities: { software } });
    const f32 = await loadModel(context, tinyModel);
    const q8 = await loadModel(context, tinyModel, { dtype: 'q8' });
    const expected = await depthOf(f32, image);
    const { worst, std, mean } = compare(await depthOf(q8, image), expected);
    expect(worst / std).toBeLessThan(0.03);
    expect(mean / std).toBeLessThan(0.02);
    // It is another computation, not the same one.
    expect(worst / std).toBeGreaterThan(1e-4);
    f32.dispose();
    q8.dispose();
  },
  120_000,
);
