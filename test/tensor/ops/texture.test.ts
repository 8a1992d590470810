// Pictures in textures and maps into textures: PictureToTensor gives what imageToTensor gives of the same pixels, from
// textures of several formats and from a caller's buffer, inside an encoder of the caller between passes of its own;
// TensorToTexture in every format, odd widths, as values and in a range; textureToPixels whole and in part; wrong
// textures, disposal, memory. Not here: external textures, which only browsers have (test/web/library.test.ts).
import { expect, test } from 'vitest';
import { f32FromF16 } from '../../../packages/tensor/src/dtype.ts';
import { imageToTensor, PictureToTensor } from '../../../packages/tensor/src/ops/image.ts';
import { minMax } from '../../../packages/tensor/src/ops/min_max.ts';
import {
  type MapFormat,
  TensorToTexture,
  textureToPixels,
} from '../../../packages/tensor/src/ops/texture.ts';
import { Tensor } from '../../../packages/tensor/src/tensor.ts';
import { compare, random, testContext } from '../../support/tensors.ts';

const mean = [0.485, 0.456, 0.406] as const;
const std = [0.229, 0.224, 0.225] as const;

function pixelsOf(width: number, height: number, seed = 1): Uint8Array<ArrayBuffer> {
  const next = random(seed);
  return Uint8Array.from({ length: width * height * 4 }, () => 256 * next());
}

function textureOf(
  device: GPUDevice,
  pixels: Uint8Array<ArrayBuffer>,
  [height, width]: readonly [number, number],
  format: GPUTextureFormat = 'rgba8unorm',
): GPUTexture {
  const texture = device.createTexture({
    size: [width, height],
    format,
    usage: GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST | GPUTextureUsage.COPY_SRC,
  });
  const bytesPerRow = (pixels.length / height) | 0;
  device.queue.writeTexture({ texture }, pixels, { bytesPerRow }, [width, height]);
  return texture;
}

/** The bytes of a texture, rows without padding. */
async function bytesOf(device: GPUDevice, texture: GPUTexture, bytesPerPixel: number) {
  const { width, height } = texture;
  const bytesPerRow = Math.ceil((width * bytesPerPixel) / 256) * 256;
  const buffer = device.createBuffer({
    size: bytesPerRow * height,
    usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
  });
  const encoder = device.createCommandEncoder();
  encoder.copyTextureToBuffer({ texture }, { buffer, bytesPerRow }, [width, height]);
  device.queue.submit([encoder.finish()]);
  await buffer.mapAsync(GPUMapMode.READ);
  const all = new Uint8Array(buffer.getMappedRange().slice(0));
  buffer.destroy();
  const rows = Array.from({ length: height }, (_, row) =>
    all.subarray(row * bytesPerRow, row * bytesPerRow + width * bytesPerPixel),
  );
  return Uint8Array.from(rows.flatMap((row) => [...row]));
}

const cases = [
  { from: [37, 53], to: [28, 42], filter: 'antialiased' },
  { from: [20, 30], to: [56, 70], filter: 'cubic' },
  { from: [1, 3], to: [14, 14], filter: 'cubic' },
] as const;

test.each(cases)('a texture is read as its pixels: %o', async ({ from, to, filter }) => {
  const context = await testContext();
  const { device } = context;
  const data = pixelsOf(from[1], from[0]);
  const pixels = context.tensor(data, from, 'u32', 'photo');
  const expected = imageToTensor(pixels, { size: to, filter, mean, std });
  const y = context.empty([1, ...to, 3], 'f32', 'image');
  const input = new PictureToTensor(y, { from, filter, mean, std });
  await input.compile('texture', 'pixels');

  const bgra = data.map((_, i) => data[i % 4 === 3 ? i : i - (i % 4) + 2 - (i % 4)]!);
  const halves = Uint16Array.from(data, (value) => halfOf(value / 255));
  const sources = [
    { source: pixels, tolerance: 0 },
    { source: textureOf(device, data, from), tolerance: 1e-5 },
    { source: textureOf(device, bgra, from, 'bgra8unorm'), tolerance: 1e-5 },
    // Ten bits after the first: half a step at most, on values up to 1 / 0.224.
    {
      source: textureOf(device, new Uint8Array(halves.buffer), from, 'rgba16float'),
      tolerance: 5e-3,
    },
  ];
  for (const { source, tolerance } of sources) {
    const encoder = device.createCommandEncoder();
    input.encode(encoder, source);
    device.queue.submit([encoder.finish()]);
    expect(compare(await y.read(), await expected.read()).worst).toBeLessThanOrEqual(tolerance);
  }
});

