// Depth maps as files: npy (read back by our own reader and by npyjs), pfm byte by byte, PNG of 8 and 16 bits (read back by pngjs), and
// writing that leaves a whole file or none.
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { parse } from 'npyjs';
import { PNG } from 'pngjs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  decodeNpy,
  encodeNpy,
  encodePfm,
  memorySource,
  readSafetensors,
  writeSafetensors,
} from '../../packages/loaders/src/index.ts';
import {
  encodePng8,
  encodePng16,
  openCheckpointFile,
  writeFileAtomic,
  writeSafetensorsFile,
} from '../../packages/loaders/src/node.ts';

describe('npy', () => {
  test.each([[[]], [[3]], [[2, 3]], [[1, 2, 3, 4]], [[0, 5]]])('shape %j', (shape) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const data = Float32Array.from({ length: count }, (_, i) => i / 3 - 1);
    const bytes = encodeNpy(data, shape);
    expect(decodeNpy(bytes)).toEqual({ data, shape });
    const oracle = parse(bytes.buffer as ArrayBuffer);
    expect([oracle.dtype, [...(oracle.data as Float32Array)], oracle.fortranOrder]).toEqual([
      'f4',
      [...data],
      false,
    ]);
    expect(oracle.shape.filter((size) => !Number.isNaN(size))).toEqual(shape);
  });

  test('the header, and data at a multiple of 64', () => {
    const bytes = encodeNpy(new Float32Array(6), [2, 3]);
    expect(bytes.length).toBe(128 + 24);
    expect(Buffer.from(bytes.subarray(0, 10)).toString('hex')).toBe('934e554d505901007600');
    expect(Buffer.from(bytes.subarray(10, 128)).toString('latin1')).toBe(
      `${"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }".padEnd(117)}\n`,
    );
  });

  test('floats keep their bits', () => {
    const data = new Float32Array([Number.NaN, Number.POSITIVE_INFINITY, -0, 1e-40]);
    expect(decodeNpy(encodeNpy(data, [4])).data).toEqual(data);
  });

  const file = (header: string, data: Uint8Array, version = 1) =>
    new Uint8Array([
      ...Buffer.from(`\x93NUMPY${String.fromCharCode(version)}\0`, 'latin1'),
      header.length % 256,
      header.length >> 8,
      ...(version === 1 ? [] : [0, 0]),
      ...Buffer.from(header),
      ...data,
    ]);
  const header = (descr: string, shape: string, order = 'False') =>
    `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;

  test.each([
    ['|u1', Uint8Array, 1],
    ['<u2', Uint16Array, 1],
    ['<i4', Int32Array, 2],
    ['<f8', Float64Array, 3],
  ] as const)('elements of %s, at an odd address', (descr, NpyArray, version) => {
    const data = new NpyArray([1, 2, 3]);
    expect(decodeNpy(file(header(descr, '(3,)'), new Uint8Array(data.buffer), version))).toEqual({
      data,
      shape: [3],
    });
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['something else', new Uint8Array(20), /d\.npy: is not an \.npy file/],
    ['nothing', new Uint8Array(0), /is not an \.npy file/],
    ['version 9', file(header('<f4', '(1,)'), new Uint8Array(4), 9), /unknown \.npy version 9/],
    ['a cut header', file(header('<f4', '(1,)'), new Uint8Array(4)).slice(0, 30), /is cut short/],
    [
      'cut data',
      file(header('<f4', '(2,)'), new Uint8Array(4)),
      /holds 4 bytes of data; \[2\] of <f4 takes 8/,
    ],
    [
      'a huge shape',
      file(header('<f4', '(99999999999, 99999999999)'), new Uint8Array(4)),
      /of <f4 takes 3\.99/,
    ],
    [
      'Python objects',
      file(header('|O', '(1,)'), new Uint8Array(4)),
      /elements of type \|O; read are <f4/,
    ],
    ['big-endian floats', file(header('>f4', '(1,)'), new Uint8Array(4)), /elements of type >f4/],
    [
      'Fortran order',
      file(header('<f4', '(1, 1)', 'True'), new Uint8Array(4)),
      /Fortran order; save numpy\.ascontiguousarray/,
    ],
    ['no header', file('{}', new Uint8Array(4)), /malformed \.npy header/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeNpy(bytes, 'd.npy')).toThrow(message);
  });

  test('refuses to write a shape that does not fit', () => {
    expect(() => encodeNpy(new Float32Array(5), [2, 3])).toThrow(
      'encodeNpy: [2, 3] takes 6 values, but 5 were given.',
    );
    expect(() => encodeNpy(new Float32Array(6), [-2, -3])).toThrow(/encodeNpy: \[-2, -3\]/);
  });
});

test('pfm: rows from the bottom up, little-endian', () => {
  const bytes = encodePfm(new Float32Array([1, 2, 3, 4, 5, 6]), 3, 2);
  const text = 'Pf\n3 2\n-1.0\n';
  expect(new TextDecoder().decode(bytes.subarray(0, text.length))).toBe(text);
  expect([...new Float32Array(bytes.slice(text.length).buffer)]).toEqual([4, 5, 6, 1, 2, 3]);
  expect(() => encodePfm(new Float32Array(5), 3, 2)).toThrow(
    'encodePfm: [2, 3] takes 6 values, but 5 were given.',
  );
});

describe('png', () => {
  test('16 bits keep every value', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const png = PNG.sync.read(Buffer.from(encodePng16(all, 256, 256)), { skipRescale: true });
    expect([png.width, png.height]).toEqual([256, 256]);
    const read = png.data as unknown as Uint16Array;
    expect(all.every((value, i) => read[4 * i] === value)).toBe(true);
  });

  test('16 bits from a view into a larger array', () => {
    const view = Uint16Array.from([9, 9, 1, 500]).subarray(2);
    const png = PNG.sync.read(Buffer.from(encodePng16(view, 2, 1)), { skipRescale: true });
    expect([png.data[0], png.data[4]]).toEqual([1, 500]);
  });

  test.each([1, 3, 4])('8 bits, %i per pixel', (channels) => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        fc.infiniteStream(fc.nat(255)),
        (width, height, numbers) => {
          const data = Uint8Array.from(numbers.take(width * height * channels));
          const png = PNG.sync.read(Buffer.from(encodePng8(data, width, height)));
          for (let i = 0; i < width * height; i++) {
            const pixel = data.subarray(i * channels, (i + 1) * channels);
            const [r, g, b, a] =
              channels === 1 ? [pixel[0], pixel[0], pixel[0], 255] : [...pixel, 255];
            expect([...png.data.subarray(4 * i, 4 * i + 4)]).toEqual([r, g, b, a]);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  test('sizes that do not fit', () => {
    expect(() => encodePng16(new Uint16Array(5), 2, 3)).toThrow(
      'encodePng16: 2×3 pixels take 6 values, but 5 were given.',
    );
    expect(() => encodePng8(new Uint8Array(5), 2, 3)).toThrow(
      'encodePng8: 2×3 pixels take 6 or 18 or 24 values, but 5 were given.',
    );
    expect(() => encodePng8(new Uint8Array(0), 0, 0)).toThrow(/encodePng8: 0×0/);
  });
});

describe('files', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'depth_files_'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('are written whole, over an older one', async () => {
    const path = join(folder, 'a b\nü.npy');
    await writeFileAtomic(path, new Uint8Array([1, 2, 3]));
    await writeFileAtomic(path, new Uint8Array([4]));
    expect([...(await readFile(path))]).toEqual([4]);
    expect(await readdir(folder)).toEqual(['a b\nü.npy']);
  });

  test('that cannot be written leave nothing behind', async () => {
    await expect(writeFileAtomic(join(folder, 'none', 'a'), new Uint8Array(1))).rejects.toThrow(
      /ENOENT/,
    );
    await writeFile(join(folder, 'old'), 'old');
    const path = join(folder, 'old', 'a');
    await expect(writeFileAtomic(path, new Uint8Array(1))).rejects.toThrow();
    // A folder of that name: the rename fails, after everything was written.
    await expect(writeFileAtomic(folder, new Uint8Array(1))).rejects.toThrow();
    expect(await readdir(folder)).toEqual(['old']);
  });

  test('of safetensors are streamed, and vanish when a tensor cannot be read', async () => {
    const path = join(folder, 'model.safetensors');
    const tensors = new Map([
      ['a', { dtype: 'f32' as const, shape: [2], data: new Float32Array([1, 2]) }],
    ]);
    const stateDict = await readSafetensors(memorySource(writeSafetensors(tensors)));
    await writeSafetensorsFile(path, stateDict.tensors, new Map([['format', 'pt']]));
    const copy = await openCheckpointFile(path);
    expect(copy.metadata.get('format')).toBe('pt');
    expect(await copy.tensors.get('a')!.read()).toEqual(await stateDict.tensors.get('a')!.read());
    await copy.close();

    const before = await readFile(path);
    const failing = new Map([
      ['a', { ...stateDict.tensors.get('a')!, read: () => Promise.reject(new Error('gone')) }],
    ]);
    await expect(writeSafetensorsFile(path, failing)).rejects.toThrow('gone');
    expect(await readFile(path)).toEqual(before);
    expect(await readdir(folder)).toEqual(['model.safetensors']);
  });

  test.skipIf(process.getuid?.() === 0)('in a folder without permission', async () => {
    await chmod(folder, 0o500);
    await expect(writeFileAtomic(join(folder, 'a'), new Uint8Array(1))).rejects.toThrow(/EACCES/);
    await chmod(folder, 0o700);
  });
});
