// linear: every variant against the f64 reference; sizes of the real models (few rows of them), sizes that are no
// multiple of a tile or of four, one row, one column, more workgroups than one dimension takes; every epilogue alone
// and together; f32 and f16 storage; errors. Not here: speed (bench/ops.ts).
import { describe, expect, test } from 'vitest';
import type { Activation } from '../../../packages/tensor/src/ops/activation.ts';
import { linear, linearVariants } from '../../../packages/tensor/src/ops/linear.ts';
import * as reference from '../../reference/linear.ts';
import { dtypesOf, expectClose, randomNd, testContext, upload } from '../../support/tensors.ts';

// f32 sums of K products: the error grows as √K·2⁻²⁴ of the result's deviation. f16 results round to 2⁻¹¹.
const tolerance = { f32: 1e-5, f16: 4e-3, u32: 0 };

describe.each(linearVariants.map(({ name }) => name))('%s', (variant) => {
  test.each([
    { M: 37, K: 384, N: 1152 },
    { M: 50, K: 1536, N: 384 },
    { M: 2, K: 4, N: 4 },
    { M: 13, K: 588, N: 12 },
    { M: 9, K: 8, N: 20 },
    { M: 1, K: 7, N: 5 },
    { M: 3, K: 5, N: 1 },
    { M: 100, K: 32, N: 1 },
  ])('M=$M K=$K N=$N', async ({ M, K, N }) => {
    const context = await testContext({ variants: { linear: variant } });
    for (const dtype of dtypesOf(context)) {
      const x = randomNd([M, K], { seed: 1, dtype });
      const weight = randomNd([K, N], { seed: 2, dtype });
      const bias = randomNd([N], { seed: 3, dtype });
      const y = linear(
        upload(context, x, dtype),
        upload(context, weight, dtype),
        upload(context, bias, dtype),
      );
      await expectClose(y, reference.linear(x, weight, bias), tolerance[dtype]);
    }
  });

  test.each<Activation>(['none', 'relu', 'gelu', 'silu', 'sigmoid'])(
    'epilogue: %s, then scale, then residual',
    async (activation) => {
      const context = await testContext({ variants: { linear: variant } });
      const x = randomNd([2, 11, 16], { seed: 4 });
      const weight = randomNd([16, 12], { seed: 5 });
      const bias = randomNd([12], { seed: 6 });
      const residual = randomNd([2, 11, 12], { seed: 7 });
      for (const scale of [randomNd([12], { seed: 8 }), randomNd([1], { seed: 9 }), undefined]) {
        const y = linear(upload(context, x), upload(context, weight), upload(context, bias), {
          activation,
          scaledBy: scale && upload(context, scale),
          addTo: upload(context, residual),
        });
        const options = { activation, residual, ...(scale ? { scale } : {}) };
        await expectClose(y, reference.linear(x, weight, bias, options), tolerance.f32);
      }
    },
  );

  test('no bias', async () => {
    const context = await testContext({ variants: { linear: variant } });
    const x = randomNd([5, 8], { seed: 10 });
    const weight = randomNd([8, 8], { seed: 11 });
    const y = linear(upload(context, x), upload(context, weight));
    await expectClose(y, reference.linear(x, weight), tolerance.f32);
  });
});

// linear_registers folds in the same way; reaching its fold takes half a gigabyte.
test('more than 65535 workgroups', async () => {
  const context = await testContext();
  const M = 65_600 * 64;
  const x = context.empty([M, 2]);
  x.write(Float32Array.from({ length: M * 2 }, (_, i) => i % 251));
  const weight = upload(context, { shape: [2, 1], data: new Float64Array([1, 0]) });
  const y = await linear(x, weight).read();
  for (const m of [0, 1, 32_768 * 64, 65_535 * 64, M - 1]) expect(y[m]).toBe((m * 2) % 251);
});

test('shapes that do not fit are named', async () => {
  const context = await testContext();
  const x = upload(context, randomNd([2, 6], { seed: 1 }), 'f32', 'x');
  const weight = upload(context, randomNd([4, 3], { seed: 1 }), 'f32', 'encoder.fc1.weight');
  expect(() => linear(x, weight)).toThrowErrorMatchingInlineSnapshot(
    `[Error: linear: encoder.fc1.weight is [4, 3], so x must end in 4, but x is [2, 6].]`,
  );
});
