import type { ByteSource, ReadOptions } from './byte_source.ts';

/**
 * Opens a file through a source whose reads end when `signal` aborts. What is read once it is open takes the signal of that
 * read: this one has no say over it.
 */
export async function whileOpening<T>(
  source: ByteSource,
  { signal }: ReadOptions,
  open: (source: ByteSource) => Promise<T>,
): Promise<T> {
  if (!signal) return open(source);
  signal.throwIfAborted();
  const opening = new AbortController();
  const abort = (): void => opening.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await open(interruptible(source, opening.signal));
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** The source, whose reads that bring no signal of their own have this one. */
const interruptible = (source: ByteSource, signal: AbortSignal): ByteSource => ({
  name: source.name,
  size: source.size,
  read: (offset, length, options) => source.read(offset, length, { signal, ...options }),
  close: () => source.close(),
});
