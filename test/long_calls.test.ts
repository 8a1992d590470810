// The calls of the libraries that users wait for, listed from their types: each takes a signal, or is named here with the
// reason why not. One whose signal has been aborted before rejects with the signal's reason and does nothing. Not here: aborts
// in the middle of work (dpt/faults, dpt/run_in_turn, tensor/parts, tensor/recording, loaders/aborts).
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import {
  DepthPredictor,
  LiveDepth,
  type LoadedDpt,
  loadDpt,
  makeDptFromStateDict,
  predictTiled,
} from '../packages/dpt/src/index.ts';
import {
  httpSource,
  memorySource,
  openCheckpoint,
  readPytorch,
  readSafetensors,
  safetensorsChunks,
} from '../packages/loaders/src/index.ts';
import {
  decodePicture,
  openCheckpointFile,
  readPicture,
  writeChunksAtomic,
  writeFileAtomic,
  writeSafetensorsFile,
} from '../packages/loaders/src/node.ts';
import { Context, compile, plan, record, relu, Weights } from '../packages/tensor/src/index.ts';
import { asyncCallsOf } from './support/async_calls.ts';
import { testDevice } from './support/device.ts';
import { tinyModel } from './support/models.ts';

const root = join(import.meta.dirname, '..');
const entries = ['tensor', 'dpt', 'loaders'].flatMap((name) => {
  const { exports } = JSON.parse(
    readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'),
  ) as { exports: Record<string, string> };
  return Object.values(exports)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(root, 'packages', name, file));
});

const submitted = 'waits for what was submitted, which nothing takes back; orAbort ends the wait';
const compiling = 'one pipeline, which cannot be cut short';
const closing = 'frees something';
const engine = 'a part of the engine, inside of calls that take one';

/** What takes no signal, and why. */
const withoutSignal: Readonly<Record<string, string>> = {
  'Tensor.read': submitted,
  'Tensor.readBytes': submitted,
  'Context.download': submitted,
  'Context.unlessLost': engine,
  'Context.checked': engine,
  orAbort: 'the signal itself is its argument',
  inTurn: 'the task has its own',
  'EdgePass.compile': compiling,
  'PictureToTensor.compile': compiling,
  'TensorToTexture.compile': compiling,
  requestDevice: 'WebGPU answers at once, and takes none',
  requestAdapter: 'WebGPU answers at once, and takes none',
  'NodeGpu.close': closing,
  'StateDict.close': closing,
  'RenamedStateDict.close': closing,
  'ByteSource.close': closing,
  fileSource: 'opens a file, of which nothing is read',
};

const context = new Context(await testDevice());
const folder = mkdtempSync(join(tmpdir(), 'dpt-long-calls-'));
const models: LoadedDpt['model'][] = [];
afterAll(() => {
  for (const model of models) model.dispose();
  context.dispose();
  rmSync(folder, { recursive: true });
});

const reason = new Error('another one was chosen');
const signal = AbortSignal.abort(reason);
const bytes = readFileSync(tinyModel);
const picture = join(root, 'examples', 'pictures', 'dog_indoor.jpg');
const pth = readFileSync(join(root, 'test', 'fixtures', 'loaders', 'zip.pth'));

async function load(): Promise<LoadedDpt['model']> {
  const { model } = await loadDpt(await openCheckpoint(memorySource(bytes)), { context });
  models.push(model);
  return model;
}
const loaded = await load();
const predictor = (): DepthPredictor => new DepthPredictor(loaded);
const photo = { width: 28, height: 28, data: new Uint8Array(28 * 28 * 4).fill(90) };
const small = () => record(context, { x: [4] }, ({ x }) => ({ y: relu(x) }));
const format = 'r32float';
const size = 28;
const tensor = { dtype: 'u8', shape: [3], read: async () => new Uint8Array(3) } as const;
const tensors = new Map([['x', tensor]]);
const file = join(folder, 'file');

