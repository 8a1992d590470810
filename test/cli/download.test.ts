// download: what servers, networks, disks and other processes do to a transfer. Against a server on this machine:
// statuses, redirects, cuts and resumption, lengths, hashes, pages and pointers, tokens, locks, a full disk, Ctrl-C.
// The addresses in the manifest are not asked.
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type DownloadOptions,
  type DownloadRequest,
  download,
} from '../../packages/cli/src/download.ts';
import { hubAccess } from '../../packages/cli/src/http_request.ts';
import { lock } from '../../packages/cli/src/lock_file.ts';
import { main } from '../../packages/cli/src/main.ts';
import { entryNamed, manifest } from '../../packages/cli/src/manifest.ts';
import { betterModel, chooseModel } from '../../packages/cli/src/model_choice.ts';
import { noProgress } from '../../packages/cli/src/progress.ts';
import { writeSafetensors } from '../../packages/loaders/src/index.ts';
import { type BadServer, badServer, type FileOptions, sendFile } from '../support/bad_server.ts';

const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251);
const sha = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

let server: BadServer;
let other: BadServer;
let folder: string;
let path: string;

beforeEach(async () => {
  server = await badServer();
  other = await badServer();
  folder = await mkdtemp(join(tmpdir(), 'dpt-download-'));
  path = join(folder, 'model.pth');
});

afterEach(async () => {
  await server.close();
  await other.close();
  await rm(folder, { recursive: true, force: true });
});

const serve =
  (options: FileOptions = {}, data = bytes): BadServer['handle'] =>
  (request, response) =>
    sendFile(request, response, data, { etag: '"v1"', ...options });

/** One answer after the other; the last stays. */
function inTurn(...handlers: BadServer['handle'][]): BadServer['handle'] {
  let at = 0;
  return (request, response) => handlers[Math.min(at++, handlers.length - 1)]!(request, response);
}

const status =
  (code: number, headers: Record<string, string> = {}): BadServer['handle'] =>
  (_, response) =>
    response.writeHead(code, headers).end('no');

function get(wanted: Partial<DownloadRequest> = {}, options: Partial<DownloadOptions> = {}) {
  const page = 'https://example.org/page';
  return download(
    { url: `${server.origin}/file`, path, page, ...wanted },
    {
      hub: hubAccess({}),
      signal: new AbortController().signal,
      backoffMs: 1,
      retries: 2,
      ...options,
    },
  );
}

/** The message with the server's port taken out. */
const failure = async (promise: Promise<unknown>): Promise<string> => {
  const error: unknown = await promise.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
  return (error as Error).message.replaceAll(/127\.0\.0\.1:\d+/g, 'HOST').replaceAll(folder, 'DIR');
};

const left = async (): Promise<string[]> => (await readdir(folder)).sort();
const ranges = (): (string | undefined)[] => server.seen.map(({ headers }) => headers.range);

describe('a transfer', () => {
  test('that goes well: whole, hashed, and nothing else left', async () => {
    server.handle = serve();
    const seen: number[] = [];
    const got = await get(
      { bytes: bytes.length, sha256: sha(bytes), hashFrom: 'the manifest' },
      { onProgress: (loaded, total) => seen.push(loaded / total!) },
    );
    expect(got).toMatchObject({
      bytes: bytes.length,
      sha256: sha(bytes),
      verifiedBy: 'the manifest',
      resumedAt: 0,
    });
    expect(new Uint8Array(await readFile(path))).toEqual(bytes);
    expect(seen.at(-1)).toBe(1);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(await left()).toEqual(['model.pth']);
  });

  test('without a known hash says that nothing vouches for it', async () => {
    server.handle = serve();
    expect((await get()).verifiedBy).toBeUndefined();
  });

  test('of which the server does not say the length', async () => {
    server.handle = (_, response) => response.writeHead(200).end(bytes);
    expect((await get()).sha256).toBe(sha(bytes));
  });
});

