import { type ByteSource, checkRange, closedError, shortRead } from './byte_source.ts';
import { CheckpointError, reasonOf } from './checkpoint_error.ts';

/** How a file is fetched by HTTP ranges. */
export interface HttpSourceOptions {
  /** For messages; the URL without its query by default, since queries carry access tokens. */
  readonly name?: string;
  /** Sent with every request, for example `{ authorization: 'Bearer …' }`. Default: none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of the global fetch. Default: that one. */
  readonly fetch?: typeof fetch;
  /** For the request made here: it rejects with its reason. Reads take one of their own. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** A file on a server that answers range requests. One small request is made here, to learn the size. */
export async function httpSource(
  url: string,
  options: HttpSourceOptions = {},
): Promise<ByteSource> {
  const name = options.name ?? url.replace(/[?#].*$/s, '');
  const request = options.fetch ?? fetch;
  const fail = (code: 'not-found' | 'unreadable' | 'changed', problem: string, remedy?: string) =>
    new CheckpointError(code, name, problem, { remedy });

  const ask = async (range: string, signal?: AbortSignal): Promise<Response> => {
    try {
      return await request(url, { headers: { ...options.headers, range }, signal });
    } catch (cause) {
      signal?.throwIfAborted();
      throw new CheckpointError(
        'unreadable',
        name,
        `the server did not answer (${reasonOf(cause)}).`,
        { cause },
      );
    }
  };

  const first = await ask('bytes=0-0', options.signal);
  await first.body?.cancel();
  const { total: size } = answeredRange(first, fail);
  const etag = first.headers.get('etag');
  let closed = false;

  const source: ByteSource = {
    name,
    size,
    async read(offset, length, { signal } = {}) {
      signal?.throwIfAborted();
      if (closed) throw closedError(name);
      checkRange(source, offset, length);
      if (length === 0) return new Uint8Array(0);
      const response = await ask(`bytes=${offset}-${offset + length - 1}`, signal);
      try {
        const range = answeredRange(response, fail);
        const newTag = response.headers.get('etag');
        if (range.total !== size || (etag && newTag && etag !== newTag)) {
          const what =
            range.total === size ? 'its ETag' : `its size, from ${size} to ${range.total} bytes`;
          throw fail(
            'changed',
            `the file on the server changed ${what} while it was being read.`,
            'Open it again.',
          );
        }
        if (range.first !== offset || range.last !== offset + length - 1) {
          throw fail(
            'unreadable',
            `asked for bytes ${offset}–${offset + length - 1}, the server sent ${range.first}–${range.last}.`,
            'Download the file first and open the copy.',
          );
        }
        return await readBody(response, source, offset, length);
      } catch (error) {
        await response.body?.cancel().catch(() => {});
        signal?.throwIfAborted();
        throw error;
      }
    },
    async close() {
      closed = true;
    },
  };
  return source;
}

type Fail = (code: 'not-found' | 'unreadable', problem: string, remedy?: string) => CheckpointError;

function answeredRange(
  response: Response,
  fail: Fail,
): { first: number; last: number; total: number } {
  const { status } = response;
  const header = response.headers.get('content-range');
  // The answer to any range of an empty file.
  if (status === 416 && /^bytes \*\/0$/.test(header ?? '')) return { first: 0, last: -1, total: 0 };
  if (status === 200) {
    throw fail(
      'unreadable',
      'the server ignores range requests.',
      'Download the file first and open the copy.',
    );
  }
  if (status === 401 || status === 403) {
    throw fail(
      'not-found',
      `the server refuses access (HTTP ${status}).`,
      'It may need an access token.',
    );
  }
  if (status !== 206) throw fail('not-found', `the server answered HTTP ${status}.`);
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(header ?? '');
  if (!match) {
    throw fail(
      'unreadable',
      `the server's Content-Range is ${header === null ? 'missing or hidden from this page' : JSON.stringify(header)}.`,
      'Download the file first and open the copy.',
    );
  }
  return { first: Number(match[1]), last: Number(match[2]), total: Number(match[3]) };
}

/** The body, which must be exactly `length` bytes. A longer one is cut off rather than collected. */
async function readBody(
  response: Response,
  source: ByteSource,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let got = 0;
  if (response.body) {
    const reader = response.body.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        if (got + value.byteLength > length) {
          throw new CheckpointError(
            'unreadable',
            source.name,
            `asked for ${length} bytes at offset ${offset}, the server sent more.`,
            { remedy: 'Download the file first and open the copy.' },
          );
        }
        bytes.set(value, got);
        got += value.byteLength;
      }
    } catch (cause) {
      await reader.cancel().catch(() => {});
      if (cause instanceof CheckpointError) throw cause;
      throw new CheckpointError(
        'short-read',
        source.name,
        `the connection broke after ${got} of ${length} bytes at offset ${offset} (${reasonOf(cause)}).`,
        { cause },
      );
    } finally {
      reader.releaseLock();
    }
  }
  if (got !== length) throw shortRead(source, offset, length, got);
  return bytes;
}
