// Aborts in the middle of reading and writing: at every place where the signal is looked at, and while a read is under way.
// The call rejects with the signal's reason, no file stays open, nothing half-written is left, an older file stays as it was.
// Progress of writing. Not here: signals aborted before (long_calls), downloads (cli/download).
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type ByteSource,
  type LazySafetensorsEntry,
  memorySource,
  openCheckpoint,
  readPytorch,
  readSafetensors,
} from '../../packages/loaders/src/index.ts';
import {
  decodePicture,
  encodePng8,
  openCheckpointFile,
  readPicture,
  writeChunksAtomic,
  writeFileAtomic,
  writeSafetensorsFile,
} from '../../packages/loaders/src/node.ts';
import { tinyModel } from '../support/models.ts';

const fixtures = join(import.meta.dirname, '..', 'fixtures', 'loaders');
const pictures = mkdtempSync(join(tmpdir(), 'dpt-aborts-'));
const folder = mkdtempSync(join(tmpdir(), 'dpt-aborts-'));
const png = join(pictures, 'a.png');
writeFileSync(png, encodePng8(new Uint8Array(4 * 9 * 7).fill(77), 9, 7));
afterAll(() => {
  for (const path of [pictures, folder]) rmSync(path, { recursive: true });
});

const reason = new Error('another one was chosen');

/** A signal that is aborted when it is looked at for the n-th time. */
function abortedAt(n: number): { readonly signal: AbortSignal; readonly looks: () => number } {
  const controller = new AbortController();
  const { signal } = controller;
  let looks = 0;
  Object.defineProperty(signal, 'throwIfAborted', {
    value: () => {
      if (++looks === n) controller.abort(reason);
      AbortSignal.prototype.throwIfAborted.call(signal);
    },
  });
  return { signal, looks: () => looks };
}

/** Aborts a call at each of its looks in turn; returns how many there were when it came through. */
async function abortEverywhere(
  call: (signal: AbortSignal) => Promise<unknown>,
  after: () => void = () => {},
): Promise<number> {
  for (let n = 1; ; n++) {
    const { signal, looks } = abortedAt(n);
    const outcome = await call(signal).catch((error: unknown) => error);
    if (looks() < n) {
      expect(outcome).not.toBeInstanceOf(Error);
      return n - 1;
    }
    expect(outcome).toBe(reason);
    after();
  }
}

/** Whether this process has the file open, where that can be seen. */
function isOpen(path: string): boolean {
  if (process.platform !== 'linux') return false;
  return readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false; // the folder's own
    }
  });
}

/** A source whose n-th read does not come to an end. */
function hangingAt(n: number, bytes: Uint8Array): { source: ByteSource; hangs: Promise<void> } {
  let hung: () => void = () => {};
  const hangs = new Promise<void>((resolve) => {
    hung = resolve;
  });
  const memory = memorySource(bytes, 'slow');
  let reads = 0;
  const source: ByteSource = {
    ...memory,
    read(offset, length, options) {
      if (++reads < n) return memory.read(offset, length, options);
      hung();
      return new Promise((_, reject) => {
        options?.signal?.addEventListener('abort', () => reject(options.signal?.reason));
      });
    },
  };
  return { source, hangs };
}

describe('opening', () => {
  const safetensors = readFileSync(tinyModel);
  const zip = readFileSync(join(fixtures, 'zip.pth'));
  const legacy = readFileSync(join(fixtures, 'legacy.pth'));

  test.each([
    ['readSafetensors', readSafetensors, safetensors, 2],
    ['readPytorch of a zip', readPytorch, zip, 4],
    ['readPytorch of a stream', readPytorch, legacy, 2],
    ['openCheckpoint', openCheckpoint, zip, 5],
  ] as const)('%s ends while it reads', async (_, open, bytes, reads) => {
    for (let n = 1; n <= reads; n++) {
      const { source, hangs } = hangingAt(n, bytes);
      const controller = new AbortController();
      const opening = open(source, { signal: controller.signal });
      const outcome = opening.catch((error: unknown) => error);
      await hangs;
      controller.abort(reason);
      expect(await outcome).toBe(reason);
    }
    const { tensors } = await open(memorySource(bytes), { signal: new AbortController().signal });
    expect(tensors.size).toBeGreaterThan(0);
  });

  test('openCheckpointFile closes the file', async () => {
    const closed = (): void => expect(isOpen(tinyModel)).toBe(false);
    const call = async (signal: AbortSignal): Promise<void> =>
      (await openCheckpointFile(tinyModel, { signal })).close();
    expect(await abortEverywhere(call, closed)).toBeGreaterThan(0);
  });
});