const calls: Record<string, () => Promise<unknown>> = {
  record: () => record(context, { x: [4] }, ({ x }) => ({ y: relu(x) }), { signal }),
  compile: () =>
    compile(
      context,
      plan(context, { x: [4] }, ({ x }) => ({ y: relu(x) })),
      { signal },
    ),
  'Recording.runInParts': async () => (await small()).runInParts({}, { signal }),
  'Recording.profile': async () => (await small()).profile({ signal }),
  'Recording.magnitudes': async () => (await small()).magnitudes({ signal }),
  'Weights.load': async () => {
    const stateDict = { name: 'x', metadata: new Map(), tensors, close: async () => {} };
    const weights = new Weights(context, stateDict);
    weights.tensor('x', [3]);
    await weights.load({ signal });
  },
  loadDpt: async () => loadDpt(await openCheckpoint(memorySource(bytes)), { context, signal }),
  makeDptFromStateDict: async () =>
    makeDptFromStateDict(context, await openCheckpoint(memorySource(bytes)), { signal }),
  'DPTModel.recreate': () => loaded.recreate(context, { signal }),
  'LiveDepth.make': () => LiveDepth.make(loaded, photo, { size, signal }),
  'DepthPredictor.predict': () => predictor().predict(photo, { size, signal }),
  'DepthPredictor.predictBatch': () => predictor().predictBatch([photo], { size, signal }),
  'DepthPredictor.predictTensor': () => predictor().predictTensor(photo, { size, signal }),
  'DepthPredictor.predictTexture': () =>
    predictor().predictTexture(photo, { size, signal, format }),
  'DepthPredictor.live': () => predictor().live(photo, { size, signal }),
  'DepthPredictor.recreate': () => predictor().recreate(context, { signal }),
  predictTiled: () => predictTiled(predictor(), photo, { size, signal, tiles: 2 }),
  openCheckpoint: () => openCheckpoint(memorySource(bytes), { signal }),
  openCheckpointFile: () => openCheckpointFile(tinyModel, { signal }),
  readSafetensors: () => readSafetensors(memorySource(bytes), { signal }),
  readPytorch: () => readPytorch(memorySource(pth), { signal }),
  httpSource: () =>
    httpSource('http://127.0.0.1/model', { signal, fetch: async () => Promise.reject(reason) }),
  'ByteSource.read': () => memorySource(bytes).read(0, 1, { signal }),
  'StoredTensor.read': async () => {
    const { tensors } = await openCheckpoint(memorySource(bytes));
    return tensors.values().next().value!.read({ signal });
  },
  'LazySafetensorsEntry.read': async () => {
    const { tensors } = await readPytorch(memorySource(pth));
    return tensors.values().next().value!.read({ signal });
  },
  safetensorsChunks: () => safetensorsChunks(tensors, undefined, { signal }).next(),
  readPicture: () => readPicture(picture, { signal }),
  decodePicture: () => decodePicture(readFileSync(picture), 'dog', { signal }),
  writeFileAtomic: () => writeFileAtomic(file, new Uint8Array(3), { signal }),
  writeChunksAtomic: () => writeChunksAtomic(file, [new Uint8Array(3)], { signal }),
  writeSafetensorsFile: () => writeSafetensorsFile(file, tensors, undefined, { signal }),
};

test('all that users wait for are here', () => {
  const found = asyncCallsOf(entries);
  const named = (takesSignal: boolean): string[] =>
    found.filter((call) => call.takesSignal === takesSignal).map(({ name }) => name);
  expect(named(true).sort()).toEqual(Object.keys(calls).sort());
  expect(named(false).sort()).toEqual(Object.keys(withoutSignal).sort());
});

test('a call without a signal is seen', () => {
  expect(asyncCallsOf([join(root, 'test', 'support', 'async_calls_of.ts')])).toEqual([
    { name: 'bad', takesSignal: false },
    { name: 'good', takesSignal: true },
    { name: 'pieces', takesSignal: false },
    { name: 'Some.make', takesSignal: true },
    { name: 'Some.bad', takesSignal: false },
    { name: 'Thing.bad', takesSignal: false },
  ]);
});

test.each(Object.entries(calls))('%s rejects with the reason of its signal', async (_, call) => {
  await expect(call()).rejects.toBe(reason);
  expect(readdirSync(folder)).toEqual([]);
});

test('a model and a predictor that were not recreated go on', async () => {
  const { data } = await predictor().predict(photo, { size });
  expect(data.length).toBe(28 * 28);
});

test('a signal of opening has no say over what is read later', async () => {
  const controller = new AbortController();
  const { tensors } = await openCheckpoint(memorySource(bytes), { signal: controller.signal });
  controller.abort(reason);
  const [first] = tensors.values();
  expect((await first!.read()).length).toBeGreaterThan(0);
});
