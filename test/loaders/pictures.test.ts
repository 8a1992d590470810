// Pictures: kinds of PNG and JPEG through the plain decoders, the rest through sharp; EXIF orientation against sharp's; files that are cut,
// hostile, or no pictures. Not covered: arithmetic and 12-bit JPEGs decoded (no encoder here writes them), only their refusal.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { crc32 } from '../../packages/loaders/src/crc32.ts';
import type { PictureErrorCode, PictureOptions } from '../../packages/loaders/src/index.ts';
import { PictureError } from '../../packages/loaders/src/index.ts';
import {
  decodePicture,
  encodePng8,
  encodePng16,
  readPicture,
} from '../../packages/loaders/src/node.ts';

const W = 37;
const H = 23;
/** Smooth, so that JPEG keeps it; different in every corner, so that a wrong turn shows. */
const rgb = Uint8Array.from({ length: W * H * 3 }, (_, i) => {
  const [x, y, c] = [Math.floor(i / 3) % W, Math.floor(i / 3 / W), i % 3];
  return c === 0 ? x * 6 : c === 1 ? y * 10 : 40 + x * 2 + y * 3;
});
const picture = () => sharp(rgb, { raw: { width: W, height: H, channels: 3 } });
const decode = (bytes: Uint8Array, options?: PictureOptions) =>
  decodePicture(new Uint8Array(bytes), 'a.jpg', options);
const rgba = (bytes: Uint8Array) =>
  Uint8Array.from({ length: (bytes.length / 3) * 4 }, (_, i) =>
    i % 4 === 3 ? 255 : bytes[Math.floor(i / 4) * 3 + (i % 4)]!,
  );

async function expectRefused(
  attempt: Promise<unknown>,
  code: PictureErrorCode,
  message: RegExp,
): Promise<void> {
  const error = await attempt.then(
    () => new Error('was accepted'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PictureError);
  expect((error as PictureError).message).toMatch(message);
  expect((error as PictureError).code).toBe(code);
}

/** A PNG of these chunks, with right checksums. */
function png(...chunks: [type: string, content: Uint8Array][]): Uint8Array {
  const parts = chunks.map(([type, content]) => {
    const chunk = Buffer.alloc(12 + content.length);
    chunk.writeUInt32BE(content.length);
    chunk.write(type, 4, 'latin1');
    chunk.set(content, 8);
    chunk.writeUInt32BE(crc32(chunk.subarray(4, -4)), 8 + content.length);
    return chunk;
  });
  return new Uint8Array(Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...parts]));
}

function ihdr(
  width: number,
  height: number,
  depth: number,
  colour: number,
  interlace = 0,
): [string, Uint8Array] {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  header.set([depth, colour, 0, 0, interlace], 8);
  return ['IHDR', header];
}
const idat = (...bytes: number[]): [string, Uint8Array] => [
  'IDAT',
  deflateSync(Uint8Array.from(bytes)),
];
const iend: [string, Uint8Array] = ['IEND', new Uint8Array(0)];

