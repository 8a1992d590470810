// Every class that owns something of the GPU, listed from the sources: disposed of twice and by Symbol.dispose, then used, which
// is an error with the code `disposed`. Disposal in the middle of work: faults.test.ts.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import {
  DepthPredictor,
  GridCache,
  type LoadedDpt,
  loadDpt,
  RangeOverTime,
} from '../../packages/dpt/src/index.ts';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import {
  Context,
  DptError,
  PictureToTensor,
  record,
  relu,
  type StateDict,
  TensorToTexture,
  textureUsage,
} from '../../packages/tensor/src/index.ts';
import { testDevice } from '../support/device.ts';
import { tinyModel } from '../support/models.ts';

const context = new Context(await testDevice());
const { device } = context;
const files: StateDict[] = [];
afterAll(async () => {
  for (const file of files) await file.close();
  context.dispose();
});

async function load(): Promise<LoadedDpt> {
  const file = await openCheckpointFile(tinyModel);
  files.push(file);
  return loadDpt(file, { context });
}
const photo = { width: 28, height: 28, data: new Uint8Array(28 * 28 * 4).fill(90) };
const small = () => record(context, { x: [4] }, ({ x }) => ({ y: relu(x) }));
const encoder = () => device.createCommandEncoder();
const format = 'r32float';
const texture = () =>
  device.createTexture({
    size: [2, 2],
    format,
    usage: textureUsage.textureBinding | textureUsage.storageBinding | textureUsage.copySrc,
  });

interface Owner {
  dispose(): void;
  [Symbol.dispose](): void;
}

/** How each is made, and a use of it. */
const owners: Record<string, () => Promise<[Owner, () => unknown]>> = {
  Context: async () => {
    const other = new Context(device);
    return [other, () => other.empty([4])];
  },
  Tensor: async () => {
    const x = context.tensor(new Float32Array(4), [4]);
    return [x, () => x.read()];
  },
  Recording: async () => {
    const recording = await small();
    return [recording, () => recording.run()];
  },
  Weights: async () => {
    const { weights } = (await load()).model;
    return [weights, () => weights.load()];
  },
  DPTModel: async () => {
    const { model } = await load();
    return [model, () => new DepthPredictor(model).predict(photo, { size: 28 })];
  },
  DepthPredictor: async () => {
    const predictor = new DepthPredictor((await load()).model);
    return [predictor, () => predictor.predict(photo, { size: 28 })];
  },
  LiveDepth: async () => {
    const predictor = new DepthPredictor((await load()).model);
    const live = await predictor.live({ width: 28, height: 28 }, { size: 28 });
    return [live, () => live.encode(encoder(), texture())];
  },
  PictureToTensor: async () => {
    const y = context.empty([1, 2, 2, 3]);
    const options = { from: [2, 2], filter: 'cubic', mean: [0, 0, 0], std: [1, 1, 1] } as const;
    const input = new PictureToTensor(y, options);
    return [input, () => input.encode(encoder(), texture())];
  },
  TensorToTexture: async () => {
    const output = new TensorToTexture(context.empty([2, 2]), { format });
    return [output, () => output.encode(encoder(), texture())];
  },
  RangeOverTime: async () => {
    const range = new RangeOverTime(context);
    return [range, () => range.reset()];
  },
};

/** Those that are no use to tell apart: a cache may be used again, the others are parts of those above. */
const others = ['EdgePass', 'GridCache', 'PictureUpload'];

test('all owners are here', () => {
  const found = ['tensor', 'dpt'].flatMap((name) => {
    const folder = join(import.meta.dirname, '../../packages', name, 'src');
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(join(folder, file), 'utf8'))
      .flatMap((source) => source.split(/^(?=export class )/m).slice(1))
      .filter((source) => /^ {2}dispose\(\): void/m.test(source))
      .map((source) => /^export class (\w+)/.exec(source)![1]);
  });
  expect(found.sort()).toEqual([...Object.keys(owners), ...others].sort());
});

test.each(Object.entries(owners))('%s', async (_, make) => {
  const [owner, use] = await make();
  owner.dispose();
  owner.dispose();
  owner[Symbol.dispose]();
  const error = await (async () => use())().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(DptError);
  expect(error).toMatchObject({ code: 'disposed' });
});

test('GridCache can be used again', () => {
  const cache = new GridCache(context);
  cache.dispose();
  cache.get('x', [1, 1], () => context.tensor(new Float32Array(1), [1]));
  expect(cache.values).toBe(1);
  cache.dispose();
  cache[Symbol.dispose]();
  expect(cache.values).toBe(0);
});
