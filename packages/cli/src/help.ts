import { type Command, commonFlags } from './command.ts';
import type { Flag } from './flags.ts';

const WIDTH = 100;

/** `dpt --help` */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    'dpt: depth from one photo, on WebGPU',
    '',
    'Usage: dpt COMMAND [flags]',
    '',
    'Commands:',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    'Flags:',
    ...flagLines([
      ...commonFlags,
      { name: 'version', short: 'V', help: 'print the version and end' },
    ]),
    '',
    'Each command says more with --help: dpt image --help',
    'Exit codes: 0 done, 1 failed, 2 the command line is wrong, 130 interrupted.',
    'Variables: DPT_ADAPTER=hardware or software chooses the adapter, DPT_DEBUG=1 prints stack traces.',
    '',
    'Examples:',
    ...commands.flatMap(({ examples }) => examples.slice(0, 1).map((line) => `  ${line}`)),
  ].join('\n');
}

/** `dpt COMMAND --help` */
export function helpOf({ name, usage, summary, details, flags, examples }: Command): string {
  return [
    `Usage: dpt ${name} ${usage}`,
    '',
    `${summary[0]!.toUpperCase()}${summary.slice(1)}.`,
    '',
    'Flags:',
    ...flagLines([...flags, ...commonFlags]),
    '',
    ...details.flatMap((paragraph) => [...wrap(paragraph, WIDTH), '']),
    'Examples:',
    ...examples.map((line) => `  ${line}`),
  ].join('\n');
}

/** `  -m, --model FILE  what it does`, the explanations under each other. */
function flagLines(flags: readonly Flag[]): string[] {
  const names = flags.map(
    ({ name, short, value }) =>
      `  ${short ? `-${short}, ` : '    '}--${name}${value ? ` ${value}` : ''}`,
  );
  const width = Math.max(...names.map((text) => text.length)) + 2;
  return flags.flatMap(({ help }, i) =>
    wrap(help, WIDTH - width).map(
      (line, n) => (n === 0 ? names[i]!.padEnd(width) : ' '.repeat(width)) + line,
    ),
  );
}

function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}
