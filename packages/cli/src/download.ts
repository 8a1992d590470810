import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Answer,
  DownloadError,
  type HubAccess,
  mirrored,
  PassingError,
  reasonOf,
  request,
} from './http_request.ts';
import { lock } from './lock_file.ts';

export interface DownloadRequest {
  readonly url: string;
  /** Where it goes. While it is incomplete it is `path` with `.part` behind. */
  readonly path: string;
  /** What people are told to look at when something is wrong. */
  readonly page: string;
  readonly bytes?: number | undefined;
  readonly sha256?: string | undefined;
  /** Where `sha256` is from, for messages: `the manifest`. */
  readonly hashFrom?: string | undefined;
  /** Looks at the complete file before it gets its name; what it throws has the file removed. */
  readonly accept?: ((part: string) => Promise<void>) | undefined;
}

export interface DownloadOptions {
  readonly hub: HubAccess;
  readonly signal: AbortSignal;
  /** Bytes on disk, of how many; undefined where the server does not say. */
  readonly onProgress?: (loaded: number, total: number | undefined) => void;
  /** Takes a line: what is tried again. */
  readonly log?: (line: string) => void;
  readonly fetch?: typeof fetch;
  /** How often it is tried again without a byte of progress. Default 4. */
  readonly retries?: number;
  /** First pause between tries; each is twice the last. Default 1000. */
  readonly backoffMs?: number;
  /** A connection over which nothing comes for so long has broken. Default 60000. */
  readonly stallMs?: number;
  /** Instead of opening files on the disk, for tests of full ones. */
  readonly openFile?: (path: string, flags: string) => Promise<Writable>;
}

export type Writable = Pick<FileHandle, 'write' | 'sync' | 'close' | 'truncate'>;

export interface Downloaded {
  readonly bytes: number;
  readonly sha256: string;
  readonly etag: string | undefined;
  /** What the hash was compared with; undefined: with nothing, it is the first of this file. */
  readonly verifiedBy: string | undefined;
  /** Bytes that an earlier call had left. */
  readonly resumedAt: number;
}

/** What is kept beside a `.part` file, to know whether the rest still belongs to it. */
interface PartNote {
  readonly url: string;
  /** A strong ETag, else a date. */
  readonly validator: string;
}

/**
 * Fetches a file so that it is either whole and right under its name, or not there. What an interrupted call left is
 * gone on with. The hash is taken while writing.
 */
export async function download(
  wanted: DownloadRequest,
  options: DownloadOptions,
): Promise<Downloaded> {
  await mkdir(dirname(wanted.path), { recursive: true });
  const unlock = await lock(`${wanted.path}.lock`, `downloading ${basename(wanted.path)}`);
  try {
    return await new Transfer(wanted, options).run();
  } finally {
    await unlock();
  }
}

class Transfer {
  readonly #wanted: DownloadRequest;
  readonly #options: DownloadOptions;
  readonly #url: string;
  readonly #part: string;
  readonly #note: string;
  #hash: Hash = createHash('sha256');
  /** Bytes in the part file, all of them hashed. */
  #loaded = 0;
  #resumedAt = 0;
  #validator: string | undefined;
  #etag: string | undefined;
  #linked: Answer['linked'] = {};

  constructor(wanted: DownloadRequest, options: DownloadOptions) {
    this.#wanted = wanted;
    this.#options = options;
    this.#url = mirrored(wanted.url, options.hub);
    this.#part = `${wanted.path}.part`;
    this.#note = `${wanted.path}.part.json`;
  }

