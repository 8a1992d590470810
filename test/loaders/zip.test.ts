// The zip reader: layouts that PyTorch and other tools write, compared with yauzl; and files that contradict themselves, in every field
// that is checked. Not covered: real files above 4 GiB; their records are written here with small numbers and one sparse file.
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromBufferPromise } from 'yauzl';
import { crc32 } from '../../packages/loaders/src/crc32.ts';
import type { ByteSource } from '../../packages/loaders/src/index.ts';
import { fileSource } from '../../packages/loaders/src/node.ts';
import { readZipDirectory } from '../../packages/loaders/src/zip.ts';
import { ZipMember } from '../../packages/loaders/src/zip_member.ts';
import { expectRefused, source } from '../support/loaders.ts';
import type { ZipMemberSpec, ZipOptions } from '../support/write_zip.ts';
import { writeZip } from '../support/write_zip.ts';

const ramp = new Uint8Array(3000).map((_, i) => (i * i) % 253);
const zeros = new Uint8Array(5_000_000);
const members: ZipMemberSpec[] = [
  { name: 'a/data.pkl', data: ramp },
  { name: 'a/data/0', data: ramp.slice(7, 1000) },
  { name: 'a/empty', data: new Uint8Array(0) },
  { name: 'a/deflated', data: ramp, deflate: true },
  { name: 'a/größe', data: new Uint8Array([1]) },
];

async function readAll(file: ByteSource): Promise<Map<string, Uint8Array>> {
  const { entries } = await readZipDirectory(file);
  const contents = new Map<string, Uint8Array>();
  for (const [name, entry] of entries) {
    contents.set(name, await new ZipMember(file, entry, { checkCrc: true }).read(0, entry.size));
  }
  return contents;
}

const readZip = (list: readonly ZipMemberSpec[], options?: ZipOptions) =>
  readAll(source(writeZip(list, options)));
const one = (spec: Partial<ZipMemberSpec>): ZipMemberSpec[] => [
  { name: 'a/x', data: ramp, ...spec },
];

describe('valid files', () => {
  test.each<[string, ZipOptions]>([
    ['as PyTorch writes them', {}],
    ['with Zip64 records', { zip64: true }],
    ['with a comment', { comment: 'a comment' }],
    ['without padding', { alignment: 1 }],
  ])('%s', async (_, options) => {
    const bytes = writeZip(members, options);
    const found = await readAll(source(bytes));
    expect([...found]).toEqual(members.map(({ name, data }) => [name, data]));

    const oracle = await fromBufferPromise(Buffer.from(bytes));
    const seen: [string, Uint8Array][] = [];
    for await (const entry of oracle.eachEntry()) {
      const content = await buffer(await oracle.openReadStreamPromise(entry));
      seen.push([entry.fileName, new Uint8Array(content)]);
    }
    expect([...found]).toEqual(seen);
  });

  test('an end signature inside the comment is not taken for the record', async () => {
    const comment = 'PK\x05\x06 and twenty-two bytes more, at least';
    expect((await readZip(one({}), { comment })).get('a/x')).toEqual(ramp);
  });

  test('parts of a member, stored and deflated, in any order', async () => {
    const file = source(writeZip(members));
    const { entries } = await readZipDirectory(file);
    for (const name of ['a/data.pkl', 'a/deflated']) {
      const member = new ZipMember(file, entries.get(name)!, { checkCrc: true });
      for (const [offset, length] of [
        [100, 50],
        [0, 1],
        [2999, 1],
        [5, 0],
        [0, 3000],
      ] as const) {
        expect(await member.read(offset, length)).toEqual(ramp.slice(offset, offset + length));
      }
      await expectRefused(
        member.read(2990, 20),
        'corrupt',
        /has 3000 bytes, but bytes 2990 to 3010 are needed/,
      );
    }
  });

  test('sizes in a local header mean nothing when they follow the data', async () => {
    expect((await readZip(one({ local: { size: 77, compressedSize: 99 } }))).get('a/x')).toEqual(
      ramp,
    );
  });

  test('a small member of zeros may be deflated a thousandfold', async () => {
    expect(
      (await readZip(one({ data: zeros.subarray(0, 2 ** 20), deflate: true }))).get('a/x'),
    ).toHaveLength(2 ** 20);
  });
});

