// Depth inside the caller's frame: LiveDepth gives what predict gives, from bytes, a texture and a caller's buffer, in an
// encoder with passes of the caller and with nothing submitted by us; maps as buffer, as textures of other sizes; two
// models and two sizes in one submission on one device; two predictions in flight; predictTensor and predictTexture and
// whose their results are; more sizes at once than are kept; the largest size that fits; errors; memory.
// Not here: what only browsers have (test/web/library.test.ts).
import { expect, test } from 'vitest';
import {
  DepthPredictor,
  networkSize,
  type Photo,
  type PredictOptions,
  planFor,
} from '../../packages/dpt/src/index.ts';
import { Tensor } from '../../packages/tensor/src/index.ts';
import { tinyModel } from '../support/models.ts';
import { loadModel } from '../support/run_model.ts';
import { bytesIn, compare, random, testContext } from '../support/tensors.ts';

const size = 28;

async function open() {
  const context = await testContext();
  const model = await loadModel(context, tinyModel);
  return { context, device: context.device, model, predictor: new DepthPredictor(model) };
}

function photoOf(
  width: number,
  height: number,
  seed = 1,
): Photo & { data: Uint8Array<ArrayBuffer> } {
  const next = random(seed);
  const data = Uint8Array.from({ length: width * height * 4 }, (_, i) => {
    return 100 + 80 * Math.sin((Math.floor(i / 4) % width) * 0.1 + seed) + 40 * next();
  });
  return { width, height, data };
}

function textureOf(device: GPUDevice, { width, height, data }: Photo): GPUTexture {
  const texture = device.createTexture({
    size: [width, height],
    format: 'rgba8unorm',
    usage: GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST,
  });
  const bytes = data as Uint8Array<ArrayBuffer>;
  device.queue.writeTexture({ texture }, bytes, { bytesPerRow: width * 4 }, [width, height]);
  return texture;
}

/** Floats of an r32float texture. */
async function floatsOf(device: GPUDevice, texture: GPUTexture): Promise<Float32Array> {
  const { width, height } = texture;
  const bytesPerRow = Math.ceil((width * 4) / 256) * 256;
  const buffer = device.createBuffer({
    size: bytesPerRow * height,
    usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
  });
  const encoder = device.createCommandEncoder();
  encoder.copyTextureToBuffer({ texture }, { buffer, bytesPerRow }, [width, height]);
  device.queue.submit([encoder.finish()]);
  await buffer.mapAsync(GPUMapMode.READ);
  const padded = new Float32Array(buffer.getMappedRange().slice(0));
  buffer.destroy();
  return Float32Array.from(
    { length: width * height },
    (_, i) => padded[Math.floor(i / width) * (bytesPerRow / 4) + (i % width)]!,
  );
}

test('what predict gives, from bytes, a texture and a buffer of the caller', async () => {
  const { context, device, predictor } = await open();
  const photo = photoOf(50, 40);
  const expected = await predictor.predict(photo, { size });
  using live = await predictor.live(photo, { size });
  expect(live).toMatchObject({ width: 50, height: 40, kind: 'relative' });
  const buffer = device.createBuffer({
    size: photo.data.length,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
  });
  device.queue.writeBuffer(buffer, 0, photo.data);
  const sources = [
    { source: photo, tolerance: 0 },
    { source: Tensor.fromBuffer(context, buffer, [40, 50], 'u32'), tolerance: 0 },
    { source: textureOf(device, photo), tolerance: 1e-5 },
  ];
  const std = compare(expected.data, expected.data).std;
  for (const { source, tolerance } of sources) {
    const encoder = device.createCommandEncoder();
    live.encode(encoder, source);
    device.queue.submit([encoder.finish()]);
    expect(compare(await live.depth.read(), expected.data).worst).toBeLessThanOrEqual(
      tolerance * std,
    );
  }
  // predict takes them, too.
  const { data } = await predictor.predict(textureOf(device, photo), { size });
  expect(compare(data, expected.data).worst).toBeLessThanOrEqual(1e-5 * std);
});

