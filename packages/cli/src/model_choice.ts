import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { UsageError } from './errors.ts';
import { entryNamed, type ManifestEntry, withheld } from './manifest.ts';
import { dptCommand, root } from './places.ts';
import { downloadFolder, type Env, pathInStore } from './store.ts';

/** Which checkpoint to open, and why that one. */
export interface ModelChoice {
  readonly path: string;
  readonly source: 'given' | 'model_weights' | 'downloaded' | 'bundled';
  /** Lines that tell people what was chosen for them, and what else there is. */
  readonly notes: readonly string[];
}

/** Where to look for checkpoints. */
export interface ModelChoiceOptions {
  /** Where `model_weights/` is looked for first. Default: the current folder. */
  readonly folder?: string;
  readonly env?: Env;
}

/** Path of the small demonstration model that comes with the project. */
export const bundledModel = join(root, 'models', 'dpt_tiny.safetensors');
/** How to get a model with better maps than the bundled one, as a command. */
export const betterModel = `${dptCommand} download v2-small (Depth-Anything-V2-Small, Apache-2.0, 99 MB)`;

const modelFile = /\.(safetensors|pth|pt)$/i;

/**
 * The model to use: the given file, or the downloaded model of that name; else the first in `model_weights/` of the current folder or of the checkout; else
 * Depth-Anything-V2-Small where it was downloaded before; else the small one that comes with the project.
 */
export async function chooseModel(
  given?: string,
  { folder = process.cwd(), env = process.env }: ModelChoiceOptions = {},
): Promise<ModelChoice> {
  if (given !== undefined) {
    return { path: await modelNamed(given, { folder, env }), source: 'given', notes: [] };
  }
  for (const weights of weightFolders(folder)) {
    const [first, ...others] = await modelsIn(weights);
    if (first === undefined) continue;
    const all = [first, ...others].join(', ');
    const notes =
      others.length === 0
        ? [`Model: ${shown(join(weights, first), folder)}`]
        : [`${shown(weights, folder)} holds ${all}. Taking ${first}; choose another with -m.`];
    return { path: join(weights, first), source: 'model_weights', notes };
  }
  for (const name of ['v2-small', 'v2-small-hf']) {
    const path = inStore(entryNamed(name)!, env);
    if (!existsSync(path)) continue;
    return { path, source: 'downloaded', notes: [`Model: ${shown(path, folder)}`] };
  }
  if (existsSync(bundledModel)) {
    const notes = [
      `Model: ${shown(bundledModel, folder)}, a small demonstration model with blurry maps. For good ones: ${betterModel}.`,
    ];
    return { path: bundledModel, source: 'bundled', notes };
  }
  throw new UsageError(`there is no model. Give one with -m, or fetch one: ${betterModel}.`);
}

/**
 * The file that a person means: a path, or the short name of a model in the store such as `v2-small`. A file of that
 * name goes first. Throws a `UsageError` when there is neither.
 */
export async function modelNamed(
  given: string,
  { folder = process.cwd(), env = process.env }: ModelChoiceOptions = {},
): Promise<string> {
  const path = resolve(folder, given);
  if (existsSync(path)) {
    await expectFile(path, given);
    return path;
  }
  const entry = entryNamed(given);
  const stored = entry && inStore(entry, env);
  if (stored && existsSync(stored)) return stored;
  if (stored) {
    const part = existsSync(`${stored}.part`) ? ', only a part of it' : '';
    throw new UsageError(
      `${given} is not in ${downloadFolder(env)}${part}. Fetch it: ${dptCommand} download ${given}`,
    );
  }
  const why = withheld.get(given);
  if (why) throw new UsageError(`${given}: ${why}`);
  await expectFile(path, given);
  return path;
}

const inStore = (entry: ManifestEntry, env: Env): string => pathInStore(entry, downloadFolder(env));

/** The `model_weights` folders that are looked into, in order. */
export function weightFolders(folder = process.cwd()): string[] {
  return [...new Set([resolve(folder, 'model_weights'), join(root, 'model_weights')])];
}

/** Names of the model files in a folder, sorted; none where there is no such folder. */
export async function modelsIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => modelFile.test(entry.name) && !entry.name.startsWith('.'))
      .filter((entry) => !entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

/** Throws a `UsageError` unless `path` is a file that exists. `name` is how the user called it. */
export async function expectFile(path: string, name: string): Promise<void> {
  let found: Awaited<ReturnType<typeof stat>>;
  try {
    if (name === '') throw new UsageError('a file name is empty.');
    found = await stat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new UsageError(`${name}: there is no such file.`);
    }
    throw error;
  }
  if (found.isDirectory()) throw new UsageError(`${name}: is a folder; a file is needed.`);
}

/** Relative where that is shorter. */
function shown(path: string, folder: string): string {
  const short = relative(folder, path);
  return short.startsWith('..') || short === '' ? path : short;
}
