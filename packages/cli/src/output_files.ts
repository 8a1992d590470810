import { lstat, mkdir, readdir, realpath, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, parse, posix, resolve } from 'node:path';
import { UsageError } from './errors.ts';
import { type PictureInput, STDIN } from './inputs.ts';

export const formats = ['png', 'jpg', 'png16', 'npy', 'pfm', 'exr', 'glb', 'ply', 'obj'] as const;
export type Format = (typeof formats)[number];

/** What a picture can become: formats of its depth, and what flags ask for besides. */
export type Output = Format | 'mask' | 'cutout' | 'normals' | 'settings';

const endings = {
  png: '.png',
  jpg: '.jpg',
  png16: '.16.png',
  npy: '.npy',
  pfm: '.pfm',
  exr: '.exr',
  glb: '.glb',
  ply: '.ply',
  obj: '.obj',
  mtl: '.mtl',
  texture: '.texture.jpg',
  mask: '.mask.png',
  cutout: '.cutout.png',
  normals: '.normals.png',
  settings: '.json',
} as const;
export type FileKind = keyof typeof endings;

export interface PlannedFile {
  readonly kind: FileKind;
  readonly file: string;
}

export interface PlannedPicture extends PictureInput {
  readonly files: readonly PlannedFile[];
}

export interface Naming {
  readonly folder: string;
  readonly outputs: readonly Output[];
  /** `{stem}` is the name without its extension, `{ext}` that of what is written, with its dot. */
  readonly template?: string;
}

export const DEFAULT_TEMPLATE = '{stem}{ext}';

/** Throws a `UsageError` for a template that cannot be meant so. */
export function expectTemplate(template: string): void {
  const unknown = /\{(?!stem\}|ext\})[^}]*\}?/.exec(template);
  if (unknown) {
    throw new UsageError(`--name knows {stem} and {ext}, not ${JSON.stringify(unknown[0])}.`);
  }
  const isOutside = template.split(/[\\/]/).includes('..') || /^[\\/]/.test(template);
  if (isOutside || !template.includes('{stem}') || !template.endsWith('{ext}')) {
    throw new UsageError(
      `--name takes a name with {stem} in it and {ext} at its end, such as '{stem}_depth{ext}', not ${JSON.stringify(template)}.`,
    );
  }
}

/**
 * Which files each picture becomes, before anything is read. No two are the same and none is an input: a name that is
 * taken keeps its extension, and what is still ambiguous then is refused.
 */
export async function planFiles(
  pictures: readonly PictureInput[],
  { folder, outputs, template = DEFAULT_TEMPLATE }: Naming,
  otherInputs: readonly string[] = [],
): Promise<PlannedPicture[]> {
  const existing = await stat(folder).catch(() => undefined);
  if (existing && !existing.isDirectory()) {
    throw new UsageError(`--output: ${folder} is a file, not a folder.`);
  }
  // A million pictures lie in a few folders.
  const identities = new Identities();
  const inputs = new Set<string>();
  const files = pictures.map(({ path }) => path).filter((path) => path !== STDIN);
  for (const path of [...files, ...otherInputs]) inputs.add(await identities.of(path));

  const kinds = outputs.flatMap((output): FileKind[] =>
    // The OBJ last: what it refers to is there when it is.
    output === 'obj' ? ['texture', 'mtl', 'obj'] : [output],
  );
  const taken = new Map<string, string>();
  const planned: PlannedPicture[] = [];
  for (const input of pictures) {
    const { path, name } = input;
    const candidates = [parse(name).name, basename(name)].map((stem) =>
      kinds.map((kind) => {
        const file = template
          .replaceAll('{stem}', () => stem)
          .replaceAll('{ext}', () => endings[kind]);
        return { kind, file: join(folder, posix.dirname(name), file) };
      }),
    );
    const files = candidates.find((files) => files.every(({ file }) => !taken.has(folded(file))));
    if (!files) {
      const [{ file }] = candidates[1]!.filter(({ file }) => taken.has(folded(file))) as [
        PlannedFile,
      ];
      throw new UsageError(
        `${path} and ${taken.get(folded(file))} would become the same file ${file}. Do them in two calls, with another -o.`,
      );
    }
    for (const { file } of files) {
      if (inputs.has(await identities.of(file))) {
        throw new UsageError(`${file} is an input and would be overwritten. Choose another -o.`);
      }
      taken.set(folded(file), path);
    }
    planned.push({ ...input, files });
  }
  return planned;
}

/** A run that was killed while it wrote leaves a part of a file under a hidden name; younger ones may be another run's. */
const ABANDONED_MS = 60_000;

/** Removes what killed runs left of these files. Never fails: it is only for tidiness. */
export async function removeAbandonedParts(pictures: readonly PlannedPicture[]): Promise<void> {
  const names = new Map<string, Set<string>>();
  for (const { file } of pictures.flatMap(({ files }) => files)) {
    const folder = dirname(file);
    if (!names.has(folder)) names.set(folder, new Set());
    names.get(folder)!.add(basename(file));
  }
  for (const [folder, ours] of names) {
    for (const name of await readdir(folder).catch(() => [])) {
      const [, whole] = /^\.(.+)\.[0-9a-f]{8}\.part$/s.exec(name) ?? [];
      if (whole === undefined || !ours.has(whole)) continue;
      const path = join(folder, name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
      if (Date.now() - mtimeMs > ABANDONED_MS) await rm(path, { force: true }).catch(() => {});
    }
  }
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

/** `identityOf` of many files, with each folder looked up once. */
class Identities {
  readonly #folders = new Map<string, Promise<string>>();

  async of(path: string): Promise<string> {
    const whole = resolve(path);
    const folder = dirname(whole);
    if (!this.#folders.has(folder)) this.#folders.set(folder, identityOf(folder));
    const info = await lstat(whole).catch(() => undefined);
    if (info?.isSymbolicLink() || folder === whole) return identityOf(whole);
    return folded(join((await this.#folders.get(folder))!, basename(whole)));
  }
}

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