describe('png', () => {
  test.each<[string, Uint8Array, number[]]>([
    ['grey', png(ihdr(2, 1, 8, 0), idat(0, 7, 9), iend), [7, 7, 7, 255, 9, 9, 9, 255]],
    [
      'grey of 1 bit',
      png(ihdr(2, 1, 1, 0), idat(0, 0b01000000), iend),
      [0, 0, 0, 255, 255, 255, 255, 255],
    ],
    ['grey and alpha', png(ihdr(1, 1, 8, 4), idat(0, 7, 0), iend), [7, 7, 7, 255]],
    [
      'grey of 16 bits, rounded',
      png(ihdr(2, 1, 16, 0), idat(0, 0x64, 0xe4, 0x64, 0xe5), iend),
      [100, 100, 100, 255, 101, 101, 101, 255],
    ],
    [
      'RGB of 16 bits',
      png(ihdr(1, 1, 16, 2), idat(0, 255, 255, 0, 0, 128, 128), iend),
      [255, 0, 128, 255],
    ],
    [
      'RGBA: colour under transparency is kept',
      png(ihdr(1, 1, 8, 6), idat(0, 1, 2, 3, 0), iend),
      [1, 2, 3, 255],
    ],
    [
      'RGB with a transparent colour',
      png(ihdr(1, 1, 8, 2), ['tRNS', new Uint8Array([0, 1, 0, 2, 0, 3])], idat(0, 1, 2, 3), iend),
      [1, 2, 3, 255],
    ],
    [
      'palette',
      png(ihdr(2, 1, 8, 3), ['PLTE', new Uint8Array([1, 2, 3, 4, 5, 6])], idat(0, 1, 0), iend),
      [4, 5, 6, 255, 1, 2, 3, 255],
    ],
    [
      'palette with transparency',
      png(
        ihdr(1, 1, 8, 3),
        ['PLTE', new Uint8Array([1, 2, 3])],
        ['tRNS', new Uint8Array([0])],
        idat(0, 0),
        iend,
      ),
      [1, 2, 3, 255],
    ],
    [
      'bytes after the end',
      new Uint8Array([...png(ihdr(1, 1, 8, 0), idat(0, 5), iend), 1, 2, 3]),
      [5, 5, 5, 255],
    ],
    [
      'a profile, which is ignored',
      png(ihdr(1, 1, 8, 0), ['iCCP', new Uint8Array(9)], idat(0, 5), iend),
      [5, 5, 5, 255],
    ],
  ])('%s', async (_, bytes, expected) => {
    expect([...(await decode(bytes)).data]).toEqual(expected);
  });

  test.each([false, true])('RGB, interlaced: %s', async (progressive) => {
    const found = await decode(await picture().png({ progressive }).toBuffer());
    expect(found).toEqual({ name: 'a.jpg', width: W, height: H, data: rgba(rgb) });
  });

  test.each([
    [1, 1],
    [1, 4000],
    [4000, 1],
    [13, 13],
  ])('%i×%i', async (width, height) => {
    const data = Uint8Array.from({ length: width * height }, (_, i) => i);
    const found = await decode(encodePng8(data, width, height));
    expect([found.width, found.height, found.data[0], found.data.at(-4)]).toEqual([
      width,
      height,
      0,
      data.at(-1),
    ]);
  });

  test.each([0, 255])('a constant picture of %i', async (value) => {
    const { data } = await decode(encodePng16(new Uint16Array(100).fill(value * 257), 10, 10));
    expect(data.every((byte, i) => byte === (i % 4 === 3 ? 255 : value))).toBe(true);
  });

  const valid = encodePng8(rgb, W, H);
  test.each<[string, Uint8Array, PictureErrorCode, RegExp]>([
    [
      '65535×65535',
      png(ihdr(65535, 65535, 8, 2), idat(0), iend),
      'too-large',
      /is 65535×65535 pixels; at most 100 million are read\. Scale it down/,
    ],
    ['4294967295×1', png(ihdr(0xffffffff, 1, 8, 2), idat(0), iend), 'too-large', /is 4294967295×1/],
    ['0×5', png(ihdr(0, 5, 8, 2), idat(0), iend), 'corrupt', /claims to be 0×5 pixels/],
    ['no header', png(['IDAT', new Uint8Array(13)], iend), 'corrupt', /its header is missing/],
    [
      'two headers',
      png(ihdr(1, 1, 8, 0), ihdr(30000, 30000, 8, 0), idat(0, 0), iend),
      'corrupt',
      /it has two headers/,
    ],
    [
      'a wrong checksum',
      valid.map((byte, i) => (i === 30 ? byte ^ 1 : byte)),
      'corrupt',
      /its IHDR chunk does not match its checksum/,
    ],
    [
      'too little data',
      png(ihdr(9, 9, 8, 2), idat(0, 1), iend),
      'corrupt',
      /250 bytes of pixels are missing/,
    ],
    ['no data', png(ihdr(9, 9, 8, 2), iend), 'corrupt', /is a damaged PNG/],
    [
      'data that is not deflated',
      png(ihdr(9, 9, 8, 2), ['IDAT', new Uint8Array(50)], iend),
      'corrupt',
      /is a damaged PNG/,
    ],
    ['an impossible depth', png(ihdr(9, 9, 7, 2), idat(0), iend), 'corrupt', /is a damaged PNG/],
    [
      'an index beyond the palette',
      png(ihdr(1, 1, 8, 3), ['PLTE', new Uint8Array(3)], idat(0, 9), iend),
      'corrupt',
      /index 9 not in palette/,
    ],
    [
      'an interlaced bomb',
      png(ihdr(1, 1, 8, 0, 1), ['IDAT', deflateSync(new Uint8Array(1e7))], iend),
      'corrupt',
      /is a damaged PNG/,
    ],
    [
      'a bomb',
      png(ihdr(1, 1, 8, 0), ['IDAT', deflateSync(new Uint8Array(1e7).fill(9))], iend),
      'corrupt',
      /is a damaged PNG/,
    ],
  ])('refuses %s', async (_, bytes, code, message) => {
    // Of the processor: a busy machine has others to serve.
    const started = process.cpuUsage();
    await expectRefused(decode(bytes), code, message);
    const { user, system } = process.cpuUsage(started);
    expect(user + system).toBeLessThan(5e6);
  });

  test('cut anywhere', async () => {
    for (let length = 8; length < valid.length; length += 7) {
      await expectRefused(
        decode(valid.slice(0, length)),
        'corrupt',
        new RegExp(`is cut short after ${length} bytes`),
      );
    }
  });
});

