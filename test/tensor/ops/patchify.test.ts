// patchify: exact against the reference for the models' patches (14, 16, 4) and awkward ones, not square, two pictures,
// f32 and f16; a linear map of the rows is the convolution with that stride; the error with the nearest size.
import { expect, test } from 'vitest';
import { linear } from '../../../packages/tensor/src/ops/linear.ts';
import { patchify } from '../../../packages/tensor/src/ops/patchify.ts';
import { conv2d } from '../../reference/conv2d.ts';
import * as reference from '../../reference/patchify.ts';
import { dtypesOf, expectClose, randomNd, testContext, upload } from '../../support/tensors.ts';

test.each([
  { B: 1, H: 28, W: 42, C: 3, P: 14 },
  { B: 2, H: 32, W: 16, C: 3, P: 16 },
  { B: 1, H: 8, W: 12, C: 4, P: 4 },
  { B: 2, H: 3, W: 5, C: 1, P: 1 },
  { B: 1, H: 6, W: 3, C: 2, P: 3 },
])('[$B, $H, $W, $C] by $P', async ({ B, H, W, C, P }) => {
  const context = await testContext();
  for (const dtype of dtypesOf(context)) {
    const image = randomNd([B, H, W, C], { seed: 1, dtype });
    // Values are moved, not computed: nothing may differ.
    await expectClose(patchify(upload(context, image, dtype), P), reference.patchify(image, P), 0);
  }
});

test('with a linear map behind it, a convolution of stride P', async () => {
  const context = await testContext();
  const [P, C, F] = [4, 3, 8];
  const image = randomNd([1, 8, 12, C], { seed: 2 });
  const weight = randomNd([P, P, C, F], { seed: 3 });
  const kernel = upload(context, weight).reshape([P * P * C, F]);
  const tokens = linear(patchify(upload(context, image), P), kernel);
  const map = conv2d(image, weight, undefined, { stride: P });
  await expectClose(tokens, { shape: [1, 6, F], data: map.data }, 5e-6); // f32 sums of 48 products
});

test('the nearest fitting size is named', async () => {
  const context = await testContext();
  const image = (H: number, W: number) => context.empty([1, H, W, 3]);
  expect(() => patchify(image(512, 500), 14)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: patchify: the image is 512×500; both sides must be multiples of 14. Nearest: 518×504.]`,
  );
  expect(() => patchify(image(14, 5), 14)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: patchify: the image is 14×5; both sides must be multiples of 14. Nearest: 14×14.]`,
  );
  expect(patchify(image(518, 504), 14).shape).toEqual([1, 37 * 36, 588]);
});
