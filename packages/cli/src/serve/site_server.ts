import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import sirv from 'sirv';

/** Answers one kind of request; false when it is not meant. */
export type Route = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface SiteServerOptions {
  /** The folder of the built site. */
  readonly site: string;
  readonly host: string;
  /** 0 takes one that is free. */
  readonly port: number;
  readonly routes?: readonly Route[];
}

export interface SiteServer {
  readonly server: Server;
  /** `http://127.0.0.1:8017/`. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Serves a folder of files and nothing else of the disk. Only who asks for this machine by one of its own names is
 * answered: a page elsewhere could otherwise have its own name point here (DNS rebinding) and read along.
 */
export async function startSiteServer(options: SiteServerOptions): Promise<SiteServer> {
  const { site, host, port, routes = [] } = options;
  if (!existsSync(join(site, 'index.html'))) {
    throw new Error(`${site}: there is no built site. Run npm run web:build first.`);
  }
  const files = sirv(site, {
    etag: true,
    // Names of assets carry a hash of what is in them.
    setHeaders(response, path) {
      const lasting = path.startsWith('/assets/');
      response.setHeader(
        'cache-control',
        lasting ? 'public, max-age=31536000, immutable' : 'no-cache',
      );
      if (path.endsWith('.safetensors'))
        response.setHeader('content-type', 'application/octet-stream');
    },
  });
  const server = createServer((request, response) => {
    for (const [name, value] of headers) response.setHeader(name, value);
    const { port: actual } = server.address() as AddressInfo;
    if (!isOwnName(request.headers.host, host, actual)) {
      refuse(response, 403, 'This server answers only to the names of its own machine.');
      return;
    }
    if (!isOwnOrigin(request.headers.origin, host, actual)) {
      refuse(response, 403, 'This server answers only to its own pages.');
      return;
    }
    if (routes.some((route) => route(request, response))) return;
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      refuse(response, 405, 'Only GET and HEAD.');
      return;
    }
    files(request, response, () => refuse(response, 404, 'There is no such file.'));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  return {
    server,
    address: `http://${host.includes(':') ? `[${host}]` : host}:${actual}/`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

/** What pages may not do is in the page itself; these are what only a server can say. */
const headers: readonly (readonly [string, string])[] = [
  ['x-content-type-options', 'nosniff'],
  ['referrer-policy', 'no-referrer'],
  ['cross-origin-opener-policy', 'same-origin'],
  ['cross-origin-resource-policy', 'same-origin'],
  ['content-security-policy', "frame-ancestors 'none'"],
  ['permissions-policy', 'camera=(self), microphone=(), geolocation=(), display-capture=(self)'],
];

const ANYWHERE = new Set(['0.0.0.0', '::']);
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** Whether `Host` is a name of this machine. Bound to every address, any address is one, but no foreign name. */
function isOwnName(given: string | undefined, host: string, port: number): boolean {
  if (given === undefined) return false;
  const [, name = '', at] = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(given.toLowerCase()) ?? [];
  if ((at === undefined ? 80 : Number(at)) !== port) return false;
  if (LOOPBACK.has(name)) return true;
  const bound = host.includes(':') ? `[${host}]` : host;
  if (name === bound) return true;
  return ANYWHERE.has(host) && /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/.test(name);
}

/** Scripts of other sites send where they are; curl and the address bar send nothing. */
function isOwnOrigin(origin: string | undefined, host: string, port: number): boolean {
  if (origin === undefined) return true;
  if (!URL.canParse(origin)) return false;
  const { protocol, host: name } = new URL(origin);
  return protocol === 'http:' && isOwnName(name.includes(':') ? name : `${name}:80`, host, port);
}

/** Ends a request with a line of text, and the connection with it: what is still being sent is not read. */
export function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
  response.end(`${text}\n`);
}
