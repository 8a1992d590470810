import { mkdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, parse, resolve } from 'node:path';
import { UsageError } from './errors.ts';
import { expectFile } from './model_choice.ts';

export const formats = ['png', 'png16', 'npy', 'pfm'] as const;
export type Format = (typeof formats)[number];

const endings: Readonly<Record<Format, string>> = {
  png: '.png',
  png16: '.16.png',
  npy: '.npy',
  pfm: '.pfm',
};

export interface PlannedPicture {
  readonly path: string;
  readonly files: readonly { readonly format: Format; readonly file: string }[];
}

/**
 * Which files each picture becomes, before anything is read. No two are the same and none is an input: a name that is
 * taken keeps its extension, and what is still ambiguous then is refused.
 */
export async function planFiles(
  pictures: readonly string[],
  { folder, formats }: { readonly folder: string; readonly formats: readonly Format[] },
  otherInputs: readonly string[] = [],
): Promise<PlannedPicture[]> {
  for (const path of pictures) await expectFile(path, path);
  const existing = await stat(folder).catch(() => undefined);
  if (existing && !existing.isDirectory()) {
    throw new UsageError(`--output: ${folder} is a file, not a folder.`);
  }
  const inputs = new Set(await Promise.all([...pictures, ...otherInputs].map(identityOf)));
  const taken = new Map<string, string>();
  const planned: PlannedPicture[] = [];
  for (const path of pictures) {
    const candidates = [parse(path).name, basename(path)].map((name) =>
      formats.map((format) => ({ format, file: join(folder, name + endings[format]) })),
    );
    const files = candidates.find((files) => files.every(({ file }) => !taken.has(folded(file))));
    if (!files) {
      const other = taken.get(folded(candidates[1]![0]!.file))!;
      throw new UsageError(
        `${path} and ${other} would become the same file ${candidates[1]![0]!.file}. Do them in two calls, with another -o.`,
      );
    }
    for (const { file } of files) {
      if (inputs.has(await identityOf(file))) {
        throw new UsageError(`${file} is an input and would be overwritten. Choose another -o.`);
      }
      taken.set(folded(file), path);
    }
    planned.push({ path, files });
  }
  return planned;
}

/** Throws a `UsageError` when a file that is to be written is one that is read. */
export async function expectNoInput(output: string, inputs: readonly string[]): Promise<void> {
  const identity = await identityOf(output);
  for (const input of inputs) {
    if ((await identityOf(input)) !== identity) continue;
    throw new UsageError(`${output} is an input and would be overwritten. Write to another file.`);
  }
}

/** Makes a folder and those above it. Node's recursive mkdir never returns for folders that cannot be, as in /proc. */
export async function makeFolder(path: string): Promise<void> {
  const parent = dirname(resolve(path));
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && parent !== resolve(path)) {
      if (await isFolder(parent)) throw error;
      await makeFolder(parent);
      await mkdir(path);
    } else if (code !== 'EEXIST' || !(await isFolder(path))) throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ?? false;
}

/** Some disks take names that differ in case, or in how accents are composed, for the same. */
const folded = (path: string): string => resolve(path).normalize('NFC').toLowerCase();

/** One name for a file whichever links lead to it, also for one that does not exist yet. */
async function identityOf(path: string): Promise<string> {
  try {
    return folded(await realpath(path));
  } catch {
    const parent = dirname(resolve(path));
    return parent === resolve(path)
      ? folded(path)
      : folded(join(await identityOf(parent), basename(path)));
  }
}