test('readPicture closes the file; decodePicture looks before and after', async () => {
  const closed = (): void => expect(isOpen(png)).toBe(false);
  const looks = await abortEverywhere((signal) => readPicture(png, { signal }), closed);
  expect(looks).toBeGreaterThan(4);
  const bytes = readFileSync(png);
  expect(await abortEverywhere((signal) => decodePicture(bytes, 'a', { signal }))).toBe(2);
});

describe('writing', () => {
  const path = join(folder, 'file');
  const old = Uint8Array.of(9, 9);
  beforeEach(() => writeFileSync(path, old));
  const asItWas = (): void => {
    expect(readdirSync(folder)).toEqual(['file']);
    expect(new Uint8Array(readFileSync(path))).toEqual(old);
  };

  test('a whole file', async () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const call = (signal: AbortSignal) => writeFileAtomic(path, bytes, { signal });
    expect(await abortEverywhere(call, asItWas)).toBe(3);
    expect(new Uint8Array(readFileSync(path))).toEqual(bytes);
  });

  test('chunks, whose source is ended', async () => {
    let ended = 0;
    async function* chunks(): AsyncGenerator<Uint8Array> {
      try {
        yield Uint8Array.of(1, 2);
        yield Uint8Array.of(3);
      } finally {
        ended++;
      }
    }
    const call = (signal: AbortSignal) => writeChunksAtomic(path, chunks(), { signal });
    const looks = await abortEverywhere(call, asItWas);
    expect(looks).toBe(4);
    // All but the one that was aborted before it began.
    expect(ended).toBe(looks);
    expect(readdirSync(folder)).toEqual(['file']);
    expect(new Uint8Array(readFileSync(path))).toEqual(Uint8Array.of(1, 2, 3));
  });

  test('tensors, whose reads have the signal', async () => {
    const controller = new AbortController();
    const tensors = new Map<string, LazySafetensorsEntry>([
      ['a', { dtype: 'u8', shape: [2], read: async () => Uint8Array.of(1, 2) }],
      [
        'b',
        {
          ...{ dtype: 'u8', shape: [2] },
          read: (options) =>
            new Promise((_, reject) => {
              options?.signal?.addEventListener('abort', () => reject(options.signal?.reason));
              controller.abort(reason);
            }),
        },
      ],
    ]);
    const { signal } = controller;
    const writing = writeSafetensorsFile(path, tensors, undefined, { signal });
    await expect(writing).rejects.toBe(reason);
    asItWas();
  });

  test('tells how far it is', async () => {
    const told: number[] = [];
    const read = async () => new Uint8Array(5);
    const tensors = new Map([['a', { dtype: 'u8', shape: [5], read } as const]]);
    await writeSafetensorsFile(path, tensors, undefined, { onProgress: (n) => told.push(n) });
    const { length } = readFileSync(path);
    expect(told).toEqual([length - 5, length]);
    // More than is written in one call.
    const large = new Uint8Array(2 ** 26 + 3);
    const pieces: number[] = [];
    await writeFileAtomic(path, large, { onProgress: (n) => pieces.push(n) });
    expect(pieces).toEqual([2 ** 26, 2 ** 26 + 3]);
    expect(readFileSync(path).length).toBe(large.length);
  });
});
