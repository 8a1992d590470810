import { parseArgs } from 'node:util';
import { UsageError } from './errors.ts';

export interface Flag {
  readonly name: string;
  readonly short?: string;
  /** What its value is called in the help; a flag without one is on or off. */
  readonly value?: string;
  readonly help: string;
}

/** Other spellings of flags, with their dashes, and what each stands for: `-ar` → `--no-square`. */
export type Aliases = Readonly<Record<string, readonly string[]>>;

/** What a command was called with, checked as it is asked for. */
export class Arguments {
  readonly positionals: readonly string[];
  readonly #values: ReadonlyMap<string, string | true>;

  constructor(positionals: readonly string[], values: ReadonlyMap<string, string | true>) {
    this.positionals = positionals;
    this.#values = values;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name);
    return value === true ? undefined : value;
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw new UsageError(`--${name} is required.`);
    return value;
  }

  wholeNumber(name: string, from: number, to: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (number >= from && number <= to) return number;
    throw new UsageError(
      `--${name} takes a whole number from ${from} to ${to}, not ${JSON.stringify(text)}.`,
    );
  }

  positiveNumber(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const number = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
    if (number > 0 && Number.isFinite(number)) return number;
    throw new UsageError(`--${name} takes a number above 0, not ${JSON.stringify(text)}.`);
  }

  /** Any finite number. */
  number(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const number = numberOf(text);
    if (Number.isFinite(number)) return number;
    throw new UsageError(`--${name} takes a number, not ${JSON.stringify(text)}.`);
  }

  /** So many finite numbers with commas between. */
  numbers(name: string, count: number): number[] | undefined {
    const text = this.text(name);
    const numbers = text?.split(',').map(numberOf);
    if (!numbers || (numbers.length === count && numbers.every(Number.isFinite))) return numbers;
    throw new UsageError(
      `--${name} takes ${count} numbers with commas between, not ${JSON.stringify(text)}.`,
    );
  }

  /** Throws where both are given. */
  expectNotBoth(a: string, b: string): void {
    if (this.has(a) && this.has(b)) {
      throw new UsageError(`--${a} and --${b} exclude each other.`);
    }
  }

  oneOf<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    return expectChoice(name, text, choices);
  }

  /** A list with commas between; each choice once. */
  someOf<T extends string>(name: string, choices: readonly T[]): T[] | undefined {
    const items = this.list(name)?.map((item) => expectChoice(name, item, choices));
    return items && [...new Set(items)];
  }

  list(name: string): string[] | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const items = text.split(',').map((item) => item.trim());
    if (items.every((item) => item !== '')) return items;
    throw new UsageError(`--${name} takes names with commas between, not ${JSON.stringify(text)}.`);
  }
}

/** NaN for everything that is not plainly a number, such as `0x10`, `1e9` or nothing. */
function numberOf(text: string): number {
  return /^\s*-?(\d+\.?\d*|\.\d+)\s*$/.test(text) ? Number(text) : Number.NaN;
}

function expectChoice<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new UsageError(
    `--${name} can be ${choices.join(', ')}, not ${JSON.stringify(text)}.${didYouMean(text, choices)}`,
  );
}

/**
 * Splits a command line by a table of flags. After `--` everything is positional, also what begins with a dash. Long
 * names may be written with underscores.
 */
export function parseFlags(
  argv: readonly string[],
  flags: readonly Flag[],
  aliases: Aliases = {},
): Arguments {
  const options = Object.fromEntries(
    flags.map(({ name, short, value }) => [
      name,
      { type: value ? ('string' as const) : ('boolean' as const), ...(short ? { short } : {}) },
    ]),
  );
  // Not strict: its messages are several lines long and know no nearest name.
  const { tokens } = parseArgs({
    args: spelledOut(argv, flags, aliases),
    options,
    strict: false,
    tokens: true,
  });
  const values = new Map<string, string | true>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    const flag = flags.find((known) => known.name === name);
    if (!flag) throw new UsageError(unknownFlag(rawName, flags));
    if (values.has(name) && flag.value) throw new UsageError(`${rawName} is given twice.`);
    if (!flag.value) {
      if (value !== undefined) throw new UsageError(`${rawName} takes no value.`);
      values.set(name, true);
      continue;
    }
    const swallowed =
      !inlineValue &&
      flags.some((known) => value === `--${known.name}` || value === `-${known.short}`);
    if (value === undefined || value === '' || swallowed) {
      throw new UsageError(`${rawName} needs a value: ${rawName} ${flag.value}.`);
    }
    values.set(name, value);
  }
  return new Arguments(positionals, values);
}

/** With dashes for underscores, and what aliases stand for. */
function spelledOut(argv: readonly string[], flags: readonly Flag[], aliases: Aliases): string[] {
  const result: string[] = [];
  let isValue = false;
  for (const [i, word] of argv.entries()) {
    if (word === '--') return [...result, ...argv.slice(i)];
    const [, spelled, inline] = /^(-[^=]*)(?:=(.*))?$/s.exec(word) ?? [];
    if (isValue || spelled === undefined) {
      result.push(word);
      isValue = false;
      continue;
    }
    const dashed = spelled.startsWith('--') ? spelled.replaceAll('_', '-') : spelled;
    const isAlias = Object.hasOwn(aliases, dashed);
    // What is not known is reported as it was written.
    const isKnown = flags.some(({ name }) => dashed === `--${name}`);
    const meant = isAlias ? aliases[dashed]! : [isKnown ? dashed : spelled];
    const last = meant.at(-1);
    if (inline === undefined) result.push(...meant);
    else if (last === undefined) result.push(inline);
    else result.push(...meant.slice(0, -1), `${last}=${inline}`);
    // The next word is the value of this flag, whatever it looks like.
    isValue =
      inline === undefined &&
      flags.some(
        ({ name, short, value }) => value && (last === `--${name}` || last === `-${short}`),
      );
  }
  return result;
}

function unknownFlag(rawName: string, flags: readonly Flag[]): string {
  const isLong = rawName.startsWith('--');
  const guess = isLong
    ? didYouMean(
        rawName,
        flags.map(({ name }) => `--${name}`),
      )
    : '';
  const hint = guess || ' See --help. A file name that begins with a dash goes after --.';
  return `there is no flag ${rawName}.${hint}`;
}

/** ` Did you mean X?`, or nothing when no name is near. */
export function didYouMean(text: string, names: readonly string[]): string {
  const [nearest] = names
    .map((name) => ({ name, distance: editDistance(text.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(name.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return nearest ? ` Did you mean ${nearest.name}?` : '';
}

/** Letters to insert, delete, replace or swap with their neighbour. */
function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : i)),
  );
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const replaced = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      rows[i]![j] = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, replaced);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        rows[i]![j] = Math.min(rows[i]![j]!, rows[i - 2]![j - 2]! + 1);
      }
    }
  }
  return rows[a.length]![b.length]!;
}
