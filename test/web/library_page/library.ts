// What test/web/library.test.ts runs, in a page and, as the same file, in a worker: each function gives plain data.
import { DepthPredictor, loadDpt, type PhotoSource } from '@dpt-webgpu/dpt';
import { httpSource, openCheckpoint } from '@dpt-webgpu/loaders';
import {
  Context,
  DptError,
  defineKernel,
  type LoadOptions,
  record,
  type StateDict,
} from '@dpt-webgpu/tensor';

const file = new URL('../../../models/dpt_tiny.safetensors', import.meta.url);
const size = 56;
const [width, height] = [64, 48];

/** Errors that no scope took, of all devices. */
const errors: string[] = [];

async function deviceOf(): Promise<GPUDevice> {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error('There is no GPU adapter.');
  const device = await adapter.requestDevice();
  device.addEventListener('uncapturederror', ({ error }) => errors.push(error.message));
  return device;
}

let opened: Promise<StateDict> | undefined;
async function predictorOn(
  device: GPUDevice,
  options: LoadOptions = {},
  context = new Context(device),
): Promise<DepthPredictor> {
  opened ??= httpSource(file.href).then((source) => openCheckpoint(source));
  const { model } = await loadDpt(await opened, { ...options, context });
  return new DepthPredictor(model);
}

/** A ball before a wall, without sharp colour edges that video would smear. */
function painted(): OffscreenCanvas {
  const canvas = new OffscreenCanvas(width, height);
  const paint = canvas.getContext('2d', { willReadFrequently: true })!;
  const wall = paint.createLinearGradient(0, 0, 0, height);
  wall.addColorStop(0, '#cde');
  wall.addColorStop(1, '#654');
  paint.fillStyle = wall;
  paint.fillRect(0, 0, width, height);
  const ball = paint.createRadialGradient(28, 20, 1, 32, 24, 16);
  ball.addColorStop(0, '#fed');
  ball.addColorStop(1, '#a63');
  paint.fillStyle = ball;
  paint.beginPath();
  paint.arc(32, 24, 16, 0, 7);
  paint.fill();
  return canvas;
}

const imageDataOf = (canvas: OffscreenCanvas): ImageData =>
  canvas.getContext('2d')!.getImageData(0, 0, width, height);

/** The largest difference from a map, over its deviation. */
function differenceFrom(expected: Float32Array): (data: Float32Array) => number {
  const mean = expected.reduce((a, b) => a + b, 0) / expected.length;
  const std = Math.sqrt(expected.reduce((a, b) => a + (b - mean) ** 2, 0) / expected.length);
  return (data) =>
    data.length === expected.length
      ? Math.max(...data.map((value, i) => Math.abs(value - expected[i]!))) / std
      : Number.POSITIVE_INFINITY;
}

/** The difference from the map of the bytes by what the picture came in. */
async function sources(): Promise<Record<string, number>> {
  const device = await deviceOf();
  const predictor = await predictorOn(device);
  const canvas = painted();
  const bytes = imageDataOf(canvas);
  const difference = differenceFrom((await predictor.predict(bytes, { size })).data);
  const texture = copied(device, canvas);
  const rgba = { timestamp: 0, format: 'RGBA', codedWidth: width, codedHeight: height } as const;
  const frame = new VideoFrame(bytes.data, rgba);
  const all: Record<string, PhotoSource> = {
    texture,
    'offscreen canvas': canvas,
    'image bitmap': await createImageBitmap(canvas),
    'video frame': frame,
    ...(typeof document === 'undefined' ? {} : await elements(canvas)),
  };
  const found: Record<string, number> = {};
  for (const [name, source] of Object.entries(all)) {
    found[name] = difference((await predictor.predict(source, { size })).data);
  }
  const live = await predictor.live({ width, height }, { size });
  const encoder = device.createCommandEncoder();
  live.encode(encoder, device.importExternalTexture({ source: frame }));
  device.queue.submit([encoder.finish()]);
  found['external texture'] = difference(await live.depth.read());
  // None of them was closed or destroyed.
  found['texture again'] = difference((await predictor.predict(texture, { size })).data);
  found['video frame again'] = difference((await predictor.predict(frame, { size })).data);
  frame.close();
  Object.assign(found, await anamorphic(device, predictor));
  device.destroy();
  return found;
}

