// recorder: what a trace takes down (lifetimes, sizes, what it holds), what it refuses; keep by name, module and star; plans without
// a device. Not here: replaying (recording.test.ts).
import { describe, expect, test } from 'vitest';
import { Context } from '../../packages/tensor/src/context.ts';
import { attention } from '../../packages/tensor/src/ops/attention.ts';
import { slice } from '../../packages/tensor/src/ops/copy.ts';
import { add, gelu } from '../../packages/tensor/src/ops/elementwise.ts';
import { linear } from '../../packages/tensor/src/ops/linear.ts';
import { plan, record } from '../../packages/tensor/src/recording.ts';
import type { StateDict } from '../../packages/tensor/src/state_dict.ts';
import { Tensor } from '../../packages/tensor/src/tensor.ts';
import { Weights } from '../../packages/tensor/src/weights.ts';
import { testDevice } from '../support/device.ts';
import { makeNet, tokens } from '../support/net.ts';
import { testContext } from '../support/tensors.ts';

const nothingStored: StateDict = {
  name: 'none.pth',
  metadata: new Map(),
  tensors: new Map(),
  close: async () => {},
};

describe('plan', () => {
  test('needs neither device nor weights', () => {
    const context = Context.planning();
    const weights = new Weights(context, nothingStored);
    const weight = weights.at('fc').tensor('weight', [1000, 100], { permute: [1, 0] });
    const traced = plan(context, { x: [50, 100] }, ({ x }) => ({
      y: slice(gelu(linear(x, weight)), { axis: 1, from: 0, to: 10 }),
    }));
    expect(traced.steps.map(({ label }) => label)).toEqual(['linear fc', 'gelu fc', 'slice fc']);
    // The weight is 400 kB, each of the two results 200 kB.
    expect(traced.largestBinding).toBe(400_000);
    expect(weights.bytes).toBe(400_000);
    expect(traced.slots).toEqual({
      slots: [200_000, 200_000],
      slotOf: [0, 1],
      lowerBound: 400_000,
    });
    expect(traced.bytes).toBe(400_000 + 4 * (50 * 100 + 50 * 10));
    expect(traced.held).toEqual([]);
  });

  test('constants in it hold nothing', async () => {
    const context = await testContext();
    const before = context.memory();
    plan(context, { x: [4] }, ({ x }) => ({ y: add(x, context.tensor(new Float32Array(4), [4])) }));
    expect(context.memory()).toEqual(before);
    expect(context.recorder).toBeUndefined();
  });

  test('planning goes on after ops outside of a plan, which do nothing', () => {
    const context = Context.planning();
    const y = add(context.empty([4]), context.empty([4]));
    expect(y.shape).toEqual([4]);
    expect(plan(context, { x: [4] }, ({ x }) => ({ y: add(x, x) })).steps).toHaveLength(1);
  });
});

describe('lifetimes', () => {
  test('reach from the first write to the last use; inputs and outputs have none', () => {
    const { steps, intermediates } = plan(Context.planning(), { x: [4] }, ({ x }) => {
      const a = add(x, x); // step 0
      const b = gelu(a); // 1
      const c = gelu(b); // 2
      return { y: add(a.reshape([2, 2]), c.reshape([2, 2])) }; // 3
    });
    expect(steps).toHaveLength(4);
    expect(intermediates.map(({ life }) => life)).toEqual([
      { bytes: 16, first: 0, last: 3 },
      { bytes: 16, first: 1, last: 2 },
      { bytes: 16, first: 2, last: 3 },
    ]);
  });

  test('a result that nobody uses lives for one step', () => {
    const { intermediates } = plan(Context.planning(), { x: [4] }, ({ x }) => {
      gelu(x);
      return { y: add(x, x) };
    });
    expect(intermediates.map(({ life }) => life)).toEqual([{ bytes: 16, first: 0, last: 0 }]);
  });
});