test('linear light is encoded as sRGB', async () => {
  const context = await testContext();
  const from = [16, 16] as const;
  const data = pixelsOf(16, 16, 3);
  const y = context.empty([1, 14, 14, 3], 'f32', 'image');
  const options = { from, filter: 'antialiased', mean, std } as const;
  const input = new PictureToTensor(y, { ...options, linear: true });
  const texture = textureOf(context.device, data, from, 'rgba8unorm-srgb');
  const encoder = context.device.createCommandEncoder();
  input.encode(encoder, texture);
  context.device.queue.submit([encoder.finish()]);
  const expected = imageToTensor(context.tensor(data, from, 'u32'), { ...options, size: [14, 14] });
  // Decoders of hardware may be 0.6 of a step of 8 bits off (Vulkan's and D3D's rule), which is 0.01 after the division.
  expect(compare(await y.read(), await expected.read()).worst).toBeLessThan(0.012);
  const plain = new PictureToTensor(y, options);
  expect(() => plain.encode(encoder, texture)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: PictureToTensor: reading rgba8unorm-srgb gives linear light. Set linear: true.]`,
  );
});

test('in an encoder of the caller, between passes of its own', async () => {
  const context = await testContext();
  const { device } = context;
  const picture = device.createTexture({
    size: [20, 10],
    format: 'rgba8unorm',
    usage: GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.TEXTURE_BINDING,
  });
  const y = context.empty([1, 14, 14, 3], 'f32', 'image');
  const input = new PictureToTensor(y, {
    ...{ from: [10, 20], filter: 'antialiased' },
    ...{ mean: [0, 0, 0], std: [1, 1, 1] },
  });
  const clear = (encoder: GPUCommandEncoder, r: number): void =>
    encoder
      .beginRenderPass({
        colorAttachments: [
          {
            view: picture.createView(),
            loadOp: 'clear',
            clearValue: [r, 0.6, 1, 1],
            storeOp: 'store',
          },
        ],
      })
      .end();
  const encoder = device.createCommandEncoder();
  clear(encoder, 0.2);
  input.encode(encoder, picture);
  clear(encoder, 0.8); // after it was read
  device.queue.submit([encoder.finish()]);
  const values = await y.read();
  expect(values[0]).toBeCloseTo(0.2, 5);
  expect(values[1]).toBeCloseTo(0.6, 5);
  expect(values.at(-1)).toBeCloseTo(1, 5);
});

const formats: { format: MapFormat; bytes: number; tolerance: number }[] = [
  { format: 'r32float', bytes: 4, tolerance: 0 },
  { format: 'r16float', bytes: 2, tolerance: 1e-3 },
  { format: 'rgba16float', bytes: 8, tolerance: 1e-3 },
  { format: 'rgba8unorm', bytes: 4, tolerance: 0.5 / 255 + 1e-6 },
];

/** Red of every pixel as a number. */
function redOf(format: MapFormat, bytes: Uint8Array<ArrayBuffer>): Float32Array {
  if (format === 'r32float') return new Float32Array(bytes.buffer);
  if (format === 'rgba8unorm')
    return Float32Array.from(
      bytes.filter((_, i) => i % 4 === 0),
      (value) => value / 255,
    );
  const halves = f32FromF16(new Uint16Array(bytes.buffer));
  return format === 'r16float' ? halves : halves.filter((_, i) => i % 4 === 0);
}

test.each(formats)('a map as $format', async ({ format, bytes, tolerance }) => {
  const context = await testContext();
  for (const [H, W] of [
    [7, 5],
    [3, 131],
    [64, 64],
    [1, 1],
  ] as const) {
    const next = random(H * W);
    const values = Float32Array.from({ length: H * W }, () => next());
    const x = context.tensor(values, [1, H, W], 'f32', 'depth');
    const out = new TensorToTexture(x, { format });
    await out.compile();
    const { texture, dispose } = out.createTexture();
    const encoder = context.device.createCommandEncoder();
    out.encode(encoder, texture);
    context.device.queue.submit([encoder.finish()]);
    const red = redOf(format, await bytesOf(context.device, texture, bytes));
    expect(compare(red, values).worst).toBeLessThanOrEqual(tolerance);
    dispose();
    out.dispose();
    x.dispose();
  }
  context.trim();
  expect(context.memory().total).toBe(0);
});

test.each(formats)('a map in its own range as $format', async ({ format, bytes, tolerance }) => {
  const context = await testContext();
  const values = Float32Array.from({ length: 33 * 9 }, (_, i) => 40 + 3 * Math.sin(i));
  const x = context.tensor(values, [9, 33], 'f32', 'depth');
  const out = new TensorToTexture(x, { format, range: minMax(x) });
  const { texture } = out.createTexture();
  const encoder = context.device.createCommandEncoder();
  out.encode(encoder, texture);
  context.device.queue.submit([encoder.finish()]);
  const [lo, hi] = [Math.min(...values), Math.max(...values)];
  const expected = values.map((value) => (value - lo) / (hi - lo));
  const red = redOf(format, await bytesOf(context.device, texture, bytes));
  expect(compare(red, expected).worst).toBeLessThanOrEqual(tolerance + 1e-6);
});

test('a map of one value has no range', async () => {
  const context = await testContext();
  const x = context.tensor(new Float32Array(6).fill(3), [2, 3]);
  const out = new TensorToTexture(x, { format: 'r32float', range: minMax(x) });
  const { texture } = out.createTexture();
  const encoder = context.device.createCommandEncoder();
  out.encode(encoder, texture);
  context.device.queue.submit([encoder.finish()]);
  const red = redOf('r32float', await bytesOf(context.device, texture, 4));
  expect(red).toEqual(new Float32Array(6));
});

test('pixels of a texture, whole and in part, into a tensor of the caller', async () => {
  const context = await testContext();
  const data = pixelsOf(9, 7, 5);
  const texture = textureOf(context.device, data, [7, 9]);
  const whole = textureToPixels(context, texture);
  expect(whole.shape).toEqual([7, 9]);
  expect(await whole.readBytes()).toEqual(data);
  const buffer = context.device.createBuffer({
    size: 3 * 4 * 4,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC,
  });
  const into = Tensor.fromBuffer(context, buffer, [3, 4], 'u32');
  const part = { x: 5, y: 2, width: 4, height: 3 };
  expect(textureToPixels(context, texture, { part, into })).toBe(into);
  const expected = Array.from({ length: 3 }, (_, row) => [
    ...data.subarray(((row + 2) * 9 + 5) * 4, ((row + 2) * 9 + 9) * 4),
  ]).flat();
  expect([...(await into.readBytes())]).toEqual(expected);
  expect(() =>
    textureToPixels(context, texture, { part: { x: 6, y: 2, width: 4, height: 3 } }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[DptError: textureToPixels: 4×3 at 6, 2 is not inside of 9×7.]`,
  );
});

