// Runs in parts: how steps are put together; the same bits as in one submission; submissions counted; aborts between parts
// and what is left behind; a run in between, also in the caller's encoder; turns. Magnitudes of what steps wrote.
// Not here: that a real watchdog is kept quiet.
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Context } from '../../packages/tensor/src/context.ts';
import { add, gelu, multiply } from '../../packages/tensor/src/ops/elementwise.ts';
import { linear } from '../../packages/tensor/src/ops/linear.ts';
import { inTurn, partEnd } from '../../packages/tensor/src/parts.ts';
import { type Recording, record } from '../../packages/tensor/src/recording.ts';
import { dtypesOf, randomNd, testContext, upload } from '../support/tensors.ts';

describe('steps are put together', () => {
  test.each([
    { times: [], limit: 10, ends: [] },
    { times: [0, 0, 0], limit: 10, ends: [1, 2, 3] },
    { times: [4, 4, 4, 4, 4], limit: 10, ends: [2, 4, 5] },
    { times: [4, 40, 4, 4], limit: 10, ends: [1, 2, 4] },
    { times: [4, 0, 4, 4], limit: 10, ends: [1, 2, 4] },
    { times: [1, 2, 3], limit: Number.POSITIVE_INFINITY, ends: [3] },
  ])('$times up to $limit', ({ times, limit, ends }) => {
    const cells = times.map((milliseconds) => ({ milliseconds }));
    const found: number[] = [];
    for (let from = 0; from < times.length; from = found.at(-1)!) {
      found.push(partEnd(cells, from, limit));
    }
    expect(found).toEqual(ends);
  });
});

const STEPS = 8;
const input = randomNd([6, 12], { seed: 1 });
const values = Float32Array.from(input.data);

/** Eight steps that need each other, of two kinds. */
function makeRecording(context: Context): Promise<Recording<'x', 'y'>> {
  const weight = upload(context, randomNd([12, 12], { seed: 2, std: 0.3 }));
  return record(context, { x: [6, 12] }, ({ x }) => {
    let y = x;
    for (let i = 0; i < STEPS / 2; i++) y = gelu(linear(y, weight));
    return { y };
  });
}

/** Counts submissions until the test ends. */
function countSubmissions(context: Context): { count: number } {
  const { queue } = context.device;
  const submit = queue.submit.bind(queue);
  const counted = { count: 0 };
  Object.defineProperty(queue, 'submit', {
    configurable: true,
    value: (buffers: GPUCommandBuffer[]) => {
      counted.count++;
      submit(buffers);
    },
  });
  onTestFinished(() => {
    Reflect.deleteProperty(queue, 'submit');
  });
  return counted;
}

