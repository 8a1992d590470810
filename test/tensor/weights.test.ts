// weights: scopes, shapes, parts and constants; loading with permute, f16, q8 and progress; everything that can be wrong with a file:
// keys and shapes all together, values, lengths, reads that fail; aborts and disposal in the middle; loading twice.
import { describe, expect, test } from 'vitest';
import { Context } from '../../packages/tensor/src/context.ts';
import { f16FromArray } from '../../packages/tensor/src/dtype.ts';
import type { StateDict, StoredDtype, StoredTensor } from '../../packages/tensor/src/state_dict.ts';
import { StateDictError } from '../../packages/tensor/src/state_dict_error.ts';
import { Weights } from '../../packages/tensor/src/weights.ts';
import { testContext } from '../support/tensors.ts';

type Entry = Partial<StoredTensor> & {
  readonly shape: readonly number[];
  values?: ArrayLike<number>;
};

/** A file with these tensors: f32 that count up, where nothing else is said. */
function stateDict(entries: Readonly<Record<string, Entry>>, name = 'small.pth'): StateDict {
  const tensors = Object.entries(entries).map(([key, entry]) => {
    const size = entry.shape.reduce((a, b) => a * b, 1);
    const values = Float32Array.from(entry.values ?? { length: size }, (v, i) => v ?? i);
    const read = async (): Promise<Uint8Array> => new Uint8Array(values.buffer);
    return [key, { dtype: 'f32' as StoredDtype, read, ...entry }] as const;
  });
  return { name, metadata: new Map(), tensors: new Map(tensors), close: async () => {} };
}

async function loaded(file: StateDict, shape: readonly number[], spec = {}, context?: Context) {
  const weights = new Weights(context ?? (await testContext()), file);
  const tensor = weights.tensor('w', shape, spec);
  await weights.load();
  return tensor;
}

describe('q8', () => {
  const matrix = { shape: [4, 3], values: [1, -2, 3, 10, 20, 127, 0, 0, 0, -1, 0.5, 0.25] };
  const file = stateDict({
    w: matrix,
    other: matrix,
    odd: { shape: [3, 4] },
    bias: { shape: [4] },
  });

  test('matrices of linear maps become int8 with scales, everything else f32', async () => {
    const context = await testContext();
    const weights = new Weights(context, file, { dtype: 'q8' });
    const spec = { permute: [1, 0], quantisable: true };
    const w = weights.tensor('w', [4, 3], spec); // [3, 4]
    const other = weights.tensor('other', [4, 3], { permute: [1, 0] });
    const odd = weights.tensor('odd', [3, 4], spec); // [4, 3]: rows are no whole words
    const bias = weights.tensor('bias', [4]);
    expect([w, other, odd, bias].map(({ dtype }) => dtype)).toEqual(['q8', 'f32', 'f32', 'f32']);
    expect(weights.bytes).toBe(12 + 16 + 48 + 48 + 16);
    expect(weights.buffers).toBe(5);
    expect([weights.dtype, weights.linearDtype]).toEqual(['f32', 'q8']);

    await weights.load();
    expect(context.memory().weights).toBe(weights.bytes);
    expect([...new Int8Array((await w.readBytes()).buffer)]).toEqual([
      ...[42, 10, 0, -127],
      ...[-85, 20, 0, 64],
      ...[127, 127, 0, 32],
    ]);
    const steps = [3, 127, 0, 1].map((largest) => Math.fround(largest / 127));
    expect([...(await w.scales!.read())]).toEqual(steps);
    weights.dispose();
    expect(context.memory().weights).toBe(0);
  });

  test('constants and tensors that ask for a type are not touched', async () => {
    const weights = new Weights(await testContext(), file, { dtype: 'q8' });
    expect(weights.constant('max_depth', Float32Array.of(20), [1]).dtype).toBe('f32');
    const w = weights.tensor('w', [4, 3], { permute: [1, 0], quantisable: true, dtype: 'f32' });
    expect(w.dtype).toBe('f32');
    weights.dispose();
  });
});

