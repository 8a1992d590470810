// READMEs: every block of TypeScript in README.md, packages/*/README.md and that of the depth maps is complete, compiles and
// runs, and prints what its comments say (`// → …`). Not run: those that `declare` what only a reader has. Not here: other languages, links.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { formatWithOptions } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { encodeJpeg } from '../packages/loaders/src/node.ts';
import { fixtures } from './support/models.ts';

const root = join(import.meta.dirname, '..');
// Inside the repository, so that imports find its packages. Each process has its own.
const folder = join(root, '.cache', `readme-${process.pid}`);

interface Block {
  readonly readme: string;
  /** Line of the README on which the code begins. */
  readonly line: number;
  readonly code: string;
  readonly file: string;
}

const packages = readdirSync(join(root, 'packages')).map((name) => `packages/${name}`);
const blocks = ['.', ...packages, 'packages/dpt/src/depth_map']
  .map((place) => join(place, 'README.md'))
  .filter((readme) => existsSync(join(root, readme)))
  .flatMap((readme) => blocksOf(readFileSync(join(root, readme), 'utf8'), readme));

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  for (const { file, code } of blocks) writeFileSync(file, code);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('every block compiles', () => {
  expect(blocks.length).toBeGreaterThan(0);
  expect(problems(blocks.map(({ file }) => file))).toEqual([]);
});

describe('blocks that run', () => {
  // A `declare` stands for what only the reader has: a page, a device of his own.
  const running = blocks.filter(({ code }) => !/^declare /m.test(code));
  // Beside the blocks lie the files that they name, small ones.
  const desk = join(folder, 'desk');
  const before = process.cwd();

  beforeAll(() => {
    mkdirSync(join(desk, 'model_weights'), { recursive: true });
    const model = join(fixtures, 'depth_anything_v2', 'model.safetensors');
    for (const name of ['depth_anything_v2_vits.pth', 'model.pth', 'model_weights/model.pth']) {
      cpSync(model, join(desk, name));
    }
    const [width, height] = [40, 30];
    const pixels = Uint8Array.from({ length: width * height * 4 }, (_, i) => (i * 7) % 256);
    writeFileSync(join(desk, 'photo.jpg'), encodeJpeg(pixels, width, height));
    process.chdir(desk);
  });
  afterAll(() => process.chdir(before));

  test.each(running)('$readme line $line', async ({ file, code }) => {
    const printed: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((...values: unknown[]) => {
      printed.push(formatWithOptions({ breakLength: Infinity }, ...values));
    });
    try {
      await import(pathToFileURL(file).href);
    } finally {
      log.mockRestore();
    }
    const said = [...code.matchAll(/ \/\/ → (.*)$/gm)].map(([, text]) => text);
    if (said.length > 0) expect(printed).toEqual(said);
    else expect(printed.length > 0).toBe(code.includes('console.log('));
  });
});

test('a block that is wrong is seen, at its line', () => {
  const text = [
    '# x',
    '',
    '```ts',
    'const a: number = 1;',
    'export const b: string = a;',
    '```',
    '',
    '```sh',
    'ls',
    '```',
  ];
  const [block, ...others] = blocksOf(text.join('\n'), 'WRONG.md');
  expect(others).toEqual([]);
  expect(block).toMatchObject({ line: 4, code: expect.stringContaining('const a: number = 1;') });
  mkdirSync(folder, { recursive: true });
  writeFileSync(block!.file, block!.code);
  expect(problems([block!.file], [block!])).toEqual([
    "WRONG.md:5 Type 'number' is not assignable to type 'string'.",
  ]);
});

/** Fenced blocks of TypeScript, each a module. */
function blocksOf(text: string, readme: string): Block[] {
  const found: Block[] = [];
  let start: number | undefined;
  const lines = text.split('\n');
  lines.forEach((line, i) => {
    if (start === undefined && /^\s*```(ts|typescript)\b/.test(line)) start = i + 1;
    else if (start !== undefined && /^\s*```\s*$/.test(line)) {
      const name = `${readme.replace(/\W+/g, '_')}_${start + 1}.ts`;
      // Every block is a module of its own, whether or not it imports anything.
      const code = `${lines.slice(start, i).join('\n')}\nexport {};\n`;
      found.push({ readme, line: start + 1, code, file: join(folder, name) });
      start = undefined;
    }
  });
  if (start !== undefined) throw new Error(`${readme}: the block of line ${start} has no end.`);
  return found;
}

/** What the compiler says of the files under the settings of the repository, by lines of the READMEs. */
function problems(files: readonly string[], known: readonly Block[] = blocks): string[] {
  const configFile = join(root, 'tsconfig.json');
  const { config } = ts.readConfigFile(configFile, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  // A walk may show a value without using it.
  const settings = { ...options, noUnusedLocals: false, noUnusedParameters: false };
  const program = ts.createProgram(files, settings);
  return files.flatMap((file) => {
    const source = program.getSourceFile(file);
    const block = known.find((candidate) => candidate.file === file)!;
    return [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ].map(({ start = 0, messageText }) => {
      const { line } = source!.getLineAndCharacterOfPosition(start);
      return `${block.readme}:${block.line + line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
  });
}
