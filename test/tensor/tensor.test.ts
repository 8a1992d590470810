// tensor: reshape and dims; buffers of a caller; write and read of every type, odd counts, wrong sizes, nothing at all; what is
// left of a tensor after dispose. Not here: places inside a recording (recording.test.ts).
import { describe, expect, test } from 'vitest';
import { Context } from '../../packages/tensor/src/context.ts';
import { add } from '../../packages/tensor/src/ops/elementwise.ts';
import { Tensor } from '../../packages/tensor/src/tensor.ts';
import { testDevice } from '../support/device.ts';
import { bytesIn, testContext } from '../support/tensors.ts';

const STORAGE = 0x80 | 0x04 | 0x08; // STORAGE | COPY_SRC | COPY_DST

describe('reshape', () => {
  const x = Context.planning().empty([2, 3, 4], 'f32', 'x');

  test.each([
    { to: [24], full: [24] },
    { to: [6, -1], full: [6, 4] },
    { to: [-1], full: [24] },
    { to: [1, 2, 3, 4, 1], full: [1, 2, 3, 4, 1] },
  ])('[2, 3, 4] → $to', ({ to, full }) => {
    const view = x.reshape(to);
    expect(view.shape).toEqual(full);
    expect(view.storage).toBe(x.storage);
    expect(view.name).toBe('x');
  });

  test('a scalar, and nothing', () => {
    const context = Context.planning();
    expect(context.empty([1]).reshape([]).shape).toEqual([]);
    expect(context.empty([0, 3]).reshape([-1, 3]).shape).toEqual([0, 3]);
  });

  test.each([
    { to: [23] },
    { to: [5, -1] },
    { to: [-1, -1] },
    { to: [-2, -12] },
    { to: [0, -1] },
    { to: [1.5, 16] },
    { to: [] },
  ])('[2, 3, 4] → $to is refused', ({ to }) => {
    expect(() => x.reshape(to)).toThrow(/^reshape: x \[2, 3, 4\] has 24 elements; .* does not\.$/);
  });

  test('one side may be open, even where several would fit', () => {
    expect(() => Context.planning().empty([1]).reshape([-1, -1])).toThrow('reshape: tensor [1]');
  });
});

test('dims, size, bytes', async () => {
  const context = await testContext();
  const x = context.empty([2, 3, 5], 'f32', 'x');
  expect(x.dims('B N F')).toEqual([2, 3, 5]);
  expect([x.size, x.bytes]).toEqual([30, 120]);
  expect(() => x.dims('B H W C')).toThrow('x is [2, 3, 5], expected 4 axes [B, H, W, C].');
  expect(x.named('y').name).toBe('y');
});

describe('write and read', () => {
  test('f32', async () => {
    const context = await testContext();
    const x = context.empty([3]);
    x.write(new Float32Array([1, -2.5, 1e-30]));
    expect(await x.read()).toEqual(new Float32Array([1, -2.5, 1e-30]));
    expect(await x.reshape([3, 1]).read()).toEqual(new Float32Array([1, -2.5, 1e-30]));
  });

  test('a part of a larger array, and a Buffer of Node', async () => {
    const context = await testContext();
    const x = context.empty([2]);
    x.write(new Float32Array([9, 1, 2, 9]).subarray(1, 3));
    expect(await x.read()).toEqual(new Float32Array([1, 2]));
    x.write(Buffer.from(new Float32Array([3, 4]).buffer));
    expect(await x.read()).toEqual(new Float32Array([3, 4]));
  });

  test('u32 is read as bytes', async () => {
    const context = await testContext();
    const x = context.tensor(new Uint32Array([1, 2 ** 32 - 1]), [2], 'u32', 'pixels');
    const bytes = await x.readBytes();
    expect(new Uint32Array(bytes.buffer)).toEqual(new Uint32Array([1, 2 ** 32 - 1]));
    await expect(x.read()).rejects.toThrowErrorMatchingInlineSnapshot(
      `[DptError: read: pixels is u32, which has no f32 values. Use readBytes().]`,
    );
  });

  test.each([1, 3, 4, 7])('%i f16 values', async (n) => {
    // Storing and reading needs no shader, so a device without f16 will do.
    const context = await testContext({ capabilities: { f16: true } });
    const values = Float32Array.from({ length: n }, (_, i) => i + 0.5);
    const x = context.tensor(values, [n], 'f16');
    expect(x.bytes).toBe(2 * n);
    expect(await x.read()).toEqual(values);
    expect((await x.readBytes()).byteLength).toBe(2 * n);
    x.write(new Uint8Array(await x.readBytes()));
    expect(await x.read()).toEqual(values);
  });

  test('f16 values are rounded', async () => {
    const context = await testContext({ capabilities: { f16: true } });
    const x = context.tensor(new Float32Array([1 + 2 ** -12, 70000]), [2], 'f16');
    expect(await x.read()).toEqual(new Float32Array([1, Infinity]));
  });

  test('no values at all', async () => {
    const context = await testContext();
    const x = context.empty([0, 4]);
    x.write(new Float32Array(0));
    expect(await x.read()).toEqual(new Float32Array(0));
    expect((await add(x, x).read()).length).toBe(0);
  });

  test('a size that does not fit', async () => {
    const context = await testContext({ capabilities: { f16: true } });
    const x = context.empty([2, 3], 'f32', 'x');
    expect(() => x.write(new Float32Array(5))).toThrowErrorMatchingInlineSnapshot(
      `[DptError: write: x [2, 3] f32 takes 24 bytes, got 20.]`,
    );
    const h = context.empty([3], 'f16', 'h');
    expect(() => h.write(new Float32Array(4))).toThrowErrorMatchingInlineSnapshot(
      `[DptError: write: h [3] f16 takes 6 bytes, got 8.]`,
    );
  });

  test('reads queued before a write see the values before it', async () => {
    const context = await testContext();
    const x = context.tensor(new Float32Array([1]), [1]);
    const first = x.read();
    x.write(new Float32Array([2]));
    const second = x.read();
    expect([await first, await second]).toEqual([new Float32Array([1]), new Float32Array([2])]);
  });
});

