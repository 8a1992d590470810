import { type FileHandle, open, stat } from 'node:fs/promises';
import { type ByteSource, checkRange, closedError, shortRead } from './byte_source.ts';
import { CheckpointError, reasonOf } from './checkpoint_error.ts';

/** libuv reads at most 2³¹ − 1 bytes in one call; a power of two below it keeps later pieces aligned. */
const MAX_PIECE = 2 ** 30;

/** Opens a file of the local disk as a source. Only regular files: no folders, pipes or devices. */
export async function fileSource(path: string): Promise<ByteSource> {
  if (/^(https?|ftp|file):\/\//i.test(path)) {
    throw new CheckpointError(
      'invalid-argument',
      path,
      'is a URL; a path of a local file is needed.',
      {
        remedy: 'Use httpSource() for a server, fileURLToPath() for a file: URL.',
      },
    );
  }
  try {
    // Looked at before opening, because opening a pipe waits for its other end.
    const stats = await stat(path);
    if (stats.isDirectory()) {
      throw new CheckpointError('not-found', path, 'is a folder; the path of a file is needed.');
    }
    if (!stats.isFile()) {
      throw new CheckpointError(
        'not-found',
        path,
        'is not a regular file (a pipe, socket or device).',
      );
    }
    const handle = await open(path, 'r');
    return handleSource(handle, path, (await handle.stat()).size);
  } catch (error) {
    throw error instanceof CheckpointError ? error : openError(path, error);
  }
}

function handleSource(handle: FileHandle, name: string, size: number): ByteSource {
  let closed = false;
  const source: ByteSource = {
    name,
    size,
    async read(offset, length, { signal } = {}) {
      signal?.throwIfAborted();
      if (closed) throw closedError(name);
      checkRange(source, offset, length);
      try {
        const now = (await handle.stat()).size;
        if (now !== size) {
          throw new CheckpointError(
            'changed',
            name,
            `was ${size} bytes when it was opened and is ${now} now.`,
            { remedy: 'Wait until it is complete, then open it again.' },
          );
        }
        const bytes = new Uint8Array(length);
        let got = 0;
        while (got < length) {
          signal?.throwIfAborted();
          const piece = Math.min(MAX_PIECE, length - got);
          const { bytesRead } = await handle.read(bytes, got, piece, offset + got);
          if (bytesRead === 0) throw shortRead(source, offset, length, got);
          got += bytesRead;
        }
        return bytes;
      } catch (cause) {
        signal?.throwIfAborted();
        if (cause instanceof CheckpointError) throw cause;
        if (closed) throw closedError(name);
        throw new CheckpointError('unreadable', name, `could not be read (${reasonOf(cause)}).`, {
          cause,
        });
      }
    },
    async close() {
      if (closed) return;
      closed = true;
      await handle.close();
    },
  };
  return source;
}

function openError(path: string, cause: unknown): CheckpointError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const problem =
    {
      ENOENT: 'there is no such file.',
      ENOTDIR: 'there is no such file: a part of its path is not a folder.',
      EACCES: 'permission to read it is denied.',
      EPERM: 'permission to read it is denied.',
      ELOOP: 'its symbolic links form a loop.',
      ENAMETOOLONG: 'the path is too long.',
      EMFILE: 'too many files are open.',
    }[code] ?? `could not be opened (${reasonOf(cause)}).`;
  return new CheckpointError('not-found', path, problem, { cause });
}
