// What goes wrong while models are used, and what is left of it. Each fault, and the test that brings it about, in Node and
// in a page and a worker (test/web/library.test.ts, 'faults' and 'the least of devices …', but where a row names another file):
//
//   a  device lost before the load, during it, in flight,  'lost before the load …', 'lost with work in flight …': the same
//   b  while reading; once and twice                       depth to the bit on the next device
//   c  no adapter                                          test/tensor/node.test.ts; pages: test/web/image.test.ts
//   d  no f16, no timestamps                               'a device with the least of everything'
//   e  the least limits                                    the same
//   f  buffers that cannot be made, at every call, by      'buffers that cannot be made …', 'what WebGPU says of memory …'
//      exception and by what WebGPU reports
//   g  a shader that does not compile                      'a shader that does not compile'
//   h  aborts: before, while compiling, in flight          'aborts: …'; before, of every long call: test/long_calls.test.ts;
//                                                          files: test/loaders/aborts.test.ts; downloads: cli/download
//   i  at once on one model, two models, two devices       'at once on …'
//   j  disposal in flight, twice, use afterwards           'disposal in flight …'; of every owner: owners.test.ts
//   o  a process that ends with work in flight             test/tensor/node.test.ts, 20 times of 20; Node alone
//
// And debug mode names the step.
import { afterAll, expect, test } from 'vitest';
import { DepthPredictor, loadDpt, type Photo } from '../../packages/dpt/src/index.ts';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import {
  Context,
  DeviceLostError,
  DptError,
  defineKernel,
  record,
  type StateDict,
} from '../../packages/tensor/src/index.ts';
import { type NodeGpu, requestDevice } from '../../packages/tensor/src/node.ts';
import { testDevice } from '../support/device.ts';
import { tinyModel } from '../support/models.ts';
import { random } from '../support/tensors.ts';
import { watchDevice } from '../support/watch_device.ts';

const size = 28;
const photo: Photo = (() => {
  const next = random(9);
  const data = Uint8Array.from({ length: 40 * 30 * 4 }, (_, i) => 90 + (i % 97) + 40 * next());
  return { width: 40, height: 30, data };
})();

const opened: NodeGpu[] = [];
const files: StateDict[] = [];
/** A device of its own, with what WebGPU guarantees and no more. */
async function device(): Promise<GPUDevice> {
  const gpu = await requestDevice();
  opened.push(gpu);
  return gpu.device;
}
afterAll(async () => {
  for (const gpu of opened) await gpu.close();
  for (const file of files) await file.close();
});

/** Stays open, so that a model can be made again. */
async function openFile(): Promise<StateDict> {
  const file = await openCheckpointFile(tinyModel);
  files.push(file);
  return file;
}

async function open(context: Context): Promise<DepthPredictor> {
  const { model } = await loadDpt(await openFile(), { context });
  return new DepthPredictor(model);
}

const predict = async (predictor: DepthPredictor): Promise<Float32Array> =>
  (await predictor.predict(photo, { size })).data;

test('a device with the least of everything', async () => {
  const context = new Context(await device());
  expect(context.capabilities).toMatchObject({ f16: false, timestamps: false });
  expect(context.capabilities.maxStorageBinding).toBe(134_217_728);
  expect((await predict(await open(context))).length).toBe(40 * 30);
  const half = loadDpt(await openFile(), { context, dtype: 'f16' });
  await expect(half).rejects.toMatchObject({ code: 'unsupported' });
  using recording = await record(context, { x: [4] }, ({ x }) => ({
    y: x.context.constant(() => x.context.tensor(new Float32Array(4), [4])),
  }));
  expect((await recording.profile()).clock).toBe('wall');
});

test('lost before the load, and during it', async () => {
  const first = await device();
  const context = new Context(first);
  let progress = 0;
  const loading = loadDpt(await openFile(), {
    context,
    onProgress: () => {
      if (++progress === 5) first.destroy();
    },
  });
  await expect(loading).rejects.toThrow(DeviceLostError);
  await expect(open(context)).rejects.toMatchObject({ code: 'device-lost' });
  expect(context.isLost).toBe(true);
  expect(context.memory().total).toBe(0);
});

