import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** What writing tells, and how to stop it. */
export interface WriteOptions {
  /** Aborts: the call rejects with its reason, and nothing of the file is left. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** Bytes written so far. Default: none. */
  readonly onProgress?: ((written: number) => void) | undefined;
}

/** Bytes of one call to the disk: how long an abort may have to wait. */
const PIECE = 2 ** 26;

/**
 * Writes a file so that it is either whole or not there: into `.NAME.….part` in the same folder, then to disk, then
 * renamed. When anything fails, or is aborted, the part file is removed and an older file of that name stays as it was.
 */
export async function writeChunksAtomic(
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  { signal, onProgress }: WriteOptions = {},
): Promise<void> {
  signal?.throwIfAborted();
  // A name of its own for each writer, so that two writers of one path cannot mix their bytes.
  const part = join(dirname(path), `.${basename(path)}.${randomUUID().slice(0, 8)}.part`);
  const handle = await open(part, 'wx');
  try {
    try {
      let written = 0;
      for await (const chunk of chunks) {
        for (let at = 0; at < chunk.byteLength; at += PIECE) {
          signal?.throwIfAborted();
          const piece = chunk.subarray(at, at + PIECE);
          await writeWhole(handle, piece);
          written += piece.byteLength;
          onProgress?.(written);
        }
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    signal?.throwIfAborted();
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** Writes `bytes` so that the file is either whole or not there. */
export async function writeFileAtomic(
  path: string,
  bytes: Uint8Array,
  options: WriteOptions = {},
): Promise<void> {
  await writeChunksAtomic(path, [bytes], options);
}

/** Node may write less than it was given. */
async function writeWhole(
  handle: {
    write(bytes: Uint8Array, offset: number, length: number): Promise<{ bytesWritten: number }>;
  },
  bytes: Uint8Array,
): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.byteLength - done);
    done += bytesWritten;
  }
}