describe('a run in parts', () => {
  test('has the bits of a run in one submission, however it is cut', async () => {
    const context = await testContext({ partMilliseconds: 1e-9 });
    using recording = await makeRecording(context);
    const submissions = countSubmissions(context);
    recording.run({ x: values });
    expect(submissions.count).toBe(1);
    const expected = await recording.outputs.y.read();
    for (const { milliseconds, parts } of [
      { milliseconds: 1e6, parts: 3 }, // one of each kind, then all others, which are known
      { milliseconds: 1e6, parts: 1 },
      { milliseconds: undefined, parts: STEPS },
      { milliseconds: Number.POSITIVE_INFINITY, parts: 1 },
    ]) {
      recording.inputs.x.write(new Float32Array(values.length));
      submissions.count = 0;
      const given = milliseconds === undefined ? {} : { milliseconds };
      const { y } = await recording.runInParts({ x: values }, given);
      expect(submissions.count).toBe(parts);
      expect(await y.read()).toEqual(expected);
    }
  });

  test('is one submission on a GPU, several where the processor plays one', async () => {
    const on = (software: boolean) => testContext({ capabilities: { software } });
    expect((await on(false)).partMilliseconds).toBe(Number.POSITIVE_INFINITY);
    expect((await on(true)).partMilliseconds).toBe(200);
  });

  test('ends between two parts when it is aborted, and the next run is right', async () => {
    const context = await testContext({ partMilliseconds: 1e-9 });
    using recording = await makeRecording(context);
    const expected = await recording.run({ x: values }).y.read();
    const submissions = countSubmissions(context);
    const controller = new AbortController();
    const reason = new Error('enough');
    const run = recording.runInParts({ x: values }, { signal: controller.signal });
    const { queue } = context.device;
    while (submissions.count < 3) await queue.onSubmittedWorkDone();
    controller.abort(reason);
    await expect(run).rejects.toBe(reason);
    expect(submissions.count).toBeLessThan(STEPS);
    expect(await recording.run({ x: values }).y.read()).toEqual(expected);

    await expect(
      recording.runInParts({ x: values }, { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
    expect(await (await recording.runInParts({ x: values })).y.read()).toEqual(expected);
  });

  test.each(['run', 'encode'] as const)('is finished first by a %s in between', async (other) => {
    const context = await testContext({ partMilliseconds: 1e-9 });
    using first = await makeRecording(context);
    // Over the same slots.
    using second = await makeRecording(context);
    const expected = await first.run({ x: values }).y.read();
    const twice = values.map((value) => 2 * value);
    const expectedOfTwice = await second.run({ x: twice }).y.read();

    const submissions = countSubmissions(context);
    const parts = first.runInParts({ x: values });
    while (submissions.count < 2) await context.device.queue.onSubmittedWorkDone();
    second.inputs.x.write(twice);
    if (other === 'run') second.run();
    else {
      const encoder = context.device.createCommandEncoder();
      second.encode(encoder);
      context.device.queue.submit([encoder.finish()]);
    }
    expect(submissions.count).toBeLessThan(STEPS);
    expect(await (await parts).y.read()).toEqual(expected);
    expect(await second.outputs.y.read()).toEqual(expectedOfTwice);
  });

  test('of a recording that is disposed of meanwhile is an error', async () => {
    const context = await testContext({ partMilliseconds: 1e-9 });
    const recording = await makeRecording(context);
    const submissions = countSubmissions(context);
    const run = recording.runInParts({ x: values });
    while (submissions.count < 2) await context.device.queue.onSubmittedWorkDone();
    recording.dispose();
    await expect(run).rejects.toThrow('This recording was disposed.');
  });
});

test('turns are taken one after the other, whatever the one before ended with', async () => {
  const context = await testContext();
  const seen: string[] = [];
  const task = (name: string, fail: boolean) =>
    inTurn(context, async () => {
      seen.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 5));
      seen.push(`${name} ends`);
      if (fail) throw new Error(name);
      return name;
    });
  const all = await Promise.allSettled([task('a', false), task('b', true), task('c', false)]);
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});

describe('magnitudes', () => {
  test('of what every step wrote, over shared memory', async () => {
    const context = await testContext();
    using recording = await record(context, { x: [4] }, ({ x }) => {
      const doubled = add(x, x);
      return { y: multiply(doubled, doubled) };
    });
    recording.inputs.x.write(Float32Array.of(1, -7, 3, 0));
    expect(await recording.magnitudes()).toEqual([
      { label: 'add x', dtype: 'f32', largest: 14, nonFinite: 0 },
      { label: 'multiply x', dtype: 'f32', largest: 196, nonFinite: 0 },
    ]);
    recording.inputs.x.write(Float32Array.of(3e38, -7, 1e25, Number.NaN));
    const found = await recording.magnitudes();
    expect(found.map(({ nonFinite }) => nonFinite)).toEqual([2, 3]);
    expect(found[1]!.largest).toBe(196);
  });

  test('step by step where runs go in parts, until an abort', async () => {
    const whole = await testContext({ partMilliseconds: Number.POSITIVE_INFINITY });
    const parted = await testContext({ partMilliseconds: 1e-9 });
    const looked = async (context: Context) => {
      const recording = await record(context, { x: [4] }, ({ x }) => {
        let y = x;
        for (let n = 0; n < 10; n++) y = add(y, x);
        return { y };
      });
      recording.inputs.x.write(Float32Array.of(1, -7, 3, 0));
      return { recording, found: await recording.magnitudes() };
    };
    const expected = await looked(whole);
    const { recording, found } = await looked(parted);
    expect(found).toEqual(expected.found);
    const memory = parted.memory();
    const { queue } = parted.device;
    const controller = new AbortController();
    const reason = new Error('enough');
    let waits = 0;
    queue.onSubmittedWorkDone = () => {
      if (++waits === 4) controller.abort(reason);
      return GPUQueue.prototype.onSubmittedWorkDone.call(queue);
    };
    const looking = recording.magnitudes({ signal: controller.signal });
    await expect(looking).rejects.toBe(reason);
    Reflect.deleteProperty(queue, 'onSubmittedWorkDone');
    expect(waits).toBe(4);
    await queue.onSubmittedWorkDone();
    await expect.poll(() => parted.memory().tensors).toBe(memory.tensors);
    expect(await recording.magnitudes()).toEqual(expected.found);
    recording.dispose();
    expected.recording.dispose();
  });

  test('of f16, where the device has it', async ({ skip }) => {
    const context = await testContext();
    if (!dtypesOf(context).includes('f16')) return skip('no shader-f16');
    const x = { shape: [4], dtype: 'f16' } as const;
    using recording = await record(context, { x }, ({ x }) => ({ y: multiply(x, x) }));
    recording.inputs.x.write(Float32Array.of(1, 100, 300, -400));
    const [square] = await recording.magnitudes();
    expect(square).toEqual({
      label: 'multiply x',
      dtype: 'f16',
      largest: 10_000,
      nonFinite: 2,
    });
  });
});
