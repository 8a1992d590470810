// conv_transpose2d: against the f64 reference for the two windows of the models (2 and 4) and awkward ones, channels with
// and without vectors, one pixel, two pictures, f32 and f16; the order of the weight's axes as PyTorch computes it; what
// it leaves behind when it runs at once and as steps of a recording; errors.
import { expect, test } from 'vitest';
import { convTranspose2d } from '../../../packages/tensor/src/ops/conv_transpose2d.ts';
import { record } from '../../../packages/tensor/src/recording.ts';
import * as reference from '../../reference/conv_transpose2d.ts';
import { dtypesOf, expectClose, randomNd, testContext, upload } from '../../support/tensors.ts';

// f32 sums of I ≤ 48 products stay below 1e-6 of the result's deviation. In f16 the linear map's result is rounded, and
// again after the bias: twice 2⁻¹¹ of up to four deviations.
const tolerance = { f32: 5e-6, f16: 6e-3, u32: 0 };

test.each([
  { B: 1, H: 5, W: 3, I: 48, k: 4, O: 48 },
  { B: 2, H: 3, W: 7, I: 24, k: 2, O: 12 },
  { B: 2, H: 2, W: 3, I: 5, k: 3, O: 7 },
  { B: 1, H: 1, W: 1, I: 4, k: 2, O: 1 },
  { B: 1, H: 3, W: 2, I: 3, k: 1, O: 4 },
])('[$B, $H, $W, $I] by $k → $O', async ({ B, H, W, I, k, O }) => {
  const context = await testContext();
  for (const dtype of dtypesOf(context)) {
    const x = randomNd([B, H, W, I], { seed: 1, dtype });
    const weight = randomNd([I, k, k, O], { seed: 2, dtype });
    const bias = randomNd([O], { seed: 3, dtype });
    const [input, w, b] = [x, weight, bias].map((nd) => upload(context, nd, dtype));
    const y = convTranspose2d(input!, w!, b!);
    expect(y.dtype).toBe(dtype);
    await expectClose(y, reference.convTranspose2d(x, weight, bias), tolerance[dtype]);
    const unbiased = convTranspose2d(input!, w!);
    await expectClose(unbiased, reference.convTranspose2d(x, weight), tolerance[dtype]);
  }
});

test('the result of PyTorch for x = (1, 10), W[0] = [[0 1] [2 3]], [[4 5] [6 7]] as [in, out, ky, kx]', async () => {
  const context = await testContext();
  const x = upload(context, { shape: [1, 1, 2, 1], data: Float64Array.of(1, 10) });
  // [in, ky, kx, out]: the two results of a tap side by side.
  const weight = { shape: [1, 2, 2, 2], data: Float64Array.of(0, 4, 1, 5, 2, 6, 3, 7) };
  const y = await convTranspose2d(x, upload(context, weight)).read();
  const channel = (o: number): number[] => [...y].filter((_, i) => i % 2 === o);
  expect(channel(0)).toEqual([0, 1, 0, 10, 2, 3, 20, 30]);
  expect(channel(1)).toEqual([4, 5, 40, 50, 6, 7, 60, 70]);
});

test('run at once it keeps nothing but its result; recorded it is two steps', async () => {
  const context = await testContext();
  const x = upload(context, randomNd([1, 3, 4, 8], { seed: 4 }));
  const weight = upload(context, randomNd([8, 2, 2, 8], { seed: 5 }), 'f32', 'up.weight');
  const bias = upload(context, randomNd([8], { seed: 6 }));
  const before = context.memory().tensors;
  const y = convTranspose2d(x, weight, bias);
  expect(context.memory().tensors - before).toBe(y.bytes);

  using recording = await record(context, { x: x.shape }, (inputs) => ({
    y: convTranspose2d(inputs.x, weight, bias),
  }));
  const labels = recording.trace.steps.map(({ label }) => label);
  expect(labels).toEqual(['linear up', 'pixel_shuffle up']);
  const replayed = await recording.run({ x: await x.read() }).y.read();
  expect(replayed).toEqual(await y.read());
});

test('shapes that do not fit are named', async () => {
  const context = await testContext();
  const x = upload(context, randomNd([1, 2, 2, 4], { seed: 1 }), 'f32', 'map');
  const weight = upload(context, randomNd([8, 2, 2, 4], { seed: 2 }), 'f32', 'up.weight');
  const skewed = upload(context, randomNd([4, 2, 3, 4], { seed: 3 }), 'f32', 'skewed.weight');
  const fitting = upload(context, randomNd([4, 2, 2, 4], { seed: 4 }), 'f32', 'up.weight');
  expect(convTranspose2d(x, fitting).shape).toEqual([1, 4, 4, 4]);
  expect(() => convTranspose2d(x, weight)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: convTranspose2d: up.weight is [8, 2, 2, 4], expected [I, k, k, O] and x [B, H, W, I], but map is [1, 2, 2, 4].]`,
  );
  expect(() => convTranspose2d(x, skewed)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: convTranspose2d: skewed.weight is [4, 2, 3, 4], expected [I, k, k, O] and x [B, H, W, I], but map is [1, 2, 2, 4].]`,
  );
  expect(() => convTranspose2d(x, fitting, x)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: convTranspose2d: map is [1, 2, 2, 4], expected [4].]`,
  );
});
