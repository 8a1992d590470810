import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { type Command, commonFlags, type Io } from './command.ts';
import { commands } from './commands/index.ts';
import { exitCodeOf, exitCodes, InterruptedError, messageOf, UsageError } from './errors.ts';
import { didYouMean, parseFlags } from './flags.ts';
import { helpOf, overview } from './help.ts';
import { noProgress, progressOn } from './progress.ts';

/** Runs a command line without its `node dpt`; the exit code. Everything a person is to read goes through `io`. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = argv;
  let prefix = 'dpt';
  try {
    if (name === '--version' || name === '-V') {
      io.out(version());
      return exitCodes.done;
    }
    if (name === '--help' || name === '-h' || (name === 'help' && rest.length === 0)) {
      io.out(overview(commands));
      return exitCodes.done;
    }
    if (name === undefined) {
      io.error(overview(commands));
      return exitCodes.usage;
    }
    const command = commandNamed(name === 'help' ? rest[0]! : name);
    prefix = `dpt ${command.name}`;
    if (name === 'help' || asksForHelp(rest)) {
      io.out(helpOf(command));
      return exitCodes.done;
    }
    const args = parseFlags(rest, [...command.flags, ...commonFlags], command.aliases);
    const quiet = args.has('quiet');
    return await command.run(args, quiet ? { ...io, progress: noProgress } : io);
  } catch (thrown) {
    const error = io.signal.aborted ? new InterruptedError() : thrown;
    io.progress.clear();
    io.error(`${prefix}: ${messageOf(error)}`);
    if (io.env.DPT_DEBUG === '1' && error instanceof Error) io.error(stackOf(error));
    return exitCodeOf(error);
  }
}

function commandNamed(name: string): Command {
  const command = commands.find((known) => known.name === name);
  if (command) return command;
  const names = commands.map((known) => known.name);
  const what = name.startsWith('-') ? `flag ${name} before the command` : `command ${name}`;
  const hint = didYouMean(name, names) || ` There are: ${names.join(', ')}. See dpt --help.`;
  throw new UsageError(`there is no ${what}.${hint}`);
}

/** Also beside flags that are wrong: who asks for help may be looking for the right ones. */
function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const flags = end < 0 ? argv : argv.slice(0, end);
  return flags.includes('--help') || flags.includes('-h');
}

/** The version of this package, as its package.json has it. */
export function version(): string {
  const { version } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  ) as { version: string };
  return version;
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}

/** The process `dpt`: its arguments, streams, signals and exit code. */
export async function run(argv: readonly string[] = process.argv.slice(2)): Promise<void> {
  const controller = new AbortController();
  let signal: NodeJS.Signals = 'SIGINT';
  const interrupt = (received: NodeJS.Signals = 'SIGINT'): void => {
    // The second time somebody does not want to wait.
    if (controller.signal.aborted) leave(received);
    signal = received;
    controller.abort(new InterruptedError());
  };
  const leave = (by: NodeJS.Signals): void => {
    // A process that was interrupted ends by the signal, as shells expect (they report 130 for SIGINT). `process.exit` would
    // wait for the work in flight on the device; Windows has no signals.
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    if (process.platform === 'win32') process.exit(exitCodes.interrupted);
    process.kill(process.pid, by);
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const io: Io = {
    out: lineWriter(process.stdout),
    error: lineWriter(process.stderr),
    progress: progressOn(process.stderr),
    signal: controller.signal,
    env: process.env,
    input: process.stdin,
    ...(process.stdin.isTTY && process.stderr.isTTY
      ? { ask: (question: string) => askAtTerminal(question, interrupt, controller.signal) }
      : {}),
  };
  try {
    process.exitCode = await main(argv, io);
    if (controller.signal.aborted) leave(signal);
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

/** A line that somebody types; rejects with Ctrl-C, and where the input ends. */
async function askAtTerminal(
  question: string,
  interrupt: () => void,
  signal: AbortSignal,
): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    terminal.on('SIGINT', () => interrupt());
    const ended = new Promise<never>((_, reject) => {
      terminal.on('close', () => reject(new UsageError('the answer is missing.')));
    });
    return await Promise.race([terminal.question(question, { signal }), ended]);
  } finally {
    terminal.close();
  }
}

/** A reader that has gone (`dpt inspect … | head`) is no error: what is still written to it is dropped. */
function lineWriter(stream: NodeJS.WriteStream): (line: string) => void {
  let open = true;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    open = false;
    if (error.code !== 'EPIPE') process.exitCode = exitCodes.failed;
  });
  return (line) => {
    if (open) stream.write(`${line}\n`);
  };
}
