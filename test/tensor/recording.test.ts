// recording: replay against the same ops at once, bit for bit; inputs by run() and by write; outputs, kept tensors and what they
// share; several recordings over the same slots; encode among the caller's passes; what a replay makes (nothing); describe and
// profile; aborts, limits, disposal; two hundred replays. Not here: tracing (recorder.test.ts).
import { describe, expect, onTestFinished, test } from 'vitest';
import { Context } from '../../packages/tensor/src/context.ts';
import { defineKernel, pipelineKey } from '../../packages/tensor/src/kernel.ts';
import { attention } from '../../packages/tensor/src/ops/attention.ts';
import { concat } from '../../packages/tensor/src/ops/copy.ts';
import { add, gelu, multiply } from '../../packages/tensor/src/ops/elementwise.ts';
import { layerNorm } from '../../packages/tensor/src/ops/layer_norm.ts';
import { linear } from '../../packages/tensor/src/ops/linear.ts';
import { Profile } from '../../packages/tensor/src/profile.ts';
import { compile, plan, type RecordOptions, record } from '../../packages/tensor/src/recording.ts';
import type { Tensor } from '../../packages/tensor/src/tensor.ts';
import { Weights } from '../../packages/tensor/src/weights.ts';
import { testDevice } from '../support/device.ts';
import { makeNet, tokens } from '../support/net.ts';
import { bytesIn, dtypesOf, poison, randomNd, testContext } from '../support/tensors.ts';
import { watchDevice } from '../support/watch_device.ts';

const input = (seed: number): Float32Array => Float32Array.from(randomNd(tokens, { seed }).data);
const floats = (...values: number[]): Float32Array => new Float32Array(values);

/** What the net gives when its ops run one by one. */
async function eager(context: Context, forward: (x: Tensor) => Tensor, values: Float32Array) {
  const y = context.scope(() => forward(context.tensor(values, tokens)));
  const result = await y.read();
  y.dispose();
  return result;
}

describe('a replay', () => {
  test('equals the ops at once, bit for bit, run after run', async () => {
    const context = await testContext();
    const net = makeNet(context);
    using recording = await record(context, { x: [...tokens] }, ({ x }) => ({ y: net.forward(x) }));
    for (const seed of [1, 2, 1]) {
      const values = input(seed);
      const { y } = recording.run({ x: values });
      expect(await y.read()).toEqual(await eager(context, net.forward, values));
    }
    net.dispose();
  });

  test('equals them with f16 weights as well, where the device has f16', async ({ skip }) => {
    const context = await testContext();
    if (!dtypesOf(context).includes('f16')) skip('no shader-f16');
    const net = makeNet(context, 1, 'f16');
    using recording = await record(context, { x: [...tokens] }, ({ x }) => ({ y: net.forward(x) }));
    const { y } = recording.run({ x: input(1) });
    expect(await y.read()).toEqual(await eager(context, net.forward, input(1)));
  });

  test('takes inputs from run() and from write, and keeps those not given', async () => {
    const context = await testContext();
    using recording = await record(context, { a: [2], b: [2] }, ({ a, b }) => ({ y: add(a, b) }));
    expect(await recording.run({ a: floats(1, 2), b: floats(10, 20) }).y.read()).toEqual(
      floats(11, 22),
    );
    recording.inputs.a.write(floats(3, 4));
    expect(await recording.run().y.read()).toEqual(floats(13, 24));
    expect(await recording.run({ a: undefined, b: floats(0, 0) }).y.read()).toEqual(floats(3, 4));
    expect(() => recording.run({ c: floats(1, 2) } as object)).toThrowErrorMatchingInlineSnapshot(
      `[DptError: run: this recording has no input named c.]`,
    );
    expect(() => recording.run({ a: floats(1) })).toThrowErrorMatchingInlineSnapshot(
      `[DptError: write: a [2] f32 takes 8 bytes, got 4.]`,
    );
  });

  test('returns the same tensors every time', async () => {
    const context = await testContext();
    using recording = await record(context, { x: [2] }, ({ x }) => ({ y: add(x, x) }));
    const first = recording.run({ x: floats(1, 2) });
    const reading = first.y.read();
    const second = recording.run({ x: floats(3, 4) });
    expect(second).toBe(first);
    expect(second).toBe(recording.outputs);
    // Queued before the second run, so it sees the first.
    expect(await reading).toEqual(floats(2, 4));
    expect(await first.y.read()).toEqual(floats(6, 8));
  });

  test('makes no object on the GPU', async () => {
    const context = await testContext();
    const net = makeNet(context);
    using recording = await record(context, { x: [...tokens] }, ({ x }) => ({ y: net.forward(x) }));
    const watch = watchDevice(await testDevice());
    recording.run({ x: input(1) });
    recording.run({ x: input(2) });
    expect(watch.total()).toBe(0);
    // The control: reading makes a buffer.
    await recording.outputs.y.read();
    expect(watch.calls).toEqual(new Map([['createBuffer', 1]]));
    net.dispose();
  });

  test('of nothing: no steps, and steps without workgroups', async () => {
    const context = await testContext();
    using none = await record(context, { x: [2] }, ({ x }) => ({ y: x }));
    expect(none.trace.steps).toEqual([]);
    expect(await none.run({ x: floats(1, 2) }).y.read()).toEqual(floats(1, 2));
    using empty = await record(context, { x: [0, 2] }, ({ x }) => ({ y: gelu(add(x, x)) }));
    expect(await empty.run().y.read()).toEqual(floats());
    expect((await empty.profile()).rows).toHaveLength(2);
  });

  test('with parts that run on the same intermediate many times', async () => {
    const context = await testContext();
    using recording = await record(context, { x: [1, 2] }, ({ x }) => ({
      y: concat([x, gelu(x), add(x, x), x], 0),
    }));
    const y = await recording.run({ x: floats(1, 0) }).y.read();
    expect([...y.slice(0, 2), ...y.slice(4)]).toEqual([1, 0, 2, 0, 1, 0]);
  });
});

