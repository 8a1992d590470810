// The README of the command line against the tables that --help is made from: the same commands and flags, each with a section; and every
// example of the help is a command line that parses.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commonFlags } from '../../packages/cli/src/command.ts';
import { commands } from '../../packages/cli/src/commands/index.ts';
import { parseFlags } from '../../packages/cli/src/flags.ts';
import { dpt } from '../support/cli.ts';

const readme = readFileSync(join(import.meta.dirname, '../../packages/cli/README.md'), 'utf8');

/** The table of flags: per command, what it takes as the README writes it. */
function documented(): Map<string, string[]> {
  const rows = readme
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
  const [, ...names] = rows.find(([first]) => first === 'flag')!;
  const flags = new Map<string, string[]>(names.slice(0, -1).map((name) => [name, []]));
  for (const [flag, ...cells] of rows.filter(([first]) => /^(`-\w`, )?`--/.test(first!))) {
    for (const [i, cell] of cells.slice(0, -1).entries()) {
      if (cell !== '') flags.get(names[i]!)!.push(flag!);
    }
  }
  return flags;
}

test('the README lists every command and no other', () => {
  expect([...documented().keys()]).toEqual(commands.map(({ name }) => name));
  for (const { name } of commands) expect(readme).toMatch(`\n## dpt ${name}\n`);
});

describe.each(commands)('dpt $name', ({ name, flags, usage, examples }) => {
  test('has the flags that the README gives it', () => {
    const own = [...flags, ...commonFlags].map(
      ({ name, short, value }) =>
        `${short ? `\`-${short}\`, ` : ''}\`--${name}${value ? ` ${value}` : ''}\``,
    );
    expect(documented().get(name)!.sort()).toEqual(own.sort());
  });

  test('says all of it with --help, also beside mistakes', async () => {
    const help = await dpt([name, '--xyzzy', '--help']);
    expect(help).toMatchObject({ code: 0, err: '' });
    expect(help.out).toMatch(`Usage: dpt ${name} ${usage}\n`);
    for (const flag of flags) expect(help.out).toMatch(`--${flag.name}`);
    expect(Math.max(...help.out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(104);
    expect(await dpt(['help', name])).toEqual(help);
    expect(await dpt([name, '-h'])).toEqual(help);
  });

  test('parses the examples of its help', () => {
    for (const example of examples) {
      const words = example.split(' ').filter((word) => !/^[A-Z_]+=/.test(word));
      expect(words.slice(0, 2)).toEqual(['dpt', name]);
      expect(() => parseFlags(words.slice(2), [...flags, ...commonFlags])).not.toThrow();
    }
  });

  test('names no flag twice', () => {
    const all = [...flags, ...commonFlags].flatMap(({ name, short }) => [name, ...(short ?? '')]);
    expect(new Set(all).size).toBe(all.length);
  });
});

test('dpt alone is a mistake, dpt --help is not', async () => {
  const help = await dpt(['--help']);
  expect(help).toMatchObject({ code: 0, err: '' });
  for (const { name, summary } of commands) {
    expect(help.out).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'));
  }
  expect(await dpt([])).toEqual({ code: 2, out: '', err: help.out });
  expect(await dpt(['-h'])).toEqual(help);
  expect(await dpt(['help'])).toEqual(help);
  expect((await dpt(['help', 'bogus'])).code).toBe(2);
  expect((await dpt(['--size', '3'])).err).toMatch(
    /^dpt: there is no flag --size before the command\./,
  );
});
