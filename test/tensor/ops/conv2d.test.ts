// conv2d: every variant against the f64 reference; windows of 1, 3 and 4 pixels, rectangular ones, strides 1 and 2,
// padding 0, 1 and 2 (wider than a picture of one pixel), one pixel, odd sides, few and many channels, two pictures;
// ReLU on the way in, every epilogue alone and together; f32 and f16 storage and mixtures; a residual unit; errors.
// Not here: speed (bench/ops.ts), whole fusion blocks (test/dpt).
import { describe, expect, test } from 'vitest';
import { Context } from '../../../packages/tensor/src/context.ts';
import type { Activation } from '../../../packages/tensor/src/ops/activation.ts';
import { conv2d, conv2dVariants } from '../../../packages/tensor/src/ops/conv2d.ts';
import { chooseVariant } from '../../../packages/tensor/src/variants.ts';
import * as reference from '../../reference/conv2d.ts';
import { convShapes } from '../../support/model_shapes.ts';
import { dtypesOf, expectClose, randomNd, testContext, upload } from '../../support/tensors.ts';

// f32 sums of kH·kW·I ≤ 576 products: errors grow as √576 · 2⁻²⁴ = 1.4e-6 of the result's deviation; the largest of
// some 10⁴ results is four deviations of that. f16 inputs are exact, f16 results of up to four deviations round by 2⁻¹¹.
const tolerance = { f32: 1e-5, f16: 4e-3, u32: 0 };

const sizes = [
  { B: 1, H: 1, W: 1, I: 4, O: 4, k: [3, 3], stride: 1, padding: 1 },
  { B: 1, H: 1, W: 1, I: 8, O: 12, k: [4, 4], stride: 1, padding: 2 },
  { B: 2, H: 5, W: 7, I: 3, O: 5, k: [3, 3], stride: 1, padding: 1 },
  { B: 2, H: 5, W: 7, I: 8, O: 12, k: [3, 3], stride: 1, padding: 1 },
  { B: 1, H: 37, W: 19, I: 24, O: 8, k: [3, 3], stride: 2, padding: 1 },
  { B: 1, H: 37, W: 19, I: 8, O: 24, k: [3, 3], stride: 1, padding: 1 },
  { B: 1, H: 6, W: 6, I: 64, O: 64, k: [3, 3], stride: 1, padding: 1 },
  { B: 2, H: 9, W: 10, I: 12, O: 8, k: [3, 3], stride: 1, padding: 0 },
  { B: 2, H: 9, W: 10, I: 12, O: 5, k: [4, 4], stride: 2, padding: 0 },
  { B: 1, H: 9, W: 10, I: 4, O: 20, k: [4, 4], stride: 2, padding: 1 },
  { B: 2, H: 5, W: 6, I: 8, O: 4, k: [1, 1], stride: 1, padding: 0 },
  { B: 2, H: 5, W: 6, I: 8, O: 4, k: [1, 1], stride: 2, padding: 0 },
  { B: 1, H: 5, W: 6, I: 4, O: 4, k: [1, 1], stride: 1, padding: 1 },
  { B: 1, H: 6, W: 9, I: 4, O: 4, k: [2, 5], stride: 1, padding: 1 },
  { B: 2, H: 17, W: 33, I: 20, O: 68, k: [3, 3], stride: 1, padding: 1 },
  { B: 1, H: 8, W: 16, I: 16, O: 36, k: [3, 3], stride: 1, padding: 2 },
] as const;

// conv2d_subgroup_matrix has a test of its own: it takes weights of f16.
const variants = conv2dVariants.map(({ name }) => name).filter((name) => !/matrix/.test(name));

