// What stays on the GPU after long use, counted by context.memory() and, independently of it, by the package webgpu-memory,
// which watches the device: 100 models made, used and disposed of; 100 photos of other sizes on one model, as arrays, from
// textures and into textures; one context with 20 recordings, whose predictor keeps what it was allowed. Not here: memory
// of the process, which Dawn's caches of pipelines move.

import { openAsBlob } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DepthPredictor, loadDpt, type Photo } from '../../packages/dpt/src/index.ts';
import { blobSource, openCheckpoint } from '../../packages/loaders/src/index.ts';
import { Context, type StateDict } from '../../packages/tensor/src/index.ts';
import { type NodeGpu, requestAdapter, requestDevice } from '../../packages/tensor/src/node.ts';
import { fixtures } from '../support/models.ts';

let gpu: NodeGpu;
let stateDict: StateDict;
let usage: () => { readonly memory: Readonly<Record<string, number>>; readonly resources: object };

beforeAll(async () => {
  // The package looks for WebGPU's classes when it is loaded; asking for an adapter makes them global.
  await requestAdapter();
  const { getWebGPUMemoryUsage } = await import('webgpu-memory');
  gpu = await requestDevice();
  const { device } = gpu;
  usage = () => getWebGPUMemoryUsage(device);
  const file = join(fixtures, 'depth_anything_v2', 'model.safetensors');
  stateDict = await openCheckpoint(blobSource(await openAsBlob(file), 'model.safetensors'));
});
afterAll(() => gpu.close());

const size = 28;
const photoOf = (width: number, height: number): Photo => ({
  ...{ width, height },
  data: Uint8Array.from({ length: width * height * 4 }, (_, i) => (i * 31) % 251),
});

/** Bytes of buffers and textures on the device, and how many there are. */
function live() {
  const { memory, resources } = usage();
  const { buffer = 0, texture = 0 } = resources as { buffer?: number; texture?: number };
  return { bytes: (memory.buffer ?? 0) + (memory.texture ?? 0), buffer, texture };
}

test('the counter counts', async () => {
  const before = live();
  const buffer = gpu.device.createBuffer({ size: 1024, usage: GPUBufferUsage.STORAGE });
  expect(live()).toEqual({ ...before, bytes: before.bytes + 1024, buffer: before.buffer + 1 });
  buffer.destroy();
  expect(live()).toEqual(before);
});

test('100 models made, used and disposed of', async () => {
  const context = new Context(gpu.device);
  const photo = photoOf(30, 20);
  const cycle = async (): Promise<Float32Array> => {
    const { model } = await loadDpt(stateDict, { context });
    const predictor = new DepthPredictor(model);
    const { data } = await predictor.predict(photo, { size });
    predictor.dispose();
    model.dispose();
    return data;
  };
  const first = await cycle();
  const after = { memory: context.memory(), live: live() };
  expect(after.memory.weights + after.memory.slots + after.memory.caches).toBe(0);
  expect(after.live.bytes).toBe(after.memory.total);
  for (let n = 1; n < 100; n++) {
    const data = await cycle();
    if (n % 20 === 0)
      expect({ n, memory: context.memory(), live: live() }).toEqual({ n, ...after });
    if (n === 99) expect(data).toEqual(first);
  }
  expect({ memory: context.memory(), live: live() }).toEqual(after);
  context.dispose();
  expect(live()).toEqual({ bytes: 0, buffer: 0, texture: 0 });
});

test('100 photos of other sizes, in and out in every way', async () => {
  const context = new Context(gpu.device);
  const { model } = await loadDpt(stateDict, { context });
  const predictor = new DepthPredictor(model);
  const texture = (width: number, height: number): GPUTexture =>
    gpu.device.createTexture({
      size: [width, height],
      format: 'rgba8unorm',
      usage: GPUTextureUsage.TEXTURE_BINDING,
    });
  // Ten sizes, ten times: more than are kept, so every one is recorded anew.
  const round = async (): Promise<void> => {
    for (let n = 0; n < 10; n++) {
      const [width, height] = [20 + n, 30];
      const picture = texture(width, height);
      if (n % 3 === 0) await predictor.predict(photoOf(width, height), { size });
      else if (n % 3 === 1) (await predictor.predictTensor(picture, { size })).dispose();
      else {
        const map = await predictor.predictTexture(picture, { size, format: 'rgba8unorm' });
        map.dispose();
      }
      picture.destroy();
    }
  };
  await round();
  const after = { memory: context.memory(), live: live() };
  expect(after.live.bytes).toBe(after.memory.total);
  for (let n = 1; n < 10; n++) {
    await round();
    expect({ n, memory: context.memory(), live: live() }).toEqual({ n, ...after });
  }
  predictor.dispose();
  model.dispose();
  context.dispose();
  expect(context.memory().total).toBe(0);
  expect(live()).toEqual({ bytes: 0, buffer: 0, texture: 0 });
});

test('one context with 20 recordings', { timeout: 300_000 }, async () => {
  const context = new Context(gpu.device);
  const { model } = await loadDpt(stateDict, { context });
  const predictor = new DepthPredictor(model, { recordings: 20 });
  const alone = new DepthPredictor(model, { recordings: 1 });
  const side = (n: number): number => 20 + n;
  await alone.predict(photoOf(side(19), 30), { size });
  const { slots: most } = context.memory();
  alone.dispose();
  for (let n = 0; n < 20; n++) await predictor.predict(photoOf(side(n), 30), { size });
  expect(predictor.recordings).toBe(20);
  const full = context.memory();
  // Recordings share their slots: twenty need hardly more than the largest alone.
  expect(full.slots).toBeLessThanOrEqual(1.5 * most);
  for (let n = 20; n < 40; n++) {
    await predictor.predict(photoOf(side(n % 20) + 0, 31), { size });
    expect(predictor.recordings).toBe(20);
  }
  const later = context.memory();
  expect(later.parameters).toBe(full.parameters);
  expect(later.total).toBeLessThan(1.1 * full.total);
  predictor.dispose();
  model.dispose();
  context.dispose();
  expect(live()).toEqual({ bytes: 0, buffer: 0, texture: 0 });
});
