// linear: every variant against the f64 reference; the shapes of all models (test/support/model_shapes.ts), sizes that are
// no multiple of a tile or of four, one row, one column, more rows than tiles are taken at once, more workgroups than one
// dimension takes; every epilogue alone and together; f32 and f16 storage; which variant a device gets; errors.
// Not here: speed (bench/ops.ts).
import { describe, expect, test } from 'vitest';
import type { Capabilities } from '../../../packages/tensor/src/capabilities.ts';
import { Context } from '../../../packages/tensor/src/context.ts';
import type { Activation } from '../../../packages/tensor/src/ops/activation.ts';
import { linear, linearVariants } from '../../../packages/tensor/src/ops/linear.ts';
import { chooseVariant } from '../../../packages/tensor/src/variants.ts';
import * as reference from '../../reference/linear.ts';
import { linearShapes } from '../../support/model_shapes.ts';
import { dtypesOf, expectClose, randomNd, testContext, upload } from '../../support/tensors.ts';

// f32 sums of K products: the error grows as √K·2⁻²⁴ of the result's deviation. f16 results round to 2⁻¹¹.
const tolerance = { f32: 1e-5, f16: 4e-3, u32: 0 };

// linear_subgroup_matrix has a test of its own: no processor has matrix units.
const variants = linearVariants.map(({ name }) => name).filter((name) => !/matrix/.test(name));

// lavapipe takes some ten seconds of a processor to compile a kernel with workgroup memory.
describe.each(variants)('%s', { timeout: 240_000 }, (variant) => {
  test.each([
    { M: 37, K: 384, N: 1152 },
    { M: 50, K: 1536, N: 384 },
    { M: 2, K: 4, N: 4 },
    { M: 13, K: 588, N: 12 },
    { M: 9, K: 8, N: 20 },
    { M: 1, K: 7, N: 5 },
    { M: 3, K: 5, N: 1 },
    { M: 100, K: 32, N: 1 },
    { M: 1, K: 64, N: 64 },
    { M: 1370, K: 12, N: 20 },
    { M: 1369, K: 20, N: 132 },
    { M: 129, K: 36, N: 260 },
  ])('M=$M K=$K N=$N', async ({ M, K, N }) => {
    const context = await testContext({ variants: { linear: variant } });
    for (const dtype of dtypesOf(context, variant)) {
      const x = randomNd([M, K], { seed: 1, dtype });
      const weight = randomNd([K, N], { seed: 2, dtype });
      // f32 beside weights of f16, as models have it.
      const bias = randomNd([N], { seed: 3 });
      const y = linear(
        upload(context, x, dtype),
        upload(context, weight, dtype),
        upload(context, bias),
      );
      await expectClose(y, reference.linear(x, weight, bias), tolerance[dtype]);
    }
  });

  test('every shape of every model', async () => {
    const context = await testContext({ variants: { linear: variant } });
    for (const [K, N] of linearShapes) {
      const x = randomNd([3, K], { seed: K });
      const weight = randomNd([K, N], { seed: N });
      const y = linear(upload(context, x), upload(context, weight));
      await expectClose(y, reference.linear(x, weight), tolerance.f32);
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
      const scales = [randomNd([12], { seed: 8 }), randomNd([1], { seed: 9 }), undefined];
      // Processors take seconds to compile a tiled kernel: one kind of scale for each activation.
      const turn = ['none', 'relu', 'gelu', 'silu', 'sigmoid'].indexOf(activation) % 3;
      for (const scale of variant.includes('tiled') ? [scales[turn]] : scales) {
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

describe('which variant', () => {
  const gpu = { f16: true, subgroups: true, software: false };
  const chosen = (M: number, K: number, N: number, device: Partial<Capabilities> = gpu) =>
    chooseVariant(Context.planning(device), 'linear', linearVariants, {
      M,
      K,
      N,
      weight: 'f32',
    });

  test('a GPU gets tiles: large ones where they are many', () => {
    expect(chosen(1370, 1024, 4096)).toBe('linear_tiled_128');
    expect(chosen(1370, 384, 1152)).toBe('linear_tiled');
    expect(chosen(1, 1024, 1024)).toBe('linear');
    expect(chosen(8, 1024, 1024)).toBe('linear_registers');
    expect(chosen(1370, 32, 1)).toBe('linear');
  });

  test('a processor that runs subgroups of 8 hands values from lane to lane', () => {
    const software = { software: true, subgroups: true };
    expect(chosen(1370, 384, 1152, { ...software, subgroupSize: 8 })).toBe('linear_shuffle');
    expect(chosen(8, 384, 1152, { ...software, subgroupSize: 8 })).toBe('linear_registers');
    expect(chosen(1370, 384, 1152, { ...software, subgroupSize: 4 })).toBe('linear_registers');
    expect(chosen(1370, 384, 1152, { subgroups: true, subgroupSize: 32 })).toBe('linear_tiled');
  });

  test('a processor gets registers', () => {
    expect(chosen(1370, 1024, 4096, { software: true })).toBe('linear_registers');
    expect(chosen(1370, 384, 1152, { software: true })).toBe('linear_registers');
  });
});

test('shapes that do not fit are named', async () => {
  const context = await testContext();
  const x = upload(context, randomNd([2, 6], { seed: 1 }), 'f32', 'x');
  const weight = upload(context, randomNd([4, 3], { seed: 1 }), 'f32', 'encoder.fc1.weight');
  expect(() => linear(x, weight)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: linear: encoder.fc1.weight is [4, 3], so x must end in 4, but x is [2, 6].]`,
  );
});

test('a bias and a scale of two dtypes are named', () => {
  const context = Context.planning({ f16: true });
  const [x, weight] = [context.empty([2, 4]), context.empty([4, 8], 'f16')];
  const bias = context.empty([8], 'f32', 'fc1.bias');
  const run = (dtype: 'f32' | 'f16') =>
    linear(x, weight, bias, { scaledBy: context.empty([8], dtype, 'gamma1') });
  expect(run('f32').dtype).toBe('f16');
  expect(() => run('f16')).toThrowErrorMatchingInlineSnapshot(
    `[DptError: linear: fc1.bias is f32 and gamma1 f16; both must have the same dtype.]`,
  );
});
