// dpt export-onnx: its arguments, what it says, and that a failure leaves no file; the sums that open sides are written as.
// Not covered here: the graph itself, which `npm run test:onnx` gives to onnxruntime.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OnnxGraph } from '../../packages/cli/src/onnx/graph.ts';
import { openSizes } from '../../packages/cli/src/onnx/model_graph.ts';
import { varint } from '../../packages/cli/src/onnx/protobuf.ts';
import { Sizes, type TracedSize } from '../../packages/cli/src/onnx/sizes.ts';
import { dpt } from '../support/cli.ts';
import { fixtures, tinyModel } from '../support/models.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dpt-export-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('says what it wrote', async () => {
  const out = join(folder, 'tiny.onnx');
  const { code, out: said } = await dpt(['export-onnx', tinyModel, out, '--json']);
  expect(code).toBe(0);
  const about = JSON.parse(said);
  expect(about).toMatchObject({ out, weights: null, size: null, patch: 14 });
  const file = readFileSync(out);
  expect(about.bytes).toBe(file.length);
  // Every weight stands in the file under its own name.
  for (const name of ['pixel_values', 'depth', 'encoder.blocks.0.attention.qkv.weight', 'mean']) {
    expect(file.includes(name)).toBe(true);
  }
});

test('SwinV2 without a size takes the one it was made for', async () => {
  const model = join(fixtures, 'midas_swinv2', 'model.safetensors');
  const { out } = await dpt(['export-onnx', model, join(folder, 'swin.onnx'), '--json']);
  expect(JSON.parse(out)).toMatchObject({ size: [64, 64] });
});

test.each([
  [[], /which model, and to which file/],
  [[tinyModel, 'out.txt'], /must end in \.onnx/],
  [[tinyModel, 'nowhere/out.onnx'], /there is no folder nowhere/],
  [[tinyModel, 'out.onnx', 'more'], /more is one argument too many/],
  [[tinyModel, 'out.onnx', '--size', 'large'], /--size takes width and height such as 518x392/],
  [[tinyModel, 'out.onnx', '--size', '0x14'], /--size takes/],
  [[tinyModel, 'out.onnx', '--size', '100x200'], /multiples of 14, such as 98x196/],
])('dpt export-onnx %j is wrong', async (argv, message) => {
  const before = readdirSync('.');
  const outcome = await dpt(['export-onnx', ...argv]);
  expect(outcome).toMatchObject({ code: 2, out: '' });
  expect(outcome.err).toMatch(message);
  expect(readdirSync('.')).toEqual(before);
});

test('an abort while weights are written leaves no file', async () => {
  const controller = new AbortController();
  const progress = {
    report: (what: string) => void (what === 'Writing' && controller.abort()),
    clear() {},
    show() {},
  };
  const out = join(folder, 'stopped.onnx');
  const { code } = await dpt(['export-onnx', tinyModel, out], {
    progress,
    signal: controller.signal,
  });
  expect(code).toBe(130);
  expect(readdirSync(folder).filter((name) => name.includes('stopped'))).toEqual([]);
});

test('varints are those of the documentation', () => {
  expect([...varint(150)]).toEqual([0x96, 0x01]);
  expect([...varint(0)]).toEqual([0]);
  expect(varint(-2)).toHaveLength(10);
});

const traced = openSizes;

test.each<[string, (size: TracedSize) => number]>([
  ['tokens and a readout token', ({ grid: [h, w] }) => h * w + 1],
  ['twice the rows', ({ grid: [h] }) => 2 * h],
  ['half the columns, rounded up', ({ grid: [, w] }) => Math.ceil(w / 2)],
  ['offsets of two patches', ({ grid: [h, w] }) => (2 * h - 1) * (2 * w - 1) + 3],
  ['pictures', ({ batch }) => batch],
])('a side is found: %s', (_, side) => {
  const graph = new OnnxGraph();
  const sizes = new Sizes(graph, traced, 'x', 14);
  expect(sizes.known(traced.map(side))).toBeUndefined();
  expect(typeof sizes.length(traced.map(side))).toBe('string');
  expect(graph.nodeCount).toBeGreaterThan(0);
});

test('a side that follows from nothing is refused', () => {
  const sizes = new Sizes(new OnnxGraph(), traced, 'x', 14);
  expect(() => sizes.length(traced.map(({ grid: [h] }) => h * h))).toThrow(
    /does not follow from the size of the picture/,
  );
  expect(() => sizes.length(traced.map(({ grid: [h] }) => h / 2))).toThrow(/does not follow/);
});