describe('keep', () => {
  const context = Context.planning();
  const weights = new Weights(context, nothingStored);
  const blocks = [0, 1].map((i) => ({
    fc1: weights.tensor(`blocks.${i}.mlp.fc1.weight`, [4, 4]),
    fc2: weights.tensor(`blocks.${i}.mlp.fc2.weight`, [4, 4]),
  }));
  const kept = (...keep: string[]) =>
    plan(
      context,
      { x: [2, 4] },
      ({ x }) => {
        let stream = x;
        for (const { fc1, fc2 } of blocks) stream = linear(linear(stream, fc1), fc2);
        return { y: add(stream.named('stage_1'), x) };
      },
      { keep },
    ).kept;

  test.each([
    { pattern: 'blocks.0.mlp.fc1', names: ['blocks.0.mlp.fc1'] },
    { pattern: 'stage_1', names: ['stage_1'] },
    { pattern: 'blocks.*.mlp', names: ['blocks.0.mlp', 'blocks.1.mlp'] },
    { pattern: 'blocks.1.*.fc2', names: ['blocks.1.mlp.fc2'] },
    { pattern: 'blocks.*', names: ['blocks.0', 'blocks.1'] },
    { pattern: 'bl*ks', names: ['blocks'] },
  ])('$pattern', ({ pattern, names }) => {
    expect(Object.keys(kept(pattern))).toEqual(names);
  });

  test('of a module it is the last result inside', () => {
    const found = kept('blocks.0.mlp', 'blocks.0.mlp.fc2', 'blocks.0.mlp.fc1');
    expect(found['blocks.0.mlp']!.storage).toBe(found['blocks.0.mlp.fc2']!.storage);
    expect(found['blocks.0.mlp']!.storage).not.toBe(found['blocks.0.mlp.fc1']!.storage);
  });

  test('a name given on purpose is not taken by the results of ops that pass it on', () => {
    let stage: Tensor | undefined;
    const traced = plan(
      context,
      { x: [2, 4] },
      ({ x }) => {
        stage = gelu(x).named('stage_1');
        return { y: gelu(add(stage, x)) };
      },
      { keep: ['stage_1'] },
    );
    expect(traced.kept.stage_1!.storage).toBe(stage!.storage);
    // The name given last counts.
    const again = plan(
      context,
      { x: [2, 4] },
      ({ x }) => ({ y: (stage = gelu(gelu(x).named('stage_1')).named('stage_1')) }),
      { keep: ['stage_1'] },
    );
    expect(again.kept.stage_1!.storage).toBe(stage!.storage);
  });

  test('a name is no pattern apart from its stars', () => {
    expect(() => kept('block..0')).toThrow('nothing is named block..0');
    expect(() => kept('stage_?')).toThrow('nothing is named stage_?');
  });

  test('a name that is not there lists those that are', () => {
    expect(() => kept('blocks.2')).toThrowErrorMatchingInlineSnapshot(
      `[DptError: record: nothing is named blocks.2. There are: blocks, blocks.0, blocks.0.mlp, blocks.0.mlp.fc1, blocks.0.mlp.fc2, blocks.1, blocks.1.mlp, blocks.1.mlp.fc1, blocks.1.mlp.fc2, stage_1.]`,
    );
  });
});

test('attentionWeights makes attention store its softmax', () => {
  const context = Context.planning();
  const qkv = { qkv: [1, 5, 24] };
  const forward = ({ qkv }: { qkv: Tensor }) => ({
    y: attention(qkv.named('blocks.0.attention.qkv'), { heads: 2 }),
  });
  expect(plan(context, qkv, forward).steps).toHaveLength(1);
  const textbook = plan(context, qkv, forward, {
    attentionWeights: true,
    keep: ['blocks.*.attention.weights'],
  });
  expect(textbook.steps.map(({ kernel }) => kernel.shader)).toEqual([
    'attention_scores',
    'softmax',
    'attention_values',
  ]);
  expect(textbook.kept['blocks.0.attention.weights']!.shape).toEqual([1, 2, 5, 5]);
  // The option belongs to one recording.
  expect(plan(context, qkv, forward).steps).toHaveLength(1);
});

