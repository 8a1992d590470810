// context: scopes and constants, inside a recording and outside; memory by purpose; staging and slots for reuse; two contexts on
// one device; buffers that cannot be made, at every call; a device that is lost, in the middle and before.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Context } from '../../packages/tensor/src/context.ts';
import { DeviceWatch } from '../../packages/tensor/src/device_watch.ts';
import { DeviceLostError } from '../../packages/tensor/src/errors.ts';
import { type NodeGpu, requestDevice } from '../../packages/tensor/src/node.ts';
import { attention } from '../../packages/tensor/src/ops/attention.ts';
import { concat, slice } from '../../packages/tensor/src/ops/copy.ts';
import { add, gelu, multiply } from '../../packages/tensor/src/ops/elementwise.ts';
import { linear } from '../../packages/tensor/src/ops/linear.ts';
import { antialiasedBilinearResize } from '../../packages/tensor/src/ops/resize.ts';
import { record } from '../../packages/tensor/src/recording.ts';
import type { StateDict } from '../../packages/tensor/src/state_dict.ts';
import type { Tensor } from '../../packages/tensor/src/tensor.ts';
import { Weights } from '../../packages/tensor/src/weights.ts';
import { testDevice } from '../support/device.ts';
import { makeNet, tokens } from '../support/net.ts';
import { bytesIn, randomNd, testContext, upload } from '../support/tensors.ts';
import { watchDevice } from '../support/watch_device.ts';

const ones = (n: number): Float32Array => new Float32Array(n).fill(1);

describe('scope', () => {
  test('frees what was made on the way, not the result', async () => {
    const context = await testContext();
    const x = context.tensor(ones(4), [4]);
    const before = context.memory().tensors;
    const y = context.scope(() => add(add(x, x), gelu(x)));
    expect(context.memory().tensors).toBe(before + 16);
    expect((await y.read()).every(Number.isFinite)).toBe(true);
    y.dispose();
    expect(context.memory().tensors).toBe(before);
  });

  test('a view of a tensor inside is the result too', async () => {
    const context = await testContext();
    const before = context.memory().tensors;
    const y = context.scope(() => context.tensor(ones(4), [4]).reshape([2, 2]));
    expect(await y.read()).toEqual(ones(4));
    y.dispose();
    expect(context.memory().tensors).toBe(before);
  });

  test('what was made outside stays', async () => {
    const context = await testContext();
    const x = context.tensor(ones(4), [4]);
    expect(context.scope(() => x)).toBe(x);
    context.scope(() => undefined);
    expect(await x.read()).toEqual(ones(4));
  });

  test('scopes inside scopes', async () => {
    const context = await testContext();
    const before = context.memory().tensors;
    let inside = 0;
    const y = context.scope(() => {
      const a = context.tensor(ones(4), [4]);
      const b = context.scope(() => add(add(a, a), a));
      inside = context.memory().tensors;
      return add(b, a);
    });
    expect(inside).toBe(before + 32);
    expect(context.memory().tensors).toBe(before + 16);
    expect(await y.read()).toEqual(ones(4).fill(4));
    y.dispose();
  });

  test('an error frees everything, and the outer scope goes on', async () => {
    const context = await testContext();
    const before = context.memory().tensors;
    const y = context.scope(() => {
      const a = context.tensor(ones(4), [4]);
      expect(() =>
        context.scope(() => {
          add(a, a);
          throw new Error('on the way');
        }),
      ).toThrow('on the way');
      return add(a, a);
    });
    expect(context.memory().tensors).toBe(before + 16);
    y.dispose();
    expect(context.memory().tensors).toBe(before);
  });
});

