// safetensors: every rule of the format broken once beside a file that keeps it, names that are dangerous in JavaScript, lazy reading,
// and files that travel through the writer and back. Not covered: files above 4 GiB (the offsets are the same numbers).
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  memorySource,
  readSafetensors,
  safetensorsChunks,
  writeSafetensors,
} from '../../packages/loaders/src/index.ts';
import { expectRefused, source, values } from '../support/loaders.ts';

/** A file of this header text and data. `length` is what the prefix claims. */
function file(header: string | Uint8Array, data = new Uint8Array(0), length?: bigint): Uint8Array {
  const json = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

const f32 = (...list: number[]) => new Uint8Array(new Float32Array(list).buffer);
const entry = (dtype: string, shape: string, offsets: string) =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
const read = (bytes: Uint8Array) => readSafetensors(source(bytes, 'a.safetensors'));

describe('valid files', () => {
  test('no tensors', async () => {
    expect((await read(file('{}'))).tensors.size).toBe(0);
  });

  test('trailing spaces in the header', async () => {
    expect((await read(file('{}      '))).tensors.size).toBe(0);
  });

  test('JSON with spaces and escapes', async () => {
    const header =
      ` { "a\\u0062" : { "shape" : [ 1 ] , "data_offsets" : [ 0 , 4 ] ,\n"dtype":"F32" } } `.trimStart();
    expect(await values(await read(file(header, f32(2.5))), 'ab')).toEqual([2.5]);
  });

  test('data out of the order of the header, and at odd addresses', async () => {
    const header = `{"b":${entry('F32', '[2]', '[1,9]')},"a":${entry('U8', '[1]', '[0,1]')}}`;
    const stateDict = await read(file(header, new Uint8Array([7, ...f32(1, -2)])));
    expect(await values(stateDict, 'b')).toEqual([1, -2]);
    expect(await values(stateDict, 'a')).toEqual([7]);
  });

  test('scalars and empty tensors', async () => {
    const header = `{"s":${entry('F32', '[]', '[0,4]')},"e":${entry('F32', '[0,5]', '[4,4]')},"f":${entry('F16', '[3,0]', '[0,0]')}}`;
    const stateDict = await read(file(header, f32(9)));
    expect(await values(stateDict, 's')).toEqual([9]);
    expect(stateDict.tensors.get('e')!.shape).toEqual([0, 5]);
    expect(await values(stateDict, 'e')).toEqual([]);
  });

  test.each(['__proto__', 'constructor', 'toString', '', 'Gewicht·ä😀'])(
    'the name %j is only a name',
    async (name) => {
      const stateDict = await read(
        file(`{${JSON.stringify(name)}:${entry('F32', '[1]', '[0,4]')}}`, f32(3)),
      );
      expect([...stateDict.tensors.keys()]).toEqual([name]);
      expect(await values(stateDict, name)).toEqual([3]);
    },
  );

  test('metadata', async () => {
    const stateDict = await read(file('{"__metadata__":{"format":"pt","__proto__":"x"}}'));
    expect([...stateDict.metadata]).toEqual([
      ['format', 'pt'],
      ['__proto__', 'x'],
    ]);
  });

  test.each(['F8_E4M3', 'F8_E5M2', 'C64', 'F4'])(
    'a tensor of %s is refused only when it is asked for',
    async (dtype) => {
      const bytes = { C64: 8, F4: 1 }[dtype] ?? 2;
      const header = `{"a":${entry(dtype, dtype === 'C64' ? '[1]' : '[2]', `[0,${bytes}]`)}}`;
      const tensor = (await read(file(header, new Uint8Array(bytes)))).tensors.get('a')!;
      expect(() => tensor.dtype).toThrow(
        new RegExp(`tensor "a" is ${dtype}, which is not supported`),
      );
      await expectRefused(tensor.read(), 'unsupported', new RegExp(`${dtype}.* Convert it to F32`));
    },
  );

  test('reads nothing but the header until it is asked', async () => {
    const bytes = file(`{"a":${entry('F32', '[2]', '[0,8]')}}`, f32(1, 2));
    const inner = source(bytes);
    const reads: number[][] = [];
    const stateDict = await readSafetensors({
      ...inner,
      read: (offset, length) => {
        reads.push([offset, length]);
        return inner.read(offset, length);
      },
    });
    expect(reads.every(([offset, length]) => offset! + length! <= bytes.length - 8)).toBe(true);
    await stateDict.tensors.get('a')!.read();
    expect(reads.at(-1)).toEqual([bytes.length - 8, 8]);
  });

  test('what read returns belongs to the caller', async () => {
    const stateDict = await read(file(`{"a":${entry('F32', '[1]', '[0,4]')}}`, f32(1)));
    (await stateDict.tensors.get('a')!.read()).fill(0);
    expect(await values(stateDict, 'a')).toEqual([1]);
  });

  test('closed files and aborted reads reject', async () => {
    const stateDict = await read(file(`{"a":${entry('F32', '[1]', '[0,4]')}}`, f32(1)));
    const tensor = stateDict.tensors.get('a')!;
    await expect(tensor.read({ signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
    await stateDict.close();
    await expectRefused(tensor.read(), 'closed', /a\.safetensors: is closed/);
  });
});

describe('invalid files', () => {
  const A = (dtype: string, shape: string, offsets: string) =>
    `{"a":${entry(dtype, shape, offsets)}}`;
  const two = (a: string, b: string) =>
    `{"a":${entry('F32', '[1]', a)},"b":${entry('F32', '[1]', b)}}`;
  test.each<[what: string, bytes: Uint8Array, message: RegExp]>([
    ['0 bytes', new Uint8Array(0), /is 0 bytes; a safetensors file begins with 8 bytes/],
    ['7 bytes', new Uint8Array(7), /is 7 bytes/],
    ['length 0', file(''), /does not begin with "\{"/],
    ['length 2⁶³', file('{}', undefined, 2n ** 63n), /claims 9223372036854775808 bytes/],
    [
      'length beyond the file',
      file('{}', undefined, 3n),
      /claims 3 bytes, but the file is only 10 bytes/,
    ],
    ['length above 100 MB', file('{}', undefined, 100_000_001n), /at most 100000000 are allowed/],
    ['not UTF-8', file(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d])), /not valid UTF-8/],
    ['not JSON', file('{"a"'), /malformed: expected : at 4, found the end/],
    ['a JSON array', file('[]'), /does not begin with "\{"/],
    ['a leading space', file(' {}'), /does not begin with "\{"/],
    ['trailing NULs', file('{}\0\0'), /only spaces after the header at 2/],
    ['trailing newline', file('{}\n'), /only spaces after the header/],
    ['trailing comma', file('{"a":{},}'), /needs dtype, shape and two data_offsets/],
    [
      'an equal name',
      file(`{"a":${entry('F32', '[1]', '[0,4]')},"a":${entry('F32', '[1]', '[0,4]')}}`, f32(1)),
      /the name "a" occurs twice/,
    ],
    [
      'an equal empty name',
      file(`{"a":${entry('F32', '[0]', '[0,0]')},"\\u0061":${entry('F32', '[0]', '[0,0]')}}`),
      /the name "a" occurs twice/,
    ],
    [
      'an equal field',
      file('{"a":{"dtype":"F32","dtype":"F32","shape":[],"data_offsets":[0,4]}}', f32(1)),
      /unknown or repeated field "dtype"/,
    ],
    ['an unknown field', file('{"a":{"strides":[1]}}'), /unknown or repeated field "strides"/],
    [
      'an unknown dtype',
      file(A('F33', '[1]', '[0,4]'), f32(1)),
      /tensor "a" has the unknown dtype "F33"/,
    ],
    [
      'a negative size',
      file(A('F32', '[-1]', '[0,4]'), f32(1)),
      /a size at \d+ is -1, not a whole number/,
    ],
    ['minus zero', file(A('F32', '[-0]', '[0,0]')), /is -0, not a whole number/],
    [
      'a fraction',
      file(A('F32', '[1.5]', '[0,6]'), new Uint8Array(6)),
      /is 1\.5, not a whole number/,
    ],
    ['1.0', file(A('F32', '[1.0]', '[0,4]'), f32(1)), /is 1\.0, not a whole number/],
    ['an exponent', file(A('F32', '[1e0]', '[0,4]'), f32(1)), /is 1e0, not a whole number/],
    ['a leading zero', file(A('F32', '[01]', '[0,4]'), f32(1)), /is 01, not a whole number/],
    ['a size as text', file(A('F32', '["1"]', '[0,4]'), f32(1)), /expected a size at/],
    [
      'a size above 2⁵³',
      file(A('F32', '[9007199254740993]', '[0,4]'), f32(1)),
      /is 9007199254740993, not/,
    ],
    [
      'a product above 2⁵³',
      file(A('F32', '[1048576,1048576,1048576]', '[0,4]'), f32(1)),
      /impossible shape \[1048576, 1048576, 1048576\]/,
    ],
    ['three offsets', file(A('F32', '[1]', '[0,4,4]'), f32(1)), /two data_offsets/],
    ['begin after end', file(A('F32', '[1]', '[4,0]'), f32(1)), /begins at 4, after its end at 0/],
    [
      'too few bytes for the shape',
      file(A('F32', '[2]', '[0,4]'), f32(1)),
      /F32 \[2\], which takes 8 bytes, but 4 are given/,
    ],
    ['half a byte', file(A('F4', '[3]', '[0,1]'), new Uint8Array(1)), /takes 1\.5 bytes, but 1/],
    [
      'an overlap',
      file(two('[0,4]', '[0,4]'), f32(1, 2)),
      /tensor "b" begins at 0, expected 4: an overlap/,
    ],
    [
      'a hole',
      file(two('[0,4]', '[8,12]'), f32(1, 2, 3)),
      /tensor "b" begins at 8, expected 4: a hole/,
    ],
    ['a hole at the start', file(A('F32', '[1]', '[4,8]'), f32(1, 2)), /begins at 4, expected 0/],
    [
      'a trailing byte',
      file(A('F32', '[1]', '[0,4]'), new Uint8Array(5)),
      /1 bytes follow the last tensor/,
    ],
    ['trailing bytes without tensors', file('{}', f32(1)), /4 bytes follow the last tensor/],
    [
      'a number in __metadata__',
      file('{"__metadata__":{"a":1}}'),
      /expected the metadata value of "a" in quotes/,
    ],
    [
      '__metadata__ twice',
      file('{"__metadata__":{},"__metadata__":{}}'),
      /"__metadata__" occurs twice/,
    ],
    [
      'half a surrogate pair',
      file(`{"\\ud800":${entry('F32', '[0]', '[0,0]')}}`),
      /not well-formed text/,
    ],
  ])('%s', async (_, bytes, message) => {
    await expectRefused(read(bytes), 'corrupt', message);
  });

  test('data that is cut short', async () => {
    const bytes = file(A('F32', '[2]', '[0,8]'), f32(1));
    await expectRefused(
      read(bytes),
      'short-read',
      /its tensors take 8 bytes, but only 4 follow the header\. It is cut short/,
    );
  });

  test('the message', async () => {
    await expect(
      read(file(two('[0,4]', '[8,12]'), f32(1, 2, 3))),
    ).rejects.toThrowErrorMatchingInlineSnapshot(
      `[CheckpointError: a.safetensors: tensor "b" begins at 8, expected 4: a hole before it. It is not a valid safetensors file: copy or download it again.]`,
    );
  });

  test('any bytes give an error or a state dict', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme' }),
        fc.uint8Array({ maxLength: 40 }),
        async (header, data) => {
          await read(file(`{${header}}`, data)).catch((error: Error) =>
            expect(error.name).toBe('CheckpointError'),
          );
        },
      ),
    );
  });

  test('any flipped byte gives an error or other tensors, never a crash', async () => {
    const valid = file(two('[0,4]', '[4,8]'), f32(1, 2));
    await fc.assert(
      fc.asyncProperty(fc.nat(valid.length - 1), fc.nat(255), async (at, byte) => {
        const bytes = valid.slice();
        bytes[at] = byte;
        await read(bytes)
          .then((stateDict) =>
            Promise.all([...stateDict.tensors.values()].map((tensor) => tensor.read())),
          )
          .catch((error: Error) => expect(error.name).toBe('CheckpointError'));
      }),
    );
  });
});

