import type { Aliases, Arguments, Flag } from './flags.ts';
import type { Progress } from './progress.ts';

/** Where a command writes, and what can stop it. */
export interface Io {
  /** A line on stdout: results. */
  readonly out: (line: string) => void;
  /** A line on stderr: what was chosen, warnings, errors. */
  readonly error: (line: string) => void;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What is piped in. */
  readonly input?: AsyncIterable<Uint8Array>;
  /** Asks a person and waits for the line they type; absent where nobody sits at a terminal. */
  readonly ask?: (question: string) => Promise<string>;
}

/** One command of `dpt`. Its help is made from this. */
export interface Command {
  readonly name: string;
  /** What follows the name: `PICTURE... [flags]`. */
  readonly usage: string;
  readonly summary: string;
  /** Paragraphs below the flags. */
  readonly details: readonly string[];
  readonly flags: readonly Flag[];
  /** Spellings of muggled_dpt for the same. */
  readonly aliases?: Aliases;
  readonly examples: readonly string[];
  /** The exit code. Throws what is to be reported. */
  readonly run: (args: Arguments, io: Io) => Promise<number>;
}

export const quietFlag: Flag = {
  name: 'quiet',
  short: 'q',
  help: 'print nothing but warnings and errors',
};

/** Flags of every command. */
export const commonFlags: readonly Flag[] = [
  { name: 'help', short: 'h', help: 'print this and end' },
];