/** A frame whose pixels are twice as wide as high: its map is that of the picture as it is shown. */
async function anamorphic(
  device: GPUDevice,
  predictor: DepthPredictor,
): Promise<Record<string, number>> {
  const narrow = new OffscreenCanvas(width / 2, height);
  narrow.getContext('2d')!.drawImage(painted(), 0, 0, width / 2, height);
  const { data } = narrow.getContext('2d')!.getImageData(0, 0, width / 2, height);
  const wide = new OffscreenCanvas(width, height);
  const paint = wide.getContext('2d')!;
  // A film is read pixel by pixel.
  paint.imageSmoothingEnabled = false;
  paint.drawImage(narrow, 0, 0, width, height);
  const frame = new VideoFrame(data, {
    ...{ timestamp: 0, format: 'RGBA', codedWidth: width / 2, codedHeight: height },
    ...{ displayWidth: width, displayHeight: height },
  });
  const difference = differenceFrom((await predictor.predict(imageDataOf(wide), { size })).data);
  const found: Record<string, number> = {
    'wide pixels': difference((await predictor.predict(frame, { size })).data),
  };
  const live = await predictor.live({ width, height }, { size });
  const encoder = device.createCommandEncoder();
  live.encode(encoder, frame);
  device.queue.submit([encoder.finish()]);
  found['wide pixels, live'] = difference(await live.depth.read());
  const texture = copied(device, frame);
  found['wide pixels, copied'] = difference((await predictor.predict(texture, { size })).data);
  live.dispose();
  frame.close();
  return found;
}

/** As the browser copies it to a texture. */
function copied(device: GPUDevice, source: OffscreenCanvas | VideoFrame): GPUTexture {
  const { TEXTURE_BINDING, COPY_DST, RENDER_ATTACHMENT } = GPUTextureUsage;
  const texture = device.createTexture({
    size: [width, height],
    format: 'rgba8unorm',
    usage: TEXTURE_BINDING | COPY_DST | RENDER_ATTACHMENT,
  });
  device.queue.copyExternalImageToTexture({ source }, { texture }, [width, height]);
  return texture;
}

/** What only pages have. */
async function elements(from: OffscreenCanvas): Promise<Record<string, PhotoSource>> {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [width, height];
  const paint = canvas.getContext('2d')!;
  paint.drawImage(from, 0, 0);
  const image = new Image();
  image.src = URL.createObjectURL(await from.convertToBlob());
  await image.decode();
  const video = document.createElement('video');
  video.muted = true;
  video.srcObject = canvas.captureStream(10);
  // A canvas gives a frame when it is drawn to.
  const drawing = setInterval(() => paint.drawImage(from, 0, 0), 100);
  await video.play();
  await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
  clearInterval(drawing);
  return { canvas, 'img element': image, 'video element': video };
}

/** The code of what something fails with. */
async function codeOf(attempt: () => unknown): Promise<string> {
  try {
    await attempt();
  } catch (error) {
    return error instanceof DptError ? error.code : (error as Error).name;
  }
  return 'it did not fail';
}

/**
 * A device that is lost in flight and while reading, twice; buffers that cannot be made, a shader that does not compile;
 * aborts; disposal; two models and two devices at once.
 */
