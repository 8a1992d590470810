// image: imageToTensor and resizing back, against what the original repositories computed for photos
// (test/fixtures/preprocess: one picture shrunk in one direction and enlarged in the other, one of the right size;
// with the full collection beside the checkout, every picture), against the f64 reference for sizes the photos lack;
// overshoot, colour order (pitfalls 31, 32), the same size, a colour without variation; in a recording; that tables are
// freed; a picture larger than a binding; errors. Not here: which size a picture is resized to.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readSafetensors } from '../../../packages/loaders/src/index.ts';
import { fileSource } from '../../../packages/loaders/src/node.ts';
import type { Context } from '../../../packages/tensor/src/context.ts';
import { imageToTensor, type Rgb } from '../../../packages/tensor/src/ops/image.ts';
import { bicubicResize, bilinearResize } from '../../../packages/tensor/src/ops/resize.ts';
import type { Filter } from '../../../packages/tensor/src/ops/taps.ts';
import { record } from '../../../packages/tensor/src/recording.ts';
import type { Nd } from '../../reference/nd.ts';
import * as reference from '../../reference/resize.ts';
import { compare, expectClose, random, testContext } from '../../support/tensors.ts';

const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
const halves = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;
const plain = { mean: [0, 0, 0], std: [1, 1, 1] } as const;

const root = join(import.meta.dirname, '../../..');
const collections = [
  'test/fixtures/preprocess/preprocess.safetensors',
  '../shared/fixtures/preprocess.safetensors',
].filter((file) => existsSync(join(root, file)));

describe.each(collections)('%s', async (file) => {
  const fixtures = await readSafetensors(await fileSource(join(root, file)));
  afterAll(() => fixtures.close());
  const names = [...fixtures.tensors.keys()];
  const bytesOf = (name: string) => fixtures.tensors.get(name)!.read();
  const valuesOf = async (name: string): Promise<Float32Array> => {
    const bytes = await bytesOf(name);
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  };

  const networks = names.filter((name) => /depth_anything|midas|muggled/.test(name));
  test.each(networks)('%s', async (name) => {
    const picture = name.replace(/\..*/, '.rgb_u8_hwc');
    const [h, w] = fixtures.tensors.get(picture)!.shape as [number, number, number];
    const [, , H, W] = fixtures.tensors.get(name)!.shape as [number, number, number, number];
    const context = await testContext();
    const pixels = upload(context, await bytesOf(picture), h, w);
    const y = imageToTensor(pixels, {
      size: [H, W],
      filter: name.includes('muggled') ? 'antialiased' : 'cubic',
      ...(name.includes('depth_anything') ? imageNet : halves),
    });
    expect(y.shape).toEqual([1, H, W, 3]);
    // Values up to ±3 from sums of up to 100 products in f32; the originals themselves differ by 1e-6.
    const expected = channelsLast(await valuesOf(name), H, W);
    expect(compare(await y.read(), expected).worst).toBeLessThan(2e-5);
  });

  test.each(names.filter((name) => name.includes('depth_resized')))('%s', async (name) => {
    const small = name.replace(/\..*/, '.depth_small');
    const [, h, w] = fixtures.tensors.get(small)!.shape as [number, number, number];
    const [, H, W] = fixtures.tensors.get(name)!.shape as [number, number, number];
    const context = await testContext();
    const x = context.tensor(await valuesOf(small), [1, h, w, 1]);
    const y = name.includes('bicubic')
      ? bicubicResize(x, [H, W])
      : bilinearResize(x, [H, W], { alignCorners: true });
    // Positions are rounded to f32: at 42 pixels by 2e-6, times differences between neighbours of about one.
    expect(compare(await y.read(), await valuesOf(name)).worst).toBeLessThan(2e-5);
  });
});

