// The four sources: the same bytes from each; ranges outside, short reads, files that change or vanish, servers that lie, aborts and closing.
import { appendFile, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ByteSource } from '../../packages/loaders/src/index.ts';
import { blobSource, httpSource, memorySource } from '../../packages/loaders/src/index.ts';
import { fileSource } from '../../packages/loaders/src/node.ts';
import { expectRefused } from '../support/loaders.ts';

const bytes = new Uint8Array(1000).map((_, i) => i % 251);
let folder: string;
let server: Server;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let requests: string[] = [];
let url: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'byte_source_'));
  await writeFile(join(folder, 'a.bin'), bytes);
  server = createServer((request, response) => {
    requests.push(request.headers.range ?? '');
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.bin`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});
afterEach(() => {
  requests = [];
});

/** A server that does as it is told; `lie` changes the answers to all but the first request. */
function honest(
  lie: {
    headers?: Record<string, string>;
    body?: (range: Uint8Array) => Uint8Array;
    status?: number;
  } = {},
) {
  return (request: IncomingMessage, response: ServerResponse) => {
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range!)!.map(Number);
    const range = bytes.subarray(from, to! + 1);
    const truth = { etag: '"1"', 'content-range': `bytes ${from}-${to}/${bytes.length}` };
    const first = requests.length === 1;
    response.writeHead(
      first ? 206 : (lie.status ?? 206),
      first ? truth : { ...truth, ...lie.headers },
    );
    response.end(first ? range : (lie.body?.(range) ?? range));
  };
}

describe.each<[string, () => Promise<ByteSource>]>([
  ['memory', async () => memorySource(bytes)],
  ['an ArrayBuffer', async () => memorySource(bytes.slice().buffer)],
  [
    'a Node Buffer inside a larger one',
    async () => memorySource(Buffer.concat([Buffer.from('xyz'), bytes]).subarray(3)),
  ],
  ['a blob', async () => blobSource(new Blob([bytes]))],
  ['a file', () => fileSource(join(folder, 'a.bin'))],
  [
    'HTTP ranges',
    () => {
      answer = honest();
      return httpSource(url);
    },
  ],
])('%s', (_, open) => {
  test('gives the bytes of a range, in memory of their own', async () => {
    const source = await open();
    expect(source.size).toBe(1000);
    const piece = await source.read(5, 7);
    expect(piece).toEqual(bytes.slice(5, 12));
    piece.fill(0);
    expect(await source.read(5, 7)).toEqual(bytes.slice(5, 12));
    expect(await source.read(999, 1)).toEqual(bytes.slice(999));
    expect(await source.read(1000, 0)).toEqual(new Uint8Array(0));
    await source.close();
  });

  test('refuses ranges outside', async () => {
    const source = await open();
    await expectRefused(
      source.read(990, 20),
      'short-read',
      /expected 20 bytes at offset 990, got 10; the file is 1000 bytes\. It is cut short/,
    );
    await expectRefused(source.read(2000, 1), 'short-read', /got 0/);
    await expectRefused(source.read(-1, 1), 'invalid-argument', /cannot read 1 bytes at offset -1/);
    await expectRefused(source.read(0, 0.5), 'invalid-argument', /cannot read 0\.5 bytes/);
    await source.close();
  });

  test('rejects after an abort and after closing', async () => {
    const source = await open();
    await expect(source.read(0, 1, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    await source.close();
    await source.close();
    await expectRefused(source.read(0, 1), 'closed', /is closed; open it again/);
  });
});

test('names: a File brings its own', () => {
  expect(blobSource(new File([bytes], 'weights.pth')).name).toBe('weights.pth');
  expect(blobSource(new Blob([bytes])).name).toBe('blob');
  expect(memorySource(bytes, 'x').name).toBe('x');
});

test('a blob is read a megabyte at a time, and large pieces as they are', async () => {
  const large = Uint8Array.from({ length: 3 * 2 ** 20 }, (_, i) => i * 31 + (i >> 8));
  const blob = new Blob([large]);
  const reads: number[] = [];
  const slice = blob.slice.bind(blob);
  blob.slice = (from = 0, to = 0) => {
    reads.push(to - from);
    return slice(from, to);
  };
  const source = blobSource(blob);
  for (const [offset, length] of [
    [8, 100],
    [5000, 300_000], // of the same megabyte
    [2 ** 20 - 50, 100], // past its end
    [0, 8], // before that
    [2 ** 20, 2 ** 20],
    [2.9 * 2 ** 20, 1000], // less is left than a megabyte
  ] as const) {
    const at = Math.floor(offset);
    // A million values one by one take vitest a minute.
    expect(Buffer.compare(await source.read(at, length), large.slice(at, at + length))).toBe(0);
  }
  const left = large.length - Math.floor(2.9 * 2 ** 20);
  expect(reads).toEqual([2 ** 20, 2 ** 20, 2 ** 20, 2 ** 20, left]);
  await Promise.all([source.read(10, 10), source.read(30, 10)]);
  expect(reads.length).toBe(6);
});

test('a blob whose file is gone', async () => {
  const blob = new Blob([bytes]);
  blob.slice = () => ({ arrayBuffer: () => Promise.reject(new Error('NotReadableError')) }) as Blob;
  await expectRefused(
    blobSource(blob, 'a.pth').read(0, 1),
    'unreadable',
    /a\.pth: could not be read \(NotReadableError\)\. If the file changed/,
  );
});

describe('files', () => {
  test('that shrink or grow while open', async () => {
    const path = join(folder, 'b.bin');
    await writeFile(path, bytes);
    const source = await fileSource(path);
    await appendFile(path, 'x');
    await expectRefused(
      source.read(0, 1),
      'changed',
      /b\.bin: was 1000 bytes when it was opened and is 1001 now/,
    );
    await truncate(path, 10);
    await expectRefused(source.read(0, 1), 'changed', /is 10 now\. Wait until it is complete/);
    await source.close();
  });

  test('that are none', async () => {
    await expectRefused(
      fileSource(join(folder, 'none')),
      'not-found',
      /none: there is no such file\.$/,
    );
    await expectRefused(
      fileSource(join(folder, 'a.bin', 'x')),
      'not-found',
      /a part of its path is not a folder/,
    );
    await mkdir(join(folder, 'sub'), { recursive: true });
    await expectRefused(
      fileSource(join(folder, 'sub')),
      'not-found',
      /sub: is a folder; the path of a file is needed/,
    );
    await expectRefused(fileSource('/dev/null'), 'not-found', /not a regular file/);
    await expectRefused(
      fileSource('https://example.org/a.pth'),
      'invalid-argument',
      /is a URL; a path of a local file is needed\. Use httpSource/,
    );
  });
});

describe('servers', () => {
  const open = async (lie: Parameters<typeof honest>[0]) => {
    answer = honest(lie);
    return httpSource(`${url}?token=secret`, { headers: { authorization: 'Bearer x' } });
  };

  test('are asked for ranges only, and the name holds no query', async () => {
    const source = await open({});
    await source.read(10, 5);
    expect(requests).toEqual(['bytes=0-0', 'bytes=10-14']);
    expect(source.name).toBe(url);
  });

  test('with an empty file', async () => {
    answer = (_, response) => response.writeHead(416, { 'content-range': 'bytes */0' }).end();
    expect((await httpSource(url)).size).toBe(0);
  });

  test.each<
    [
      what: string,
      status: number,
      headers: Record<string, string>,
      code: 'unreadable' | 'not-found',
      message: RegExp,
    ]
  >([
    [
      'that ignore Range',
      200,
      {},
      'unreadable',
      /ignores range requests\. Download the file first/,
    ],
    [
      'without Content-Range',
      206,
      {},
      'unreadable',
      /Content-Range is missing or hidden from this page/,
    ],
    [
      'with a Content-Range of unknown total',
      206,
      { 'content-range': 'bytes 0-0/*' },
      'unreadable',
      /Content-Range is "bytes 0-0\/\*"/,
    ],
    ['that say 404', 404, {}, 'not-found', /answered HTTP 404/],
    [
      'that say 403',
      403,
      {},
      'not-found',
      /refuses access \(HTTP 403\)\. It may need an access token/,
    ],
    ['that say 500', 500, {}, 'not-found', /answered HTTP 500/],
  ])('%s', async (_, status, headers, code, message) => {
    answer = (_request, response) => response.writeHead(status, headers).end('x');
    await expectRefused(httpSource(url), code, message);
  });

  test('that are not there', async () => {
    await expectRefused(
      httpSource('http://127.0.0.1:1/a.pth'),
      'unreadable',
      /the server did not answer/,
    );
  });

  test.each<
    [
      what: string,
      lie: Parameters<typeof honest>[0],
      code: 'unreadable' | 'changed' | 'short-read',
      message: RegExp,
    ]
  >([
    [
      'send too little',
      { body: (range) => range.subarray(1) },
      'short-read',
      /expected 10 bytes at offset 0, got 9/,
    ],
    [
      'send too much',
      { body: (range) => Buffer.concat([range, range]) },
      'unreadable',
      /asked for 10 bytes at offset 0, the server sent more/,
    ],
    [
      'send another range',
      { headers: { 'content-range': 'bytes 1-10/1000' } },
      'unreadable',
      /asked for bytes 0–9, the server sent 1–10/,
    ],
    [
      'swap the file for one of another size',
      { headers: { 'content-range': 'bytes 0-9/999' } },
      'changed',
      /changed its size, from 1000 to 999 bytes/,
    ],
    [
      'swap the file for one of the same size',
      { headers: { etag: '"2"' } },
      'changed',
      /changed its ETag while it was being read/,
    ],
    ['stop to honour ranges', { status: 200 }, 'unreadable', /ignores range requests/],
    [
      'break the connection',
      { headers: { 'content-length': '10' }, body: (range) => range.subarray(0, 4) },
      'short-read',
      /broke after \d of 10 bytes/,
    ],
  ])('that %s', async (_, lie, code, message) => {
    const source = await open(lie);
    if (lie?.headers?.['content-length']) {
      answer = (_request, response) => {
        response.writeHead(206, {
          'content-range': 'bytes 0-9/1000',
          'content-length': '10',
          etag: '"1"',
        });
        response.write(bytes.subarray(0, 4), () => response.destroy());
      };
    }
    await expectRefused(source.read(0, 10), code, message);
  });

  test('that hang: the signal ends it', async () => {
    const source = await open({});
    answer = (_request, response) =>
      response.writeHead(206, { 'content-range': 'bytes 0-9/1000' }).flushHeaders();
    await expect(source.read(0, 10, { signal: AbortSignal.timeout(50) })).rejects.toThrow(
      /timeout/,
    );
  });
});