describe('files with something wrong', () => {
  test.each<
    [
      what: string,
      bytes: () => Uint8Array,
      code: 'corrupt' | 'unsafe' | 'short-read',
      message: RegExp,
    ]
  >([
    [
      'shorter than an end record',
      () => new Uint8Array(21),
      'short-read',
      /its end record is missing; the file is 21 bytes/,
    ],
    [
      'cut at the end',
      () => writeZip(members).slice(0, -1),
      'short-read',
      /The download or copy is probably incomplete/,
    ],
    [
      'a byte after the end',
      () => new Uint8Array([...writeZip(members), 0]),
      'short-read',
      /end record is missing/,
    ],
    [
      'bytes before the end record',
      () => writeZip(members, { gap: new Uint8Array(4) }),
      'corrupt',
      /does not end where the end record begins/,
    ],
    [
      'bytes before the Zip64 record',
      () => writeZip(members, { gap: new Uint8Array(4), zip64: true }),
      'corrupt',
      /does not end where the Zip64/,
    ],
    [
      'more entries promised than there',
      () => writeZip(members, { count: 9 }),
      'corrupt',
      /breaks off at member 6 of 9/,
    ],
    [
      'fewer entries promised than there',
      () => writeZip(members, { count: 2 }),
      'corrupt',
      /longer than its members/,
    ],
    [
      'too many entries',
      () => writeZip(members, { count: 100_001, zip64: true }),
      'unsafe',
      /100001 members; at most 100000/,
    ],
    [
      'equal names',
      () => writeZip([...members, ...members]),
      'unsafe',
      /two members named "a\/data\.pkl"/,
    ],
    [
      'a name that climbs',
      () => writeZip(one({ name: 'a/../../x' })),
      'unsafe',
      /unsafe name "a\/\.\.\/\.\.\/x"\. Do not trust/,
    ],
    ['an absolute name', () => writeZip(one({ name: '/etc/x' })), 'unsafe', /unsafe name/],
    ['a backslash in a name', () => writeZip(one({ name: 'a\\x' })), 'unsafe', /unsafe name/],
    [
      'an encrypted member',
      () => writeZip(one({ central: { flags: 0x0809 }, local: { flags: 0x0809 } })),
      'unsafe',
      /"a\/x" is encrypted/,
    ],
    [
      'an encrypted local header',
      () => writeZip(one({ local: { flags: 0x0809 } })),
      'unsafe',
      /one encryption in its local header/,
    ],
    [
      'an unknown method',
      () => writeZip(one({ central: { method: 12 } })),
      'corrupt',
      /compressed by method 12; only stored and deflated/,
    ],
    [
      'another method in the local header',
      () => writeZip(one({ local: { method: 8 } })),
      'unsafe',
      /one compression method in its local header/,
    ],
    [
      'another name in the local header',
      () => writeZip(one({ local: { name: 'a/y' } })),
      'unsafe',
      /one name in its local header and another/,
    ],
    [
      'another size in a local header that claims to know',
      () => writeZip(one({ local: { flags: 0, size: 1, compressedSize: 1 } })),
      'unsafe',
      /one size in its local header/,
    ],
    [
      'a stored member of two sizes',
      () => writeZip(one({ central: { size: 5 } })),
      'corrupt',
      /is stored, yet claims 5 bytes in 3000/,
    ],
    [
      'a member beyond the file',
      () => writeZip(one({ central: { size: 9e6, compressedSize: 9e6 } })),
      'corrupt',
      /"a\/x" \(9000000 bytes at 0\) reaches beyond/,
    ],
    [
      'an offset beyond the file',
      () => writeZip(one({ central: { offset: 2 ** 31 } })),
      'corrupt',
      /reaches beyond the data/,
    ],
    [
      'an offset into nothing',
      () => writeZip(one({ data: ramp, central: { offset: 40, size: 9, compressedSize: 9 } })),
      'corrupt',
      /has no local header/,
    ],
    [
      'overlapping members',
      () => writeZip([...one({}), { name: 'a/y', data: ramp, central: { offset: 100 } }]),
      'unsafe',
      /"a\/x" and "a\/y" overlap/,
    ],
    [
      'two members in one place',
      () => writeZip([...one({}), { name: 'a/y', data: ramp, central: { offset: 0 } }]),
      'unsafe',
      /overlap/,
    ],
    [
      'a missing Zip64 record',
      () => writeZip(one({ central: { offset: 0xffffffff } })),
      'corrupt',
      /lacks the Zip64 record/,
    ],
    [
      'a cut Zip64 record',
      () =>
        writeZip(
          one({ central: { offset: 0xffffffff, extra: new Uint8Array([1, 0, 4, 0, 0, 0, 0, 0]) } }),
        ),
      'corrupt',
      /has a cut Zip64 record/,
    ],
    [
      'a Zip64 number above 2⁵³',
      () =>
        writeZip(
          one({
            central: {
              offset: 0xffffffff,
              extra: new Uint8Array([1, 0, 8, 0, ...new Array<number>(8).fill(255)]),
            },
          }),
        ),
      'corrupt',
      /the impossible number 18446744073709551615/,
    ],
    [
      'a wrong CRC',
      () => writeZip(one({ central: { crc: 1 } })),
      'corrupt',
      /"a\/x" is damaged: its CRC-32 is [0-9a-f]{8}, expected 00000001.*checkCrc: false/,
    ],
    [
      'a wrong CRC, deflated',
      () => writeZip(one({ deflate: true, central: { crc: 1 } })),
      'corrupt',
      /is damaged/,
    ],
    [
      'a bomb',
      () => writeZip(one({ data: zeros, deflate: true })),
      'unsafe',
      /claims to grow from \d+ to 5000000 bytes, like a zip bomb/,
    ],
    [
      'a bomb that hides its size',
      () => writeZip(one({ data: zeros, deflate: true, central: { size: 1000 } })),
      'corrupt',
      /inflates to more than the 1000 bytes that it claims/,
    ],
    [
      'less than claimed',
      () => writeZip(one({ deflate: true, central: { size: 3001 } })),
      'corrupt',
      /inflates to 3000 bytes, not to the 3001/,
    ],
    [
      'deflated rubbish',
      () => writeZip(one({ data: ramp, local: { method: 8 }, central: { method: 8 } })),
      'corrupt',
      /cannot be inflated/,
    ],
    [
      'deflated data cut short',
      () =>
        writeZip(
          one({
            data: deflateRawSync(ramp).subarray(0, 60),
            local: { method: 8 },
            central: { method: 8, size: 3000 },
          }),
        ),
      'corrupt',
      /cannot be inflated|inflates to/,
    ],
  ])('%s', async (_, bytes, code, message) => {
    await expectRefused(readAll(source(bytes())), code, message);
  });

  test('CRC-32 can be left unchecked', async () => {
    const file = source(writeZip(one({ central: { crc: 1 } })));
    const { entries } = await readZipDirectory(file);
    expect(
      await new ZipMember(file, entries.get('a/x')!, { checkCrc: false }).read(0, 3000),
    ).toEqual(ramp);
  });

  test('cut anywhere', async () => {
    const bytes = writeZip(members);
    for (let length = 0; length < bytes.length; length += 97) {
      await expectRefused(readAll(source(bytes.slice(0, length))), 'short-read', /model\.pth: /);
    }
  });

  test('any flipped byte gives an error or the right bytes', async () => {
    const bytes = writeZip(members.slice(1));
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, flip) => {
          const damaged = bytes.slice();
          damaged[at]! ^= flip;
          await readAll(source(damaged)).then(
            (contents) => {
              const known = members.map(({ data }) => Buffer.from(data).toString('hex'));
              for (const content of contents.values())
                expect(known).toContain(Buffer.from(content).toString('hex'));
            },
            (error: Error) => expect(error.name).toBe('CheckpointError'),
          );
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('members above 4 GiB', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zip_'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('in a sparse file of 5 GB', async () => {
    const path = join(folder, 'sparse.pth');
    // The members lie at 0; the directory follows 5 GB later and points back to them.
    const bytes = writeZip(members, { zip64: true });
    const view = Buffer.from(bytes);
    const directoryAt = Number(view.readBigUInt64LE(bytes.length - 22 - 20 - 56 + 48));
    const distance = 5_000_000_000;
    view.writeBigUInt64LE(BigInt(directoryAt + distance), bytes.length - 22 - 20 - 56 + 48);
    view.writeBigUInt64LE(
      BigInt(bytes.length - 22 - 20 - 56 + distance),
      bytes.length - 22 - 20 + 8,
    );
    const handle = await open(path, 'w');
    await handle.write(view, 0, directoryAt, 0);
    await handle.write(view, directoryAt, bytes.length - directoryAt, directoryAt + distance);
    await handle.close();

    const file = await fileSource(path);
    expect(file.size).toBe(bytes.length + distance);
    expect([...(await readAll(file))]).toEqual(members.map(({ name, data }) => [name, data]));
    await file.close();
  });
});

test('crc32 is the one that zip uses, also in pieces', () => {
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  for (const cut of [0, 1, 7, 8, 9, 1234]) {
    expect(crc32(ramp.subarray(cut), crc32(ramp.subarray(0, cut)))).toBe(crc32(ramp));
  }
});