describe('constant', () => {
  test('runs at once while a recording is open, and is the owner’s to dispose', async () => {
    const context = await testContext();
    const base = context.tensor(ones(4), [4]);
    const before = bytesIn(context);
    let table: Tensor | undefined;
    const recording = await record(context, { x: [4] }, ({ x }) => {
      table = context.constant(() => add(add(base, base), base));
      return { y: multiply(x, table) };
    });
    expect(recording.trace.steps.map(({ label }) => label)).toEqual(['multiply x']);
    expect(await table!.read()).toEqual(ones(4).fill(3));
    // The recording holds what it uses.
    table!.dispose();
    expect(await recording.run({ x: ones(4) }).y.read()).toEqual(ones(4).fill(3));
    recording.dispose();
    context.dispose();
    expect({ ...bytesIn(context) }).toEqual({
      ...before,
      staging: 0,
      total: before.total - before.parameters,
      parameters: 0,
    });
  });

  test('inside a scope it outlives the scope', async () => {
    const context = await testContext();
    let kept: Tensor | undefined;
    context.scope(() => {
      kept = context.constant(() =>
        add(context.tensor(ones(2), [2]), context.tensor(ones(2), [2])),
      );
      return undefined;
    });
    expect(await kept!.read()).toEqual(new Float32Array([2, 2]));
    expect(context.memory().tensors).toBe(8);
    kept!.dispose();
  });

  test('a tensor with values inside a scope is freed with it', async () => {
    const context = await testContext();
    context.scope(() => {
      context.tensor(ones(2), [2]);
      return undefined;
    });
    expect(context.memory().tensors).toBe(0);
  });

  test('values inside the recording are not there yet', async () => {
    const context = await testContext();
    await expect(
      record(context, { x: [4] }, ({ x }) => ({ y: context.constant(() => add(x, x)) })),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[DptError: x is a value inside a recording and has no buffer. Return it from record(), or name it in { keep }.]`,
    );
    expect(context.memory().tensors).toBe(0);
  });
});

test('recordings go on after trim, also those of ops without a bias', async () => {
  const context = await testContext();
  const weight = context.tensor(ones(16), [4, 4]);
  const recording = await record(context, { x: [1, 4] }, ({ x }) => ({ y: linear(x, weight) }));
  context.trim();
  // A buffer that was destroyed would be said of the submission, and y would be zeros.
  const { y } = await context.checked('run', () => recording.run({ x: ones(4) }));
  expect(await y.read()).toEqual(new Float32Array(4).fill(4));
  recording.dispose();
  weight.dispose();
  context.trim();
  expect(context.memory().total).toBe(0);
});

describe('memory', () => {
  test('by purpose', async () => {
    const capabilities = { uniformAlignment: 256 }; // what every device can do
    const context = new Context(await testDevice(), { capabilities });
    expect(bytesIn(context)).toEqual({
      weights: 0,
      tensors: 0,
      slots: 0,
      caches: 0,
      textures: 0,
      parameters: 0,
      staging: 0,
      total: 0,
    });
    const weights = new Weights(context, stateDictOf(ones(2)));
    const w = weights.tensor('w', [2]);
    expect(context.memory().total).toBe(0);
    await weights.load();
    const recording = await record(context, { x: [2] }, ({ x }) => ({ y: add(gelu(gelu(x)), w) }));
    await recording.run({ x: ones(2) }).y.read();
    const { weights: w8, tensors, slots, parameters, staging, total } = bytesIn(context);
    expect([w8, tensors, slots, staging]).toEqual([8, 16, 16, 8]);
    expect(parameters).toBe(16 + 3 * 256); // 16: `nothing`
    expect(total).toBe(w8 + tensors + slots + parameters + staging);
    recording.dispose();
    weights.dispose();
    context.dispose();
    expect(context.memory().total).toBe(0);
  });

  test('staging is bounded, whatever sizes are read', async () => {
    const context = await testContext();
    for (let n = 1; n <= 12; n++) {
      using x = context.tensor(ones(n), [n]);
      await x.read();
    }
    expect(context.memory().staging).toBe((9 + 10 + 11 + 12) * 4);
    using x = context.tensor(ones(12), [12]);
    await Promise.all([x.read(), x.read(), x.read(), x.read(), x.read(), x.read()]);
    expect(context.memory().staging).toBeLessThanOrEqual(4 * 48);
    context.trim();
    expect(context.memory().staging).toBe(0);
    // A context that was emptied still works.
    expect(await x.read()).toEqual(ones(12));
    context.dispose();
  });
});

describe('slots', () => {
  test('are shared by all that are taken at different times, and freed with the last user', async () => {
    const context = await testContext();
    const first = context.takeSlots([400, 100]);
    const second = context.takeSlots([300, 100, 40]);
    expect(second[0]).toBe(first[0]);
    expect(second[1]).toBe(first[1]);
    expect(context.memory().slots).toBe(400 + 100 + 40);
    context.returnSlots(first);
    expect(context.memory().slots).toBe(540);
    context.returnSlots(second);
    expect(context.memory().slots).toBe(0);
  });

  test('one request never gets one slot twice', async () => {
    const context = await testContext();
    const held = context.takeSlots([64]);
    const slots = context.takeSlots([64, 64]);
    expect(new Set(slots).size).toBe(2);
    expect(context.memory().slots).toBe(128);
    context.returnSlots(slots);
    context.returnSlots(held);
  });
});

test('two contexts on one device do not know of each other', async () => {
  const [a, b] = [await testContext(), await testContext()];
  const x = a.tensor(ones(4), [4]);
  const recording = await record(a, { x: [4] }, (inputs) => {
    // The other context has no open recording: its ops run at once.
    const y = b.tensor(ones(4), [4]);
    expect(b.recorder).toBeUndefined();
    return {
      y: add(
        inputs.x,
        b.constant(() => add(y, y)),
      ),
    };
  });
  expect(await recording.run({ x: ones(4) }).y.read()).toEqual(ones(4).fill(3));
  expect(b.memory().slots + b.memory().parameters).toBeLessThanOrEqual(16);
  recording.dispose();
  x.dispose();
});

test('a planning context has no device and says so', () => {
  const context = Context.planning();
  expect(context.isPlanning).toBe(true);
  expect(() => context.device).toThrowErrorMatchingInlineSnapshot(
    `[DptError: This context only plans: it has no device.]`,
  );
});

test('a tensor larger than a binding may be', async () => {
  const context = await testContext({ capabilities: { maxStorageBinding: 2 ** 20 } });
  expect(() => context.empty([1, 2 ** 19], 'f32', 'map')).toThrowErrorMatchingInlineSnapshot(
    `[DptError: map [1, 524288] needs a 2.0 MiB storage binding; this device allows 1.0 MiB. Request maxStorageBufferBindingSize and maxBufferSize (see deviceRequest()), or use a smaller size.]`,
  );
  context.empty([2 ** 18]).dispose();
});

test('f16 on a device without', async () => {
  const context = await testContext({ capabilities: { f16: false } });
  expect(() => context.empty([4], 'f16', 'x')).toThrowErrorMatchingInlineSnapshot(
    `[DptError: x: this device has no shader-f16. Use dtype f32, or request the feature (see deviceRequest()).]`,
  );
  expect(() => context.empty([-1], 'f32', 'x')).toThrow('empty: x is [-1]');
});

test('values that do not fit leave nothing behind', async () => {
  const context = await testContext();
  expect(() => context.tensor(ones(3), [4])).toThrow('takes 16 bytes, got 12');
  expect(context.memory().tensors).toBe(0);
});

describe('a buffer that cannot be made', () => {
  const calls: Record<string, (context: Context, x: Tensor) => Promise<void> | void> = {
    'context.tensor': (context) => context.tensor(ones(8), [8]).dispose(),
    'an op at once': (_, x) => linear(x, x.reshape([8, 6])).dispose(),
    'an op of several dispatches': (_, x) => concat([x, x], 0).dispose(),
    'an op with tables': (_, x) =>
      antialiasedBilinearResize(x.reshape([1, 8, 6, 1]), [3, 3]).dispose(),
    'an op in three steps': (_, x) =>
      attention(x.reshape([1, 4, 12]), { heads: 1, textbook: true }).dispose(),
    scope: (context, x) => context.scope(() => add(add(x, x), x)).dispose(),
    read: async (_, x) => void (await x.read()),
    record: async (context, x) => {
      const recording = await record(context, { a: [6, 8] }, ({ a }) => {
        const table = context.tensor(ones(8), [8]);
        const sum = gelu(add(gelu(add(a, x)), table)).named('sum');
        return { y: slice(sum, { axis: 0, from: 1 }), sum };
      });
      recording.dispose();
    },
    profile: async (context, x) => {
      using recording = await record(context, { a: [6, 8] }, ({ a }) => ({ y: add(a, x) }));
      await recording.profile();
    },
    'weights.load': async (context) => {
      const weights = new Weights(context, stateDictOf(ones(4), ones(4), ones(4)));
      weights.constant('range', ones(1), [1]);
      for (const key of ['w', 'w1', 'w2']) weights.tensor(key, [4]);
      try {
        await weights.load();
      } finally {
        weights.dispose();
      }
    },
  };

  test.each(Object.entries(calls))('%s: frees all, and the next call works', async (_, call) => {
    const context = await testContext();
    const x = upload(context, randomNd([6, 8], { seed: 3 }));
    await call(context, x);
    context.trim();
    void context.nothing; // made once and kept; not what is tested
    const before = bytesIn(context);
    const watch = watchDevice(await testDevice());
    let failures = 0;
    for (let nth = 1; ; nth++) {
      watch.failBuffer = nth;
      const error = await Promise.resolve()
        .then(() => call(context, x))
        .then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
      const happened = watch.failBuffer === undefined;
      watch.failBuffer = undefined;
      if (!happened) {
        expect(error).toBeUndefined();
        break;
      }
      failures++;
      expect(error).toBeInstanceOf(RangeError);
      expect({ nth, ...bytesIn(context), staging: 0, total: 0 }).toEqual({
        nth,
        ...before,
        staging: 0,
        total: 0,
      });
      expect(context.recorder).toBeUndefined();
      await call(context, x);
      // Staging is kept for the next read.
      context.trim();
      void context.nothing;
      expect({ nth, ...bytesIn(context) }).toEqual({ nth, ...before });
    }
    expect(failures).toBeGreaterThan(0);
    context.dispose();
    expect(watch.liveBytes).toBe(0);
  });
});

describe('a lost device', () => {
  let gpu: NodeGpu;
  let context: Context;
  beforeAll(async () => {
    gpu = await requestDevice();
    context = new Context(gpu.device);
  });
  afterAll(() => gpu.close());

  test('ends pending and later calls with DeviceLostError', async () => {
    const net = makeNet(context);
    const x = context.empty([6, 8]);
    const recording = await record(context, { x: [...tokens] }, (inputs) => ({
      y: net.forward(inputs.x),
    }));
    // Pipelines that are new take a while to compile; the device goes meanwhile.
    const recordingLater = record(context, { a: [4, 4] }, ({ a }) => ({ y: linear(a, a) }));
    const pending = { read: x.read(), profile: recording.profile(), record: recordingLater };
    gpu.device.destroy();
    const results = await Promise.allSettled(Object.values(pending));
    expect(results.map((result) => result.status === 'rejected' && result.reason)).toEqual([
      expect.any(DeviceLostError),
      expect.any(DeviceLostError),
      expect.any(DeviceLostError),
    ]);

    expect(() => recording.run()).toThrow(DeviceLostError);
    expect(() => x.write(ones(48))).toThrow(DeviceLostError);
    expect(() => add(x, x)).toThrow(DeviceLostError);
    await expect(x.read()).rejects.toThrow(/^The GPU device was lost: ./);
    await expect(record(context, { a: [4] }, ({ a }) => ({ y: add(a, a) }))).rejects.toThrow(
      DeviceLostError,
    );
    const weights = new Weights(context, stateDictOf(ones(4)));
    weights.tensor('w', [4]);
    await expect(weights.load()).rejects.toThrow(DeviceLostError);

    // Cleaning up works all the same.
    recording.dispose();
    x.dispose();
    net.dispose();
    context.dispose();
    expect(context.memory().total).toBe(0);
  });

  test('is what an aborted answer says, however late the loss is reported', async () => {
    let lose = (_: GPUDeviceLostInfo): void => {};
    const lost = new Promise<GPUDeviceLostInfo>((resolve) => {
      lose = resolve;
    });
    const watch = new DeviceWatch({ lost } as GPUDevice);
    await expect(watch.unlessLost(Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    const aborted = watch.unlessLost(Promise.reject(new DOMException('', 'AbortError')));
    setTimeout(() => lose({ reason: 'destroyed', message: 'late' } as GPUDeviceLostInfo), 300);
    await expect(aborted).rejects.toThrow('The GPU device was lost: late');
  });
});

/** Keys w, w1, w2, … */
function stateDictOf(...all: Float32Array[]): StateDict {
  const tensors = all.map(
    (values, i) =>
      [
        i === 0 ? 'w' : `w${i}`,
        {
          dtype: 'f32' as const,
          shape: [values.length],
          read: async () => new Uint8Array(values.slice().buffer),
        },
      ] as const,
  );
  return {
    name: 'test.pth',
    metadata: new Map(),
    tensors: new Map(tensors),
    close: async () => {},
  };
}