describe('outputs', () => {
  test('may be an input, a view of one, a view of a result, or one result twice', async () => {
    const context = await testContext();
    const before = context.memory().tensors;
    using recording = await record(context, { x: [2, 2] }, ({ x }) => {
      const sum = add(x, x);
      return { same: x, flat: x.reshape([4]), sum, row: sum.reshape([1, 4]) };
    });
    const { same, flat, sum, row } = recording.run({ x: floats(1, 2, 3, 4) });
    expect([same.shape, flat.shape, sum.shape, row.shape]).toEqual([[2, 2], [4], [2, 2], [1, 4]]);
    expect(flat.buffer).toBe(recording.inputs.x.buffer);
    expect(row.buffer).toBe(sum.buffer);
    expect(context.memory().tensors).toBe(before + 32);
    expect(await flat.read()).toEqual(floats(1, 2, 3, 4));
    expect(await row.read()).toEqual(floats(2, 4, 6, 8));
  });

  test('may be a weight', async () => {
    const context = await testContext();
    const weight = context.tensor(floats(7), [1], 'f32', 'weight');
    const recording = await record(context, { x: [1] }, ({ x }) => ({ y: add(x, weight), weight }));
    weight.dispose();
    const { y } = recording.run({ x: floats(1) });
    expect(await y.read()).toEqual(floats(8));
    recording.dispose();
    expect(context.memory().tensors).toBe(0);
  });

  test('that their user disposes of stay the recording’s', async () => {
    const context = await testContext();
    const recording = await record(context, { x: [2] }, ({ x }) => ({ y: add(x, x) }));
    const { y } = recording.run({ x: floats(1, 2) });
    y.dispose();
    expect(await recording.run({ x: floats(3, 4) }).y.read()).toEqual(floats(6, 8));
    recording.dispose();
    await expect(y.read()).rejects.toThrow('y was disposed.');
    expect(context.memory().tensors).toBe(0);
  });
});