describe('statuses', () => {
  test.each([
    [
      404,
      'HOST says HTTP 404: there is no such file. It may have been moved or renamed; look at https://example.org/page, and give a file you have with -m.',
    ],
    [
      401,
      'HOST says HTTP 401: access is refused. Accept its terms at https://example.org/page if it has any, then give a token: HF_TOKEN=… (only the Hub gets to see it).',
    ],
    [
      403,
      'HOST says HTTP 403: access is refused. Accept its terms at https://example.org/page if it has any, then give a token: HF_TOKEN=… (only the Hub gets to see it).',
    ],
    [418, 'HOST says HTTP 418. See https://example.org/page.'],
    [429, 'HOST says HTTP 429: too many requests from here. Try again later.'],
  ])('%i is final', async (code, message) => {
    server.handle = status(code);
    expect(await failure(get())).toBe(message);
    expect(server.seen).toHaveLength(1);
    expect(await left()).toEqual([]);
  });

  test('500 twice, then the file', async () => {
    server.handle = inTurn(status(500), status(503), serve());
    const lines: string[] = [];
    await get({}, { log: (line) => lines.push(line) });
    expect(lines.map((line) => line.replace(/^\S+/, 'HOST'))).toEqual([
      'HOST says HTTP 500: it is in trouble. Trying again in 0.001 s.',
      'HOST says HTTP 503: it is in trouble. Trying again in 0.002 s.',
    ]);
    expect(await left()).toEqual(['model.pth']);
  });

  test('500 for ever', async () => {
    server.handle = status(500);
    expect(await failure(get())).toBe(
      'HOST says HTTP 500: it is in trouble. Gave up after 3 tries.',
    );
    expect(server.seen).toHaveLength(3);
  });

  test('nobody listens', async () => {
    await server.close();
    expect(await failure(get())).toMatch(/^HOST does not answer \(.+\)\. Gave up after 3 tries\.$/);
  });

  test('a server that goes silent', async () => {
    server.handle = (_, response) => {
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, 1000));
    };
    expect(await failure(get({}, { stallMs: 100, retries: 0 }))).toMatch(
      /^nothing came for 0\.1 s\. Gave up after 1 tries\./,
    );
  });
});

