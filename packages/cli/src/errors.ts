import { StateDictError } from '@dpt-webgpu/tensor';
import { NoAdapterError } from '@dpt-webgpu/tensor/node';

/** A command line that cannot be meant so: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Ctrl-C: exit code 130, as shells expect it. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';

  constructor() {
    super('interrupted.');
  }
}

export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage;
  return error instanceof InterruptedError ? exitCodes.interrupted : exitCodes.failed;
}

/** What a person is told: one line, save for reports that are lists. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return printable(String(error));
  if (error instanceof StateDictError || error instanceof NoAdapterError) {
    return error.message.split('\n').map(printable).join('\n');
  }
  return printable(systemMessage(error) ?? error.message);
}

/** File names and keys may hold anything; on the terminal they are text, not control sequences. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder.',
  EACCES: 'permission denied.',
  EPERM: 'permission denied.',
  EISDIR: 'is a folder.',
  ENOTDIR: 'part of this path is a file, not a folder.',
  EEXIST: 'exists already and is not a folder.',
  ENOSPC: 'the disk is full.',
  EDQUOT: 'the disk quota is used up.',
  EROFS: 'the disk is read-only.',
  ENAMETOOLONG: 'the name is too long.',
  ELOOP: 'the link leads back to itself.',
};

/** `EACCES: permission denied, mkdir '/x'` → `/x: permission denied.` */
function systemMessage(error: NodeJS.ErrnoException): string | undefined {
  const reason = error.code && Object.hasOwn(reasons, error.code) ? reasons[error.code] : undefined;
  return reason && error.path !== undefined ? `${error.path}: ${reason}` : undefined;
}
