import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

export interface BadServer {
  readonly origin: string;
  readonly seen: readonly Seen[];
  /** What it does from now on. */
  handle: (request: IncomingMessage, response: ServerResponse) => void;
  close(): Promise<void>;
}

/** A server on this machine that does what a test tells it to. */
export async function badServer(): Promise<BadServer> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    seen.push({
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
    });
    bad.handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bad: BadServer = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    handle: (_, response) => response.writeHead(404).end(),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return bad;
}

export interface FileOptions {
  readonly etag?: string;
  /** The connection breaks after so many bytes of the answer. */
  readonly cutAfter?: number;
  readonly ignoreRange?: boolean;
  /** Sends a range of a file that changed, where If-Range asks for the whole. */
  readonly ignoreIfRange?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** Claims to be as long as this. */
  readonly length?: number;
  /** Nothing more comes after so many bytes of the answer, so that a test can step in. */
  readonly stopAfter?: number;
}

/** Sends a file as a good server does, save for what is asked. */
export function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  options: FileOptions = {},
): void {
  const { etag, cutAfter, headers = {} } = options;
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  const ifRange = request.headers['if-range'];
  const same = ifRange === undefined || ifRange === etag || options.ignoreIfRange;
  const start = from !== undefined && same && !options.ignoreRange ? Number(from) : 0;
  const common = { ...(etag ? { etag } : {}), 'accept-ranges': 'bytes', ...headers };
  if (start > 0 && start >= bytes.length) {
    response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
    return;
  }
  const body = bytes.subarray(start);
  response.writeHead(start > 0 ? 206 : 200, {
    'content-length': options.length ?? body.length,
    ...(start > 0 ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}),
    ...common,
  });
  if (options.stopAfter !== undefined) {
    response.write(body.subarray(0, options.stopAfter));
    return;
  }
  if (cutAfter === undefined) {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, cutAfter), () => {
    // Given time to arrive, so that the test is about the break and not about what was on the way.
    setTimeout(() => response.destroy(), 50);
  });
}
