// npm run build:packages: the packages as they are published, in output/packages/NAME, and packed, in output/packages/*.tgz.
// Each holds compiled modules with their declarations and maps (dist), the sources that the maps point at (src), the WGSL of
// its kernels (shaders), and the licence. In the repository the exports point at the sources instead.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, posix, relative } from 'node:path';
import ts from 'typescript';
import { bareShader } from './bare_shader.ts';

const root = join(import.meta.dirname, '..');
export const output = join(root, 'output', 'packages');
export const names = ['tensor', 'dpt', 'loaders', 'cli'] as const;

interface PackageJson {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** Compiles and packs all packages; returns the paths of the tarballs. */
export function buildPackages(): string[] {
  rmSync(output, { recursive: true, force: true });
  const shadersOf = compile();
  for (const name of names) stage(name, shadersOf.get(name) ?? new Set());
  // Scripts are off: what they would do has been done.
  const packed = execFileSync(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', output, ...names.map(stagingOf)],
    { cwd: output, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const parsed = JSON.parse(packed) as
    | Record<string, { filename: string }>
    | { filename: string }[];
  return Object.values(parsed).map(({ filename }) => join(output, basename(filename)));
}

const stagingOf = (name: string): string => join(output, name);

/** Writes dist of every package; returns the names of the shaders that each one's kernels use. */
function compile(): Map<string, Set<string>> {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const packages = join(root, 'packages');
  const built = join(packages, 'tensor', 'src', 'shaders', 'built.ts');
  const program = ts.createProgram([...names.flatMap(entriesOf), built], {
    ...options,
    noEmit: false,
    // `npm run typecheck` does that.
    noCheck: true,
    declaration: true,
    declarationMap: true,
    sourceMap: true,
    rewriteRelativeImportExtensions: true,
    newLine: ts.NewLineKind.LineFeed,
    rootDir: packages,
    outDir: packages,
  });
  const shadersOf = new Map<string, Set<string>>();
  const emitted = new Map<string, string>();
  const { diagnostics } = program.emit(
    undefined,
    (path, text) => emitted.set(path, text),
    undefined,
    false,
    { before: [withShaders(shadersOf)] },
  );
  if (diagnostics.length > 0) {
    const host = {
      getCanonicalFileName: (name: string) => name,
      getCurrentDirectory: () => root,
      getNewLine: () => '\n',
    };
    throw new Error(ts.formatDiagnostics(diagnostics, host));
  }
  for (const [path, text] of emitted) {
    const [name, src, ...rest] = relative(packages, path).split(/[\\/]/);
    if (!name || src !== 'src') throw new Error(`${path} is not in the sources of a package.`);
    const file = rest.join('/');
    // These two fetch shaders by name; here every kernel has its own.
    if (/^shaders\/(disk|embedded)\./.test(file)) continue;
    const to = join(stagingOf(name), 'dist', file);
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, finished(file, text, emitted.get(path.replace(/\.map$/, '')) ?? ''));
  }
  return shadersOf;
}

/** An emitted file as it is published; `mapped` is the text that a map belongs to. */
function finished(file: string, text: string, mapped: string): string {
  if (file.endsWith('.d.ts.map')) return mapToSource(text, file, referencesOf(mapped).length);
  if (file.endsWith('.map')) return mapToSource(text, file, 0);
  if (!file.endsWith('.d.ts')) return text;
  // The compiler rewrites imports of .ts files in modules, not in declarations.
  const imports = text.replace(/(from |import\()(["'])(\.{1,2}\/[^"']*)\.ts\2/g, '$1$2$3.js$2');
  return [...referencesOf(text), imports].join('\n');
}

/** The files that a package's exports name. */
function entriesOf(name: string): string[] {
  return Object.values(manifestOf(name).exports)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(root, 'packages', name, file));
}

/** What a reader's compiler may not have been told of. WebGPU's types it has from TypeScript 6's `dom`, or from @webgpu/types. */
function referencesOf(declarations: string): string[] {
  return /\bSymbol\.(asyncD|d)ispose\b/.test(declarations)
    ? ['/// <reference lib="esnext.disposable" />']
    : [];
}

/** From dist/ops/linear.js.map to src/ops/linear.ts; `added` is how many lines were put in front. */
function mapToSource(text: string, file: string, added: number): string {
  const map = JSON.parse(text) as { sources: string[]; mappings: string };
  const up = posix.relative(posix.dirname(file), '..') || '..';
  const sources = map.sources.map((source) =>
    posix.join(up, 'src', posix.dirname(file), posix.basename(source)),
  );
  return JSON.stringify({ ...map, sources, mappings: ';'.repeat(added) + map.mappings });
}

/**
 * `defineKernel('linear', layout)` → `defineKernel('linear', layout, linear_wgsl)`, with the import of that text: a constant
 * per shader, so that bundlers drop those of ops that nobody imports. The call itself is marked as droppable.
 */
function withShaders(shadersOf: Map<string, Set<string>>): ts.TransformerFactory<ts.SourceFile> {
  return (context) => (file) => {
    const { factory } = context;
    const [name, , ...rest] = relative(join(root, 'packages'), file.fileName).split(/[\\/]/);
    const shaders = shadersOf.get(name!) ?? new Set<string>();
    shadersOf.set(name!, shaders);
    const imported = new Set<string>();
    const up = '../'.repeat(rest.length - 1) || './';

    const visit = (node: ts.Node): ts.Node => {
      if (
        ts.isCallExpression(node) &&
        ts.isIdentifier(node.expression) &&
        node.expression.text === 'defineKernel' &&
        ts.isStringLiteral(node.arguments[0]!)
      ) {
        const shader = node.arguments[0].text;
        imported.add(shader);
        shaders.add(shader);
        const call = factory.updateCallExpression(node, node.expression, undefined, [
          ...node.arguments,
          factory.createIdentifier(`${shader}_wgsl`),
        ]);
        const pure = ts.SyntaxKind.MultiLineCommentTrivia;
        return ts.addSyntheticLeadingComment(call, pure, '@__PURE__');
      }
      if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
        if (node.moduleSpecifier.text !== '#shaders') return node;
        const built = factory.createStringLiteral(`${up}shaders/built.js`, true);
        return factory.updateImportDeclaration(
          node,
          node.modifiers,
          node.importClause,
          built,
          node.attributes,
        );
      }
      return ts.visitEachChild(node, visit, context);
    };

    const visited = ts.visitEachChild(file, visit, context);
    if (imported.size === 0) return visited;
    const names = [...imported].map((shader) =>
      factory.createImportSpecifier(false, undefined, factory.createIdentifier(`${shader}_wgsl`)),
    );
    const texts = factory.createImportDeclaration(
      undefined,
      factory.createImportClause(undefined, undefined, factory.createNamedImports(names)),
      factory.createStringLiteral(`${up}shaders/texts.js`, true),
    );
    return factory.updateSourceFile(visited, [texts, ...visited.statements]);
  };
}

/** Everything of a published package beside its compiled modules. */
function stage(name: string, shaders: ReadonlySet<string>): void {
  const from = join(root, 'packages', name);
  const to = stagingOf(name);
  const isSource = (path: string): boolean => !/shaders[\\/](disk|embedded)\.ts/.test(path);
  cpSync(join(from, 'src'), join(to, 'src'), { recursive: true, filter: isSource });
  cpSync(join(from, 'README.md'), join(to, 'README.md'));
  for (const file of ['LICENSE', 'NOTICE']) cpSync(join(root, file), join(to, file));
  if (existsSync(join(from, 'CHANGELOG.md'))) {
    cpSync(join(from, 'CHANGELOG.md'), join(to, 'CHANGELOG.md'));
  }
  if (shaders.size > 0) stageShaders([...shaders], to);
  if (name === 'cli') stageCommand(to);
  writeFileSync(
    join(to, 'package.json'),
    `${JSON.stringify(published(manifestOf(name), readdirSync(to)), undefined, 2)}\n`,
  );
}

/** The files for readers and other tools, and the same texts bare as a module: lines keep their numbers. */
function stageShaders(shaders: readonly string[], to: string): void {
  mkdirSync(join(to, 'shaders'), { recursive: true });
  mkdirSync(join(to, 'dist', 'shaders'), { recursive: true });
  const texts = shaders.map((shader) => {
    const source = readFileSync(join(root, 'shaders', `${shader}.wgsl`), 'utf8');
    writeFileSync(join(to, 'shaders', `${shader}.wgsl`), source);
    return `export const ${shader}_wgsl = ${JSON.stringify(bareShader(source))};\n`;
  });
  // One module, so that they lie side by side in a bundle, and kernels of a kind are about as long: gzip looks for what it
  // has seen in the last 32 kB only. For all of tensor and dpt that is 2.4 kB less than a module for each.
  texts.sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  writeFileSync(
    join(to, 'dist', 'shaders', 'texts.js'),
    `// shaders/*.wgsl without comments, with short names, on the same lines\n${texts.join('')}`,
  );
}

/** The command itself, and what it finds in a checkout: the demonstration model, and the web app where it has been built. */
function stageCommand(to: string): void {
  mkdirSync(join(to, 'bin'));
  writeFileSync(
    join(to, 'bin', 'dpt.mjs'),
    "#!/usr/bin/env node\nimport { run } from '../dist/main.js';\n\nawait run();\n",
    { mode: 0o755 },
  );
  cpSync(join(root, 'models'), join(to, 'models'), { recursive: true });
  const site = join('apps', 'web', 'dist');
  if (existsSync(join(root, site))) cpSync(join(root, site), join(to, site), { recursive: true });
}

/** package.json with exports of compiled files. */
export function published(manifest: PackageJson, contents: readonly string[]): PackageJson {
  const { imports, exports, ...rest } = manifest;
  const entries = Object.entries(exports).map(([entry, file]) => {
    if (!file.endsWith('.ts')) return [entry, file] as const;
    const compiled = file.replace('./src/', './dist/').replace(/\.ts$/, '');
    const types = { types: `${compiled}.d.ts` };
    // A bundle for pages that asks for it is told so when it is built.
    const browser = entry === './node' ? { browser: null } : {};
    return [entry, { ...types, ...browser, default: `${compiled}.js` }] as const;
  });
  const shaders = contents.includes('shaders') ? { './shaders/*': './shaders/*' } : {};
  const files = ['apps', 'bin', 'dist', 'models', 'shaders', 'src', 'CHANGELOG.md', 'NOTICE'];
  return {
    ...rest,
    exports: { ...Object.fromEntries(entries), ...shaders },
    files: files.filter((file) => contents.includes(file)),
  } as unknown as PackageJson;
}

export function manifestOf(name: string): PackageJson {
  return JSON.parse(
    readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'),
  ) as PackageJson;
}

if (process.argv[1] === import.meta.filename) {
  for (const tarball of buildPackages()) console.log(relative(root, tarball));
}
