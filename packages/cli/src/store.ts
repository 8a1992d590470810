import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { copyFile, mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join, posix } from 'node:path';
import { writeFileAtomic } from '@dpt-webgpu/loaders/node';
import { HUB } from './http_request.ts';
import { lock } from './lock_file.ts';
import type { ManifestEntry } from './manifest.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** Where downloaded models are kept: `$XDG_CACHE_HOME` or `~/.cache`, then `dpt-webgpu/models`. */
export function downloadFolder(env: Env = process.env): string {
  const cache = env.XDG_CACHE_HOME;
  // The XDG specification has relative paths ignored.
  const base = cache && isAbsolute(cache) ? cache : join(homedir(), '.cache');
  return join(base, 'dpt-webgpu', 'models');
}

export const pathInStore = ({ file }: ManifestEntry, folder: string): string => join(folder, file);

/** Where the `config.json` of a checkpoint lies in a folder that has several. */
export const configPathOf = (model: string): string =>
  `${model.replace(/\.(safetensors|pth|pt|bin)$/i, '')}.config.json`;

/** What is written beside a downloaded file, so that it can be checked again. */
export interface StoreRecord {
  readonly url: string;
  readonly bytes: number;
  readonly sha256: string;
  /** What the hash was compared with when the file came; null: nothing, it is the first that was seen. */
  readonly verifiedBy: string | null;
}

const recordPath = (model: string): string => `${model}.json`;

/** Undefined where there is none, or none that can be read. */
export async function readRecord(model: string): Promise<StoreRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(recordPath(model), 'utf8')) as Partial<StoreRecord>;
    const { url, bytes, sha256, verifiedBy = null } = record;
    const isRecord =
      typeof url === 'string' && Number.isSafeInteger(bytes) && /^[0-9a-f]{64}$/.test(sha256 ?? '');
    return isRecord ? { url, bytes: bytes!, sha256: sha256!, verifiedBy } : undefined;
  } catch {
    return undefined;
  }
}

export async function writeRecord(model: string, record: StoreRecord): Promise<void> {
  const text = `${JSON.stringify(record, undefined, 2)}\n`;
  await writeFileAtomic(recordPath(model), new TextEncoder().encode(text));
}

export interface Checked {
  readonly bytes: number;
  readonly sha256: string;
}

export interface CheckOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Length and hash of a file; undefined where there is none. */
export async function hashFile(
  path: string,
  { signal, onProgress }: CheckOptions,
): Promise<Checked | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return undefined;
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path, { signal, highWaterMark: 2 ** 20 })) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    onProgress?.(bytes, found.size);
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** The same file in the cache that the tools of Hugging Face share, where they downloaded it before. */
export async function findInHubCache(url: string, env: Env): Promise<string | undefined> {
  const parts = /^\/(?:(spaces|datasets)\/)?([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(
    url.startsWith(`${HUB}/`) ? url.slice(HUB.length) : '',
  );
  if (!parts) return undefined;
  const [, kind = 'models', repository, revision, file] = parts;
  const repositoryFolder = join(
    hubCacheFolder(env),
    `${kind}--${repository!.replaceAll('/', '--')}`,
  );
  // A branch is a file with the commit it was at; a commit stands for itself.
  const ref = await readFile(join(repositoryFolder, 'refs', revision!), 'utf8').catch(() => '');
  const commit = /^[0-9a-f]{40}$/.test(ref.trim()) ? ref.trim() : revision!;
  const path = join(repositoryFolder, 'snapshots', commit, ...posix.normalize(file!).split('/'));
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? path : undefined;
}

function hubCacheFolder(env: Env): string {
  if (env.HF_HUB_CACHE) return env.HF_HUB_CACHE;
  const home = env.HF_HOME || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface');
  return join(home, 'hub');
}

/** Copies a file into the store; like a download it is whole under its name or not there. */
export async function takeCopy(from: string, to: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const unlock = await lock(`${to}.lock`, `copying ${from}`);
  const part = `${to}.copy.part`;
  try {
    // Shares the blocks where the file system can.
    await copyFile(from, part, constants.COPYFILE_FICLONE);
    await rename(part, to);
  } finally {
    await rm(part, { force: true });
    await unlock();
  }
}