describe('fromBuffer', () => {
  test('works in a buffer of the caller and leaves it there', async () => {
    const device = await testDevice();
    const context = await testContext();
    const before = bytesIn(context);
    const buffer = device.createBuffer({ size: 32, usage: STORAGE });
    const x = Tensor.fromBuffer(context, buffer, [2, 3], 'f32', 'x');
    expect(x.buffer).toBe(buffer);
    expect(bytesIn(context)).toEqual(before);
    x.write(new Float32Array([1, 2, 3, 4, 5, 6]));
    const y = add(x, x);
    expect(await y.read()).toEqual(new Float32Array([2, 4, 6, 8, 10, 12]));
    y.dispose();
    x.dispose();
    expect(() => x.buffer).toThrow('x was disposed.');
    // The caller's buffer still works.
    const again = Tensor.fromBuffer(context, buffer, [6]);
    expect(await again.read()).toEqual(new Float32Array([1, 2, 3, 4, 5, 6]));
    buffer.destroy();
  });

  test('a buffer that is too small', async () => {
    const device = await testDevice();
    const context = await testContext();
    const buffer = device.createBuffer({ size: 20, usage: STORAGE });
    expect(() =>
      Tensor.fromBuffer(context, buffer, [2, 3], 'f32', 'x'),
    ).toThrowErrorMatchingInlineSnapshot(
      `[DptError: Tensor.fromBuffer: x [2, 3] f32 needs 24 bytes, the buffer has 20.]`,
    );
    expect(Tensor.fromBuffer(context, buffer, [5]).size).toBe(5);
    expect(() => Tensor.fromBuffer(context, buffer, [-1])).toThrow('sides are whole numbers ≥ 0');
    buffer.destroy();
  });

  test('a buffer without the usage that reading or writing needs', async () => {
    const device = await testDevice();
    const context = await testContext();
    const buffer = device.createBuffer({ size: 16, usage: 0x80 }); // STORAGE alone
    const x = Tensor.fromBuffer(context, buffer, [4], 'f32', 'frame');
    await expect(x.read()).rejects.toThrowErrorMatchingInlineSnapshot(
      `[DptError: read: the buffer of frame was made without GPUBufferUsage.COPY_SRC.]`,
    );
    expect(() => x.write(new Float32Array(4))).toThrowErrorMatchingInlineSnapshot(
      `[DptError: write: the buffer of frame was made without GPUBufferUsage.COPY_DST.]`,
    );
    // Kernels need neither.
    expect(await add(x, x).read()).toEqual(new Float32Array(4));
    buffer.destroy();
  });

  test('f16 on a device without', async () => {
    const device = await testDevice();
    const context = await testContext({ capabilities: { f16: false } });
    const buffer = device.createBuffer({ size: 16, usage: STORAGE });
    expect(() => Tensor.fromBuffer(context, buffer, [4], 'f16', 'x')).toThrow(
      'x: this device has no shader-f16.',
    );
    buffer.destroy();
  });
});

describe('dispose', () => {
  test('gives the bytes back, once', async () => {
    const context = await testContext();
    const before = bytesIn(context);
    const x = context.empty([100]);
    expect(context.memory().tensors).toBe(before.tensors + 400);
    x.dispose();
    x.dispose();
    x.reshape([10, 10]).dispose();
    expect(bytesIn(context)).toEqual(before);
  });

  test('afterwards every use is an error', async () => {
    const context = await testContext();
    const x = context.empty([2], 'f32', 'x');
    const view = x.reshape([2, 1]);
    x.dispose();
    expect(() => x.buffer).toThrowErrorMatchingInlineSnapshot(`[DptError: x was disposed.]`);
    expect(() => view.buffer).toThrow('x was disposed.');
    expect(() => x.write(new Float32Array(2))).toThrow('x was disposed.');
    await expect(x.read()).rejects.toThrow('x was disposed.');
    const before = bytesIn(context);
    expect(() => add(x, x)).toThrow('x was disposed.');
    expect(bytesIn(context)).toEqual(before);
  });

  test('a read that is under way still arrives', async () => {
    const context = await testContext();
    const x = context.tensor(new Float32Array([5]), [1]);
    const values = x.read();
    x.dispose();
    expect(await values).toEqual(new Float32Array([5]));
  });

  test('Symbol.dispose', async () => {
    const context = await testContext();
    const before = bytesIn(context);
    {
      using x = context.empty([2]);
      expect(x.size).toBe(2);
    }
    expect(bytesIn(context)).toEqual(before);
  });
});
