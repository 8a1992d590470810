// The layers of the project, held against its imports: which package may import which, what is only for Node, no cycles. Read from
// the syntax trees, so an import in a comment or a string does not count. Not covered: imports whose path is computed.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

interface Import {
  readonly from: string;
  /** A file of the repository, or the specifier of something outside of it. */
  readonly to: string;
  /** `import type` and `export type` leave nothing behind at run time. */
  readonly typeOnly: boolean;
}

/** What each package may import. */
const arrows: Readonly<Record<string, { values: readonly string[]; types: readonly string[] }>> = {
  tensor: { values: [], types: [] },
  dpt: { values: ['tensor'], types: [] },
  // And of its values the errors, which stand in an entry of their own that imports nothing.
  loaders: { values: ['tensor/errors'], types: ['tensor'] },
  cli: { values: ['tensor', 'dpt', 'loaders'], types: [] },
};

/** The packages from outside; `tensor` and `dpt` are what this project writes itself. */
const dependencies: Readonly<Record<string, readonly string[]>> = {
  tensor: ['webgpu'],
  dpt: [],
  loaders: ['pngjs', 'jpeg-js', 'sharp'],
  cli: ['webgpu', 'sharp', 'sirv'],
};

const files = Object.keys(arrows).flatMap((name) => sourcesIn(join('packages', name, 'src')));
const imports = files.flatMap(importsOf);

