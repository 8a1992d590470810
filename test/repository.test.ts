// A clone works anywhere: no file speaks of the machine that it was written on, and what is generated is not committed.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
// Committed, or about to be. A clone that belongs to another user, as in some containers, is as good.
const files = execFileSync(
  'git',
  ['-c', 'safe.directory=*', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
  {
    cwd: root,
    encoding: 'utf8',
  },
)
  .split('\0')
  .filter((file) => file !== '');

test('package-lock.json names no registry but the public one', () => {
  const lock = read('package-lock.json')!;
  const resolved = [...lock.matchAll(/"resolved": "(https?:\/\/[^/"]+)/g)].map(([, host]) => host);
  expect(new Set(resolved)).toEqual(
    new Set(resolved.length > 0 ? ['https://registry.npmjs.org'] : []),
  );
  expect(lock).toMatch(/"integrity": "sha512-/);
});

test('no file holds the path of a home folder', () => {
  // Assembled, so that this file does not hold what it looks for.
  const homes = new RegExp(
    ['home/[a-z][\\w.-]*/', 'Users/[A-Za-z][\\w.-]*/', 'root/']
      .map((path) => `(?<![\\w.~*-])/${path}`)
      .join('|'),
  );
  const found = files.flatMap((file) => {
    const match = homes.exec(read(file) ?? '');
    return match ? [`${file}: ${match[0]}`] : [];
  });
  expect(found).toEqual([]);
});

test('versions of what the tests use are exact', () => {
  const { devDependencies } = JSON.parse(read('package.json')!) as {
    devDependencies: Record<string, string>;
  };
  const loose = Object.entries(devDependencies).filter(([, version]) => !/^\d/.test(version));
  expect(loose).toEqual([]);
});

test('what is generated is not committed', () => {
  const generated = /(^|\/)(node_modules|\.cache|output|coverage)\/|shaders\/embedded\.ts$/;
  expect(files.filter((file) => generated.test(file))).toEqual([]);
});

/** The text of a file; undefined for one that is not text, or deleted but not yet committed so. */
function read(file: string): string | undefined {
  try {
    const bytes = readFileSync(join(root, file));
    return bytes.subarray(0, 8000).includes(0) ? undefined : bytes.toString('utf8');
  } catch {
    return undefined;
  }
}