describe('refused', () => {
  test('a recording while one is open', async () => {
    const context = await testContext();
    let inner: Promise<unknown> | undefined;
    const outer = await record(context, { x: [4] }, ({ x }) => {
      inner = record(context, { x: [4] }, (inputs) => ({ y: inputs.x }));
      inner.catch(() => {});
      return { y: add(x, x) };
    });
    await expect(inner).rejects.toThrowErrorMatchingInlineSnapshot(
      `[DptError: record: a recording is already open in this context.]`,
    );
    expect(outer.trace.steps).toHaveLength(1);
    outer.dispose();
  });

  test('reading inside', async () => {
    const context = await testContext();
    const constant = context.tensor(new Float32Array(4), [4]);
    const reads: Promise<unknown>[] = [];
    const recording = await record(context, { x: [4] }, ({ x }) => {
      reads.push(x.read(), x.readBytes(), constant.read());
      for (const read of reads) read.catch(() => {});
      return { y: add(x, x) };
    });
    await expect(reads[0]).rejects.toThrowErrorMatchingInlineSnapshot(
      `[DptError: read: x has no value while a recording is open. Name it in record(…, { keep }) and read it after run().]`,
    );
    await expect(reads[1]).rejects.toThrow('read: x has no value');
    await expect(reads[2]).rejects.toThrow('read: tensor has no value');
    recording.dispose();
  });

  test('values of another recording, as operand and as output', async () => {
    const context = await testContext();
    let foreign: Tensor | undefined;
    const other = await record(context, { x: [4] }, ({ x }) => {
      foreign = gelu(x).named('hidden');
      return { y: add(foreign, x) };
    });
    const before = context.memory();
    await expect(
      record(context, { x: [4] }, ({ x }) => ({ y: add(x, foreign!) })),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[DptError: add x: reads hidden, which no step of this recording has written; values inside another recording cannot be used.]`,
    );
    await expect(
      record(context, { x: [4] }, ({ x }) => ({ y: add(x, x), z: foreign! })),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[DptError: record: the output z is hidden, which no step of this recording has written; values inside another recording cannot be used.]`,
    );
    // Even when it is an output as well.
    await expect(
      record(context, { x: [4] }, ({ x }) => ({ y: add(x, foreign!), z: foreign! })),
    ).rejects.toThrow('add x: reads hidden');
    expect(() => add(foreign!, foreign!)).toThrowErrorMatchingInlineSnapshot(
      `[DptError: hidden is a value inside a recording and has no buffer. Return it from record(), or name it in { keep }.]`,
    );
    expect(context.memory()).toEqual(before);
    other.dispose();
  });

  test('values that were never written', async () => {
    const context = await testContext();
    await expect(
      record(context, { x: [4] }, ({ x }) => ({ y: add(x, context.empty([4], 'f32', 'blank')) })),
    ).rejects.toThrow('add x: reads blank, which no step of this recording has written');
  });

  test('an error inside ends the recording and frees its constants', async () => {
    const context = await testContext();
    const before = context.memory();
    const failing = record(context, { x: [4] }, ({ x }) => {
      add(x, context.tensor(new Float32Array(4), [4]));
      throw new Error('on the way');
    });
    await expect(failing).rejects.toThrow('on the way');
    expect(context.recorder).toBeUndefined();
    expect(context.memory()).toEqual(before);
    expect(
      await add(
        context.tensor(new Float32Array(4), [4]),
        context.tensor(new Float32Array(4), [4]),
      ).read(),
    ).toEqual(new Float32Array(4));
  });

  test('an input with a shape that is none', async () => {
    const context = await testContext();
    await expect(record(context, { x: [-4] }, ({ x }) => ({ y: x }))).rejects.toThrow(
      'empty: x is [-4]; sides are whole numbers ≥ 0.',
    );
  });
});

describe('inputs', () => {
  test('a shape, a shape with a type, a tensor as it is', async () => {
    const context = await testContext();
    const own = context.tensor(new Float32Array([1, 2, 3, 4]), [4], 'f32', 'own');
    using recording = await record(
      context,
      { a: [4], pixels: { shape: [2, 2], dtype: 'u32' }, own },
      (inputs) => {
        expect(inputs.pixels.dtype).toBe('u32');
        expect(inputs.own).toBe(own);
        return { y: add(inputs.a, inputs.own), pixels: inputs.pixels };
      },
    );
    expect(recording.inputs.own).toBe(own);
    const { y } = recording.run({ a: new Float32Array([1, 1, 1, 1]) });
    expect(await y.read()).toEqual(new Float32Array([2, 3, 4, 5]));
    own.write(new Float32Array(4));
    expect(await recording.run().y.read()).toEqual(new Float32Array([1, 1, 1, 1]));
  });

  test('a buffer of the caller', async () => {
    const device = await testDevice();
    const context = await testContext();
    const buffer = device.createBuffer({ size: 16, usage: 0x80 | 0x08 });
    const frame = Tensor.fromBuffer(context, buffer, [4], 'f32', 'frame');
    const recording = await record(context, { frame }, (inputs) => ({
      y: gelu(add(inputs.frame, inputs.frame)),
    }));
    device.queue.writeBuffer(buffer, 0, new Float32Array([10, 20, 30, 40]));
    expect(await recording.run().y.read()).toEqual(new Float32Array([20, 40, 60, 80]));
    recording.dispose();
    frame.dispose();
    device.queue.writeBuffer(buffer, 0, new Float32Array(4));
    buffer.destroy();
  });
});

test('a net of several ops keeps to its plan', () => {
  const context = Context.planning();
  const net = makeNet(context);
  const { steps, slots, intermediates } = plan(context, { x: [...tokens] }, ({ x }) => ({
    y: net.forward(x),
  }));
  expect(steps.length).toBeGreaterThan(10);
  for (const { storage } of intermediates) expect(storage.virtual).toBe(true);
  expect(slots.slots.length).toBeLessThan(intermediates.length / 2);
});