describe.each(['cubic', 'antialiased'] as const)('%s', (filter) => {
  test.each([
    { h: 7, w: 5, size: [14, 28] },
    { h: 300, w: 41, size: [14, 56] },
    { h: 1, w: 1, size: [3, 2] },
    { h: 9, w: 2, size: [1, 1] },
    { h: 6, w: 11, size: [6, 14] },
  ] as const)('$h × $w → $size', async ({ h, w, size }) => {
    const bytes = randomRgb(h, w);
    const context = await testContext();
    const y = imageToTensor(upload(context, bytes, h, w), { size, filter, ...imageNet });
    // Positions are rounded to f32: at 300 pixels by 1.5e-5, times differences between neighbours of several deviations.
    await expectClose(y, expectedOf(bytes, h, w, size, filter, imageNet), 1e-4);
  });

  test('the same size is only normalised; red is channel 0', async () => {
    const context = await testContext();
    const pixels = upload(context, Uint8Array.of(255, 0, 0, 255, 0, 0), 1, 2);
    const y = await imageToTensor(pixels, { size: [1, 2], filter, ...imageNet }).read();
    const red = [2.2489083, -2.0357143, -1.8044444];
    expect(compare(y, [...red, ...red]).worst).toBeLessThan(1e-6);
  });

  test('one colour stays that colour', async () => {
    const context = await testContext();
    const pixels = upload(context, new Uint8Array(3 * 40 * 9).fill(200), 40, 9);
    const y = await imageToTensor(pixels, { size: [14, 14], filter, ...plain }).read();
    const expected = new Float64Array(14 * 14 * 3).fill(200 / 255);
    expect(compare(y, expected).worst).toBeLessThan(1e-6);
  });

  test('tables belong to the recording, or are freed at once', async () => {
    const context = await testContext();
    const bytes = randomRgb(5, 6);
    const options = { size: [14, 14], filter, ...imageNet } as const;
    const expected = expectedOf(bytes, 5, 6, options.size, filter, imageNet);
    const pixels = upload(context, bytes, 5, 6);
    const before = context.memory().tensors;
    const y = imageToTensor(pixels, options);
    expect(context.memory().tensors - before).toBe(y.bytes);
    y.dispose();

    const inputs = { pixels: { shape: [5, 6], dtype: 'u32' } } as const;
    const recording = await record(context, inputs, (input) => ({
      image: imageToTensor(input.pixels, options),
    }));
    for (let run = 0; run < 2; run++) {
      const { image } = recording.run({ pixels: rgba(bytes) });
      await expectClose(image, expected, 2e-5);
    }
    recording.dispose();
    expect(context.memory().tensors).toBe(before);
  });
});

test('cubic overshoots at an edge between black and white', async () => {
  const context = await testContext();
  const pixels = upload(
    context,
    Uint8Array.of(0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255),
    1,
    4,
  );
  const y = await imageToTensor(pixels, { size: [1, 8], filter: 'cubic', ...plain }).read();
  expect(Math.min(...y)).toBeLessThan(-0.03);
  expect(Math.max(...y)).toBeGreaterThan(1.03);
});

test('a picture that does not fit a binding is named', async () => {
  const context = await testContext({ capabilities: { maxStorageBinding: 2 ** 20 } });
  const picture = (side: number) =>
    context.tensor(new Uint32Array(side * side), [side, side], 'u32', 'photo');
  expect(() => picture(600)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: photo [600, 600] needs a 1.4 MiB storage binding; this device allows 1.0 MiB. Request maxStorageBufferBindingSize and maxBufferSize (see deviceRequest()), or use a smaller size.]`,
  );
  const y = imageToTensor(picture(500), { size: [14, 14], filter: 'cubic', ...plain });
  expect((await y.read())[0]).toBe(0);
});

test('pixels of another type, and sizes without pixels, are refused', async () => {
  const context = await testContext();
  const photo = context.empty([2, 3], 'f32', 'photo');
  const options = { size: [14, 14], filter: 'cubic', ...plain } as const;
  expect(() => imageToTensor(photo, options)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: imageToTensor: photo is f32; pixels are u32, four bytes RGBA.]`,
  );
  const pixels = upload(context, randomRgb(2, 3), 2, 3);
  const none = () => imageToTensor(pixels, { ...options, size: [14, 0] });
  expect(none).toThrowErrorMatchingInlineSnapshot(
    `[DptError: imageToTensor: size is [14, 0]; sides are whole numbers ≥ 1.]`,
  );
  expect(imageToTensor(pixels, options).shape).toEqual([1, 14, 14, 3]);
});

/** [h, w, 3] bytes as RGBA pixels whose alpha must not matter. */
function rgba(bytes: Uint8Array): Uint32Array {
  return Uint32Array.from({ length: bytes.length / 3 }, (_, i) => {
    const [r, g, b] = bytes.subarray(i * 3, i * 3 + 3);
    return (r! | (g! << 8) | (b! << 16) | ((i * 37) << 24)) >>> 0;
  });
}

const upload = (context: Context, bytes: Uint8Array, h: number, w: number) =>
  context.tensor(rgba(bytes), [h, w], 'u32', 'pixels');

function randomRgb(h: number, w: number): Uint8Array {
  const next = random(h * 1000 + w);
  return Uint8Array.from({ length: h * w * 3 }, () => Math.floor(next() * 256));
}

/** [1, 3, H, W] → [1, H, W, 3] */
function channelsLast(values: Float32Array, H: number, W: number): Float64Array {
  return Float64Array.from({ length: values.length }, (_, i) => {
    const c = i % 3;
    return values[c * H * W + (i - c) / 3]!;
  });
}

function expectedOf(
  bytes: Uint8Array,
  h: number,
  w: number,
  [H, W]: readonly [number, number],
  filter: Filter,
  { mean, std }: { mean: Rgb; std: Rgb },
): Nd {
  const taps = filter === 'cubic' ? reference.bicubicTaps : reference.antialiasedTaps;
  const x = { shape: [1, h, w, 3], data: Float64Array.from(bytes, (byte) => byte / 255) };
  const y = reference.resample(x, taps(h, H), taps(w, W));
  return { shape: y.shape, data: y.data.map((v, i) => (v - mean[i % 3]!) / std[i % 3]!) };
}