describe('keep', () => {
  test('what later steps would write over stays readable', async () => {
    const context = await testContext();
    const net = makeNet(context);
    const forward = ({ x }: { x: Tensor }) => ({ y: net.forward(x) });
    const keep = ['stage_1', 'blocks.*.mlp', 'blocks.0.norm', 'head'];
    using plain = await record(context, { x: [...tokens] }, forward);
    using recording = await record(context, { x: [...tokens] }, forward, { keep });
    expect(Object.keys(recording.kept)).toEqual([
      'stage_1',
      'blocks.0.mlp',
      'blocks.1.mlp',
      'blocks.0.norm',
      'head',
    ]);
    const x = context.tensor(input(5), tokens);
    const { y } = recording.run({ x: input(5) });
    expect(await y.read()).toEqual(await plain.run({ x: input(5) }).y.read());
    const [gamma, beta] = net.weights;
    const norm = layerNorm(x, gamma!, beta!);
    expect(await recording.kept['blocks.0.norm']!.read()).toEqual(await norm.read());
    // One tensor under three names: of the module, of the stage, and the result.
    expect(recording.kept.stage_1!.buffer).toBe(recording.kept['blocks.1.mlp']!.buffer);
    expect(recording.kept.head!.buffer).toBe(y.buffer);
  });

  test('attention’s weights sum to one', async () => {
    const context = await testContext();
    using recording = await record(
      context,
      { qkv: [1, 4, 24] },
      ({ qkv }) => ({ y: attention(qkv.named('block.attention.qkv'), { heads: 2 }) }),
      { attentionWeights: true, keep: ['block.attention.weights'] },
    );
    const qkv = Float32Array.from(randomNd([4 * 24], { seed: 1 }).data);
    const { y } = recording.run({ qkv });
    const weights = await recording.kept['block.attention.weights']!.read();
    for (let row = 0; row < 8; row++) {
      const sum = weights.slice(row * 4, row * 4 + 4).reduce((a, b) => a + b, 0);
      expect(sum).toBeCloseTo(1, 6);
    }
    const fused = attention(context.tensor(qkv, [1, 4, 24]), { heads: 2 });
    const [a, b] = [await y.read(), await fused.read()];
    for (const [i, value] of a.entries()) expect(value).toBeCloseTo(b[i]!, 5);
  });
});

describe('several recordings', () => {
  test('over the same slots, in turns', async () => {
    const context = await testContext();
    const [netA, netB] = [makeNet(context, 1), makeNet(context, 2)];
    const recordingA = await record(context, { x: [...tokens] }, ({ x }) => ({
      y: netA.forward(x),
    }));
    const { slots } = bytesIn(context);
    const recordingB = await record(context, { x: [...tokens] }, ({ x }) => ({
      y: netB.forward(x),
    }));
    expect(context.memory().slots).toBe(slots);
    const expectedA = await eager(context, netA.forward, input(1));
    const expectedB = await eager(context, netB.forward, input(2));
    const results = [];
    for (let i = 0; i < 3; i++) {
      results.push(
        recordingA.run({ x: input(1) }).y.read(),
        recordingB.run({ x: input(2) }).y.read(),
      );
    }
    for (const [i, result] of (await Promise.all(results)).entries()) {
      expect(result).toEqual(i % 2 === 0 ? expectedA : expectedB);
    }
    // One goes, the other keeps the slots.
    recordingA.dispose();
    expect(context.memory().slots).toBe(slots);
    expect(await recordingB.run({ x: input(2) }).y.read()).toEqual(expectedB);
    recordingB.dispose();
    expect(context.memory().slots).toBe(0);
  });

  test('the output of one is the input of another, without a copy', async () => {
    const context = await testContext();
    using first = await record(context, { x: [2] }, ({ x }) => ({ y: add(x, x) }));
    using second = await record(context, { y: first.outputs.y }, ({ y }) => ({
      z: multiply(y, y),
    }));
    first.run({ x: floats(1, 2) });
    expect(await second.run().z.read()).toEqual(floats(4, 16));
    expect(second.trace.steps).toHaveLength(1);
  });
});

