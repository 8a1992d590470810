import { createHash } from 'node:crypto';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { UsageError } from './errors.ts';
import { isPattern, splitPattern, toMatcher } from './glob.ts';
import { expectFile } from './model_choice.ts';

export interface PictureInput {
  /** To be opened, and what people are told; `-` is what is piped in. */
  readonly path: string;
  /** Below the folder or the pattern that it was found by, with slashes; a file that was named is its own name. */
  readonly name: string;
  /** What `--shard` deals by: the same on every machine that was given the same arguments. */
  readonly key: string;
}

export interface InputOptions {
  /** Left out of folders: what an earlier run wrote. */
  readonly output: string;
  readonly signal: AbortSignal;
}

export const STDIN = '-';

/** Also kinds that cannot be decoded, so that somebody learns of them. A folder holds many other things. */
const PICTURE = /\.(jpe?g|jfif|png|webp|avif|tiff?|gif|heic|heif|bmp|jxl|jp2|exr|hdr|psd)$/i;

/**
 * The pictures behind the arguments: files as they are named, folders with everything below them, patterns such as
 * `photos/*.jpg` where no shell has resolved them. Each file once, in the order of the arguments, and within one of
 * them in natural order: 2.jpg before 10.jpg.
 */
export async function findPictures(
  given: readonly string[],
  { output, signal }: InputOptions,
): Promise<PictureInput[]> {
  const found = new Map<string, PictureInput>();
  const skipped = await realpath(output).catch(() => resolve(output));
  for (const argument of given) {
    const before = found.size;
    for await (const input of behind(argument, skipped, signal)) {
      const identity = input.path === STDIN ? STDIN : resolve(input.path);
      if (!found.has(identity)) found.set(identity, input);
      else if (input.path === argument) {
        throw new UsageError(`${argument} is given twice.`);
      }
    }
    if (found.size === before && (await isEmpty(argument))) {
      throw new UsageError(`${argument}: holds no pictures.`);
    }
  }
  return [...found.values()];
}

async function* behind(
  argument: string,
  skipped: string,
  signal: AbortSignal,
): AsyncGenerator<PictureInput> {
  if (argument === STDIN) {
    yield { path: STDIN, name: 'stdin', key: STDIN };
    return;
  }
  const info = argument === '' ? undefined : await stat(argument).catch(() => undefined);
  if (info?.isDirectory()) {
    const files = await filesBelow(argument, skipped, signal);
    yield* inputsOf(
      argument,
      files.filter((file) => PICTURE.test(file)),
    );
    return;
  }
  // A file may have stars in its name.
  if (!info && isPattern(argument)) {
    const { folder, pattern } = splitPattern(argument);
    const matches = toMatcher(pattern);
    const files = await filesBelow(folder, skipped, signal).catch(() => []);
    const fitting = files.filter(matches);
    if (fitting.length === 0) throw new UsageError(`${argument}: nothing fits this pattern.`);
    yield* inputsOf(folder, fitting);
    return;
  }
  await expectFile(argument, argument);
  const key = argument.split(sep).join('/').normalize('NFC');
  yield { path: argument, name: key.slice(key.lastIndexOf('/') + 1), key };
}

function inputsOf(folder: string, names: readonly string[]): PictureInput[] {
  return names
    .toSorted(naturally)
    .map((name) => ({ path: join(folder, name), name, key: name.normalize('NFC') }));
}

async function isEmpty(argument: string): Promise<boolean> {
  const info = await stat(argument).catch(() => undefined);
  return info?.isDirectory() ?? false;
}

/**
 * Everything below a folder, with slashes. Hidden files and folders are left out; a folder that links lead to twice is
 * walked once, so that a link to a folder above it is no endless loop.
 */
async function filesBelow(top: string, skipped: string, signal: AbortSignal): Promise<string[]> {
  const files: string[] = [];
  const walked = new Set<string>();
  const walk = async (folder: string): Promise<void> => {
    signal.throwIfAborted();
    const real = await realpath(folder);
    if (walked.has(real) || (real === skipped && folder !== top)) return;
    walked.add(real);
    const entries = await readdir(folder, { withFileTypes: true });
    const folders: string[] = [];
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue;
      const path = join(folder, entry.name);
      // A link to nothing is listed as well: it is reported as a picture that is not there.
      const isFolder = entry.isSymbolicLink()
        ? await stat(path)
            .then((info) => info.isDirectory())
            .catch(() => false)
        : entry.isDirectory();
      if (isFolder) folders.push(path);
      else files.push(relative(top, path).split(sep).join('/'));
    }
    // In order, so that of two ways to one folder the same is taken on every machine.
    for (const path of folders.toSorted(naturally)) await walk(path);
  };
  await walk(top);
  return files;
}

// Of one language, so that every machine has the same order.
const { compare } = new Intl.Collator('en', { numeric: true });

function naturally(a: string, b: string): number {
  return compare(a, b) || (a < b ? -1 : Number(a > b));
}

/** One of `of` shares, counted from 1. */
export interface Shard {
  readonly share: number;
  readonly of: number;
}

/** `2/8` → the second of eight shares. */
export function shardOf(text: string): Shard {
  const [, share, of] = /^(\d{1,7})\/(\d{1,7})$/.exec(text)?.map(Number) ?? [];
  if (share !== undefined && of !== undefined && share >= 1 && share <= of) return { share, of };
  throw new UsageError(
    `--shard takes a share and their number, from 1/4 to 4/4 for example, not ${JSON.stringify(text)}.`,
  );
}

/** Whether a picture is in a share: by a hash of its name, so that more pictures do not move the others. */
export function isInShard({ key }: PictureInput, { share, of }: Shard): boolean {
  return createHash('sha256').update(key).digest().readUIntBE(0, 6) % of === share - 1;
}
