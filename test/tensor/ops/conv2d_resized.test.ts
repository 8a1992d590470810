// conv2d_resized: every variant against the f64 references of the resize and of the convolution, one after the other; up and
// down, to one pixel and from one, odd sides, few and many channels, two pictures; every epilogue together; f32 and f16
// storage; which variant a device gets and what it then stores; errors.
import { describe, expect, test } from 'vitest';
import { Context } from '../../../packages/tensor/src/context.ts';
import { Conv2d } from '../../../packages/tensor/src/nn/conv2d.ts';
import {
  resizedConv2d,
  resizedConv2dVariants,
} from '../../../packages/tensor/src/ops/conv2d_resized.ts';
import { plan, record } from '../../../packages/tensor/src/recording.ts';
import type { Tensor } from '../../../packages/tensor/src/tensor.ts';
import { Weights } from '../../../packages/tensor/src/weights.ts';
import { conv2d } from '../../reference/conv2d.ts';
import type { Nd } from '../../reference/nd.ts';
import { bilinearTaps, resample } from '../../reference/resize.ts';
import {
  dtypesOf,
  expectClose,
  expectValuesClose,
  randomNd,
  testContext,
  upload,
} from '../../support/tensors.ts';

// As conv2d's: f32 sums of up to 1728 products. The position in the source is f32, so weights of a resize err by 2⁻²⁴ times
// the side of the map. f16 results of up to four deviations round by 2⁻¹¹; resize_then_conv2d rounds the resized map as well.
const tolerance = { f32: 2e-5, f16: 6e-3, u32: 0 };

const resize = (x: Nd, [H, W]: readonly [number, number]): Nd =>
  resample(x, bilinearTaps(x.shape[1]!, H, true), bilinearTaps(x.shape[2]!, W, true));

const sizes = [
  { B: 1, H: 10, W: 14, to: [19, 27], I: 32, O: 32, k: [3, 3], padding: 1 },
  { B: 2, H: 5, W: 7, to: [9, 18], I: 20, O: 36, k: [3, 3], padding: 1 },
  { B: 1, H: 9, W: 17, to: [5, 6], I: 8, O: 4, k: [3, 3], padding: 1 },
  { B: 1, H: 1, W: 3, to: [4, 1], I: 4, O: 8, k: [3, 3], padding: 1 },
  { B: 1, H: 6, W: 6, to: [6, 6], I: 4, O: 68, k: [3, 3], padding: 0 },
  { B: 1, H: 4, W: 5, to: [7, 9], I: 192, O: 32, k: [3, 3], padding: 1 },
  { B: 2, H: 4, W: 5, to: [7, 9], I: 3, O: 5, k: [1, 2], padding: 1 },
] as const;

// lavapipe takes some ten seconds of a processor to compile a kernel with workgroup memory.
describe.each(resizedConv2dVariants.map(({ name }) => name))(
  '%s',
  { timeout: 240_000 },
  (variant) => {
    test.each(sizes)(
      '[$B, $H, $W, $I] to $to ⋆ $k → $O, padding $padding',
      async ({ B, H, W, to, I, O, k, padding }) => {
        const context = await testContext({ variants: { conv2d_resized: variant } });
        for (const dtype of dtypesOf(context)) {
          const x = randomNd([B, H, W, I], { seed: 1, dtype });
          const weight = randomNd([...k, I, O], { seed: 2, dtype });
          const bias = randomNd([O], { seed: 3, dtype });
          const y = resizedConv2d(
            upload(context, x, dtype),
            to,
            upload(context, weight, dtype),
            upload(context, bias, dtype),
            { padding },
          );
          expect(y.dtype).toBe(dtype);
          const resized = resize(x, to);
          await expectClose(y, conv2d(resized, weight, bias, { padding }), tolerance[dtype]);
        }
      },
    );

    test('activation, then scale, then residual', async () => {
      const context = await testContext({ variants: { conv2d_resized: variant } });
      const x = randomNd([1, 5, 7, 8], { seed: 4 });
      const weight = randomNd([3, 3, 8, 12], { seed: 5 });
      const bias = randomNd([12], { seed: 6 });
      const scale = randomNd([12], { seed: 7 });
      const residual = randomNd([1, 9, 11, 12], { seed: 8 });
      const shared = { padding: 1, activation: 'relu' } as const;
      const y = resizedConv2d(
        upload(context, x),
        [9, 11],
        upload(context, weight),
        upload(context, bias),
        { ...shared, scaledBy: upload(context, scale), addTo: upload(context, residual) },
      );
      const resized = resize(x, [9, 11]);
      const expected = conv2d(resized, weight, bias, { ...shared, scale, residual });
      await expectClose(y, expected, tolerance.f32);
    });
  },
);