describe('jpeg', () => {
  const close = (found: Uint8Array, expected: Uint8Array) =>
    found.reduce((worst, value, i) => Math.max(worst, Math.abs(value - expected[i]!)), 0);

  test.each([
    ['baseline', {}],
    ['progressive', { progressive: true }],
    ['full colour resolution', { chromaSubsampling: '4:4:4' }],
  ])('%s', async (_, options) => {
    const { width, height, data } = await decode(
      await picture()
        .jpeg({ quality: 95, ...options })
        .toBuffer(),
    );
    expect([width, height]).toEqual([W, H]);
    // Lossy, and colour is kept at half the resolution.
    expect(close(data, rgba(rgb))).toBeLessThan(12);
  });

  test('grey', async () => {
    const { data } = await decode(await picture().greyscale().jpeg({ quality: 95 }).toBuffer());
    expect(data.every((value, i) => i % 4 === 3 || value === data[i - (i % 4)])).toBe(true);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('EXIF orientation %i', async (orientation) => {
    const bytes = await picture()
      .withMetadata({ orientation })
      .jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
      .toBuffer();
    const { width, height, data } = await decode(bytes);
    const expected = await sharp(bytes).autoOrient().raw().toBuffer({ resolveWithObject: true });
    expect([width, height]).toEqual([expected.info.width, expected.info.height]);
    // Two decoders differ by rounding.
    expect(close(data, rgba(expected.data))).toBeLessThan(4);
  });

  test('a wide-gamut profile is ignored', async () => {
    const plain = await decode(await picture().jpeg().toBuffer());
    const tagged = await decode(await picture().withIccProfile('p3').jpeg().toBuffer());
    expect([tagged.width, tagged.height]).toEqual([plain.width, plain.height]);
  });

  test('CMYK takes sharp, and is refused without it', async () => {
    const bytes = await picture().toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer();
    const { width, height, data } = await decode(bytes);
    expect([width, height, data[3]]).toEqual([W, H, 255]);
    await expectRefused(
      decode(bytes, { sharp: false }),
      'unsupported',
      /is a JPEG of a rare kind \(CMYK\), which needs the optional package "sharp"\. Run "npm install sharp"/,
    );
  });

  const jpeg = () => picture().jpeg({ quality: 95 }).toBuffer();
  const frameAt = (bytes: Buffer) => bytes.indexOf(Buffer.from([0xff, 0xc0]));

  test.each<[string, (bytes: Buffer, frame: number) => void, RegExp]>([
    ['12-bit', (bytes, frame) => bytes.writeUInt8(12, frame + 4), /rare kind \(12-bit\)/],
    [
      'arithmetic',
      (bytes, frame) => bytes.writeUInt8(0xc9, frame + 1),
      /rare kind \(arithmetic-coded\)/,
    ],
    ['lossless', (bytes, frame) => bytes.writeUInt8(0xc3, frame + 1), /rare kind \(lossless\)/],
  ])('%s is named', async (_, change, message) => {
    const bytes = await jpeg();
    change(bytes, frameAt(bytes));
    await expectRefused(decode(bytes, { sharp: false }), 'unsupported', message);
  });

  test('65535×65535', async () => {
    const bytes = await jpeg();
    bytes.writeUInt32BE(0xffffffff, frameAt(bytes) + 5);
    await expectRefused(decode(bytes), 'too-large', /is 65535×65535 pixels/);
  });

  test('a larger size than the data fills', async () => {
    const bytes = await jpeg();
    bytes.writeUInt16BE(2000, frameAt(bytes) + 5);
    await expectRefused(decode(bytes), 'corrupt', /is a damaged JPEG/);
  });

  test('cut anywhere', async () => {
    const bytes = await jpeg();
    for (let length = 3; length < bytes.length; length += 11) {
      await expectRefused(decode(bytes.subarray(0, length)), 'corrupt', /is cut short after/);
    }
    const ended = Buffer.concat([bytes.subarray(0, bytes.length - 30), Buffer.from([0xff, 0xd9])]);
    await expectRefused(decode(ended), 'corrupt', /is a damaged JPEG \(.+\)\. Copy or download/);
  });

  test.each<[string, number[], RegExp]>([
    ['no frame', [0xff, 0xda, 0, 2], /it has no frame header/],
    ['an early end', [0xff, 0xd9, 0, 0], /it ends before any pixels/],
    ['rubbish', [1, 2, 3, 4], /is cut short|no marker at byte 2/],
    ['a short marker', [0xff, 0xe0, 0, 1], /a marker of length 1/],
  ])('%s', async (_, bytes, message) => {
    await expectRefused(
      decode(new Uint8Array([0xff, 0xd8, ...(bytes[0] === 0xff ? bytes : [0xff, ...bytes])])),
      'corrupt',
      message,
    );
  });
});

describe('through sharp', () => {
  test.each<[string, () => Promise<Buffer>, number]>([
    ['webp', () => picture().webp({ lossless: true }).toBuffer(), 0],
    ['tiff', () => picture().tiff({ compression: 'lzw' }).toBuffer(), 0],
    ['gif', () => picture().gif().toBuffer(), 30],
    ['avif', () => picture().avif({ quality: 90, chromaSubsampling: '4:4:4' }).toBuffer(), 20],
  ])('%s', async (_, encode, tolerance) => {
    const bytes = await encode();
    const { width, height, data } = await decode(bytes);
    expect([width, height, data.length]).toEqual([W, H, W * H * 4]);
    const worst = data.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - rgba(rgb)[i]!)),
      0,
    );
    expect(worst).toBeLessThanOrEqual(tolerance);
    await expectRefused(
      decode(bytes, { sharp: false }),
      'unsupported',
      /needs the optional package "sharp"/,
    );
    await expectRefused(decode(bytes, { maxPixels: 100 }), 'too-large', /is 37×23 pixels/);
    await expectRefused(
      decode(bytes.subarray(0, bytes.length / 2)),
      'corrupt',
      /cannot be decoded \(.+\)/,
    );
  });

  test.each(['gif', 'webp'] as const)('the first frame of an animated %s', async (format) => {
    const frames = Buffer.concat([Buffer.alloc(10 * 10 * 3, 200), Buffer.alloc(10 * 10 * 3, 10)]);
    const bytes = await sharp(frames, {
      raw: { width: 10, height: 20, channels: 3, pageHeight: 10 },
    })
      .toFormat(format, { loop: 0, delay: [50, 50] })
      .toBuffer();
    expect((await sharp(bytes).metadata()).pages).toBe(2);
    const { width, height, data } = await decode(bytes);
    expect([width, height]).toEqual([10, 10]);
    expect(Math.abs(data[0]! - 200)).toBeLessThan(4);
  });

  test('orientation, alpha and 16 bits of a TIFF', async () => {
    const bytes = await picture()
      .ensureAlpha(0)
      .withMetadata({ orientation: 6 })
      .tiff({ compression: 'lzw' })
      .toBuffer();
    const { width, height, data } = await decode(bytes);
    expect([width, height]).toEqual([H, W]);
    // The lower left corner comes to the top left, its colour kept although it is transparent.
    expect([...data.subarray(0, 4)]).toEqual([
      ...rgb.subarray((H - 1) * W * 3, (H - 1) * W * 3 + 3),
      255,
    ]);
    const deep = await sharp(new Uint16Array(12).fill(0x8080), {
      raw: { width: 2, height: 2, channels: 3 },
    })
      .toColourspace('rgb16')
      .tiff()
      .toBuffer();
    expect([...(await decode(deep)).data.subarray(0, 4)]).toEqual([128, 128, 128, 255]);
  });
});