describe('encode', () => {
  test('between passes of the caller, in the caller’s encoder', async () => {
    const device = await testDevice();
    const context = await testContext();
    const recording = await record(context, { x: [64] }, ({ x }) => ({ y: add(gelu(x), x) }));
    const module = device.createShaderModule({
      code: `
        @group(0) @binding(0) var<storage, read_write> data: array<f32>;
        @compute @workgroup_size(64) fn fill(@builtin(local_invocation_index) i: u32) { data[i] = 1000.0 + f32(i); }
        @compute @workgroup_size(64) fn halve(@builtin(local_invocation_index) i: u32) { data[i] = data[i] / 2.0; }`,
    });
    const encoder = device.createCommandEncoder();
    const own = (entryPoint: string, tensor: Tensor): void => {
      const pipeline = device.createComputePipeline({
        layout: 'auto',
        compute: { module, entryPoint },
      });
      const entries = [{ binding: 0, resource: { buffer: tensor.buffer } }];
      const layout = pipeline.getBindGroupLayout(0);
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
      pass.dispatchWorkgroups(1);
      pass.end();
    };
    poison(recording.outputs.y);
    own('fill', recording.inputs.x);
    recording.encode(encoder);
    own('halve', recording.outputs.y);
    device.queue.submit([encoder.finish()]);
    // GELU leaves large values as they are: (x + x) / 2.
    const expected = Float32Array.from({ length: 64 }, (_, i) => 1000 + i);
    expect(await recording.outputs.y.read()).toEqual(expected);
    recording.dispose();
  });
});

describe('constants', () => {
  test('made while tracing go with the recording', async () => {
    const context = await testContext();
    const before = bytesIn(context);
    const recording = await record(context, { x: [2] }, ({ x }) => {
      // Disposing of it inside is as good as not: the recording needs it.
      using table = context.tensor(floats(5, 6), [2]);
      return { y: add(x, table) };
    });
    expect(await recording.run({ x: floats(1, 1) }).y.read()).toEqual(floats(6, 7));
    recording.dispose();
    context.dispose();
    expect({ ...bytesIn(context), total: 0, parameters: 0 }).toEqual({
      ...before,
      total: 0,
      parameters: 0,
    });
  });

  test('that their owner drops while pipelines compile stay until the end', async () => {
    const context = await testContext();
    const table = context.tensor(floats(5, 6), [2]);
    const making = record(context, { x: [2] }, ({ x }) => ({ y: add(x, table) }));
    table.dispose();
    const recording = await making;
    expect(await recording.run({ x: floats(1, 1) }).y.read()).toEqual(floats(6, 7));
    recording.dispose();
    expect(context.memory().tensors).toBe(0);
  });

  test('weights outlive their owner the same way', async () => {
    const context = await testContext();
    const net = makeNet(context);
    const expected = await eager(context, net.forward, input(3));
    const recording = await record(context, { x: [...tokens] }, ({ x }) => ({ y: net.forward(x) }));
    net.dispose();
    expect(await recording.run({ x: input(3) }).y.read()).toEqual(expected);
    recording.dispose();
    expect(context.memory().tensors).toBe(0);
  });
});

describe('describe', () => {
  test('steps, shapes and places', async () => {
    const context = await testContext();
    const net = makeNet(context);
    using recording = await record(
      context,
      { x: [...tokens] },
      ({ x }) => ({ y: net.forward(x) }),
      { keep: ['blocks.0.mlp'] },
    );
    expect(recording.describe()).toMatchInlineSnapshot(`
      "   0  layer_norm blocks.0.norm  [1, 6, 8] f32 slot 1
         1  linear blocks.0.mlp.fc1   [1, 6, 16] f32 slot 0
         2  gelu blocks.0.mlp.fc1     [1, 6, 16] f32 slot 1
         3  linear blocks.0.mlp.fc2   [1, 6, 8] f32 own
         4  layer_norm blocks.1.norm  [1, 6, 8] f32 slot 1
         5  linear blocks.1.mlp.fc1   [1, 6, 16] f32 slot 0
         6  gelu blocks.1.mlp.fc1     [1, 6, 16] f32 slot 1
         7  linear blocks.1.mlp.fc2   [1, 6, 8] f32 slot 0
         8  slice stage_1             [1, 1, 8] f32 slot 2
         9  slice stage_1             [1, 5, 8] f32 slot 1
        10  concat stage_1            [1, 6, 8] f32 slot 0
        11  concat stage_1            [1, 6, 8] f32 slot 0
        12  add stage_1               [1, 6, 8] f32 slot 1
        13  softmax stage_1           [1, 6, 8] f32 own
      14 dispatches; 3 slots of 0.0 MiB (no plan can do with less than 0.0 MiB); 0.0 MiB with inputs and outputs; largest binding 0.0 MiB"
    `);
  });
});

