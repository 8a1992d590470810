import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Registry {
  /** `http://127.0.0.1:PORT/` */
  readonly address: string;
  /** `NAME@VERSION` in the order in which they were published. */
  readonly published: string[];
  /** The name of a package that may not be published, for as long as it stands here. */
  refused: string | undefined;
  close(): Promise<void>;
}

interface Upload {
  readonly name: string;
  readonly versions: Record<string, object>;
  readonly _attachments: Record<string, { readonly data: string }>;
}

/** As much of an npm registry as `npm view`, `npm publish` and `npm install` need, on 127.0.0.1 and in memory. */
export async function startRegistry(): Promise<Registry> {
  const packages = new Map<string, Record<string, object>>();
  const tarballs = new Map<string, Buffer>();
  const published: string[] = [];

  const server = createServer(async (request, response) => {
    const answer = (status: number, body: object | Buffer): void => {
      const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
      response.writeHead(status, { 'content-length': bytes.length }).end(bytes);
    };
    const path = decodeURIComponent(new URL(request.url!, 'http://registry').pathname.slice(1));
    if (request.method === 'PUT') {
      const { name, versions, _attachments } = JSON.parse(await textOf(request)) as Upload;
      if (name === registry.refused) return answer(403, { error: `${name} may not be published` });
      const known = packages.get(name) ?? {};
      packages.set(name, { ...known, ...versions });
      for (const version of Object.keys(versions)) published.push(`${name}@${version}`);
      for (const [file, { data }] of Object.entries(_attachments)) {
        // npm names the attachment @scope/name-1.2.3.tgz, and its address …/-/name-1.2.3.tgz.
        tarballs.set(`${name}/-/${file.split('/').at(-1)}`, Buffer.from(data, 'base64'));
      }
      return answer(201, { ok: true });
    }
    const tarball = tarballs.get(path);
    if (tarball) return answer(200, tarball);
    const versions = packages.get(path);
    if (!versions) return answer(404, { error: 'not found' });
    return answer(200, {
      name: path,
      versions,
      'dist-tags': { latest: Object.keys(versions).at(-1) },
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const registry: Registry = {
    address: `http://127.0.0.1:${port}/`,
    published,
    refused: undefined,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return registry;
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