  async run(): Promise<Downloaded> {
    await this.#takeUp();
    this.#resumedAt = this.#loaded;
    const { log, retries = 4, backoffMs = 1000, signal } = this.#options;
    let failures = 0;
    for (;;) {
      const before = this.#loaded;
      try {
        await this.#attempt();
        return await this.#finish();
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof PassingError)) throw error;
        // A line that breaks again and again and brings something each time gets there.
        failures = this.#loaded > before ? 1 : failures + 1;
        if (failures > retries) {
          const kept = this.#loaded > 0 ? ` ${this.#loaded} bytes are kept: run it again.` : '';
          throw new DownloadError(`${error.message} Gave up after ${failures} tries.${kept}`, {
            cause: error,
          });
        }
        const pause = backoffMs * 2 ** (failures - 1);
        log?.(`${error.message} Trying again in ${pause / 1000} s.`);
        await sleep(pause, undefined, { signal });
      }
    }
  }

  /** What an earlier call left, if it is of the same address and its version is known. */
  async #takeUp(): Promise<void> {
    const note = await readFile(this.#note, 'utf8').catch(() => '{}');
    const { url, validator } = parseNote(note);
    const found = await stat(this.#part).catch(() => undefined);
    if (!found?.isFile() || url !== this.#wanted.url || !validator) return this.#startOver();
    for await (const chunk of createReadStream(this.#part, { signal: this.#options.signal })) {
      this.#hash.update(chunk as Buffer);
      this.#loaded += (chunk as Buffer).length;
    }
    this.#validator = validator;
  }

  async #startOver(): Promise<void> {
    this.#hash = createHash('sha256');
    this.#loaded = 0;
    this.#resumedAt = 0;
    this.#validator = undefined;
    await rm(this.#part, { force: true });
    await rm(this.#note, { force: true });
  }

  async #attempt(): Promise<void> {
    const { hub, signal, fetch = globalThis.fetch, stallMs = 60_000 } = this.#options;
    const stalled = new AbortController();
    let timer = setTimeout(() => stalled.abort(), stallMs);
    const alive = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => stalled.abort(), stallMs);
    };
    try {
      const headers: Record<string, string> =
        this.#loaded > 0 && this.#validator
          ? { range: `bytes=${this.#loaded}-`, 'if-range': this.#validator }
          : {};
      const answer = await request(this.#url, {
        hub,
        fetch,
        headers,
        page: this.#wanted.page,
        signal: AbortSignal.any([signal, stalled.signal]),
      });
      this.#linked = { ...this.#linked, ...answer.linked };
      const total = await this.#begin(answer.response);
      if (total === undefined || this.#loaded < total) {
        await this.#receive(answer.response, total, alive);
      } else {
        await answer.response.body?.cancel();
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!stalled.signal.aborted) throw error;
      throw new PassingError(`nothing came for ${stallMs / 1000} s.`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Where the answer begins: after what we have, or at the beginning. Returns the bytes of the whole file. */
  async #begin(response: Response): Promise<number | undefined> {
    const { status, headers } = response;
    const etag = headers.get('etag') ?? undefined;
    const validator = etag?.startsWith('"') ? etag : (headers.get('last-modified') ?? undefined);
    if (status === 416) {
      await response.body?.cancel();
      const complete = headers.get('content-range') === `bytes */${this.#loaded}`;
      if (complete && this.#loaded > 0) return this.#loaded;
      await this.#startOver();
      throw new PassingError('the server has no such part of the file.');
    }
    let total: number | undefined;
    if (status === 206) {
      const [, from, of] =
        /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15})$/.exec(headers.get('content-range') ?? '') ?? [];
      total = of === undefined ? undefined : Number(of);
      // If-Range should have made it send the whole of a file that changed; not every server knows it.
      const changed = validator !== undefined && validator !== this.#validator;
      if (Number(from) !== this.#loaded || total === undefined || changed) {
        await response.body?.cancel();
        await this.#startOver();
        throw new PassingError(
          changed
            ? 'the file on the server changed since its first part came.'
            : 'the server sent another part than it was asked for.',
        );
      }
    } else {
      if (this.#loaded > 0) await this.#startOver();
      const length = headers.get('content-length');
      total = length === null ? undefined : Number(length);
    }
    this.#etag = etag;
    await this.#expectLength(total, response);
    if (validator !== undefined && validator !== this.#validator) {
      this.#validator = validator;
      const note: PartNote = { url: this.#wanted.url, validator };
      await this.#write(this.#note, 'w', (file) =>
        writeAll(file, Buffer.from(JSON.stringify(note))),
      );
    }
    return total ?? this.#wanted.bytes ?? this.#linked.bytes;
  }

  /** Known before anything is transferred, where the server says how long the file is. */
  async #expectLength(total: number | undefined, { body }: Response): Promise<void> {
    const { bytes } = this.#wanted;
    if (total === undefined || bytes === undefined || total === bytes) return;
    await body?.cancel();
    await this.#startOver();
    throw new DownloadError(wrongLength(total, bytes, this.#wanted.page));
  }

  async #receive(response: Response, total: number | undefined, alive: () => void): Promise<void> {
    const { onProgress, signal } = this.#options;
    const flags = this.#loaded > 0 ? 'a' : 'w';
    await this.#write(this.#part, flags, async (file) => {
      const reader = response.body?.getReader();
      try {
        for (;;) {
          const next = await reader?.read().catch((cause: unknown) => {
            signal.throwIfAborted();
            throw new PassingError(
              `the connection broke after ${this.#loaded}${total === undefined ? '' : ` of ${total}`} bytes (${reasonOf(cause)}).`,
              { cause },
            );
          });
          if (!next || next.done) break;
          alive();
          if (this.#loaded === 0) expectNoText(next.value, this.#wanted.page);
          await writeAll(file, next.value);
          this.#hash.update(next.value);
          this.#loaded += next.value.length;
          if (total !== undefined && this.#loaded > total) {
            throw new DownloadError(wrongLength(this.#loaded, total, this.#wanted.page));
          }
          onProgress?.(this.#loaded, total);
        }
      } catch (error) {
        await reader?.cancel().catch(() => {});
        throw error;
      }
    });
    if (total !== undefined && this.#loaded < total) {
      throw new PassingError(`the connection ended after ${this.#loaded} of ${total} bytes.`);
    }
  }

  async #finish(): Promise<Downloaded> {
    const { path, bytes, sha256: known, hashFrom, page } = this.#wanted;
    const sha256 = this.#hash.digest('hex');
    const expected = [
      { by: hashFrom ?? 'what was known', hash: known },
      { by: 'the Hub', hash: this.#linked.sha256 },
    ].filter(({ hash }) => hash !== undefined);
    const differs = expected.find(({ hash }) => hash !== sha256);
    const [loaded, resumedAt] = [this.#loaded, this.#resumedAt];
    if (loaded === 0 || (bytes !== undefined && loaded !== bytes)) {
      await this.#startOver();
      throw new DownloadError(wrongLength(loaded, bytes, page));
    }
    if (differs) {
      await this.#startOver();
      // The fault may lie in what an earlier call left; the whole once more tells.
      if (resumedAt > 0) throw new PassingError('its parts do not make the right file.');
      throw new DownloadError(
        `what came is another file than expected: its sha-256 is ${sha256}, by ${differs.by} it should be ${differs.hash}. It was removed. If the authors have published a new version, see ${page} and give that file with -m.`,
      );
    }
    try {
      await this.#wanted.accept?.(this.#part);
    } catch (error) {
      await this.#startOver();
      throw error;
    }
    await rename(this.#part, path);
    await rm(this.#note, { force: true });
    return {
      bytes: loaded,
      sha256,
      etag: this.#etag,
      verifiedBy: expected[0]?.by,
      resumedAt,
    };
  }

  /** Opens, writes, brings to the disk and closes; errors say which file, and that what came is kept. */
  async #write(
    path: string,
    flags: string,
    fill: (file: Writable) => Promise<void>,
  ): Promise<void> {
    const file = await (this.#options.openFile ?? open)(path, flags);
    try {
      await fill(file);
    } catch (error) {
      throw diskError(error, path, this.#loaded);
    } finally {
      // Also of what an interrupted call leaves, since the next one relies on it.
      await file.sync().catch(() => {});
      await file.close();
    }
  }
}

async function writeAll(file: Writable, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done)).bytesWritten;
  }
}

function diskError(error: unknown, path: string, loaded: number): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  const full = code === 'ENOSPC' ? 'the disk is full' : 'the disk quota is used up';
  return new DownloadError(
    `${path}: ${full} after ${loaded} bytes. They are kept: make room and run it again, or choose another --folder.`,
    { cause: error },
  );
}

/** Texts that are sent in place of files with a good status. */
function expectNoText(start: Uint8Array, page: string): void {
  const text = new TextDecoder('latin1').decode(start.subarray(0, 200)).trimStart().toLowerCase();
  if (text.startsWith('version https://git-lfs')) {
    throw new DownloadError(
      `the server sent a Git LFS pointer, the text that stands for the file, and not the file. A mirror may be incomplete; see ${page}.`,
    );
  }
  if (/^(<!doctype|<html|<head|<\?xml|<!--)/.test(text)) {
    throw new DownloadError(
      `the server sent a web page in place of the file. A network in between may want you to sign in; open ${page} in a browser.`,
    );
  }
}

function wrongLength(came: number, expected: number | undefined, page: string): string {
  if (came === 0) return `the server sent an empty file. See ${page}.`;
  return `the file on the server has the wrong length: ${came} bytes, and ${expected} are expected. See ${page}.`;
}

function parseNote(text: string): Partial<PartNote> {
  try {
    const { url, validator } = JSON.parse(text) as Partial<PartNote>;
    return typeof url === 'string' && typeof validator === 'string' ? { url, validator } : {};
  } catch {
    return {};
  }
}
