// patch_merge: exact against the reference for square and other grids, C a multiple of four and not, two pictures, f32
// and f16; the order of the four tokens (pitfall 20); errors.
import { expect, test } from 'vitest';
import { patchMerge } from '../../../packages/tensor/src/ops/patch_merge.ts';
import * as reference from '../../reference/patch_merge.ts';
import { dtypesOf, expectClose, randomNd, testContext, upload } from '../../support/tensors.ts';

test.each([
  { B: 1, H: 16, W: 16, C: 16 },
  { B: 2, H: 6, W: 10, C: 3 },
  { B: 2, H: 2, W: 4, C: 96 },
  { B: 1, H: 2, W: 2, C: 1 },
])('B=$B $H×$W C=$C', async ({ B, H, W, C }) => {
  const context = await testContext();
  for (const dtype of dtypesOf(context)) {
    const x = randomNd([B, H * W, C], { seed: 1, dtype });
    const y = patchMerge(upload(context, x, dtype), [H, W]);
    expect(y.dtype).toBe(dtype);
    // Values are moved, not computed: nothing may differ.
    await expectClose(y, reference.patchMerge(x, [H, W]), 0);
  }
});

test('a cell goes down before it goes along', async () => {
  const context = await testContext();
  const x = upload(context, { shape: [1, 4, 1], data: Float64Array.of(0, 1, 10, 11) });
  expect([...(await patchMerge(x, [2, 2]).read())]).toEqual([0, 10, 1, 11]);
});

test('grids that do not fit are named', async () => {
  const context = await testContext();
  const x = context.empty([1, 15, 8], 'f32', 'encoder.stages.0');
  expect(() => patchMerge(x, [3, 5])).toThrowErrorMatchingInlineSnapshot(
    `[DptError: patchMerge: encoder.stages.0 is [1, 15, 8] on a grid of 3×5; it must have a token for each place, and both sides must be even.]`,
  );
  expect(() => patchMerge(x, [4, 4])).toThrow('on a grid of 4×4');
  expect(patchMerge(context.empty([1, 16, 8]), [4, 4]).shape).toEqual([1, 4, 32]);
});