test('in a frame of the caller: nothing of ours is submitted, its passes run before and after', async () => {
  const { device, predictor } = await open();
  const photo = photoOf(48, 32, 2);
  const expected = await predictor.predict(photo, { size });
  using live = await predictor.live(photo, { size, texture: 'r32float' });
  const from = textureOf(device, photo);
  const shown = device.createTexture({
    size: [48, 32],
    format: 'rgba8unorm',
    usage:
      GPUTextureUsage.RENDER_ATTACHMENT |
      GPUTextureUsage.TEXTURE_BINDING |
      GPUTextureUsage.COPY_DST,
  });
  const map = live.createTexture();
  const last = device.createTexture({
    size: [48, 32],
    format: 'r32float',
    usage: GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.COPY_SRC,
  });
  // The caller's own pass: the map, doubled.
  const module = device.createShaderModule({
    code: `@group(0) @binding(0) var map: texture_2d<f32>;
      @vertex fn corner(@builtin(vertex_index) i: u32) -> @builtin(position) vec4f {
        return vec4f(f32(i % 2u) * 4.0 - 1.0, f32(i / 2u) * 4.0 - 1.0, 0.0, 1.0);
      }
      @fragment fn twice(@builtin(position) at: vec4f) -> @location(0) vec4f {
        return 2.0 * textureLoad(map, vec2u(at.xy), 0);
      }`,
  });
  const pipeline = await device.createRenderPipelineAsync({
    layout: 'auto',
    vertex: { module },
    fragment: { module, targets: [{ format: 'r32float' }] },
  });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: map.texture.createView() }],
  });
  const { submit } = device.queue;
  let submissions = 0;
  device.queue.submit = (buffers) => {
    submissions++;
    return submit.call(device.queue, buffers);
  };
  try {
    for (let frame = 0; frame < 3; frame++) {
      const encoder = device.createCommandEncoder();
      encoder.copyTextureToTexture(
        { texture: copyable(device, photo) },
        { texture: shown },
        [48, 32],
      );
      live.encode(encoder, shown, map.texture);
      const pass = encoder.beginRenderPass({
        colorAttachments: [{ view: last.createView(), loadOp: 'clear', storeOp: 'store' }],
      });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.draw(3);
      pass.end();
      device.queue.submit([encoder.finish()]);
    }
  } finally {
    Reflect.deleteProperty(device.queue, 'submit');
  }
  expect(submissions).toBe(3);
  const { std } = compare(expected.data, expected.data);
  const doubled = expected.data.map((value) => 2 * value);
  expect(compare(await floatsOf(device, last), doubled).worst).toBeLessThanOrEqual(2e-5 * std);
  map.dispose();
  from.destroy();
});

/** A texture that can be copied from. */
function copyable(device: GPUDevice, { width, height, data }: Photo): GPUTexture {
  const texture = device.createTexture({
    size: [width, height],
    format: 'rgba8unorm',
    usage: GPUTextureUsage.COPY_SRC | GPUTextureUsage.COPY_DST,
  });
  const bytes = data as Uint8Array<ArrayBuffer>;
  device.queue.writeTexture({ texture }, bytes, { bytesPerRow: width * 4 }, [width, height]);
  return texture;
}

test('maps of other sizes: as they leave the network, and any', async () => {
  const { device, predictor } = await open();
  const photo = photoOf(60, 40, 4);
  const network = await predictor.predict(photo, { size, output: 'network' });
  using plain = await predictor.live(photo, { size, output: 'network' });
  using large = await predictor.live(photo, {
    ...{ size, output: { width: 130, height: 70 }, texture: 'rgba8unorm' },
  });
  expect([plain.width, plain.height]).toEqual([network.width, network.height]);
  const map = large.createTexture();
  const encoder = device.createCommandEncoder();
  plain.encode(encoder, photo);
  large.encode(encoder, photo, map.texture);
  device.queue.submit([encoder.finish()]);
  expect(await plain.depth.read()).toEqual(network.data);
  expect((await large.depth.read()).length).toBe(130 * 70);
  expect([map.texture.width, map.texture.height]).toEqual([130, 70]);
  map.dispose();
});

test('two models and two sizes of one device in one submission', async () => {
  const { context, device, model, predictor } = await open();
  const other = await loadModel(context, tinyModel);
  const second = new DepthPredictor(other);
  const photos = [photoOf(40, 40, 5), photoOf(56, 30, 6)] as const;
  const expected = [];
  for (const photo of photos) expected.push((await predictor.predict(photo, { size })).data);
  using a = await predictor.live(photos[0], { size });
  using b = await second.live(photos[1], { size });
  const encoder = device.createCommandEncoder();
  a.encode(encoder, photos[0]);
  b.encode(encoder, photos[1]);
  a.encode(encoder, photos[0]);
  device.queue.submit([encoder.finish()]);
  expect([await a.depth.read(), await b.depth.read()]).toEqual(expected);
  other.dispose();
  // Recordings hold what they use.
  const again = device.createCommandEncoder();
  b.encode(again, photos[1]);
  device.queue.submit([again.finish()]);
  expect(await b.depth.read()).toEqual(expected[1]);
  model.dispose();
});

test('predictions in flight do not mix, also of textures', async () => {
  const { device, predictor } = await open();
  const photos = [1, 2, 3, 4].map((seed) => photoOf(44, 44, seed));
  const alone = [];
  for (const photo of photos)
    alone.push((await predictor.predict(textureOf(device, photo), { size })).data);
  const textures = photos.map((photo) => textureOf(device, photo));
  const together = await Promise.all(
    textures.map((texture) => predictor.predict(texture, { size })),
  );
  expect(together.map(({ data }) => data)).toEqual(alone);
});

