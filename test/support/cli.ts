import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Io } from '../../packages/cli/src/command.ts';
import { main } from '../../packages/cli/src/main.ts';
import { noProgress } from '../../packages/cli/src/progress.ts';

export const bin = join(import.meta.dirname, '../../packages/cli/bin/dpt.mjs');

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A command line in this process: no start-up, and shaders stay compiled. */
export async function dpt(argv: readonly string[], options: Partial<Io> = {}): Promise<Outcome> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await main(argv, {
    out: (line) => out.push(line),
    error: (line) => err.push(line),
    progress: noProgress,
    signal: new AbortController().signal,
    env: {},
    ...options,
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

/** The real program in a process of its own. `onOutput` is called with all that stderr has so far. */
export function spawnDpt(
  argv: readonly string[],
  {
    cwd,
    env,
    kill,
    onKill,
  }: {
    cwd?: string;
    env?: Readonly<Record<string, string>>;
    /** Ctrl-C as soon as stderr matches. */
    kill?: RegExp;
    onKill?: () => void;
  } = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [bin, ...argv], {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (data) => (out += data));
  child.stderr.on('data', (data) => {
    const before = err;
    err += data;
    if (!kill || kill.test(before) || !kill.test(err)) return;
    child.kill('SIGINT');
    onKill?.();
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) =>
      // As a shell counts it: 128 and the number of the signal.
      signal === 'SIGINT'
        ? resolve({ code: 130, out, err })
        : signal
          ? reject(new Error(`ended by ${signal}: ${err}`))
          : resolve({ code: code!, out, err }),
    );
  });
}