describe('profile', () => {
  test('rows in the order of the steps, and their sums', async () => {
    for (const timestamps of new Set([false, (await testContext()).capabilities.timestamps])) {
      const context = await testContext({ capabilities: { timestamps } });
      const net = makeNet(context);
      using recording = await record(context, { x: [...tokens] }, ({ x }) => ({
        y: net.forward(x),
      }));
      recording.inputs.x.write(input(4));
      const profile = await recording.profile();
      expect(profile.clock).toBe(timestamps ? 'gpu' : 'wall');
      expect(profile.rows.map(({ label }) => label)).toEqual(
        recording.trace.steps.map(({ label }) => label),
      );
      for (const { milliseconds } of profile.rows) expect(milliseconds).toBeGreaterThanOrEqual(0);
      // It computes what a run computes.
      expect(await recording.outputs.y.read()).toEqual(await eager(context, net.forward, input(4)));
      expect(context.memory().staging).toBeLessThan(2000);
      context.dispose();
      expect(context.memory().staging).toBe(0);
    }
  });

  test('sums by op and by module, largest first', () => {
    const profile = new Profile(
      [
        { label: 'linear encoder.blocks.0.qkv', milliseconds: 2 },
        { label: 'attention encoder.blocks.0', milliseconds: 4 },
        { label: 'linear head.conv', milliseconds: 3 },
        { label: 'softmax', milliseconds: 0.5 },
      ],
      'gpu',
    );
    expect(profile.total).toBe(9.5);
    expect([...profile.byOp()]).toEqual([
      ['linear', 5],
      ['attention', 4],
      ['softmax', 0.5],
    ]);
    expect([...profile.byModule()]).toEqual([
      ['encoder', 6],
      ['head', 3],
      ['', 0.5],
    ]);
    expect([...profile.byModule(3)]).toEqual([
      ['encoder.blocks.0', 6],
      ['head.conv', 3],
      ['', 0.5],
    ]);
  });
});