test('lost with work in flight and while reading, twice: the same depth on the next device', async () => {
  const first = await device();
  const predictor = await open(new Context(first));
  const expected = await predict(predictor);
  const live = await predictor.live(photo, { size });
  const gone: Context[] = [];
  for (const lost of [first, await device()]) {
    if (lost !== first) {
      await predictor.recreate(lost);
      expect(await predict(predictor)).toEqual(expected);
    }
    const tensor = await predictor.predictTensor(photo, { size });
    const pending = [
      predict(predictor),
      predict(predictor),
      predictor.predict(photo, { size: 56 }), // compiles
      tensor.read(),
      predictor.live({ width: 20, height: 20 }, { size }),
    ];
    lost.destroy();
    for (const result of await Promise.allSettled(pending)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'device-lost' } });
    }
    await expect(predict(predictor)).rejects.toThrow(DeviceLostError);
    gone.push(predictor.model.weights.context);
    tensor.dispose();
  }
  live.dispose();
  await predictor.recreate(await device());
  expect(await predict(predictor)).toEqual(expected);
  // Nothing is held of the devices that are gone but what a reading one keeps.
  for (const context of gone) {
    context.trim();
    expect(context.memory().total).toBe(0);
  }
  predictor.dispose();
  await expect(predictor.recreate(await device())).rejects.toMatchObject({ code: 'disposed' });
});

test('recreate reports progress and can be aborted; the next one works', async () => {
  const predictor = await open(new Context(await device()));
  const expected = await predict(predictor);
  const next = await device();
  const controller = new AbortController();
  const stopped = predictor.recreate(next, {
    signal: controller.signal,
    onProgress: () => controller.abort(),
  });
  await expect(stopped).rejects.toThrow(/abort/i);
  await expect(predict(predictor)).rejects.toMatchObject({ code: 'disposed' });
  const context = new Context(next);
  const seen: number[] = [];
  await predictor.recreate(context, { onProgress: (loaded, total) => seen.push(loaded / total) });
  expect(seen.at(-1)).toBe(1);
  expect(predictor.model.weights.context).toBe(context);
  expect(await predict(predictor)).toEqual(expected);
});

test('buffers that cannot be made, at every call of a prediction and at some of a load', async () => {
  const context = new Context(await testDevice());
  const predictor = await open(context);
  const expected = await predict(predictor);
  predictor.model.gridCache.dispose();
  predictor.dispose();
  context.trim();
  const before = context.memory();
  const watch = watchDevice(await testDevice());
  let failures = 0;
  for (let nth = 1; ; nth++) {
    using fresh = new DepthPredictor(predictor.model);
    watch.failBuffer = nth;
    const result = await fresh.predict(photo, { size }).catch((error: Error) => error);
    const failed = result instanceof Error;
    watch.failBuffer = undefined;
    if (!failed) break;
    failures++;
    expect(result.message).toBe('createBuffer failed, as the test wants');
    fresh.dispose(); // where reading failed, its recording is good and kept
    context.trim();
    predictor.model.gridCache.dispose();
    expect({ nth, ...context.memory(), pipelines: 0 }).toEqual({ nth, ...before, pipelines: 0 });
  }
  expect(failures).toBeGreaterThan(8);
  expect(await predict(new DepthPredictor(predictor.model))).toEqual(expected);
  for (const nth of [1, 2, 30, 60]) {
    const other = new Context(await testDevice());
    watch.failBuffer = nth;
    await expect(open(other)).rejects.toThrow('as the test wants');
    watch.failBuffer = undefined;
    expect(other.memory().total).toBe(0);
    expect(await predict(await open(other))).toEqual(expected);
  }
});

test('what WebGPU says of memory comes as an error with its code, and leaves nothing', async () => {
  const gpu = await device();
  const context = new Context(gpu);
  const full = (): void => {
    const scopes: GPUErrorFilter[] = [];
    gpu.pushErrorScope = (filter) => {
      scopes.push(filter);
      return GPUDevice.prototype.pushErrorScope.call(gpu, filter);
    };
    gpu.popErrorScope = async () => {
      const filter = scopes.pop();
      await GPUDevice.prototype.popErrorScope.call(gpu);
      return filter === 'out-of-memory' ? ({ message: 'full' } as GPUOutOfMemoryError) : null;
    };
  };
  const restore = (): void => {
    for (const name of ['pushErrorScope', 'popErrorScope']) Reflect.deleteProperty(gpu, name);
  };
  full();
  await expect(open(context)).rejects.toMatchObject({ code: 'out-of-memory' });
  expect(context.memory().total).toBe(0);
  restore();
  const predictor = await open(context);
  const before = context.memory();
  full();
  await expect(predict(predictor)).rejects.toMatchObject({ code: 'out-of-memory' });
  restore();
  predictor.model.gridCache.dispose();
  const { slots, tensors, weights } = context.memory();
  expect({ slots, tensors, weights }).toEqual({ slots: 0, tensors: 0, weights: before.weights });
  expect((await predict(predictor)).length).toBe(1200);
});

