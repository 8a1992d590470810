// Everything that tensor, dpt and loaders throw is a DptError with a code, of one class for all packages. Read from the syntax
// trees: error classes, and where a plain Error is made. Then one throw of each class. Not here: their texts, which the tests of
// what throws them hold.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { depthSettings } from '../packages/dpt/src/index.ts';
import { encodeNpy, memorySource, openCheckpoint } from '../packages/loaders/src/index.ts';
import { decodePicture } from '../packages/loaders/src/node.ts';
import { Context, DptError, expectShape, record } from '../packages/tensor/src/index.ts';

const root = join(import.meta.dirname, '..');

/** Where a plain Error is not what a caller gets. */
const plain: Readonly<Record<string, string>> = {
  'packages/tensor/src/shaders/built.ts': 'a mistake of the build',
  'packages/tensor/src/shaders/disk.ts': 'a mistake of the build',
  'packages/tensor/src/shaders/embedded.ts': 'a mistake of the build',
  'packages/tensor/src/node/swiftshader.ts': 'requestAdapter says it in a NoAdapterError',
  'packages/loaders/src/safetensors_header.ts': 'readSafetensors says it in a CheckpointError',
  'packages/loaders/src/picture_jpeg.ts': 'decodePicture says it in a PictureError',
  'packages/loaders/src/picture_png.ts': 'decodePicture says it in a PictureError',
  'packages/loaders/src/picture_sharp.ts': 'decodePicture says it in a PictureError',
};

const files = ['tensor', 'dpt', 'loaders'].flatMap((name) => {
  const folder = join('packages', name, 'src');
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file));
});

interface Seen {
  readonly made: readonly string[];
  readonly classes: readonly { readonly name: string; readonly parent: string }[];
}

/** Plain errors that a source makes, and its classes with the ones that they extend. */
function look(source: string): Seen {
  const made: string[] = [];
  const classes: { name: string; parent: string }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isNewExpression(node) || ts.isCallExpression(node)) {
      const name = node.expression.getText();
      if (/^(Type|Range|Syntax|Aggregate)?Error$/.test(name)) made.push(name);
    }
    if (ts.isClassDeclaration(node) && node.heritageClauses) {
      const parent = node.heritageClauses[0]!.types[0]!.expression.getText();
      classes.push({ name: node.name!.text, parent });
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('source.ts', source, ts.ScriptTarget.ESNext, true));
  return { made, classes };
}

const seen = files.map((file) => ({ file, ...look(readFileSync(join(root, file), 'utf8')) }));

test('plain errors are made only where they do not get out', () => {
  const makers = seen.filter(({ made }) => made.length > 0).map(({ file }) => file);
  // The embedded shaders are written on install, and read in bundles.
  expect(makers.sort()).toEqual(Object.keys(plain).sort());
  expect(look('throw new TypeError(); const e = Error("x"); // new Error()').made).toEqual([
    'TypeError',
    'Error',
  ]);
});

test('every error class is a DptError', () => {
  const classes = seen.flatMap(({ classes }) => classes);
  const parentOf = new Map(classes.map(({ name, parent }) => [name, parent]));
  const rootOf = (name: string): string => {
    const parent = parentOf.get(name);
    return parent === undefined || parent === 'Error' ? name : rootOf(parent);
  };
  const errors = classes.map(({ name }) => name).filter((name) => name.endsWith('Error'));
  expect(errors.sort()).toEqual([
    'CheckpointError',
    'DeviceLostError',
    'DptError',
    'NoAdapterError',
    'PickleEndError',
    'PictureError',
    'StateDictError',
  ]);
  expect(errors.filter((name) => rootOf(name) !== 'DptError')).toEqual([]);
});

describe('a caller tells them apart', () => {
  const planning = Context.planning();
  test.each<[string, string, () => unknown]>([
    ['DptError', 'invalid-argument', () => expectShape('op', planning.empty([2]), [3])],
    ['DptError', 'invalid-argument', () => planning.empty([-1])],
    ['DptError', 'invalid-argument', () => planning.empty([2, 3]).reshape([5])],
    ['DptError', 'invalid-argument', () => depthSettings({ gamma: -1 })],
    ['DptError', 'invalid-argument', () => encodeNpy(new Float32Array(3), [2])],
    ['DptError', 'invalid-state', () => planning.device],
    [
      'DptError',
      'invalid-state',
      () => record(planning, {}, () => ({})).then(() => planning.device),
    ],
    ['CheckpointError', 'empty', () => openCheckpoint(memorySource(new Uint8Array(), 'a.pth'))],
    ['PictureError', 'not-a-picture', () => decodePicture(new Uint8Array([1, 2, 3]), 'a.png')],
  ])('%s %s: %s', async (name, code, call) => {
    const error = await (async () => call())().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DptError);
    expect(error).toMatchObject({ name, code });
  });
});