describe('progress and aborts', () => {
  const forward = ({ x }: { x: Tensor }) => ({ y: gelu(linear(add(x, x), x)) });

  test('progress counts pipelines, each kind once', async () => {
    const context = await testContext();
    const seen: number[][] = [];
    const recording = await record(
      context,
      { x: [4, 4] },
      ({ x }) => ({ y: gelu(gelu(linear(add(x, x), x))) }),
      { onProgress: (done, total) => seen.push([done, total]) },
    );
    expect(seen).toEqual([
      [0, 3],
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    recording.dispose();
  });

  test('what is compiled from a plan, a recording compiles no more', async () => {
    const context = await testContext();
    const net = makeNet(context);
    const planning = Context.planning(context.capabilities);
    const planned = makeNet(planning);
    const before = bytesIn(context);
    const seen: number[][] = [];
    const trace = plan(planning, { x: [...tokens] }, ({ x }) => ({ y: planned.forward(x!) }));
    await compile(context, trace, { onProgress: (done, total) => seen.push([done, total]) });
    const { pipelines } = context.memory();
    // How many that are depends on the kernels of this device.
    const distinct = new Set(trace.steps.map(pipelineKey)).size;
    expect(distinct).toBeGreaterThan(3);
    expect(seen.at(0)).toEqual([0, distinct]);
    expect(seen.at(-1)).toEqual([distinct, distinct]);
    expect(bytesIn(context)).toEqual(before);
    using recording = await record(context, { x: [...tokens] }, ({ x }) => ({ y: net.forward(x) }));
    expect(context.memory().pipelines).toBe(pipelines);
    const { y } = recording.run({ x: input(1) });
    expect(await y.read()).toEqual(await eager(context, net.forward, input(1)));
  });

  test('an abort before and during leaves nothing behind', async () => {
    const context = await testContext();
    const before = bytesIn(context);
    await expect(
      record(context, { x: [4, 4] }, forward, { signal: AbortSignal.abort() }),
    ).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    const controller = new AbortController();
    const reason = new Error('another picture was chosen');
    const aborted = record(context, { x: [4, 4] }, forward, {
      signal: controller.signal,
      onProgress: (done) => {
        if (done === 1) controller.abort(reason);
      },
    });
    await expect(aborted).rejects.toBe(reason);
    expect(bytesIn(context)).toEqual(before);
    (
      await record(context, { x: [4, 4] }, forward, { signal: new AbortController().signal })
    ).dispose();
  });

  test('an abort does not wait for the compiler, and nobody is told of it afterwards', async () => {
    const context = await testContext();
    const { device } = context;
    let compiled: () => void = () => {};
    device.createComputePipelineAsync = async (descriptor) => {
      await new Promise<void>((resolve) => {
        compiled = resolve;
      });
      return GPUDevice.prototype.createComputePipelineAsync.call(device, descriptor);
    };
    const source =
      '@group(0) @binding(0) var<storage, read_write> y: array<f32>; @compute @workgroup_size(1) fn main() { y[0] = 7.0; }';
    const slow = defineKernel('slow', { reads: [], writes: ['y'], params: {}, source });
    const sevenIn = (options: RecordOptions) =>
      record(
        context,
        {},
        () => {
          const y = context.empty([1]);
          slow.dispatch({ y }, { params: {}, workgroups: 1, label: 'slow' });
          return { y };
        },
        options,
      );
    const seen: number[] = [];
    const controller = new AbortController();
    const reason = new Error('another picture was chosen');
    const aborted = sevenIn({ signal: controller.signal, onProgress: (done) => seen.push(done) });
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    Reflect.deleteProperty(device, 'createComputePipelineAsync');
    compiled();
    // What was begun serves the next.
    using recording = await sevenIn({});
    expect([...(await recording.run().y.read())]).toEqual([7]);
    expect(seen).toEqual([0]);
  });
});

describe('limits', () => {
  test('a binding above the limit of the device', async () => {
    const capabilities = { maxStorageBinding: 1000, maxBufferSize: 2 ** 30 };
    const context = await testContext({ capabilities });
    const forward = ({ x }: { x: Tensor }) => ({ y: add(x, x.named('fusion.map')) });
    await expect(record(context, { x: [251] }, forward)).rejects.toThrowErrorMatchingInlineSnapshot(
      `[DptError: recording: add x needs a 0.0 MiB storage binding; this device allows 0.0 MiB. Request maxStorageBufferBindingSize and maxBufferSize (see deviceRequest()), or use a smaller size.]`,
    );
    (await record(context, { x: [250] }, forward)).dispose();
  });

  test('more workgroups than one dimension takes are folded', async () => {
    const context = await testContext({ capabilities: { maxWorkgroupsPerDimension: 100 } });
    const n = 64 * 4 * 150;
    using recording = await record(context, { x: [n] }, ({ x }) => ({ y: add(x, x) }));
    expect(recording.trace.steps[0]!.workgroups).toEqual([32_768, 1]);
    const values = Float32Array.from({ length: n }, (_, i) => i);
    expect(await recording.run({ x: values }).y.read()).toEqual(values.map((x) => 2 * x));
  });

  test('weights without data are named before anything is compiled', async () => {
    const context = await testContext();
    const weights = new Weights(context, {
      name: 'w.pth',
      metadata: new Map(),
      tensors: new Map(),
      close: async () => {},
    });
    const bias = weights.tensor('head.bias', [4]);
    const progress: number[] = [];
    const attempt = record(context, { x: [4] }, ({ x }) => ({ y: add(x, bias) }), {
      onProgress: (done) => progress.push(done),
    });
    await expect(attempt).rejects.toThrowErrorMatchingInlineSnapshot(
      `[DptError: head.bias has no data yet: await weights.load() first.]`,
    );
    expect(progress).toEqual([]);
    expect(context.memory().total).toBe(0);
  });
});

describe('dispose', () => {
  test('gives everything back, once', async () => {
    const context = await testContext();
    const net = makeNet(context);
    void context.nothing; // made once per context
    const before = bytesIn(context);
    const recording = await record(
      context,
      { x: [...tokens] },
      ({ x }) => ({ y: net.forward(x) }),
      {
        keep: ['blocks.*.mlp'],
      },
    );
    const { slots, tensors, parameters } = bytesIn(context);
    expect(slots).toBeGreaterThan(0);
    expect(tensors).toBeGreaterThan(before.tensors);
    expect(parameters).toBeGreaterThan(before.parameters);
    recording.run({ x: input(1) });
    recording.dispose();
    recording.dispose();
    expect(bytesIn(context)).toEqual(before);
  });

  test('afterwards every use is an error', async () => {
    const context = await testContext();
    const device = await testDevice();
    let recording = await record(context, { x: [2] }, ({ x }) => ({ y: add(x, x) }));
    recording[Symbol.dispose]();
    expect(() => recording.run({ x: floats(1, 2) })).toThrowErrorMatchingInlineSnapshot(
      `[DptError: This recording was disposed.]`,
    );
    expect(() => recording.run()).toThrow('This recording was disposed.');
    expect(() => recording.encode(device.createCommandEncoder())).toThrow('was disposed');
    await expect(recording.profile()).rejects.toThrow('was disposed');
    expect(() => recording.inputs.x.write(floats(1, 2))).toThrow('x was disposed.');
    await expect(recording.outputs.y.read()).rejects.toThrow('y was disposed.');
    expect(recording.describe()).toContain('add x');
    recording = await record(context, { x: [2] }, ({ x }) => ({ y: add(x, x) }));
    const { y } = recording.run({ x: floats(1, 2) });
    const reading = y.read();
    recording.dispose();
    expect(await reading).toEqual(floats(2, 4));
  });
});

test('recordings made and disposed of, over and over, leave nothing', async () => {
  const context = await testContext();
  const net = makeNet(context);
  void context.nothing; // made once per context
  const watch = watchDevice(await testDevice());
  const before = bytesIn(context);
  for (let n = 1; n <= 10; n++) {
    using recording = await record(context, { x: [n, 6, 8] }, ({ x }) => ({
      y: concat([x, context.tensor(floats(1, 2, 3, 4, 5, 6, 7, 8), [1, 1, 8])], 1),
      z: net.forward(x),
    }));
    recording.run();
  }
  expect(bytesIn(context)).toEqual(before);
  expect(watch.liveBytes).toBe(0);
  expect(watch.calls.get('createBuffer')).toBeGreaterThan(50);
});

test('two hundred replays and reads use no more memory than one', async () => {
  const context = await testContext();
  const device = await testDevice();
  const net = makeNet(context);
  const watch = watchDevice(device);
  const recording = await record(context, { x: [...tokens] }, ({ x }) => ({ y: net.forward(x) }));
  onTestFinished(() => recording.dispose());
  const first = await recording.run({ x: input(1) }).y.read();
  const [memory, live, made] = [bytesIn(context), watch.liveBytes, watch.total()];
  for (let i = 0; i < 200; i++) {
    const y = await recording.run({ x: input(1 + (i % 3)) }).y.read();
    if (i % 3 === 0) expect(y).toEqual(first);
    if (i % 50 === 49) {
      expect(bytesIn(context)).toEqual(memory);
      expect([watch.liveBytes, watch.total()]).toEqual([live, made]);
    }
  }
  recording.dispose();
  net.dispose();
  context.dispose();
  expect(context.memory().total).toBe(0);
});
