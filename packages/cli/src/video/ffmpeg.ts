import { type ChildProcess, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { UsageError } from '../errors.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** The two programs, and what this version of them can do. */
export interface Ffmpeg {
  readonly ffmpeg: string;
  readonly ffprobe: string;
  /** `5.1.9-0+deb12u1`, or what a build of one's own calls itself. */
  readonly version: string;
  readonly env: Env;
}

const remedy = [
  'Debian, Ubuntu: sudo apt install ffmpeg',
  'macOS: brew install ffmpeg',
  'Windows: winget install ffmpeg',
].join('; ');

/** ffmpeg and ffprobe of `FFMPEG_PATH`, a program or the folder of both, else of the PATH. */
export async function findFfmpeg(env: Env): Promise<Ffmpeg> {
  const given = env.FFMPEG_PATH;
  const isFolder = given !== undefined && isDirectory(given);
  const folder = isFolder ? given : given && dirname(given);
  const ending = given && !isFolder ? extname(given) : process.platform === 'win32' ? '.exe' : '';
  const ffmpeg = isFolder ? join(given, `ffmpeg${ending}`) : (given ?? 'ffmpeg');
  const ffprobe = folder ? join(folder, `ffprobe${ending}`) : 'ffprobe';
  const found = { ffmpeg, ffprobe, version: '', env };
  for (const program of [ffprobe, ffmpeg]) {
    try {
      const { out } = await capture(found, program, ['-version']);
      const [, version = 'of an unknown version'] = /^\S+ version (\S+)/.exec(out) ?? [];
      found.version = version;
    } catch (cause) {
      const reason =
        given === undefined
          ? `${program} was not found on the PATH. Films are read and written with ffmpeg. ${remedy}; or say with FFMPEG_PATH where it is.`
          : `FFMPEG_PATH is ${given}, but ${program} cannot be run (${(cause as NodeJS.ErrnoException).code ?? 'it failed'}). Give the program ffmpeg or the folder that holds ffmpeg and ffprobe.`;
      throw new UsageError(reason, { cause });
    }
  }
  return found;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Every frame once, with the time it has: never doubled or dropped for a constant rate. The name changed in 5.1. */
export function passthrough(version: string): string[] {
  const [, major, minor] = /^n?(\d+)\.(\d+)/.exec(version) ?? [];
  const isOld = major !== undefined && Number(major) * 100 + Number(minor) < 501;
  return isOld ? ['-vsync', '0'] : ['-fps_mode', 'passthrough'];
}

/** A name as ffmpeg takes it: never a flag, never a protocol. */
export const fileUrl = (path: string): string => `file:${path}`;

/** What a playlist may lead to: files, not the network. */
export const localOnly = ['-protocol_whitelist', 'file,pipe'] as const;

/** Runs a program to its end; what it printed. Throws when it cannot be started, not when it fails. */
export function capture(
  { env }: Pick<Ffmpeg, 'env'>,
  program: string,
  args: readonly string[],
  input?: Uint8Array,
): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: 'pipe' });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, out, err }));
    // A probe closes its input as soon as it knows enough.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

export interface RunningOptions {
  readonly stdin?: 'pipe' | 'ignore';
  readonly stdout?: 'pipe' | 'ignore' | 'inherit';
  /** Gets the lines of stderr that no error is told by. */
  readonly onInfo?: (line: string) => void;
}

/** ffmpeg at work. `-loglevel level+…` is expected among the arguments. */
export class Running {
  readonly #child: ChildProcess;
  readonly #out = new PassThrough();
  /** What it complained about, the last few lines. */
  readonly complaints: string[] = [];
  /** Its exit code; 1 when it was killed or never started. */
  readonly ended: Promise<number>;

  constructor(
    { ffmpeg, env }: Ffmpeg,
    args: readonly string[],
    { stdin = 'ignore', stdout = 'pipe', onInfo }: RunningOptions = {},
  ) {
    this.#child = spawn(ffmpeg, args, {
      env: { ...process.env, ...env },
      stdio: [stdin, stdout, 'pipe'],
      // A group of its own: Ctrl-C on the terminal is for this program, which then lets ffmpeg finish its file.
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    // When a program has ended, Node throws away what nobody has begun to read of its output.
    this.#child.stdout?.pipe(this.#out);
    // Nor does a program count as ended before its output is read or given up.
    this.#out.on('close', () => this.#child.stdout?.destroy());
    let rest = '';
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split(/[\r\n]+/);
      rest = lines.pop()!;
      for (const line of lines) this.#take(line, onInfo);
    });
    this.ended = new Promise((resolve) => {
      this.#child.on('error', (error) => {
        this.complaints.push(error.message);
        resolve(1);
      });
      this.#child.on('close', (code) => {
        this.#take(rest, onInfo);
        resolve(code ?? 1);
      });
    });
  }

  get stdin(): Writable {
    return this.#child.stdin!;
  }

  get stdout(): Readable {
    return this.#out;
  }

  /** Its last complaint without the part of ffmpeg that made it, or what else can be said. */
  get complaint(): string {
    return this.complaints.at(-1) ?? 'it gave no reason';
  }

  kill(): void {
    this.#child.kill('SIGKILL');
    this.#child.stdout?.unpipe(this.#out);
    this.#child.stdout?.destroy();
    this.#out.end();
  }

  #take(line: string, onInfo?: (line: string) => void): void {
    const complaint = /\[(?:error|fatal|panic)\] (.+)/.exec(line)?.[1];
    if (complaint === undefined) {
      onInfo?.(line);
      return;
    }
    this.complaints.push(complaint);
    if (this.complaints.length > 8) this.complaints.shift();
  }
}
