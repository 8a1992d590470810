// dpt export-onnx against onnxruntime's CPU provider: every family against PyTorch's depth, at sizes that the graph was not traced
// at, in batches, with both presets; and weights in a file of their own.
// Not covered: files above 2 GB, other execution providers.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OnnxGraph } from '../../packages/cli/src/onnx/graph.ts';
import { modelGraph, openSizes } from '../../packages/cli/src/onnx/model_graph.ts';
import { loadDpt } from '../../packages/dpt/src/index.ts';
import { writeChunksAtomic } from '../../packages/loaders/src/atomic_file.ts';
import { openCheckpointFile, writeSafetensorsFile } from '../../packages/loaders/src/node.ts';
import { Context } from '../../packages/tensor/src/index.ts';
import { dpt } from '../support/cli.ts';
import { testDevice } from '../support/device.ts';
import { fixtures, ioFiles, type Nd32, readTensors, tinyModel } from '../support/models.ts';

/** As much of its interface as is used; the package is not installed where types are checked. */
interface OnnxTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}
interface Session {
  run(feeds: Readonly<Record<string, OnnxTensor>>): Promise<Readonly<Record<string, OnnxTensor>>>;
}
const { InferenceSession, Tensor } = createRequire(import.meta.url)('onnxruntime-node') as {
  readonly InferenceSession: { create(path: string): Promise<Session> };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => OnnxTensor;
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dpt-onnx-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const families: readonly [family: string, flags: readonly string[]][] = [
  ['depth_anything_v1', ['--family', 'depth_anything_v1']],
  ['depth_anything_v2', ['--family', 'depth_anything_v2']],
  ['depth_anything_v2_giant', ['--family', 'depth_anything_v2']],
  ['midas_beit', []],
  ['midas_vit', []],
];

async function exported(model: string, flags: readonly string[] = []): Promise<Session> {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.onnx`);
  const outcome = await dpt(['export-onnx', model, path, '--quiet', ...flags]);
  expect(outcome).toMatchObject({ code: 0 });
  return InferenceSession.create(path);
}

async function depthOf(session: Session, { shape, data }: Nd32): Promise<Nd32> {
  const { depth } = await session.run({ pixel_values: new Tensor('float32', data, shape) });
  return { shape: depth!.dims, data: depth!.data };
}

/** What `dpt forward` makes of the same tensor. */
async function ours(model: string, pixels: Nd32, flags: readonly string[] = []): Promise<Nd32> {
  const [from, to] = [join(folder, 'pixels.safetensors'), join(folder, 'depth.safetensors')];
  const bytes = new Uint8Array(pixels.data.buffer, pixels.data.byteOffset, pixels.data.byteLength);
  await writeSafetensorsFile(
    from,
    new Map([['pixel_values', { dtype: 'f32', shape: pixels.shape, read: async () => bytes }]]),
  );
  const argv = ['forward', '--model', model, '--pixels', from, '--out', to, '--quiet', ...flags];
  expect(await dpt(argv)).toMatchObject({ code: 0 });
  return (await readTensors(to)).get('depth')!;
}

function errorOf(actual: Nd32, expected: Nd32): number {
  expect(actual.shape).toEqual(expected.shape);
  const { data } = expected;
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  const variance = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
  const largest = data.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - actual.data[i]!)),
    0,
  );
  expect(actual.data.every(Number.isFinite)).toBe(true);
  return largest / Math.sqrt(variance);
}

/** Values that look like a normalised picture. */
function pixelsOf(shape: readonly [number, number, number, number]): Nd32 {
  const [, , , width] = shape;
  const data = Float32Array.from(
    { length: shape.reduce((a, b) => a * b, 1) },
    (_, i) => Math.sin(i / 37) + 0.5 * Math.cos(Math.floor(i / width) / 5),
  );
  return { shape, data };
}

describe.each(families)('%s, of any size', (family, flags) => {
  const model = join(fixtures, family, 'model.safetensors');
  let session: Session;
  beforeAll(async () => {
    session = await exported(model, flags);
  });

  test.each(ioFiles(join(fixtures, family)))('%s', async (file) => {
    const tensors = await readTensors(join(fixtures, family, file));
    const depth = await depthOf(session, tensors.get('pixel_values')!);
    expect(errorOf(depth, tensors.get('depth')!)).toBeLessThan(5e-5);
  });
});

test('SwinV2 has one size; the windows of another preset follow it', async () => {
  const model = join(fixtures, 'midas_swinv2', 'model.safetensors');
  const [wide, square] = await Promise.all(
    ['io_160x96.safetensors', 'io_64x64.safetensors'].map((file) =>
      readTensors(join(fixtures, 'midas_swinv2', file)),
    ),
  );
  const official = await exported(model);
  expect(
    errorOf(await depthOf(official, square!.get('pixel_values')!), square!.get('depth')!),
  ).toBeLessThan(5e-5);
  const muggled = await exported(model, ['--preset', 'muggled', '--size', '96x160']);
  expect(
    errorOf(await depthOf(muggled, wide!.get('pixel_values')!), wide!.get('depth')!),
  ).toBeLessThan(5e-5);
  await expect(depthOf(official, wide!.get('pixel_values')!)).rejects.toThrow(/dimension/);
});

test.each(['official', 'muggled'])('two pictures at once, preset %s', async (preset) => {
  const flags = ['--preset', preset];
  const pixels = pixelsOf([2, 3, 98, 154]);
  const session = await exported(tinyModel, flags);
  expect(
    errorOf(await depthOf(session, pixels), await ours(tinyModel, pixels, flags)),
  ).toBeLessThan(5e-5);
});

test('metres', async () => {
  const model = join(fixtures, 'depth_anything_v2', 'model.safetensors');
  const flags = ['--family', 'depth_anything_v2_metric', '--max-depth', '20'];
  const pixels = pixelsOf([1, 3, 56, 70]);
  const depth = await depthOf(await exported(model, flags), pixels);
  expect(errorOf(depth, await ours(model, pixels, flags))).toBeLessThan(5e-5);
  expect(Math.max(...depth.data)).toBeLessThanOrEqual(20);
});

test('kernels of a GPU, which read through a resize', async () => {
  const context = new Context(await testDevice(), {
    variants: {
      conv2d_resized: 'conv2d_resized_tiled_32',
      linear: 'linear_tiled',
      conv2d: 'conv2d_tiled',
    },
  });
  const stateDict = await openCheckpointFile(tinyModel);
  const { model } = await loadDpt(stateDict, { context, gridCache: { enabled: false } });
  const graph = modelGraph(model, openSizes);
  const path = join(folder, 'gpu.onnx');
  const { model: file } = graph.files({ name: 'gpu', external: '', metadata: new Map() });
  await writeChunksAtomic(path, file.chunks);
  const pixels = pixelsOf([1, 3, 70, 112]);
  const depth = await depthOf(await InferenceSession.create(path), pixels);
  expect(errorOf(depth, await ours(tinyModel, pixels))).toBeLessThan(5e-5);
  model.dispose();
  await stateDict.close();
});

test('one size, where position encodings are constants', async () => {
  const pixels = pixelsOf([1, 3, 70, 98]);
  const session = await exported(tinyModel, ['--size', '98x70']);
  expect(errorOf(await depthOf(session, pixels), await ours(tinyModel, pixels))).toBeLessThan(5e-5);
});

test('weights that are too large for one file', async () => {
  const graph = new OnnxGraph();
  const x = graph.input('x', ['n', 2]);
  const weight = graph.weight('weight', [2, 3], async () => Float32Array.of(1, 2, 3, 4, 5, 6));
  const bias = graph.weight('bias', [3], async () => Float32Array.of(10, 20, 30));
  graph.output(graph.node('Add', [graph.node('MatMul', [x, weight]), bias]), 'y', ['n', 3]);
  const path = join(folder, 'split.onnx');
  const files = graph.files({
    name: 'split',
    external: 'split.onnx.data',
    metadata: new Map(),
    largest: 8,
  });
  await writeChunksAtomic(join(folder, 'split.onnx.data'), files.weights!.chunks);
  await writeChunksAtomic(path, files.model.chunks);
  expect(readFileSync(join(folder, 'split.onnx.data'))).toHaveLength(36);
  expect(readFileSync(path)).toHaveLength(files.model.bytes);
  const session = await InferenceSession.create(path);
  const { y } = await session.run({
    x: new Tensor('float32', Float32Array.of(1, 0, 0, 1), [2, 2]),
  });
  expect([...y!.data]).toEqual([11, 22, 33, 14, 25, 36]);
});