test('what does not fit is refused by name', async () => {
  const context = await testContext();
  const { device } = context;
  const encoder = device.createCommandEncoder();
  const y = context.empty([1, 14, 14, 3], 'f32', 'image');
  const input = new PictureToTensor(y, { from: [4, 6], filter: 'cubic', mean, std });
  const make = (size: [number, number], format: GPUTextureFormat, usage: number, label: string) =>
    device.createTexture({ size, format, usage, label });
  const { TEXTURE_BINDING, COPY_DST, STORAGE_BINDING } = GPUTextureUsage;
  const refused = (act: () => unknown): string => {
    try {
      act();
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      return `${code}: ${message}`;
    }
    throw new Error('It was not refused.');
  };
  const x = context.empty([4, 6], 'f32', 'depth');
  const out = new TensorToTexture(x, { format: 'r32float' });
  expect([
    refused(() => input.encode(encoder, make([6, 4], 'rgba8unorm', COPY_DST, 'photo'))),
    refused(() => input.encode(encoder, make([4, 6], 'rgba8unorm', TEXTURE_BINDING, 'photo'))),
    refused(() => input.encode(encoder, make([6, 4], 'rgba8uint', TEXTURE_BINDING, 'photo'))),
    refused(() => input.encode(encoder, x)),
    refused(() => out.encode(encoder, make([6, 4], 'r32float', TEXTURE_BINDING, 'map'))),
    refused(() => out.encode(encoder, make([5, 4], 'r32float', STORAGE_BINDING, 'map'))),
    refused(() => out.encode(encoder, make([6, 4], 'rgba8unorm', STORAGE_BINDING, 'map'))),
    refused(() => new TensorToTexture(context.empty([2, 4, 6]), { format: 'r32float' })),
  ]).toMatchInlineSnapshot(`
    [
      "unsupported: PictureToTensor: photo was made without GPUTextureUsage.TEXTURE_BINDING.",
      "invalid-argument: PictureToTensor: photo is 4×6, needed is 6×4.",
      "unsupported: PictureToTensor: photo is rgba8uint with 1 samples; needed is a float format with one.",
      "invalid-argument: PictureToTensor: depth is [4, 6] f32; needed is [4, 6] u32.",
      "unsupported: TensorToTexture: map was made without GPUTextureUsage.STORAGE_BINDING.",
      "invalid-argument: TensorToTexture: map is 5×4, needed is 6×4.",
      "invalid-argument: TensorToTexture: the texture is rgba8unorm, made for was r32float.",
      "invalid-argument: TensorToTexture: tensor is [2, 4, 6] f32; needed is one map [H, W] of f32 or f16.",
    ]
  `);
  input.dispose();
  input.dispose();
  out.dispose();
  expect(
    refused(() => input.encode(encoder, make([6, 4], 'rgba8unorm', TEXTURE_BINDING, ''))),
  ).toBe('disposed: This PictureToTensor was disposed.');
  expect(refused(() => out.encode(encoder, make([6, 4], 'r32float', STORAGE_BINDING, '')))).toMatch(
    /^disposed: /,
  );
});

/** To the nearest half, for 0…1. */
function halfOf(value: number): number {
  if (value === 0) return 0;
  const exponent = Math.max(Math.floor(Math.log2(value)), -14);
  const mantissa = Math.round((value / 2 ** exponent - 1) * 1024);
  return ((exponent + 15) << 10) + mantissa;
}