describe('declaring', () => {
  const context = Context.planning();
  const file = stateDict({ 'blocks.3.norm.bias': { shape: [4] } });

  test('scopes are parts of keys', () => {
    const weights = new Weights(context, file);
    const norm = weights.at('blocks').at(3).at('norm');
    expect(norm.has('bias')).toBe(true);
    expect(norm.has('weight')).toBe(false);
    expect(weights.has('bias')).toBe(false);
    expect(norm.tensor('bias', [4]).name).toBe('blocks.3.norm.bias');
  });

  test('bytes and the largest binding are known before anything is read', () => {
    const weights = new Weights(context, file, { dtype: 'f16' });
    weights.tensor('a', [3, 5]);
    weights.tensor('b', [2, 1], { dtype: 'f32' });
    // A bias or a scale, which stays f32.
    weights.tensor('c', [3]);
    expect(weights.bytes).toBe(32 + 8 + 12);
    expect(weights.largestBinding).toBe(32);
    expect(new Weights(context, file).largestBinding).toBe(0);
  });

  test('the shape is that after permute', () => {
    const weights = new Weights(context, file);
    expect(weights.tensor('conv', [8, 3, 2, 2], { permute: [2, 3, 1, 0] }).shape).toEqual([
      2, 2, 3, 8,
    ]);
  });

  test('twice is an error, and so is u32', () => {
    const weights = new Weights(context, file);
    weights.at('norm').tensor('bias', [4]);
    expect(() => weights.tensor('norm.bias', [4])).toThrowErrorMatchingInlineSnapshot(
      `[DptError: weights: norm.bias is declared twice.]`,
    );
    expect(() => weights.tensor('table', [4], { dtype: 'u32' })).toThrowErrorMatchingInlineSnapshot(
      `[DptError: weights: table cannot be u32; weights are f32 or f16.]`,
    );
  });

  test('f16 on a device without', async () => {
    const weights = new Weights(await testContext({ capabilities: { f16: false } }), file);
    expect(() => weights.tensor('w', [4], { dtype: 'f16' })).toThrowErrorMatchingInlineSnapshot(
      `[DptError: weights: this device has no shader-f16, so they cannot be f16. Use f32.]`,
    );
  });

  test('parts that do not divide', () => {
    const weights = new Weights(context, file);
    expect(() =>
      weights.tensor('w', [2, 5], { part: { at: 0, of: 2, axis: 1 } }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[DptError: weights: axis 1 of w is 5 long, which does not divide into 2 parts.]`,
    );
  });

  test('a part twice, one that is not there, and one of another number of parts', () => {
    const weights = new Weights(context, file);
    const part = (at: number, of: number) =>
      weights.tensor('w', [12], { part: { at, of, axis: 0 } });
    part(1, 3);
    expect(part(0, 3).shape).toEqual([4]);
    for (const [at, of] of [
      [1, 3],
      [3, 3],
      [1, 2],
    ] as const) {
      expect(() => part(at, of)).toThrow('weights: w is declared twice.');
    }
  });

  test('into how many parts', async () => {
    const of = (shape: number[], axis: number, maxStorageBinding: number, dtype?: 'f16' | 'q8') =>
      new Weights(Context.planning({ maxStorageBinding }), file, dtype && { dtype }).partsFor(
        shape,
        axis,
      );
    expect(of([8, 16], 1, 512)).toBe(1);
    expect(of([8, 16], 1, 508)).toBe(2);
    expect(of([8, 16], 1, 508, 'f16')).toBe(1);
    expect(of([8, 16], 1, 508, 'q8')).toBe(2);
    // 3 parts of 24 are 8; 5 would not be multiples of four, 6 are.
    expect([of([8, 24], 1, 256), of([8, 24], 1, 160)]).toEqual([3, 6]);
    // Nothing is left that could be cut.
    expect([of([8, 6], 1, 100), of([8, 16], 1, 4)]).toEqual([1, 1]);
    // A device that allows more is not asked: what was planned is what runs.
    expect(of([2 ** 13, 2 ** 13], 0, 2 ** 30)).toBe(2);
  });

  test('there is no data before load', async () => {
    const weights = new Weights(await testContext(), file);
    expect(() => weights.tensor('w', [4]).buffer).toThrowErrorMatchingInlineSnapshot(
      `[DptError: w has no data yet: await weights.load() first.]`,
    );
  });
});

describe('what a file and a model disagree in', () => {
  function model(weights: Weights): void {
    weights.tensor('norm.weight', [4]);
    weights.tensor('norm.bias', [4]);
    weights.tensor('pos', [1, 5, 4]);
    weights.tensor('fc.weight', [2, 4], { permute: [1, 0] });
  }
  const good = {
    'norm.weight': { shape: [4] },
    'norm.bias': { shape: [4] },
    pos: { shape: [1, 5, 4] },
    'fc.weight': { shape: [2, 4] },
  };

  test('nothing', async () => {
    const weights = new Weights(await testContext(), stateDict(good));
    model(weights);
    expect(() => weights.check()).not.toThrow();
  });

  test('is reported together', async () => {
    const context = await testContext();
    const weights = new Weights(
      context,
      stateDict({
        'norm.weight': { shape: [4] },
        pos: { shape: [1, 6, 4] },
        'fc.weight': { shape: [4, 2] },
        register_tokens: { shape: [1] },
      }),
      { title: 'depth_anything_v2 (vits)' },
    );
    model(weights);
    const error = await weights.load().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StateDictError);
    expect(error).toMatchObject({
      missing: ['norm.bias'],
      unused: ['register_tokens'],
      misshapen: ['pos', 'fc.weight'],
    });
    expect((error as Error).message).toMatchInlineSnapshot(`
      "small.pth: 1 key missing, 1 unused, 2 misshapen for depth_anything_v2 (vits):
        missing    norm.bias
        unused     register_tokens
        misshapen  pos             is [1, 6, 4], expected [1, 5, 4]
        misshapen  fc.weight       is [4, 2], expected [2, 4]"
    `);
    expect(context.memory().total).toBe(0);
  });

  test('under the names of the file, where keys were renamed', () => {
    const origins = new Map([
      ['norm.bias', 'pretrained.norm.bias'],
      ['pos', 'pretrained.pos_embed'],
      ['extra', 'pretrained.extra'],
    ]);
    const weights = new Weights(
      Context.planning(),
      stateDict({ ...good, pos: { shape: [1, 6, 4] }, extra: { shape: [1] } }),
      { originOf: (key) => origins.get(key) },
    );
    model(weights);
    weights.tensor('norm.gamma', [4]);
    expect(() => weights.check()).toThrowErrorMatchingInlineSnapshot(`
      [StateDictError: small.pth: 1 key missing, 1 unused, 1 misshapen for this model:
        missing    norm.gamma
        unused     pretrained.extra
        misshapen  pretrained.pos_embed is [1, 6, 4], expected [1, 5, 4]]
    `);
  });

  test('is cut after forty lines', () => {
    const weights = new Weights(Context.planning(), stateDict({}));
    for (let i = 0; i < 43; i++) weights.tensor(`w${i}`, [1]);
    expect(() => weights.check()).toThrow(/^small\.pth: 43 keys missing.*w39\n {2}… and 3 more$/s);
  });

  test('can be mended and loaded again, as nothing was read', async () => {
    const weights = new Weights(await testContext(), stateDict(good));
    await expect(weights.load()).rejects.toThrow('4 unused');
    model(weights);
    await weights.load();
    weights.dispose();
  });
});

describe('loading', () => {
  test('permutes', async () => {
    const file = stateDict({ w: { shape: [2, 3] } });
    expect(await (await loaded(file, [2, 3])).read()).toEqual(new Float32Array([0, 1, 2, 3, 4, 5]));
    const turned = await loaded(file, [2, 3], { permute: [1, 0] });
    expect(turned.shape).toEqual([3, 2]);
    expect(await turned.read()).toEqual(new Float32Array([0, 3, 1, 4, 2, 5]));
  });

  test('f16 to f32 and back, odd counts', async () => {
    const half = f16FromArray(new Float32Array([1, -2.5, 2 ** -24]));
    const file = stateDict({
      w: { shape: [3], dtype: 'f16', read: async () => new Uint8Array(half.buffer) },
    });
    expect(await (await loaded(file, [3])).read()).toEqual(new Float32Array([1, -2.5, 2 ** -24]));
    const context = await testContext({ capabilities: { f16: true } });
    const tensor = await loaded(file, [3], { dtype: 'f16' }, context);
    expect(tensor.dtype).toBe('f16');
    expect(context.memory().weights).toBe(8);
    expect(new Uint16Array((await tensor.readBytes()).buffer)).toEqual(half);
  });

  test('bytes at an odd place in a Buffer of Node', async () => {
    const memory = Buffer.alloc(13);
    memory.writeFloatLE(1.5, 5);
    memory.writeFloatLE(-3, 9);
    const file = stateDict({ w: { shape: [2], read: async () => memory.subarray(5, 13) } });
    expect(await (await loaded(file, [2])).read()).toEqual(new Float32Array([1.5, -3]));
  });

  test('equal parts of one', async () => {
    const context = await testContext();
    const weights = new Weights(
      context,
      stateDict({ v: { shape: [2, 2, 4] }, w: { shape: [2, 4] } }),
    );
    const part = (at: number) =>
      weights.tensor('w', [2, 4], { permute: [1, 0], part: { at, of: 2, axis: 1 } });
    const [second, first] = [part(1), part(0)];
    const middle = weights.tensor('v', [2, 2, 4], { part: { at: 1, of: 2, axis: 1 } });
    await weights.load();
    expect(first.shape).toEqual([2, 2]);
    expect(await first.read()).toEqual(new Float32Array([0, 4, 1, 5]));
    expect(await second.read()).toEqual(new Float32Array([2, 6, 3, 7]));
    expect(middle.shape).toEqual([2, 1, 4]);
    expect(await middle.read()).toEqual(new Float32Array([4, 5, 6, 7, 12, 13, 14, 15]));
    weights.dispose();
    expect(context.memory().weights).toBe(0);
  });

  test('a scalar and nothing', async () => {
    const file = stateDict({ w: { shape: [], values: [7] } });
    expect(await (await loaded(file, [])).read()).toEqual(new Float32Array([7]));
    expect(await (await loaded(stateDict({ w: { shape: [0, 3] } }), [0, 3])).read()).toEqual(
      new Float32Array(0),
    );
  });

  test('progress goes up to the total', async () => {
    const weights = new Weights(
      await testContext(),
      stateDict({ a: { shape: [3] }, b: { shape: [5, 2] }, c: { shape: [1] } }),
    );
    weights.tensor('a', [3]);
    weights.tensor('b', [5, 2]);
    weights.tensor('c', [1]);
    const seen: number[][] = [];
    await weights.load({ onProgress: (done, total) => seen.push([done, total]) });
    expect(seen).toEqual([
      [12, 56],
      [52, 56],
      [56, 56],
    ]);
  });

  test('constants are not in the file and go with the weights', async () => {
    const context = await testContext();
    const weights = new Weights(context, stateDict({}));
    const range = weights.at('head').constant('max_depth', new Float32Array([80]), [1]);
    await weights.load();
    expect(range.name).toBe('head.max_depth');
    expect(await range.read()).toEqual(new Float32Array([80]));
    weights.dispose();
    weights.dispose();
    expect(context.memory().weights + context.memory().tensors).toBe(0);
    expect(() => range.buffer).toThrow('head.max_depth was disposed.');
  });

  test('a weight larger than a binding may be is refused before anything is read', async () => {
    const context = await testContext({ capabilities: { maxStorageBinding: 2 ** 20 } });
    const reads: string[] = [];
    const file = stateDict({
      w: {
        shape: [2 ** 19],
        read: async () => {
          reads.push('w');
          return new Uint8Array();
        },
      },
    });
    await expect(loaded(file, [2 ** 19], {}, context)).rejects.toThrowErrorMatchingInlineSnapshot(
      `[DptError: w needs a 2.0 MiB storage binding; this device allows 1.0 MiB. Request maxStorageBufferBindingSize and maxBufferSize (see deviceRequest()), or use a smaller size.]`,
    );
    expect(reads).toEqual([]);
  });
});

describe('a file that is damaged', () => {
  const two = { 'fc.bias': { shape: [2] }, 'fc.weight': { shape: [2] } };
  async function failing(entry: Entry, options = {}, spec = {}) {
    const context = await testContext({ capabilities: { f16: true } });
    const weights = new Weights(context, stateDict({ ...two, 'fc.weight': entry }), options);
    weights.at('fc').tensor('bias', [2]);
    const weight = weights.at('fc').tensor('weight', [2], spec);
    const range = weights.constant('range', new Float32Array([1]), [1]);
    const error = await weights.load().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    // What was uploaded before is freed as well.
    if (error) {
      expect(context.memory().total).toBe(0);
      expect(() => weight.buffer).toThrow('fc.weight was disposed.');
      expect(() => range.buffer).toThrow('was disposed');
    }
    return error;
  }

  test('values that are none name the key and the file', async () => {
    const values = [Number.NaN, 1];
    expect(await failing({ shape: [2], values })).toMatchInlineSnapshot(
      `[StateDictError: small.pth: fc.weight holds 1 values that are NaN or infinite (of 2). The file is damaged or its training diverged; every depth would be meaningless.]`,
    );
    const renamed = await failing(
      { shape: [2], values: [Infinity, -Infinity] },
      { originOf: (key: string) => `pretrained.${key}` },
    );
    expect((renamed as Error).message).toMatch(
      'small.pth: pretrained.fc.weight holds 2 values that are NaN or infinite (of 2).',
    );
    expect(await failing({ shape: [2], values: [3e38, -3e38] })).toBeUndefined();
  });

  test('values that f16 cannot store', async () => {
    const values = [65519, 65520];
    expect(await failing({ shape: [2], values }, {}, { dtype: 'f16' })).toMatchInlineSnapshot(
      `[StateDictError: small.pth: fc.weight holds 1 values that f16 cannot store (beyond ±65504). Use dtype f32.]`,
    );
    expect(
      await failing({ shape: [2], values: [65504, -65519] }, {}, { dtype: 'f16' }),
    ).toBeUndefined();
    expect(await failing({ shape: [2], values })).toBeUndefined();
  });

  test('reads that are too short or too long', async () => {
    expect(
      await failing({ shape: [2], read: async () => new Uint8Array(7) }),
    ).toMatchInlineSnapshot(
      `[StateDictError: small.pth: fc.weight [2] f32 should be 8 bytes; 7 were read.]`,
    );
    const long = await failing({ shape: [2], dtype: 'f16', read: async () => new Uint8Array(8) });
    expect((long as Error).message).toBe(
      'small.pth: fc.weight [2] f16 should be 4 bytes; 8 were read.',
    );
  });

  test('a read that fails passes its error on as it is', async () => {
    const cause = new Error('small.pth: fc.weight ends at byte 4 of 8');
    expect(await failing({ shape: [2], read: () => Promise.reject(cause) })).toBe(cause);
  });
});

describe('stopping', () => {
  const three = { a: { shape: [2] }, b: { shape: [2] }, c: { shape: [2] } };
  const declare = (weights: Weights) => Object.keys(three).map((key) => weights.tensor(key, [2]));

  test('an abort in the middle frees everything and reads no further', async () => {
    const context = await testContext();
    const controller = new AbortController();
    const reads: string[] = [];
    const read = (key: string) => async () => {
      reads.push(key);
      return new Uint8Array(8);
    };
    const weights = new Weights(
      context,
      stateDict({
        a: { shape: [2], read: read('a') },
        b: { shape: [2], read: read('b') },
        c: { shape: [2] },
      }),
    );
    declare(weights);
    const reason = new Error('another model was chosen');
    const loading = weights.load({
      signal: controller.signal,
      onProgress: (done) => done === 8 && controller.abort(reason),
    });
    await expect(loading).rejects.toBe(reason);
    expect(reads).toEqual(['a']);
    expect(context.memory().total).toBe(0);
  });

  test('reads get the signal, and an abort during one that ignores it counts', async () => {
    const context = await testContext();
    const controller = new AbortController();
    let given: AbortSignal | undefined;
    const file = stateDict({
      w: {
        shape: [2],
        read: async (options) => {
          given = options?.signal;
          controller.abort();
          return new Uint8Array(8);
        },
      },
    });
    const weights = new Weights(context, file);
    weights.tensor('w', [2]);
    await expect(weights.load({ signal: controller.signal })).rejects.toThrow(
      expect.objectContaining({ name: 'AbortError' }),
    );
    expect(given).toBe(controller.signal);
    expect(context.memory().total).toBe(0);
  });

  test('an abort before the start', async () => {
    const context = await testContext();
    const weights = new Weights(context, stateDict(three));
    declare(weights);
    await expect(weights.load({ signal: AbortSignal.abort() })).rejects.toThrow(
      expect.objectContaining({ name: 'AbortError' }),
    );
    expect(context.memory().total).toBe(0);
  });

  test('disposing in the middle ends the load', async () => {
    const context = await testContext();
    const weights = new Weights(context, stateDict(three));
    declare(weights);
    const loading = weights.load({ onProgress: () => weights.dispose() });
    await expect(loading).rejects.toThrowErrorMatchingInlineSnapshot(
      `[DptError: weights: small.pth was disposed while it was loading.]`,
    );
    expect(context.memory().total).toBe(0);
  });

  test('loading again', async () => {
    const context = await testContext();
    const weights = new Weights(context, stateDict(three));
    const [a] = declare(weights);
    const first = weights.load();
    await expect(weights.load()).rejects.toThrowErrorMatchingInlineSnapshot(
      `[DptError: weights: load() was already called for small.pth.]`,
    );
    await first;
    await expect(weights.load()).rejects.toThrow('load() was already called');
    expect(await a!.read()).toEqual(new Float32Array([0, 1]));
    expect(context.memory().weights).toBe(24);
    weights.dispose();
    expect(context.memory().weights).toBe(0);
    await expect(weights.load()).rejects.toThrowErrorMatchingInlineSnapshot(
      `[DptError: weights: those of small.pth were freed, by dispose() or by a load() that failed. Build the model anew.]`,
    );
  });
});