test('results on the GPU are of any size', async () => {
  const { predictor } = await open();
  const photo = photoOf(36, 44, 7);
  const output = { width: 50, height: 30 };
  using live = await predictor.live(photo, { size, output });
  const tensor = await predictor.predictTensor(photo, { size, output });
  const map = await predictor.predictTexture(photo, { size, output, format: 'r16float' });
  expect([live.width, live.height, ...tensor.shape]).toEqual([50, 30, 30, 50]);
  expect([map.texture.width, map.texture.height]).toEqual([50, 30]);
  tensor.dispose();
  map.dispose();
});

test('results on the GPU are the caller’s', async () => {
  const { context, device, predictor } = await open();
  const photo = photoOf(36, 44, 7);
  const expected = (await predictor.predict(photo, { size })).data;
  const first = await predictor.predictTensor(photo, { size });
  const texture = await predictor.predictTexture(photo, { size, format: 'r32float' });
  // A later prediction writes to other memory.
  await predictor.predictTensor(photoOf(36, 44, 8), { size }).then((tensor) => tensor.dispose());
  predictor.dispose();
  expect(first.shape).toEqual([44, 36]);
  expect(await first.read()).toEqual(expected);
  expect(await floatsOf(device, texture.texture)).toEqual(expected);
  const before = context.memory();
  first.dispose();
  texture.dispose();
  texture.dispose();
  const { tensors, textures } = context.memory();
  expect([before.tensors - tensors, before.textures - textures]).toEqual([
    first.bytes,
    first.bytes,
  ]);
});

test('more sizes at once than are kept', async () => {
  const { context, model } = await open();
  const before = bytesIn(context);
  const predictor = new DepthPredictor(model, { recordings: 2 });
  const photos = [30, 31, 32, 33, 34].map((width) => photoOf(width, 30));
  const maps = await Promise.all(photos.map((photo) => predictor.predict(photo, { size })));
  expect(maps.map(({ width }) => width)).toEqual([30, 31, 32, 33, 34]);
  expect(predictor.recordings).toBe(2);
  const pending = predictor.predict(photos[0]!, { size });
  predictor.dispose(); // what is under way ends well
  expect((await pending).data).toEqual(maps[0]!.data);
  await expect(predictor.predict(photos[0]!, { size })).rejects.toMatchObject({ code: 'disposed' });
  await expect(predictor.live(photos[0]!, { size })).rejects.toMatchObject({ code: 'disposed' });
  context.trim();
  model.gridCache.dispose();
  expect(bytesIn(context)).toEqual(before);
  expect(() => new DepthPredictor(model, { recordings: 0 })).toThrow('recordings is 0');
});

test('the largest size that fits', async () => {
  const { context, predictor } = await open();
  const photo = photoOf(120, 90);
  const options: PredictOptions = { size: 'largest', output: 'network' };
  const free = await predictor.predict(photo, options);
  expect(Math.max(free.width, free.height)).toBeLessThanOrEqual(2 * 120);
  const { config } = predictor.model;
  const memory = planFor(config, photo, context.capabilities, { size: 56 }).bytes.total;
  const tight = await predictor.predict(photo, { ...options, memory });
  expect(tight.networkSize).toEqual(networkSize(photo, config.image, { size: 56 }));
  await expect(predictor.predict(photo, { ...options, memory: 1000 })).rejects.toMatchObject({
    code: 'limit',
  });
});

test('what does not fit together is refused, and nothing stays behind', async () => {
  const { context, device, predictor } = await open();
  const photo = photoOf(40, 40);
  const before = bytesIn(context);
  await expect(predictor.live(photo, { size, signal: AbortSignal.abort() })).rejects.toThrow(
    /abort/i,
  );
  const stopped = new AbortController();
  const stopping = predictor.live(photo, { size, signal: stopped.signal });
  stopped.abort();
  await expect(stopping).rejects.toThrow(/abort/i);
  const live = await predictor.live(photo, { size });
  const encoder = device.createCommandEncoder();
  expect(() => live.encode(encoder, photoOf(40, 41))).toThrowErrorMatchingInlineSnapshot(
    `[DptError: LiveDepth: the photo is 40×41, made for was 40×40.]`,
  );
  expect(() =>
    live.encode(encoder, photo, textureOf(device, photo)),
  ).toThrowErrorMatchingInlineSnapshot(`[DptError: LiveDepth: made without the option texture.]`);
  live.dispose();
  live.dispose();
  expect(() => live.encode(encoder, photo)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: This LiveDepth was disposed.]`,
  );
  predictor.model.gridCache.dispose();
  context.trim();
  expect(bytesIn(context)).toEqual(before);
});
