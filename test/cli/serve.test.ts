// dpt serve without a GPU: which requests are answered and which are not, headers and types, and POST /depth with a predictor that
// counts. The command itself: whom it warns, and whether it opens the page. The pages are tested in a browser, test/web.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type ClientRequest, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serveFrom } from '../../packages/cli/src/commands/serve.ts';
import { parseFlags } from '../../packages/cli/src/flags.ts';
import { noProgress } from '../../packages/cli/src/progress.ts';
import { depthRoute } from '../../packages/cli/src/serve/depth_route.ts';
import { type SiteServer, startSiteServer } from '../../packages/cli/src/serve/site_server.ts';
import { decodeNpy } from '../../packages/loaders/src/index.ts';
import { encodePng8 } from '../../packages/loaders/src/node.ts';
import { dpt } from '../support/cli.ts';

const site = mkdtempSync(join(tmpdir(), 'dpt-serve-'));
let server: SiteServer;
/** Predictions that wait to be let through. */
const held: (() => void)[] = [];
let hold = false;

beforeAll(async () => {
  mkdirSync(join(site, 'assets'));
  mkdirSync(join(site, 'models'));
  writeFileSync(join(site, 'index.html'), '<!doctype html><title>home</title>');
  writeFileSync(join(site, 'models', 'index.html'), '<!doctype html><title>models</title>');
  writeFileSync(join(site, 'assets', 'code-1234.js'), 'export {};');
  writeFileSync(join(site, 'assets', 'tiny-1234.safetensors'), 'weights');
  server = await startSiteServer({
    site,
    host: '127.0.0.1',
    port: 0,
    routes: [
      depthRoute({
        maxBytes: 5000,
        maxPixels: 10_000,
        maxWaiting: 2,
        log: () => {},
        async predict({ width, height }, size = 14) {
          if (hold) await new Promise<void>((resolve) => held.push(resolve));
          const data = Float32Array.from({ length: width * height }, (_, i) => i);
          return {
            width,
            height,
            data,
            kind: 'relative',
            networkSize: { width: size, height: size },
          };
        },
      }),
    ],
  });
});
afterAll(async () => {
  await server.close();
  rmSync(site, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** The path as it is: fetch would tidy it. */
function ask(
  path: string,
  {
    method = 'GET',
    headers = {},
    body,
  }: { method?: string; headers?: Record<string, string>; body?: Uint8Array } = {},
): Promise<Answer> {
  const { hostname, port } = new URL(server.address);
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          body: Buffer.concat(chunks),
        }),
      );
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

const photo = encodePng8(new Uint8Array(6 * 4 * 3).fill(90), 6, 4);
const post = (path: string, body: Uint8Array = photo) => ask(path, { method: 'POST', body });

test.each([
  ['/', 'text/html', 'no-cache', 'home'],
  ['/models', 'text/html', 'no-cache', 'models'],
  ['/models/', 'text/html', 'no-cache', 'models'],
  ['/assets/code-1234.js', 'text/javascript', 'public, max-age=31536000, immutable', 'export'],
  [
    '/assets/tiny-1234.safetensors',
    'application/octet-stream',
    'public, max-age=31536000, immutable',
    'weights',
  ],
])('GET %s', async (path, type, caching, text) => {
  const { status, headers, body } = await ask(path);
  expect(status).toBe(200);
  expect(headers['content-type']).toContain(type);
  expect(headers['cache-control']).toBe(caching);
  expect(headers['x-content-type-options']).toBe('nosniff');
  expect(body.toString()).toContain(text);
});

test.each([
  '/nothing',
  '/../package.json',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/assets/',
  '//etc/passwd',
  '/%00',
])('GET %s: there is no such file', async (path) => {
  expect((await ask(path)).status).toBe(404);
});

test('only its own names and its own pages are answered', async () => {
  const { port } = new URL(server.address);
  const status = async (headers: Record<string, string>) => (await ask('/', { headers })).status;
  expect(await status({ host: `localhost:${port}` })).toBe(200);
  expect(await status({ host: `evil.example:${port}` })).toBe(403);
  expect(await status({ host: '127.0.0.1:1' })).toBe(403);
  expect(await status({ origin: `http://localhost:${port}` })).toBe(200);
  expect(await status({ origin: 'https://evil.example' })).toBe(403);
  expect(await status({ origin: `http://127.0.0.1:${Number(port) + 1}` })).toBe(403);
  expect(await status({ origin: 'null' })).toBe(403);
  expect((await ask('/', { method: 'PUT', body: photo })).status).toBe(405);
});

test('POST /depth gives PNG of 16 bits or NPY, with what the numbers are', async () => {
  const { status, headers, body } = await post('/depth?size=28');
  expect(status).toBe(200);
  expect(headers).toMatchObject({
    'content-type': 'image/png',
    'x-depth-kind': 'relative',
    'x-depth-min': '0',
    'x-depth-max': '23',
    'x-depth-network': '28x28',
  });
  const png = PNG.sync.read(body, { skipRescale: true });
  expect([png.width, png.height, body[24]]).toEqual([6, 4, 16]);
  const npy = await post('/depth?format=npy');
  const { data, shape } = decodeNpy(npy.body);
  expect(shape).toEqual([4, 6]);
  expect(data.at(-1)).toBe(23);
});

test('what is wrong with a request is said, and the next one is answered', async () => {
  expect((await ask('/depth')).status).toBe(405);
  expect(await post('/depth?format=gif')).toMatchObject({ status: 400 });
  expect(await post('/depth?size=0')).toMatchObject({ status: 400 });
  expect(await post('/depth', new Uint8Array(6000))).toMatchObject({ status: 413 });
  const large = encodePng8(new Uint8Array(200 * 100), 200, 100);
  expect(await post('/depth', large)).toMatchObject({ status: 415 });
  const text = await post('/depth', Buffer.from('no picture'));
  expect(text.status).toBe(415);
  expect(text.body.toString()).toMatch(/not a picture/);
  expect((await post('/depth')).status).toBe(200);
});

test('one at a time: others wait, and beyond the limit are turned away', async () => {
  hold = true;
  const first = post('/depth');
  await expect.poll(() => held.length).toBe(1);
  // Whichever of the two comes first waits, and the other is turned away at once.
  const others = [post('/depth'), post('/depth')];
  const answered = await Promise.race(others);
  expect(answered.status).toBe(503);
  expect(answered.headers['retry-after']).toBe('5');
  expect(held.length).toBe(1);
  held.shift()!();
  await expect.poll(() => held.length).toBe(1);
  held.shift()!();
  hold = false;
  const statuses = (await Promise.all([first, ...others])).map(({ status }) => status);
  expect(statuses.sort()).toEqual([200, 200, 503]);
});

test('a body without a length is cut where it is too long; a slow one keeps nobody waiting', async () => {
  const { hostname, port } = new URL(server.address);
  const send = (): ClientRequest =>
    request({ hostname, port, path: '/depth', method: 'POST', agent: false });
  const answered = (asked: ClientRequest) =>
    new Promise<number>((resolve, reject) => {
      asked.on('response', (response) => {
        response.resume();
        resolve(response.statusCode!);
      });
      asked.on('error', reject);
    });
  const long = send();
  long.write(Buffer.alloc(4000));
  long.write(Buffer.alloc(4000));
  expect(await answered(long)).toBe(413);

  const slow = send();
  slow.write(photo.subarray(0, 20));
  expect((await post('/depth')).status).toBe(200);
  slow.end(photo.subarray(20));
  expect(await answered(slow)).toBe(200);
});

test('without a built site it says how to build one', async () => {
  const nowhere = { site: join(site, 'assets'), host: '127.0.0.1', port: 0 };
  await expect(startSiteServer(nowhere)).rejects.toThrow(/npm run web:build/);
});

interface Printed {
  readonly out: string;
  readonly err: string;
}

/** What `dpt serve` prints with these flags, until it is enough. */
async function served(
  argv: readonly string[],
  isEnough: (printed: Printed) => boolean = () => true,
  env: Readonly<Record<string, string>> = {},
): Promise<Printed> {
  const stop = new AbortController();
  let [out, err] = ['', ''];
  const command = serveFrom(site);
  const ended = command.run(parseFlags(['--port', '0', ...argv], command.flags), {
    out: (line) => (out += line),
    error: (line) => (err += line),
    progress: noProgress,
    signal: stop.signal,
    env,
  });
  await expect.poll(() => out !== '' && isEnough({ out, err })).toBe(true);
  stop.abort();
  expect(await ended).toBe(0);
  return { out, err };
}

test('who serves to others is warned, who serves to this machine alone is not', async () => {
  const others = await served(['--host', '0.0.0.0']);
  expect(others.out).toMatch(/^http:\/\/0\.0\.0\.0:\d+\/$/);
  expect(others.err).toMatch(/^warning: everybody who reaches 0\.0\.0\.0 can use this server\. /);
  const alone = await served(['--host', 'localhost']);
  expect(alone).toEqual({ out: expect.stringMatching(/^http:\/\/localhost:\d+\/$/), err: '' });
});

test.skipIf(process.platform === 'win32')('--open opens the page it serves', async () => {
  const opened = join(site, 'opened');
  for (const name of ['xdg-open', 'open']) {
    writeFileSync(join(site, name), `#!/bin/sh\necho "$@" > '${opened}'\n`, { mode: 0o755 });
  }
  const isOpened = () => existsSync(opened) && readFileSync(opened, 'utf8') !== '';
  const { out, err } = await served(['--open'], isOpened, { PATH: site });
  expect(readFileSync(opened, 'utf8')).toBe(`${out}\n`);
  expect(err).toBe('');
  // Where nothing can open it, it is said where the page is.
  rmSync(opened);
  const said = (printed: Printed) => printed.err !== '';
  const nowhere = await served(['--open'], said, { PATH: join(site, 'assets') });
  expect(nowhere.err).toBe(`No browser could be opened; the page is at ${nowhere.out}`);
  expect(existsSync(opened)).toBe(false);
});

test('files are refused', async () => {
  expect(await dpt(['serve', 'photo.jpg'])).toMatchObject({ code: 2 });
});
