import { randomUUID } from 'node:crypto';
import { link, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';

/** Another process has it. */
export class LockedError extends Error {
  override readonly name = 'LockedError';
}

/** Longer than writing a lock's few bytes can take. */
const WRITTEN_BY_NOW_MS = 10_000;

/**
 * Makes a lock file that says who holds it; the returned function gives it back. Throws a `LockedError` while its
 * process lives; that of a process that died is taken over.
 */
export async function lock(path: string, what: string): Promise<() => Promise<void>> {
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), id: randomUUID() });
  for (let attempt = 0; ; attempt++) {
    try {
      const handle = await open(path, 'wx');
      try {
        await handle.writeFile(mine);
      } finally {
        await handle.close();
      }
      return async () => {
        // Not somebody else's, should ours have been removed by hand.
        if ((await contentOf(path)) === mine) await rm(path, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const found = await contentOf(path);
    if (found === undefined) continue;
    const holder = holderOf(found);
    const stale = holder ? !isAlive(holder) : await isOld(path);
    if (!stale || attempt >= 3) {
      const who = holder ? `process ${holder.pid} on ${holder.host}` : 'another process';
      throw new LockedError(
        `${who} is busy with ${what}. Wait for it; if there is no such process, remove ${path}.`,
      );
    }
    await takeAway(path, found);
  }
}

/** Removes a stale lock, but not one that somebody else has put in its place since it was read. */
async function takeAway(path: string, stale: string): Promise<void> {
  const aside = `${path}.${randomUUID().slice(0, 8)}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await contentOf(aside)) !== stale) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

interface Holder {
  readonly pid: number;
  readonly host: string;
}

/** Undefined for a lock whose process was stopped before it had written who it is. */
function holderOf(text: string): Holder | undefined {
  try {
    const { pid, host } = JSON.parse(text) as Partial<Holder>;
    return Number.isInteger(pid) && typeof host === 'string' ? { pid: pid!, host } : undefined;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, host }: Holder): boolean {
  // Of processes on other machines, which share the folder, nothing is known.
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

async function isOld(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined || Date.now() - found.mtimeMs > WRITTEN_BY_NOW_MS;
}

async function contentOf(path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