describe('the writer', () => {
  const tensors = new Map([
    ['b', { dtype: 'u8' as const, shape: [3], data: new Uint8Array([1, 2, 3]) }],
    ['a', { dtype: 'f32' as const, shape: [2, 1], data: new Float32Array([1.5, -2]) }],
    ['c', { dtype: 'f16' as const, shape: [], data: new Uint16Array([0x3c00]) }],
  ]);

  test('lays wide elements first, so that every tensor is aligned', () => {
    const bytes = writeSafetensors(tensors, new Map([['format', 'pt']]));
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect((8 + length) % 8).toBe(0);
    expect(new TextDecoder().decode(bytes.subarray(8, 8 + length)).trimEnd()).toMatchInlineSnapshot(
      `"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"c":{"dtype":"F16","shape":[],"data_offsets":[8,10]},"b":{"dtype":"U8","shape":[3],"data_offsets":[10,13]}}"`,
    );
  });

  test('the same tensors in another order give the same bytes', () => {
    expect(writeSafetensors(new Map([...tensors].reverse()))).toEqual(writeSafetensors(tensors));
  });

  test('chunks are the same file', async () => {
    const stateDict = await readSafetensors(memorySource(writeSafetensors(tensors)));
    const chunks: Uint8Array[] = [];
    for await (const chunk of safetensorsChunks(stateDict.tensors)) chunks.push(chunk);
    expect(chunks).toHaveLength(4);
    expect(new Uint8Array(Buffer.concat(chunks))).toEqual(writeSafetensors(tensors));
  });

  test.each([
    [
      'a shape that does not fit',
      'a',
      { dtype: 'f32' as const, shape: [3], data: new Float32Array(2) },
      /f32 \[3\], which takes 12 bytes, but its data is 8/,
    ],
    [
      'a negative size',
      'a',
      { dtype: 'f32' as const, shape: [-1], data: new Float32Array(0) },
      /impossible shape \[-1\]/,
    ],
    [
      'the reserved name',
      '__metadata__',
      { dtype: 'f32' as const, shape: [0], data: new Float32Array(0) },
      /no tensor can be named "__metadata__"/,
    ],
    [
      'a name that is no text',
      '\ud800',
      { dtype: 'f32' as const, shape: [0], data: new Float32Array(0) },
      /not well-formed/,
    ],
  ])('refuses %s', (_, name, tensor, message) => {
    expect(() => writeSafetensors(new Map([[name, tensor]]))).toThrow(message);
  });

  test('everything that is written is read back', async () => {
    const name = fc.string({ unit: 'grapheme' }).filter((text) => text !== '__metadata__');
    const shape = fc.array(fc.nat(4), { maxLength: 4 });
    const tensor = fc.record({
      dtype: fc.constantFrom(
        'f64',
        'f32',
        'f16',
        'bf16',
        'i64',
        'u64',
        'i32',
        'u32',
        'i16',
        'u16',
        'i8',
        'u8',
        'bool',
      ),
      shape,
    });
    const sizes: Record<string, number> = {
      f64: 8,
      i64: 8,
      u64: 8,
      f32: 4,
      i32: 4,
      u32: 4,
      f16: 2,
      bf16: 2,
      i16: 2,
      u16: 2,
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(name, tensor), { maxLength: 6 }),
        fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' })), {
          maxLength: 3,
        }),
        async (list, metadata) => {
          const written = new Map(
            list.map(([key, { dtype, shape }], i) => {
              const bytes =
                (sizes[dtype] ?? 1) * shape.reduce((product, size) => product * size, 1);
              return [key, { dtype, shape, data: new Uint8Array(bytes).fill(i + 1) }];
            }),
          );
          const stateDict = await read(writeSafetensors(written, new Map(metadata)));
          expect(stateDict.metadata).toEqual(new Map(metadata));
          expect(new Set(stateDict.tensors.keys())).toEqual(new Set(written.keys()));
          for (const [key, { dtype, shape, data }] of written) {
            const found = stateDict.tensors.get(key)!;
            expect([found.dtype, found.shape]).toEqual([dtype, shape]);
            expect(await found.read()).toEqual(data);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
