import { CheckpointError, reasonOf } from './checkpoint_error.ts';

/** How to stop a read. */
export interface ReadOptions {
  /** Aborts: the read rejects with its reason. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** A file of known size that is read piece by piece: memory, a Blob, an open file, HTTP ranges. */
export interface ByteSource {
  /** For messages: a file name, a URL. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Exactly `length` bytes, in memory of their own. Rejects when fewer come, or when `signal` aborts. */
  read(offset: number, length: number, options?: ReadOptions): Promise<Uint8Array>;
  /** Reading afterwards rejects. Closing twice is harmless. */
  close(): Promise<void>;
}

/** Bytes in memory as a source. They are not copied here, so leave them unchanged while it is in use. */
export function memorySource(bytes: ArrayBuffer | Uint8Array, name = 'memory'): ByteSource {
  // A plain Uint8Array, because slice() of a Node Buffer shares memory instead of copying.
  let held: Uint8Array | undefined =
    bytes instanceof Uint8Array
      ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      : new Uint8Array(bytes);
  const size = held.byteLength;
  const source: ByteSource = {
    name,
    size,
    async read(offset, length, { signal } = {}) {
      signal?.throwIfAborted();
      if (!held) throw closedError(name);
      checkRange(source, offset, length);
      const piece = held.slice(offset, offset + length);
      // A transferred or resized ArrayBuffer leaves a view that is shorter than it was.
      if (piece.byteLength !== length) throw shortRead(source, offset, length, piece.byteLength);
      return piece;
    },
    async close() {
      held = undefined;
    },
  };
  return source;
}

/** How much of a Blob is read at once. */
const WINDOW = 2 ** 20;

/**
 * A Blob or a File (from a file input or a drop) as a source. A browser asks another process for every read of a Blob, and a
 * checkpoint has hundreds of small tensors one behind the other: small reads are answered from the last megabyte read.
 */
export function blobSource(
  blob: Blob,
  name = 'name' in blob ? String(blob.name) : 'blob',
): ByteSource {
  let closed = false;
  let window: { from: number; to: number; bytes: Promise<Uint8Array> } | undefined;
  const readNow = async (from: number, to: number): Promise<Uint8Array> => {
    let buffer: ArrayBuffer;
    try {
      buffer = await blob.slice(from, to).arrayBuffer();
    } catch (cause) {
      // Browsers refuse to read a File that changed on disk after it was chosen.
      throw new CheckpointError('unreadable', name, `could not be read (${reasonOf(cause)}).`, {
        remedy: 'If the file changed or moved since it was chosen, choose it again.',
        cause,
      });
    }
    if (buffer.byteLength !== to - from)
      throw shortRead(source, from, to - from, buffer.byteLength);
    return new Uint8Array(buffer);
  };
  const source: ByteSource = {
    name,
    size: blob.size,
    async read(offset, length, { signal } = {}) {
      signal?.throwIfAborted();
      if (closed) throw closedError(name);
      checkRange(source, offset, length);
      const end = offset + length;
      if (length > WINDOW / 2) {
        const piece = await readNow(offset, end);
        signal?.throwIfAborted();
        return piece;
      }
      if (!window || offset < window.from || end > window.to) {
        const to = Math.min(offset + WINDOW, source.size);
        window = { from: offset, to, bytes: readNow(offset, to) };
      }
      const { from, bytes } = window;
      let read: Uint8Array;
      try {
        read = await bytes;
      } catch (error) {
        // Read anew, should somebody ask again.
        if (window?.bytes === bytes) window = undefined;
        throw error;
      }
      signal?.throwIfAborted();
      return read.slice(offset - from, end - from);
    },
    async close() {
      closed = true;
      window = undefined;
    },
  };
  return source;
}

/** Throws when [offset, offset + length) is not inside the source. */
export function checkRange(source: ByteSource, offset: number, length: number): void {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
    throw new CheckpointError(
      'invalid-argument',
      source.name,
      `cannot read ${length} bytes at offset ${offset}: both must be whole numbers from 0.`,
    );
  }
  if (offset + length > source.size) {
    throw shortRead(source, offset, length, Math.max(0, source.size - offset));
  }
}

export function shortRead(
  source: ByteSource,
  offset: number,
  expected: number,
  got: number,
): CheckpointError {
  return new CheckpointError(
    'short-read',
    source.name,
    `expected ${expected} bytes at offset ${offset}, got ${got}; the file is ${source.size} bytes.`,
    { remedy: 'It is cut short: copy or download it again.' },
  );
}

export function closedError(name: string): CheckpointError {
  return new CheckpointError('closed', name, 'is closed; open it again to read from it.');
}