describe('redirects', () => {
  test('are followed', async () => {
    other.handle = serve();
    server.handle = status(302, { location: `${other.origin}/elsewhere` });
    expect((await get()).sha256).toBe(sha(bytes));
  });

  test('in a circle', async () => {
    server.handle = (request, response) =>
      response.writeHead(302, { location: request.url === '/a' ? '/b' : '/a' }).end();
    expect(await failure(get())).toBe(
      'the server sends us in circles (3 redirects, last to http://HOST/a). See https://example.org/page.',
    );
    expect(server.seen).toHaveLength(3);
  });

  test('without end', async () => {
    let n = 0;
    server.handle = (_, response) => response.writeHead(302, { location: `/${n++}` }).end();
    expect(await failure(get())).toMatch(/^the server sends us in circles \(11 redirects/);
  });

  test('to nowhere, and to a file of this machine', async () => {
    server.handle = status(302);
    expect(await failure(get())).toBe('HOST redirects (HTTP 302) without saying where to.');
    server.handle = status(302, { location: 'file:///etc/passwd' });
    expect(await failure(get())).toMatch(/which is not safe to follow/);
  });

  test('do not take the token along to another host; the Hub gets it', async () => {
    other.handle = serve();
    server.handle = status(302, { location: `${other.origin}/cdn?signature=1` });
    const hub = hubAccess({ HF_ENDPOINT: `${server.origin}/`, HF_TOKEN: 'hf_secret' });
    await get({ url: 'https://huggingface.co/a/b/resolve/main/file' }, { hub });
    expect(server.seen.map(({ url, headers }) => [url, headers.authorization])).toEqual([
      ['/a/b/resolve/main/file', 'Bearer hf_secret'],
    ]);
    expect(other.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  test('nor does a host that is not the Hub get it first', async () => {
    server.handle = serve();
    await get({}, { hub: hubAccess({ HF_TOKEN: 'hf_secret' }) });
    expect(server.seen[0]!.headers.authorization).toBeUndefined();
  });

  test('say on the way what hash the file has', async () => {
    other.handle = serve();
    const linked = { location: `${other.origin}/cdn`, 'x-linked-etag': `"${sha(bytes)}"` };
    server.handle = status(302, linked);
    expect((await get()).verifiedBy).toBe('the Hub');
    await rm(path);
    server.handle = status(302, { ...linked, 'x-linked-etag': `"${'0'.repeat(64)}"` });
    expect(await failure(get())).toMatch(/by the Hub it should be 0{64}\. It was removed/);
    expect(await left()).toEqual([]);
  });
});

describe('a connection that breaks', () => {
  test('is gone on with where it broke', async () => {
    server.handle = inTurn(serve({ cutAfter: 100_000 }), serve());
    const { sha256 } = await get({ sha256: sha(bytes) });
    expect(sha256).toBe(sha(bytes));
    expect(ranges()).toEqual([undefined, 'bytes=100000-']);
    expect(server.seen[1]!.headers['if-range']).toBe('"v1"');
  });

  test('is gone on with by the next call', async () => {
    server.handle = serve({ cutAfter: 100_000 });
    expect(await failure(get({}, { retries: 0 }))).toMatch(
      /100000 of 300000 bytes \(.+\)\. Gave up after 1 tries\. 100000 bytes are kept: run it again\.$/,
    );
    expect(await left()).toEqual(['model.pth.part', 'model.pth.part.json']);
    server.handle = serve();
    expect((await get({ sha256: sha(bytes) })).resumedAt).toBe(100_000);
    expect(await left()).toEqual(['model.pth']);
  });

  test('many times gets there as long as something comes each time', async () => {
    server.handle = serve({ cutAfter: 40_000 });
    expect((await get({ sha256: sha(bytes) })).sha256).toBe(sha(bytes));
    expect(server.seen).toHaveLength(8);
  });

  test('begins anew when the file has changed meanwhile', async () => {
    const changed = bytes.map((byte) => byte ^ 1);
    server.handle = inTurn(serve({ cutAfter: 100_000 }), serve({ etag: '"v2"' }, changed));
    expect((await get()).sha256).toBe(sha(changed));
    // …also when the server sends a part of the new file all the same.
    await rm(path);
    server.handle = inTurn(
      serve({ cutAfter: 100_000 }),
      serve({ etag: '"v2"', ignoreIfRange: true }, changed),
      serve({ etag: '"v2"' }, changed),
    );
    expect((await get()).sha256).toBe(sha(changed));
  });

  test('begins anew when the server ignores ranges', async () => {
    server.handle = inTurn(serve({ cutAfter: 100_000 }), serve({ ignoreRange: true }));
    expect((await get({ sha256: sha(bytes) })).sha256).toBe(sha(bytes));
    expect(ranges()).toEqual([undefined, 'bytes=100000-']);
  });

  test('begins anew without an ETag or a date to go by', async () => {
    const bare: BadServer['handle'] = (request, response) =>
      sendFile(request, response, bytes, server.seen.length === 1 ? { cutAfter: 1000 } : {});
    server.handle = bare;
    await get({ sha256: sha(bytes) });
    expect(ranges()).toEqual([undefined, undefined]);
  });

  test('after the last byte is complete', async () => {
    await writeFile(`${path}.part`, bytes);
    const note = { url: `${server.origin}/file`, validator: '"v1"' };
    await writeFile(`${path}.part.json`, JSON.stringify(note));
    server.handle = serve();
    expect(await get()).toMatchObject({ sha256: sha(bytes), resumedAt: bytes.length });
  });

  test('does not go on with the part of another address, or with one that nobody knows', async () => {
    await writeFile(`${path}.part`, bytes.subarray(0, 1000));
    server.handle = serve();
    expect((await get({ sha256: sha(bytes) })).resumedAt).toBe(0);
  });
});

describe('what comes is not the file', () => {
  test('a wrong length is noticed before it is transferred', async () => {
    server.handle = serve();
    expect(await failure(get({ bytes: 99 }))).toBe(
      'the file on the server has the wrong length: 300000 bytes, and 99 are expected. See https://example.org/page.',
    );
    expect(await left()).toEqual([]);
  });

  test('also where the server does not say it', async () => {
    server.handle = (_, response) => response.writeHead(200).end(bytes.subarray(0, 99_000));
    expect(await failure(get({ bytes: bytes.length }, { retries: 0 }))).toMatch(
      /^the connection ended after 99000 of 300000 bytes\./,
    );
  });

  test('a wrong hash', async () => {
    server.handle = serve();
    expect(await failure(get({ sha256: '1'.repeat(64), hashFrom: 'the manifest' }))).toBe(
      `what came is another file than expected: its sha-256 is ${sha(bytes)}, by the manifest it should be ${'1'.repeat(64)}. It was removed. If the authors have published a new version, see https://example.org/page and give that file with -m.`,
    );
    expect(await left()).toEqual([]);
  });

  test('a wrong hash made of two parts is tried once more whole', async () => {
    await writeFile(
      `${path}.part`,
      bytes.subarray(0, 1000).map(() => 1),
    );
    const note = { url: `${server.origin}/file`, validator: '"v1"' };
    await writeFile(`${path}.part.json`, JSON.stringify(note));
    server.handle = serve();
    expect((await get({ sha256: sha(bytes) })).sha256).toBe(sha(bytes));
    expect(ranges()).toEqual(['bytes=1000-', undefined]);
  });

  const page = new TextEncoder().encode('<!DOCTYPE html><title>Sign in</title>');
  test('a web page', async () => {
    server.handle = serve({ headers: { 'content-type': 'text/html; charset=utf-8' } }, page);
    expect(await failure(get())).toMatch(/^HOST sent a web page in place of the file\./);
    server.handle = serve({ headers: { 'content-type': 'application/octet-stream' } }, page);
    expect(await failure(get())).toMatch(/^the server sent a web page in place of the file\./);
  });

  test('a Git LFS pointer', async () => {
    const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 99218434\n';
    server.handle = serve({}, new TextEncoder().encode(pointer));
    expect(await failure(get())).toMatch(
      /^the server sent a Git LFS pointer, the text that stands/,
    );
  });

  test('nothing', async () => {
    server.handle = serve({}, new Uint8Array(0));
    expect(await failure(get())).toBe(
      'the server sent an empty file. See https://example.org/page.',
    );
  });
});

describe('this machine', () => {
  test('a full disk: what came is kept, and gone on with', async () => {
    server.handle = serve();
    let room = 120_000;
    const openFile: DownloadOptions['openFile'] = async (file, flags) => {
      const handle = await open(file, flags);
      if (!file.endsWith('.part')) return handle;
      return {
        async write(data: Uint8Array, offset: number, length: number) {
          const fits = Math.min(length, room);
          if (fits === 0) {
            throw Object.assign(new Error('ENOSPC: no space left on device, write'), {
              code: 'ENOSPC',
            });
          }
          room -= fits;
          return await handle.write(data, offset, fits);
        },
        sync: () => handle.sync(),
        close: () => handle.close(),
      } as typeof handle;
    };
    expect(await failure(get({}, { openFile }))).toMatch(
      /^DIR\/model\.pth\.part: the disk is full after \d+ bytes\. They are kept: make room/,
    );
    expect(server.seen).toHaveLength(1);
    const { resumedAt } = await get({ sha256: sha(bytes) });
    expect(resumedAt).toBe(120_000);
  });

  test('two at once: the second is told who the first is', async () => {
    server.handle = serve({ stopAfter: 1000 });
    const controller = new AbortController();
    const first = get({}, { signal: controller.signal }).catch(() => 'aborted');
    await until(() => server.seen.length === 1);
    expect(await failure(get())).toMatch(
      new RegExp(
        `^process ${process.pid} on .+ is busy with downloading model\\.pth\\. Wait for it`,
      ),
    );
    controller.abort();
    expect(await first).toBe('aborted');
    server.handle = serve();
    expect((await get()).sha256).toBe(sha(bytes));
  });

  test('the lock of a process that died is taken over', async () => {
    const died = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => died.on('exit', resolve));
    const { hostname } = await import('node:os');
    await writeFile(`${path}.lock`, JSON.stringify({ pid: died.pid, host: hostname() }));
    server.handle = serve();
    expect((await get()).sha256).toBe(sha(bytes));
    expect(await left()).toEqual(['model.pth']);
  });

  test('of many that take over a dead lock only one gets it', async () => {
    const { hostname } = await import('node:os');
    const file = join(folder, 'x.lock');
    await writeFile(file, JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() }));
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lock(file, 'it')));
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('a lock of another machine is left alone', async () => {
    await writeFile(`${path}.lock`, JSON.stringify({ pid: 1, host: 'elsewhere' }));
    expect(await failure(get())).toMatch(/^process 1 on elsewhere is busy/);
  });
});

/** A checkpoint that opens, large enough to be interrupted. */
const model = writeSafetensors(
  new Map([['x', { dtype: 'f32', shape: [50_000], data: new Float32Array(50_000).fill(0.5) }]]),
);

describe('the command', () => {
  const dpt = join(import.meta.dirname, '..', '..', 'packages', 'cli', 'bin', 'dpt.mjs');

  const env = () => ({
    HF_ENDPOINT: server.origin,
    HF_TOKEN: '',
    HF_HOME: join(folder, 'hf'),
    HF_HUB_CACHE: '',
    XDG_CACHE_HOME: folder,
  });

  /** In this process; for what needs a process of its own there is `start`. */
  async function run(...args: string[]) {
    const text = { stdout: '', stderr: '' };
    const code = await main(['download', ...args], {
      out: (line) => (text.stdout += `${line}\n`),
      error: (line) => (text.stderr += `${line}\n`),
      progress: noProgress,
      signal: new AbortController().signal,
      env: env(),
    });
    return { code, ...text };
  }

  const start = (...args: string[]): ChildProcess =>
    spawn(process.execPath, [dpt, 'download', ...args], { env: { ...process.env, ...env() } });

  async function end(child: ChildProcess) {
    const text = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]!.on('data', (data: Buffer) => (text[name] += data.toString()));
    }
    return await new Promise<typeof text & { code: number | null; signal: string | null }>(
      (resolve) => child.on('close', (code, signal) => resolve({ code, signal, ...text })),
    );
  }

  const store = (): string => join(folder, 'dpt-webgpu', 'models');
  const name = 'v2-base-hf';
  const file = 'depth_anything_v2_vitb_hf.safetensors';

  const hubOf =
    (options: FileOptions = {}): BadServer['handle'] =>
    (request, response) =>
      request.url!.endsWith('/config.json')
        ? sendFile(request, response, new TextEncoder().encode('{"model_type": "depth_anything"}'))
        : sendFile(request, response, model, { etag: '"m1"', ...options });

  test('fetches, records the hash, and checks it the next time without asking anybody', async () => {
    server.handle = hubOf();
    const first = await run(name);
    expect(first).toMatchObject({ code: 0 });
    expect(first.stderr).toContain('licence of the weights: CC-BY-NC-4.0 (not for commercial use)');
    expect(first.stdout).toContain('its hash is known from nowhere else and was recorded');
    expect(await readdir(store())).toEqual([
      'depth_anything_v2_vitb_hf.config.json',
      file,
      `${file}.json`,
    ]);
    expect(JSON.parse(await readFile(join(store(), `${file}.json`), 'utf8'))).toMatchObject({
      bytes: model.length,
      sha256: sha(model),
      verifiedBy: null,
    });
    const asked = server.seen.length;
    const again = await run(name, '--json');
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(again.stdout)).toMatchObject({ event: 'done', how: 'already there', name });
    const damaged = new Uint8Array(model);
    damaged[damaged.length - 1]! ^= 1;
    await writeFile(join(store(), file), damaged);
    const third = await run(name, '--offline');
    expect(third.code).toBe(1);
    expect(third.stderr).toContain('by the record of the first download it should be');
    expect(server.seen).toHaveLength(asked);
  });

  test('Ctrl-C keeps the part, and the same command goes on', async () => {
    server.handle = hubOf({ stopAfter: model.length / 2 });
    const child = start(name);
    const ended = end(child);
    const part = join(store(), `${file}.part`);
    await until(async () => existsSync(part) && (await readFile(part)).length > 0);
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ signal: 'SIGINT' });
    expect((await readdir(store())).filter((entry) => entry.includes('.lock'))).toEqual([]);
    const kept = (await readFile(part)).length;
    server.handle = hubOf();
    const again = await run(name, '--json');
    expect(again.code).toBe(0);
    const lines = again.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.at(-1)).toMatchObject({ event: 'done', resumedAt: kept, sha256: sha(model) });
    expect(new Uint8Array(await readFile(join(store(), file)))).toEqual(model);
  });

  test('two processes at once: one fetches, the other says so', async () => {
    let finish = (): void => {};
    server.handle = (request, response) => {
      if (request.url!.endsWith('/config.json')) return hubOf()(request, response);
      response.writeHead(200, { 'content-length': model.length });
      response.write(model.subarray(0, 1000));
      finish = () => response.end(model.subarray(1000));
    };
    const child = start(name);
    const ended = end(child);
    const part = join(store(), `${file}.part`);
    await until(() => existsSync(part));
    const second = await run(name);
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(new RegExp(`process ${child.pid} on .+ is busy with`));
    finish();
    expect((await ended).code).toBe(0);
  });

  test('something that is no checkpoint does not get into the store', async () => {
    server.handle = (request, response) => sendFile(request, response, bytes);
    const { code, stderr } = await run(name);
    expect(code).toBe(1);
    expect(stderr).toContain('what came is neither a PyTorch nor a safetensors file');
    expect((await readdir(store())).filter((entry) => entry.startsWith(file))).toEqual([]);
  });

  test('--offline asks nobody, and takes what the cache of Hugging Face has', async () => {
    const none = await run(name, '--offline');
    expect(none.code).toBe(1);
    expect(none.stderr).toContain('--offline forbids to fetch it');
    const repository = join(
      folder,
      'hf',
      'hub',
      'models--depth-anything--Depth-Anything-V2-Base-hf',
    );
    const commit = 'a'.repeat(40);
    await mkdir(join(repository, 'refs'), { recursive: true });
    await mkdir(join(repository, 'snapshots', commit), { recursive: true });
    await writeFile(join(repository, 'refs', 'main'), commit);
    await writeFile(join(repository, 'snapshots', commit, 'model.safetensors'), model);
    const cached = await run(name, '--offline');
    expect(cached).toMatchObject({ code: 0 });
    expect(cached.stdout).toContain('copied from');
    expect(new Uint8Array(await readFile(join(store(), file)))).toEqual(model);
    expect(server.seen).toEqual([]);
  });

  test('names that it does not know, and the one it holds back', async () => {
    expect((await run('v2-smal')).stderr).toContain('Did you mean v2-small?');
    const giant = await run('v2-giant');
    expect(giant.code).toBe(2);
    expect(giant.stderr).toContain('the copy that can be found states no licence');
  });
});