describe('what a device stores for the head of ViT-L at 518 × 518', () => {
  const bindingOf = (device: object, { O = 32, dtype = 'f32' as 'f32' | 'f16' } = {}) => {
    const context = Context.planning(device);
    const weight = context.empty([3, 3, 128, O], dtype);
    const { steps, largestBinding } = plan(context, { x: [1, 296, 296, 128] }, ({ x }) => ({
      y: resizedConv2d(x, [518, 518], weight, undefined, { padding: 1, dtype: 'f32' }),
    }));
    return { steps: steps.length, largest: largestBinding / (4 * 128) };
  };

  test('a GPU never stores the resized map', () => {
    expect(bindingOf({})).toEqual({ steps: 1, largest: 296 * 296 });
  });

  test('a processor does, where it may bind so much', () => {
    const device = { software: true, maxStorageBinding: 2 ** 30, maxBufferSize: 2 ** 30 };
    expect(bindingOf(device)).toEqual({ steps: 2, largest: 518 * 518 });
    expect(bindingOf({ software: true })).toEqual({ steps: 1, largest: 296 * 296 });
  });

  test('matrix units do for more channels than this has', () => {
    const large = { maxStorageBinding: 2 ** 30, maxBufferSize: 2 ** 30 };
    const device = { ...large, f16: true, subgroupMatrix: 16 };
    const stored = { steps: 2, largest: 518 * 518 };
    const not = { steps: 1, largest: 296 * 296 };
    expect(bindingOf(device, { O: 64, dtype: 'f16' })).toEqual(stored);
    expect(bindingOf({ f16: true, subgroupMatrix: 16 }, { O: 64, dtype: 'f16' }).steps).toBe(1);
    expect(bindingOf(device, { O: 32, dtype: 'f16' })).toEqual(not);
    expect(bindingOf({ ...device, subgroupMatrix: 0 }, { O: 64, dtype: 'f16' }).steps).toBe(1);
  });
});

test('a recording that is to keep the resized map stores it, with kernels of a GPU too', async () => {
  const context = await testContext({ capabilities: { software: false } });
  const x = randomNd([1, 3, 4, 4], { seed: 1 });
  const weight = upload(context, randomNd([3, 3, 4, 8], { seed: 2 }));
  const forward = ({ x }: { x: Tensor }) => ({
    y: resizedConv2d(x, [6, 8], weight, undefined, { padding: 1, name: 'map' }),
  });
  const options = { keep: ['map'] };
  using kept = await record(context, { x: x.shape }, forward, options);
  using not = await record(context, { x: x.shape }, forward);
  expect([kept, not].map(({ trace }) => trace.steps.length)).toEqual([2, 1]);
  const image = Float32Array.from(x.data);
  const expected = await not.run({ x: image }).y.read();
  expectValuesClose(await kept.run({ x: image }).y.read(), expected, tolerance.f32);
  await expectClose(kept.kept.map!, resize(x, [6, 8]), tolerance.f32);
});

test('what does not fit is named', async () => {
  const context = await testContext();
  const x = upload(context, randomNd([1, 2, 2, 4], { seed: 1 }), 'f32', 'map');
  const weight = upload(context, randomNd([3, 3, 4, 8], { seed: 2 }), 'f32', 'head.refine.weight');
  const other = upload(context, randomNd([3, 3, 8, 8], { seed: 3 }), 'f32', 'head.other.weight');
  expect(resizedConv2d(x, [3, 3], weight).shape).toEqual([1, 1, 1, 8]);
  expect(() => resizedConv2d(x, [3, 3], other)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: resizedConv2d: head.other.weight is [3, 3, 8, 8], so x must be [B, H, W, 8], but map is [1, 2, 2, 4].]`,
  );
  expect(() => resizedConv2d(x, [2, 3], weight)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: resizedConv2d: the 3×3 window of head.refine.weight does not fit into 2×3 pixels with padding 0.]`,
  );
  const stateDict = {
    name: 'file',
    tensors: new Map(),
    metadata: new Map(),
    close: async () => {},
  };
  const strided = new Conv2d(
    { in: 4, out: 8, kernel: 3, stride: 2 },
    new Weights(context, stateDict).at('halve'),
  );
  expect(() => strided.forwardResized(x, [3, 3])).toThrowErrorMatchingInlineSnapshot(
    `[DptError: resizedConv2d: halve.weight has stride 2, not 1.]`,
  );
});