// lavapipe takes some ten seconds of a processor to compile a kernel with workgroup memory.
describe.each(variants)('%s', { timeout: 240_000 }, (variant) => {
  test.each(sizes)(
    '[$B, $H, $W, $I] ⋆ $k → $O, stride $stride, padding $padding',
    async ({ B, H, W, I, O, k, stride, padding }) => {
      const context = await testContext({ variants: { conv2d: variant } });
      for (const dtype of dtypesOf(context)) {
        const x = randomNd([B, H, W, I], { seed: 1, dtype });
        const weight = randomNd([...k, I, O], { seed: 2, dtype });
        const bias = randomNd([O], { seed: 3, dtype });
        const options = { stride, padding };
        const y = conv2d(
          upload(context, x, dtype),
          upload(context, weight, dtype),
          upload(context, bias, dtype),
          options,
        );
        expect(y.dtype).toBe(dtype);
        await expectClose(y, reference.conv2d(x, weight, bias, options), tolerance[dtype]);
      }
    },
  );

  test('every 3 × 3 of every model', async () => {
    const context = await testContext({ variants: { conv2d: variant } });
    for (const [I, O, stride] of convShapes) {
      const x = randomNd([1, 3, 5, I], { seed: I });
      const weight = randomNd([3, 3, I, O], { seed: O });
      const options = { stride, padding: 1 };
      const y = conv2d(upload(context, x), upload(context, weight), undefined, options);
      await expectClose(y, reference.conv2d(x, weight, undefined, options), tolerance.f32);
    }
  });

  test.each<Activation>(['none', 'relu', 'gelu', 'silu', 'sigmoid'])(
    'ReLU before, then %s, then scale, then residual',
    async (activation) => {
      const context = await testContext({ variants: { conv2d: variant } });
      const x = randomNd([2, 5, 7, 8], { seed: 4 });
      const weight = randomNd([3, 3, 8, 12], { seed: 5 });
      const bias = randomNd([12], { seed: 6 });
      const residual = randomNd([2, 5, 7, 12], { seed: 7 });
      const scales = [randomNd([12], { seed: 8 }), randomNd([1], { seed: 9 }), undefined];
      // Processors take seconds to compile a tiled kernel: one kind of scale for each activation.
      const turn = ['none', 'relu', 'gelu', 'silu', 'sigmoid'].indexOf(activation) % 3;
      for (const scale of variant.includes('tiled') ? [scales[turn]] : scales) {
        const shared = { padding: 1, preRelu: true, activation };
        const y = conv2d(upload(context, x), upload(context, weight), upload(context, bias), {
          ...shared,
          scaledBy: scale && upload(context, scale),
          addTo: upload(context, residual),
        });
        const options = { ...shared, residual, ...(scale ? { scale } : {}) };
        await expectClose(y, reference.conv2d(x, weight, bias, options), tolerance.f32);
      }
    },
  );

  test('no bias; a window of one pixel with ReLU before', async () => {
    const context = await testContext({ variants: { conv2d: variant } });
    const x = randomNd([1, 3, 4, 8], { seed: 10 });
    const weight = randomNd([1, 1, 8, 8], { seed: 11 });
    const options = { preRelu: true };
    const y = conv2d(upload(context, x), upload(context, weight), undefined, options);
    await expectClose(y, reference.conv2d(x, weight, undefined, options), tolerance.f32);
  });

  test('f16 weights between f32 maps, the bias f32', async ({ skip }) => {
    const context = await testContext({ variants: { conv2d: variant } });
    if (!context.capabilities.f16) return skip('shader-f16');
    const x = randomNd([1, 5, 7, 8], { seed: 12 });
    const weight = randomNd([3, 3, 8, 4], { seed: 13, dtype: 'f16' });
    const bias = randomNd([4], { seed: 14 });
    const residual = randomNd([1, 5, 7, 4], { seed: 15 });
    const y = conv2d(upload(context, x), upload(context, weight, 'f16'), upload(context, bias), {
      padding: 1,
      addTo: upload(context, residual),
    });
    expect(y.dtype).toBe('f32');
    const expected = reference.conv2d(x, weight, bias, { padding: 1, residual });
    await expectClose(y, expected, tolerance.f32);
  });

  test('a residual unit keeps its skip raw: with zero weights it is the identity', async () => {
    const context = await testContext({ variants: { conv2d: variant } });
    const x = randomNd([1, 3, 3, 4], { seed: 16, mean: -1 });
    const zero = upload(context, { shape: [3, 3, 4, 4], data: new Float64Array(144) });
    const input = upload(context, x);
    const inner = conv2d(input, zero, undefined, { padding: 1, preRelu: true });
    const y = conv2d(inner, zero, undefined, { padding: 1, preRelu: true, addTo: input });
    await expectClose(y, x, 0);
  });

  test('37 → 19 and 36 → 18 under stride 2', async () => {
    const context = await testContext({ variants: { conv2d: variant } });
    const weight = upload(context, randomNd([3, 3, 4, 4], { seed: 17 }));
    for (const [side, half] of [
      [37, 19],
      [36, 18],
    ] as const) {
      const x = upload(context, randomNd([1, side, 1, 4], { seed: 18 }));
      const y = conv2d(x, weight, undefined, { stride: 2, padding: 1 });
      expect(y.shape).toEqual([1, half, 1, 4]);
    }
  });
});

describe('which variant', () => {
  const chosen = (O: number, { software = false, stride = 1, side = 3 } = {}) =>
    chooseVariant(Context.planning({ software }), 'conv2d', conv2dVariants, {
      I: 64,
      O,
      window: [side, side],
      stride,
      pixels: 148 * 148,
      weight: 'f32',
    });

  test('a GPU gets tiles of pixels, wider ones for few channels', () => {
    expect(chosen(64)).toBe('conv2d_tiled');
    expect(chosen(32)).toBe('conv2d_tiled_32');
    expect(chosen(64, { stride: 2 })).toBe('conv2d_registers');
    expect(chosen(64, { side: 4 })).toBe('conv2d_registers');
    expect(chosen(3)).toBe('conv2d');
  });

  test('a processor gets none', () => {
    expect(chosen(64, { software: true })).toBe('conv2d_registers');
  });
});

test('shapes that do not fit are named', async () => {
  const context = await testContext();
  const x = upload(context, randomNd([1, 2, 2, 4], { seed: 1 }), 'f32', 'map');
  const weight = upload(context, randomNd([3, 3, 4, 8], { seed: 2 }), 'f32', 'head.conv1.weight');
  const other = upload(context, randomNd([3, 3, 8, 8], { seed: 3 }), 'f32', 'head.conv2.weight');
  expect(conv2d(x, weight, undefined, { padding: 1 }).shape).toEqual([1, 2, 2, 8]);
  expect(() => conv2d(x, weight)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: conv2d: head.conv1.weight is [3, 3, 4, 8]; its 3×3 window does not fit into map [1, 2, 2, 4] with padding 0.]`,
  );
  expect(() => conv2d(x, other, undefined, { padding: 1 })).toThrowErrorMatchingInlineSnapshot(
    `[DptError: conv2d: head.conv2.weight is [3, 3, 8, 8], so x must be [B, H, W, 8], but map is [1, 2, 2, 4].]`,
  );
  expect(() => conv2d(x, weight, x, { padding: 1 })).toThrowErrorMatchingInlineSnapshot(
    `[DptError: conv2d: map is [1, 2, 2, 4], expected [8].]`,
  );
  expect(() =>
    conv2d(x, weight, undefined, { padding: 1, addTo: x }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[DptError: conv2d: map is [1, 2, 2, 4], expected [1, 2, 2, 8].]`,
  );
  expect(() =>
    conv2d(x, weight, undefined, { padding: 1, stride: 0 }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[DptError: conv2d: stride is 0 and padding 1; they are whole numbers from 1 and from 0.]`,
  );
});
