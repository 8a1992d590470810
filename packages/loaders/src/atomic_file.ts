import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Writes a file so that it is either whole or not there: into `.NAME.….part` in the same folder, then to disk, then
 * renamed. When anything fails, the part file is removed and an older file of that name stays as it was.
 */
export async function writeChunksAtomic(
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> {
  // A name of its own for each writer, so that two writers of one path cannot mix their bytes.
  const part = join(dirname(path), `.${basename(path)}.${randomUUID().slice(0, 8)}.part`);
  const handle = await open(part, 'wx');
  try {
    try {
      for await (const chunk of chunks) await writeWhole(handle, chunk);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** Writes `bytes` so that the file is either whole or not there. */
export async function writeFileAtomic(path: string, bytes: Uint8Array): Promise<void> {
  await writeChunksAtomic(path, [bytes]);
}

/** Node may write less than it was given, and at most 2 GiB at once. */
async function writeWhole(
  handle: {
    write(bytes: Uint8Array, offset: number, length: number): Promise<{ bytesWritten: number }>;
  },
  bytes: Uint8Array,
): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await handle.write(
      bytes,
      done,
      Math.min(2 ** 30, bytes.byteLength - done),
    );
    done += bytesWritten;
  }
}
