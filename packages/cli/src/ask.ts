import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { writeFileAtomic } from '@dpt-webgpu/loaders/node';
import type { Io } from './command.ts';
import { printable } from './errors.ts';
import { modelNamed, modelsIn, weightFolders } from './model_choice.ts';
import { makeFolder } from './output_files.ts';
import type { Env } from './store.ts';

type Ask = NonNullable<Io['ask']>;

/** What was used last by somebody at a terminal; offered again. */
export interface LastUsed {
  readonly picture?: string;
  readonly model?: string;
}

/** `$XDG_CONFIG_HOME` or `~/.config`, then `dpt-webgpu/last_used.json`. */
export function lastUsedPath(env: Env): string {
  const config = env.XDG_CONFIG_HOME;
  // The XDG specification has relative paths ignored.
  const base = config && isAbsolute(config) ? config : join(homedir(), '.config');
  return join(base, 'dpt-webgpu', 'last_used.json');
}

/** Nothing where there is none, or none that can be read. Files that are gone are not offered. */
export async function readLastUsed(env: Env): Promise<LastUsed> {
  try {
    const stored: unknown = JSON.parse(await readFile(lastUsedPath(env), 'utf8'));
    const { picture, model } = (stored ?? {}) as Record<string, unknown>;
    const there = (path: unknown): string | undefined =>
      typeof path === 'string' && existsSync(path) ? path : undefined;
    return { picture: there(picture), model: there(model) };
  } catch {
    return {};
  }
}

/** Never fails: a folder that cannot be written is no reason not to work. */
export async function rememberLastUsed(env: Env, used: LastUsed): Promise<void> {
  const path = lastUsedPath(env);
  const text = `${JSON.stringify({ ...(await readLastUsed(env)), ...used }, undefined, 2)}\n`;
  try {
    await makeFolder(dirname(path));
    await writeFileAtomic(path, new TextEncoder().encode(text));
  } catch {
    // The next time nothing is offered.
  }
}

/** Asks until there is a file or folder of that name. `what` is what it is called in the question. */
export async function askForPath(
  io: Pick<Io, 'error'>,
  ask: Ask,
  { what, last }: { readonly what: string; readonly last: string | undefined },
): Promise<string> {
  const offer = last === undefined ? '' : ` [${printable(last)}]`;
  for (;;) {
    const answer = pathOf(await ask(`${what}${offer}: `)) || last;
    if (answer === undefined) continue;
    if (existsSync(answer)) return answer;
    io.error(`${printable(answer)}: there is no such file or folder.`);
  }
}

/**
 * The model that a person chooses of those in `model_weights/`, by number, a part of a name or a path. Undefined where
 * there is nothing to choose: none or one.
 */
export async function askForModel(
  { env, error }: Pick<Io, 'env' | 'error'>,
  ask: Ask,
  last: string | undefined,
): Promise<string | undefined> {
  const [models = []] = (
    await Promise.all(
      weightFolders().map(async (folder) => (await modelsIn(folder)).map((n) => join(folder, n))),
    )
  ).filter((found) => found.length > 0);
  if (models.length < 2) return undefined;
  for (const [i, path] of models.entries()) error(`  ${i + 1}  ${printable(basename(path))}`);
  const offered = last ?? models[0]!;
  for (;;) {
    const answer = pathOf(
      await ask(`Model, by number, name or path [${printable(basename(offered))}]: `),
    );
    if (answer === '') return offered;
    const numbered = /^\d+$/.test(answer) ? models[Number(answer) - 1] : undefined;
    if (numbered !== undefined) return numbered;
    const named = models.filter((path) => basename(path).includes(answer));
    if (named.length === 1) return named[0]!;
    try {
      return await modelNamed(answer, { env });
    } catch (problem) {
      const several = named.map((path) => basename(path)).join(', ');
      error(
        named.length > 1
          ? `Which one: ${printable(several)}?`
          : printable((problem as Error).message),
      );
    }
  }
}

/** As people type or drop paths into a terminal: with quotes, with `~`. Empty stays empty. */
function pathOf(answer: string): string {
  const bare = answer.trim().replace(/^(['"])(.*)\1$/s, '$2');
  if (bare === '') return '';
  return /^~(\/|$)/.test(bare) ? join(homedir(), bare.slice(1)) : bare;
}