describe('packages', () => {
  test.each(Object.keys(arrows))('%s imports only what the layers allow', (name) => {
    const { values, types } = arrows[name]!;
    const wrong = imports
      .filter(({ from, to }) => packageOf(from) === name && packageOf(to) && packageOf(to) !== name)
      .filter(({ to, typeOnly }) => {
        const target = packageOf(to)!;
        const entry = `${target}/${basename(to, '.ts')}`;
        const allowed = values.includes(target) || values.includes(entry);
        return !allowed && !(typeOnly && types.includes(target));
      });
    expect(wrong.map(show)).toEqual([]);
  });

  test.each(Object.keys(arrows))('%s has no other dependencies', (name) => {
    const wrong = imports
      .filter(({ from, to }) => packageOf(from) === name && !packageOf(to) && !isBuiltin(to))
      .filter(({ to }) => !dependencies[name]!.includes(to));
    expect(wrong.map(show)).toEqual([]);
  });

  test('are entered by their exports from other packages, not by their files', () => {
    const wrong = files.flatMap((file) =>
      specifiersOf(file)
        .filter(({ text }) => text.startsWith('.'))
        .map(({ text }) => ({ from: file, to: join(dirname(file), text), typeOnly: false }))
        .filter(({ from, to }) => packageOf(to) !== packageOf(from)),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test('encoders stand alone', () => {
    const encoderOf = (file: string) => /^packages\/dpt\/src\/encoders\/([^/]+)\//.exec(file)?.[1];
    const wrong = imports.filter(({ from, to }) => {
      const [a, b] = [encoderOf(from), encoderOf(to)];
      return a && b && a !== b;
    });
    expect(wrong.map(show)).toEqual([]);
  });
});

describe('files', () => {
  test('import each other without a cycle', () => {
    expect(cycles(imports.filter(({ typeOnly }) => !typeOnly))).toEqual([]);
  });

  test('that import Node are named for it', () => {
    const wrong = imports.filter(({ from, to }) => isBuiltin(to) && !mayUseNode(from));
    expect(wrong.map(show)).toEqual([]);
  });

  test.each(['tensor', 'dpt', 'loaders'])('that a browser gets from %s need no Node', (name) => {
    const entry = join('packages', name, 'src', 'index.ts');
    const wrong = reachable(entry).filter(
      ({ to, typeOnly }) => !typeOnly && !to.startsWith('packages/'),
    );
    expect(wrong.map(show)).toEqual([]);
  });

  test('of the entry for errors are that one', () => {
    expect(importsOf(join('packages', 'tensor', 'src', 'errors.ts')).map(show)).toEqual([]);
  });

  test('import Dawn in one place', () => {
    const elsewhere = ['examples', 'bench', 'scripts'].flatMap(sourcesIn).flatMap(importsOf);
    const importers = [...imports, ...elsewhere].filter(({ to }) => to === 'webgpu');
    expect(importers.map(({ from }) => from)).toEqual(['packages/tensor/src/node.ts']);
  });

  test('are where a reader looks for them', () => {
    const folders = [
      'packages',
      'shaders',
      'examples',
      'bench',
      'scripts',
      'test',
      'models',
      'docs',
    ];
    expect(folders.filter((folder) => !existsSync(join(root, folder)))).toEqual([]);
  });
});

test('a cycle, an import of a type and a dynamic import are seen', () => {
  const edge = (from: string, to: string) => ({ from, to, typeOnly: false });
  expect(cycles([edge('a', 'b'), edge('b', 'c'), edge('c', 'b'), edge('c', 'd')])).toEqual([
    'b → c → b',
  ]);
  const source = `
    import type { A } from './a.ts';
    import { type B } from './b.ts';
    export type { C } from './c.ts';
    export * from './d.ts';
    const e = await import('./e.ts');
    type F = import('./f.ts').F; // import './g.ts'
  `;
  const seen = specifiers(source).map(({ text, typeOnly }) => `${text}${typeOnly ? ' type' : ''}`);
  expect(seen).toEqual(['./a.ts type', './b.ts', './c.ts type', './d.ts', './e.ts', './f.ts type']);
});

function sourcesIn(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.m?ts$/.test(path))
    .map((path) => join(folder, path))
    .sort();
}

function importsOf(from: string): Import[] {
  return specifiersOf(from).map(({ text, typeOnly }) => ({
    from,
    to: target(from, text),
    typeOnly,
  }));
}

function specifiersOf(file: string) {
  return specifiers(readFileSync(join(root, file), 'utf8'));
}

function specifiers(source: string): { text: string; typeOnly: boolean }[] {
  const found: { text: string; typeOnly: boolean }[] = [];
  const add = (node: ts.Node | undefined, typeOnly: boolean) => {
    if (node && ts.isStringLiteralLike(node)) found.push({ text: node.text, typeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.isTypeOnly ?? false);
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isImportTypeNode(node)) {
      add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('source.ts', source, ts.ScriptTarget.ESNext));
  return found;
}

function target(from: string, specifier: string): string {
  if (specifier.startsWith('.')) return join(dirname(from), specifier);
  // A browser's bundle takes this one; in Node disk.ts is in its place.
  if (specifier === '#shaders') return 'packages/tensor/src/shaders/embedded.ts';
  const [, name, entry] = /^@dpt-webgpu\/([^/]+)(?:\/(.+))?$/.exec(specifier) ?? [];
  return name ? `packages/${name}/src/${entry ?? 'index'}.ts` : specifier;
}

function packageOf(file: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(file)?.[1];
}

function isBuiltin(specifier: string): boolean {
  return specifier.startsWith('node:') || builtinModules.includes(specifier);
}

/** In tensor and dpt the name says so: node.ts, node_files.ts, file_node.ts, disk.ts, node/. The others are about files. */
function mayUseNode(file: string): boolean {
  if (packageOf(file) === 'cli' || packageOf(file) === 'loaders') return true;
  const name = basename(file, '.ts');
  return (
    /^node|_node$|^disk$/.test(name) || relative('.', dirname(file)).split('/').includes('node')
  );
}

/** Every import that a bundle beginning with this file follows. */
function reachable(entry: string): Import[] {
  const seen = new Set([entry]);
  const followed: Import[] = [];
  for (const file of seen) {
    for (const edge of imports.filter(({ from, typeOnly }) => from === file && !typeOnly)) {
      followed.push(edge);
      seen.add(edge.to);
    }
  }
  return followed;
}

/** One line for each edge that closes a cycle, by depth-first search. */
function cycles(edges: readonly Import[]): string[] {
  const next = new Map<string, Import[]>();
  for (const edge of edges) next.set(edge.from, [...(next.get(edge.from) ?? []), edge]);
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) found.push([...path.slice(start), file].join(' → '));
    if (start >= 0 || done.has(file)) return;
    for (const { to } of next.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of next.keys()) visit(file, []);
  return found;
}

function show({ from, to }: Import): string {
  return `${from} → ${to}`;
}