describe('no pictures', () => {
  const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));
  test.each<[string, Uint8Array, PictureErrorCode, RegExp]>([
    ['nothing', new Uint8Array(0), 'empty', /is empty \(0 bytes\)/],
    [
      'text',
      bytesOf('Dear diary,\n'),
      'not-a-picture',
      /is a text file, not a picture\. JPEG, PNG, WebP, AVIF, TIFF and GIF are read/,
    ],
    ['a web page', bytesOf('<!DOCTYPE html>'), 'not-a-picture', /is a web page/],
    [
      'an LFS pointer',
      bytesOf('version https://git-lfs.github.com/spec/v1'),
      'not-a-picture',
      /is a Git LFS pointer/,
    ],
    [
      'HEIC',
      bytesOf('\0\0\0\x18ftypheic\0\0\0\0mif1heic'),
      'unsupported',
      /is a HEIC picture, which cannot be read here\. Convert it to JPEG or PNG \(iPhone: Settings/,
    ],
    [
      'a film',
      bytesOf('\0\0\0\x18ftypisom\0\0\0\0isommp42'),
      'not-a-picture',
      /is a video \(MP4 or MOV\)/,
    ],
    [
      'a BMP',
      bytesOf('BM\x10\0\0\0\0\0\0\0'),
      'unsupported',
      /is a BMP picture, which cannot be read here\. Convert it/,
    ],
    ['a JPEG XL', bytesOf('\xff\x0a\0'), 'unsupported', /is a JPEG XL picture/],
    ['an SVG', bytesOf('<?xml version="1.0"?>\n<svg xmlns'), 'unsupported', /is an SVG drawing/],
    ['a PDF', bytesOf('%PDF-1.4'), 'not-a-picture', /is a PDF document/],
    ['a checkpoint', bytesOf('PK\x03\x04'), 'not-a-picture', /is a zip file/],
    ['rubbish', new Uint8Array([0, 1, 2, 255]), 'not-a-picture', /is a file of an unknown kind/],
    ['two bytes of a JPEG', new Uint8Array([0xff, 0xd8]), 'not-a-picture', /unknown kind/],
  ])('%s', async (_, bytes, code, message) => {
    await expectRefused(decode(bytes), code, message);
  });

  test('damaged anywhere: an error or some pixels', async () => {
    const files = await Promise.all([
      picture().jpeg().toBuffer(),
      picture().jpeg({ progressive: true }).toBuffer(),
      picture().png().toBuffer(),
    ]);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), {
          minLength: 1,
          maxLength: 4,
        }),
        async (file, changes) => {
          const bytes = new Uint8Array(file);
          for (const [at, value] of changes)
            bytes[Math.min(bytes.length - 1, Math.floor(at * bytes.length))] = value;
          await decode(bytes, { maxPixels: 100_000, sharp: false }).catch((error: unknown) =>
            expect(error).toBeInstanceOf(PictureError),
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});

test('paths', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pictures_'));
  try {
    const path = join(folder, 'a photo ü.png');
    await writeFile(path, encodePng8(rgb, W, H));
    expect(await readPicture(path)).toEqual({ name: path, width: W, height: H, data: rgba(rgb) });
    await expectRefused(
      readPicture(join(folder, 'none.png')),
      'unreadable',
      /none\.png: there is no such file\.$/,
    );
    await expectRefused(
      readPicture(folder),
      'unreadable',
      /is a folder; the path of a file is needed/,
    );
    await writeFile(path, '');
    await expectRefused(readPicture(path), 'empty', /is empty/);
    await writeFile(path, 'Dear diary');
    await expect(readPicture(path)).rejects.toThrow(
      /a photo ü\.png: is a text file, not a picture/,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
