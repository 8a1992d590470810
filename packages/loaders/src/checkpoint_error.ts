import { DptError } from '@dpt-webgpu/tensor/errors';

/** What kind of problem it is, for callers that react to it; the message is for people. */
export type CheckpointErrorCode =
  | 'not-found' // no such file, a folder, no permission, an HTTP error
  | 'unreadable' // the storage or server behind the file failed
  | 'changed' // the file is not the one that was opened
  | 'short-read' // fewer bytes came than the file is long
  | 'closed' // read after close()
  | 'empty' // zero bytes
  | 'lfs-pointer' // the text that stands for the file in git
  | 'web-page' // an HTML or JSON answer saved under the file's name
  | 'not-a-checkpoint' // some other kind of file
  | 'unsupported' // a checkpoint, of a kind this reader leaves out on purpose
  | 'corrupt' // the file contradicts itself
  | 'unsafe' // the file asks for code to be run, or is built to exhaust its reader
  | 'invalid-argument'; // the caller asked for something impossible

export interface CheckpointErrorDetails {
  /** What the person can do about it: a sentence. */
  readonly remedy?: string;
  /** What was caught, where something was. */
  readonly cause?: unknown;
}

/** A checkpoint that cannot be read. The message is `file: problem. remedy`. */
export class CheckpointError extends DptError {
  override readonly name: string = 'CheckpointError';
  declare readonly code: CheckpointErrorCode;
  /** The name of the file or URL. */
  readonly file: string;
  /** The message without the file and the remedy. */
  readonly problem: string;
  readonly remedy: string | undefined;

  constructor(
    code: CheckpointErrorCode,
    file: string,
    problem: string,
    details: CheckpointErrorDetails = {},
  ) {
    const { remedy, cause } = details;
    const text = `${file}: ${problem}${remedy ? ` ${remedy}` : ''}`;
    super(code, text, cause === undefined ? undefined : { cause });
    this.file = file;
    this.problem = problem;
    this.remedy = remedy;
  }
}

/** The text of anything thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A string from a file, fit for an error message: quoted, control characters escaped, cut to 80 characters. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 79)}…` : text);
}