describe('the store', () => {
  const env = () => ({ XDG_CACHE_HOME: folder });

  test('serves short names, and says how to fetch what it has not', async () => {
    const given = chooseModel('v2-large', { folder, env: env() });
    expect(await failure(given)).toBe(
      'v2-large is not in DIR/dpt-webgpu/models. Fetch it: npm run dpt -- download v2-large',
    );
    const store = join(folder, 'dpt-webgpu', 'models');
    await mkdir(store, { recursive: true });
    await writeFile(join(store, entryNamed('v2-large')!.file), 'x');
    expect((await chooseModel('v2-large', { folder, env: env() })).path).toBe(
      join(store, 'depth_anything_v2_vitl.pth'),
    );
    // A file that is called like a model is that file.
    await writeFile(join(folder, 'v2-large'), 'x');
    expect((await chooseModel('v2-large', { folder, env: env() })).path).toBe(
      join(folder, 'v2-large'),
    );
  });

  test('holds the default model', async () => {
    const store = join(folder, 'dpt-webgpu', 'models');
    await mkdir(store, { recursive: true });
    await writeFile(join(store, 'depth_anything_v2_vitb.pth'), 'x');
    expect((await chooseModel(undefined, { folder, env: env() })).notes[0]).toContain(betterModel);
    await writeFile(join(store, 'depth_anything_v2_vits.pth'), 'x');
    expect(await chooseModel(undefined, { folder, env: env() })).toMatchObject({
      path: join(store, 'depth_anything_v2_vits.pth'),
      source: 'downloaded',
    });
  });
});

describe('the manifest', () => {
  test('names, files and addresses are unique and well-formed', () => {
    for (const key of ['name', 'file', 'url'] as const) {
      expect(new Set(manifest.map((entry) => entry[key])).size).toBe(manifest.length);
    }
    for (const { name, file, url, page, config, sha256, bytes } of manifest) {
      expect(name).toMatch(/^[a-z0-9-]+$/);
      expect(file).toMatch(/^[a-z0-9_]+\.(pth|pt|safetensors)$/);
      for (const address of [url, page, ...(config ? [config] : [])]) {
        expect(address).toMatch(/^https:\/\/(huggingface\.co|github\.com)\//);
      }
      if (sha256 !== undefined) expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      if (bytes !== undefined) expect(bytes).toBeGreaterThan(9e7);
    }
  });
});

async function until(ready: () => boolean | Promise<boolean>): Promise<void> {
  await expect.poll(ready, { interval: 20 }).toBe(true);
}