async function faults(): Promise<Record<string, unknown>> {
  const photo = imageDataOf(painted());
  const first = await deviceOf();
  const predictor = await predictorOn(first);
  const predict = async (by: DepthPredictor): Promise<string> =>
    String((await by.predict(photo, { size })).data);
  const expected = await predict(predictor);
  const found: Record<string, unknown> = {};
  const [second, third] = [await deviceOf(), await deviceOf()];
  for (const [lost, next] of [
    [first, second],
    [second, third],
  ] as const) {
    const map = await predictor.predictTensor(photo, { size });
    const pending = [
      predict(predictor),
      predictor.predict(photo, { size: 84 }),
      predict(predictor),
      map.read(),
    ];
    lost.destroy();
    const codes = await Promise.all(pending.map((promise) => codeOf(() => promise)));
    found[lost === first ? 'first loss' : 'second loss'] = codes.join();
    await predictor.recreate(next);
    found[`same after ${lost === first ? 'one' : 'two'}`] = (await predict(predictor)) === expected;
  }
  const other = await predictorOn(third);
  const elsewhere = await predictorOn(await deviceOf());
  const maps = await Promise.all([predictor, other, elsewhere, predictor].map(predict));
  found['at once'] = maps.every((map) => map === expected);

  found['abort before'] = await codeOf(() =>
    predictor.predict(photo, { size, signal: AbortSignal.abort() }),
  );
  const controller = new AbortController();
  const flying = predictor.predict(photo, { size, signal: controller.signal });
  const { mapAsync } = GPUBuffer.prototype;
  // Its work is submitted and its map not there: a moment by the clock may come too late.
  GPUBuffer.prototype.mapAsync = function (...range) {
    queueMicrotask(() => controller.abort());
    return mapAsync.apply(this, range);
  };
  found['abort in flight'] = await codeOf(() => flying);
  GPUBuffer.prototype.mapAsync = mapAsync;
  found['after the abort'] = (await predict(predictor)) === expected;

  // Half way through its weights, which are fetched from the server.
  const loading = new AbortController();
  const target = new Context(third);
  const half = { signal: loading.signal, onProgress: () => loading.abort() };
  found['abort while loading'] = await codeOf(() => predictorOn(third, half, target));
  found['left of the load'] = target.memory().total;

  // Each of the first buffers of a photo of a new size.
  const { device } = other.model.weights.context;
  const before = other.model.weights.context.memory().total;
  const failed: string[] = [];
  for (let nth = 1; nth <= 4; nth++) {
    let left = nth;
    device.createBuffer = (descriptor) => {
      if (--left === 0) throw new RangeError('no room');
      return GPUDevice.prototype.createBuffer.call(device, descriptor);
    };
    const fresh = new DepthPredictor(other.model);
    failed.push(await codeOf(() => fresh.predict(photo, { size: 84 })));
    fresh.dispose();
    Reflect.deleteProperty(device, 'createBuffer');
  }
  found['no buffer'] = failed.join();
  other.model.weights.context.trim();
  found['left without'] = other.model.weights.context.memory().total <= before;
  found['after no buffer'] = (await predict(other)) === expected;

  // What WebGPU says of memory comes from a scope, and later.
  const scopes: GPUErrorFilter[] = [];
  device.pushErrorScope = (filter) => {
    scopes.push(filter);
    return GPUDevice.prototype.pushErrorScope.call(device, filter);
  };
  device.popErrorScope = async () => {
    const filter = scopes.pop();
    await GPUDevice.prototype.popErrorScope.call(device);
    return filter === 'out-of-memory' ? ({ message: 'full' } as GPUOutOfMemoryError) : null;
  };
  const full = new DepthPredictor(other.model);
  found['no memory'] = await codeOf(() => full.predict(photo, { size: 70 }));
  full.dispose();
  other.model.gridCache.dispose();
  for (const name of ['pushErrorScope', 'popErrorScope']) Reflect.deleteProperty(device, name);
  other.model.weights.context.trim();
  found['left without memory'] = other.model.weights.context.memory().total <= before;
  found['after no memory'] = (await predict(other)) === expected;

  const source = '@compute @workgroup_size(1) fn main() { let a = ; }';
  const broken = defineKernel('broken', { reads: ['x'], writes: ['y'], params: {}, source });
  found['broken shader'] = await codeOf(async () => {
    const { context: on } = other.model.weights;
    await record(on, { x: [4] }, ({ x }) => {
      const y = on.empty([4]);
      broken.dispatch({ x, y }, { params: {}, workgroups: 1 });
      return { y };
    });
  });
  found['after a broken shader'] = (await predict(other)) === expected;

  const { context } = other.model.weights;
  const last = predict(other);
  other.dispose();
  other.model.dispose();
  other.dispose();
  found['disposed in flight'] = (await last) === expected;
  found['used afterwards'] = await codeOf(() => predict(other));
  context.dispose();
  found['left of it'] = context.memory().total;
  return found;
}

/** What a device that was asked for nothing has, and that it is enough; one that is lost before and while weights load. */
async function leastAndLost(): Promise<Record<string, unknown>> {
  const photo = imageDataOf(painted());
  const found: Record<string, unknown> = {};
  const least = await predictorOn(await deviceOf());
  const { f16, timestamps, maxStorageBinding } = least.model.weights.context.capabilities;
  found.least = { f16, timestamps, maxStorageBinding };
  const expected = String((await least.predict(photo, { size })).data);

  const gone = await deviceOf();
  gone.destroy();
  await gone.lost;
  const nowhere = new Context(gone);
  found['lost before'] = await codeOf(() => predictorOn(gone, {}, nowhere));
  found['left before'] = nowhere.memory().total;

  const lost = await deviceOf();
  const context = new Context(lost);
  let tensors = 0;
  const onProgress = (): void => {
    if (++tensors === 5) lost.destroy();
  };
  found['lost while loading'] = await codeOf(() => predictorOn(lost, { onProgress }, context));
  found['left of the load'] = context.memory().total;

  const next = await predictorOn(await deviceOf());
  found['the same elsewhere'] = String((await next.predict(photo, { size })).data) === expected;
  return found;
}

const calls = { sources, faults, leastAndLost, errors: () => errors };
export type LibraryCalls = typeof calls;

/** In this thread, or the same in a worker. */
async function call(name: keyof LibraryCalls, where: 'page' | 'worker'): Promise<unknown> {
  if (where === 'page') return calls[name]();
  const worker = new Worker(new URL('./library.ts', import.meta.url), { type: 'module' });
  try {
    return await new Promise((resolve, reject) => {
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.onmessage = ({
        data,
      }: MessageEvent<{ result?: unknown; error?: string; ready?: true }>) => {
        if (data.ready) worker.postMessage(name);
        else if (data.error !== undefined) reject(new Error(data.error));
        else resolve(data.result);
      };
    });
  } finally {
    worker.terminate();
  }
}

if (typeof document === 'undefined') {
  addEventListener('message', async ({ data }: MessageEvent<keyof LibraryCalls>) => {
    try {
      const result = await calls[data]();
      postMessage({ result: { result, errors } });
    } catch (error) {
      postMessage({ error: String(error) });
    }
  });
  postMessage({ ready: true });
} else {
  Object.assign(globalThis, { call });
}