test('a shader that does not compile', async () => {
  const context = new Context(await device());
  const broken = defineKernel('broken', {
    reads: ['x'],
    writes: ['y'],
    params: {},
    source: '@compute @workgroup_size(1) fn main() { let a = ; }',
  });
  const before = context.memory();
  const recording = record(context, { x: [4] }, ({ x }) => {
    const y = context.empty([4]);
    broken.dispatch({ x, y }, { params: {}, workgroups: 1, label: 'broken step' });
    return { y };
  });
  const error: unknown = await recording.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DptError);
  expect(error).toMatchObject({ code: 'gpu' });
  expect((error as Error).message).toMatch(
    /^broken step: the shader does not compile: Error while parsing WGSL/,
  );
  expect({ ...context.memory(), pipelines: 0 }).toEqual({ ...before, pipelines: 0 });
  expect((await predict(await open(context))).length).toBe(1200);
});

test('aborts: before, while compiling, in flight; the model goes on', async () => {
  const context = new Context(await device());
  const early = loadDpt(await openFile(), { context, signal: AbortSignal.abort() });
  await expect(early).rejects.toThrow(/abort/i);
  expect(context.memory().total).toBe(0);
  const predictor = await open(context);
  const seen: number[] = [];
  const compiling = new AbortController();
  const first = predictor.predict(photo, {
    size,
    signal: compiling.signal,
    onProgress: (done) => {
      seen.push(done);
      if (done === 1) compiling.abort(new Error('enough'));
    },
  });
  await expect(first).rejects.toThrow('enough');
  expect(seen[0]).toBe(0);
  const expected = await predict(predictor);
  // As soon as it is submitted; the GPU is not waited for.
  const flying = new AbortController();
  const { queue } = context.device;
  let answered = false;
  queue.submit = (buffers) => {
    Reflect.deleteProperty(queue, 'submit');
    queue.submit(buffers);
    void queue.onSubmittedWorkDone().then(() => (answered = true));
    flying.abort();
  };
  const flight = predictor.predict(photo, { size, signal: flying.signal });
  await expect(flight).rejects.toThrow(/abort/i);
  expect(answered).toBe(false);
  expect(await predict(predictor)).toEqual(expected);
});

test('at once on one model, two models, two devices', async () => {
  const [a, b] = [new Context(await device()), new Context(await device())];
  const predictors = [await open(a), await open(a), await open(b)];
  const expected = await predict(predictors[0]!);
  const maps = await Promise.all([...predictors, ...predictors].map(predict));
  for (const map of maps) expect(map).toEqual(expected);
});

test('disposal in flight, twice, and use afterwards', async () => {
  const context = new Context(await device());
  const predictor = await open(context);
  const { model } = predictor;
  const expected = await predict(predictor);
  const flying = [predict(predictor), predict(predictor)];
  predictor.dispose();
  model.dispose();
  expect(await Promise.all(flying)).toEqual([expected, expected]);
  for (const owner of [predictor, model, model.weights, model.gridCache]) {
    owner.dispose();
    owner[Symbol.dispose]();
  }
  await expect(predict(predictor)).rejects.toMatchObject({ code: 'disposed' });
  await expect(predict(new DepthPredictor(model))).rejects.toMatchObject({ code: 'disposed' });
  await expect(model.weights.load()).rejects.toMatchObject({ code: 'disposed' });
  context.dispose();
  context.dispose();
  expect(context.memory().total).toBe(0);
  expect(() => context.empty([4])).toThrow('This context was disposed.');
  await expect(open(context)).rejects.toMatchObject({ code: 'disposed' });
});

test('debug mode computes the same and names the step of an error', async () => {
  const errors: DptError[] = [];
  const gpu = await device();
  const plain = await predict(await open(new Context(gpu)));
  const context = new Context(gpu, { debug: (error) => errors.push(error) });
  expect(await predict(await open(context))).toEqual(plain);
  expect(errors).toEqual([]);
  // A buffer that the caller destroyed too early is seen by WebGPU alone.
  const { add, Tensor } = await import('../../packages/tensor/src/index.ts');
  const buffer = gpu.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE });
  const x = Tensor.fromBuffer(context, buffer, [4], 'f32', 'mine');
  buffer.destroy();
  add(x, x);
  await gpu.queue.onSubmittedWorkDone();
  await expect.poll(() => errors.length).toBe(1);
  expect(errors[0]).toMatchObject({ code: 'gpu' });
  expect(errors[0]!.message).toMatch(/^add mine: /);
});
