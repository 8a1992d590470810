// The table of flags: what is parsed how, and what is refused in which words. Every command's own checks are in its own test.
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../packages/cli/src/errors.ts';
import { didYouMean, type Flag, parseFlags } from '../../packages/cli/src/flags.ts';

const flags: readonly Flag[] = [
  { name: 'output', short: 'o', value: 'FOLDER', help: '' },
  { name: 'size', value: 'PIXELS', help: '' },
  { name: 'no-cache', help: '' },
  { name: 'quiet', short: 'q', help: '' },
];
const parse = (...argv: string[]) => parseFlags(argv, flags);

describe('accepts', () => {
  test.each([
    ['-o', 'x', 'a.jpg'],
    ['a.jpg', '--output', 'x'],
    ['a.jpg', '--output=x'],
    ['-ox', 'a.jpg'],
    ['-qo', 'x', 'a.jpg'],
  ])('%s %s %s', (...argv) => {
    const args = parse(...argv);
    expect(args.text('output')).toBe('x');
    expect(args.positionals).toEqual(['a.jpg']);
    expect(args.text('size')).toBeUndefined();
  });

  test('everything after -- as it is', () => {
    expect(parse('-q', '--', '-x.jpg', '--size').positionals).toEqual(['-x.jpg', '--size']);
  });

  test('numbers and lists', () => {
    expect(parse('--size', '518').wholeNumber('size', 1, 1000)).toBe(518);
    expect(parse('--size', '0.5').positiveNumber('size')).toBe(0.5);
    expect(parse('--size', 'b, a,b').someOf('size', ['a', 'b'])).toEqual(['b', 'a']);
    expect(parse('--size', 'a').oneOf('size', ['a', 'b'])).toBe('a');
    expect(parse('--no-cache', '--no-cache').has('no-cache')).toBe(true);
    expect(parse().has('no-cache')).toBe(false);
  });
});

describe('refuses', () => {
  const message = (act: () => unknown): string => {
    try {
      act();
    } catch (error) {
      expect(error).toBeInstanceOf(UsageError);
      return (error as Error).message;
    }
    return 'nothing was thrown';
  };

  test('flags that are not in the table', () => {
    expect(message(() => parse('--outptu', 'x'))).toBe(
      'there is no flag --outptu. Did you mean --output?',
    );
    expect(message(() => parse('--xyzzy'))).toBe(
      'there is no flag --xyzzy. See --help. A file name that begins with a dash goes after --.',
    );
    expect(message(() => parse('-z'))).toMatch(/^there is no flag -z\. See --help\./);
    expect(message(() => parse('--__proto__'))).toMatch(/^there is no flag --__proto__/);
    expect(message(() => parse('--constructor=1'))).toMatch(/^there is no flag --constructor/);
  });

  test('values that are missing, or given where there is none', () => {
    expect(message(() => parse('--size'))).toBe('--size needs a value: --size PIXELS.');
    expect(message(() => parse('--size='))).toBe('--size needs a value: --size PIXELS.');
    expect(message(() => parse('-o', '--quiet'))).toBe('-o needs a value: -o FOLDER.');
    expect(message(() => parse('--quiet=yes'))).toBe('--quiet takes no value.');
    expect(message(() => parse('--size', '1', '--size=2'))).toBe('--size is given twice.');
    expect(message(() => parse().required('size'))).toBe('--size is required.');
  });

  test.each(['-1', '0', '1001', 'NaN', '1e2', '0x10', '5.0', ' 5', '١', 'Infinity'])(
    '--size %s',
    (text) => {
      expect(message(() => parse('--size', text).wholeNumber('size', 1, 1000))).toBe(
        `--size takes a whole number from 1 to 1000, not ${JSON.stringify(text)}.`,
      );
    },
  );

  test.each(['0', '-1', '1e2', '.', 'NaN', `${'9'.repeat(400)}`])('%s metres', (text) => {
    expect(message(() => parse('--size', text).positiveNumber('size'))).toMatch(
      /^--size takes a number above 0, not /,
    );
  });

  test('words that are no choice', () => {
    expect(message(() => parse('--size', 'offical').oneOf('size', ['official', 'other']))).toBe(
      '--size can be official, other, not "offical". Did you mean official?',
    );
    expect(message(() => parse('--size', 'a,,b').list('size'))).toBe(
      '--size takes names with commas between, not "a,,b".',
    );
  });
});

test('a guess is made only where it is near', () => {
  const names = ['image', 'forward', 'inspect'];
  expect(didYouMean('imgae', names)).toBe(' Did you mean image?');
  expect(didYouMean('FORWARDS', names)).toBe(' Did you mean forward?');
  expect(didYouMean('video', names)).toBe('');
  expect(didYouMean('', names)).toBe('');
});
