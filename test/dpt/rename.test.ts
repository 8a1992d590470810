// Rename rules: templates both ways, joins, joins with a part missing, drops with their reason, unknown keys kept;
// every key of every copied fixture is used or dropped by name.
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { recognise } from '../../packages/dpt/src/checkpoints/index.ts';
import { rename } from '../../packages/dpt/src/checkpoints/rename.ts';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import type { StateDict, StoredTensor } from '../../packages/tensor/src/index.ts';

const fixtures = new URL('../fixtures/models/', import.meta.url);

function stateDict(keys: readonly string[]): StateDict {
  const stored = (key: string): StoredTensor => ({
    dtype: 'u8',
    shape: [1],
    read: async () => Uint8Array.of(key.charCodeAt(0)),
  });
  return {
    name: 'test.safetensors',
    metadata: new Map(),
    tensors: new Map(keys.map((key) => [key, stored(key)])),
    close: async () => {},
  };
}

test('templates carry numbers and words over, and back', () => {
  const renamed = rename(stateDict(['a.3.norm.weight', 'a.x.norm.weight']), [
    ['a.{i}.norm.{leaf}', 'b.{i}.{leaf}'],
  ]);
  expect([...renamed.tensors.keys()]).toEqual(['b.3.weight', 'a.x.norm.weight']);
  expect(renamed.originOf('b.3.weight')).toBe('a.3.norm.weight');
  expect(renamed.originOf('b.4.bias')).toBe('a.4.norm.bias');
  expect(renamed.originOf('c')).toBeUndefined();
});

test('parts are joined in the order of the rule, whatever the order of the file', async () => {
  const rules = [[['q.{i}', 'k.{i}', 'v.{i}'], 'qkv.{i}']] as const;
  const renamed = rename(stateDict(['v.0', 'q.0', 'k.0']), rules);
  expect([...renamed.tensors.keys()]).toEqual(['qkv.0']);
  const joined = renamed.tensors.get('qkv.0')!;
  expect(joined.shape).toEqual([3]);
  expect(String.fromCharCode(...(await joined.read()))).toBe('qkv');
  const partial = rename(stateDict(['q.0', 'k.0']), rules);
  expect([...partial.tensors.keys()].sort()).toEqual(['k.0', 'q.0']);
});

test('dropped keys say why', () => {
  const renamed = rename(stateDict(['head.a.b', 'x']), [['head.*', null, 'a classifier']]);
  expect([...renamed.dropped]).toEqual([['head.a.b', 'a classifier']]);
  expect([...renamed.tensors.keys()]).toEqual(['x']);
});

const files = readdirSync(fixtures, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) =>
    readdirSync(new URL(`${name}/`, fixtures))
      .filter((file) => file.startsWith('model'))
      .map((file) => `${name}/${file}`),
  );

test.each(files)('%s: every key is renamed or dropped by name', async (file) => {
  const source = await openCheckpointFile(new URL(file, fixtures).pathname);
  const family = file.split('/')[0]!;
  const { stateDict: ours } = recognise(source, family.includes('metric') ? { maxDepth: 20 } : {});
  const modules = /^(patch_embed|encoder|reassemble|fusion|head)\./;
  expect([...ours.tensors.keys()].filter((key) => !modules.test(key))).toEqual([]);
  await source.close();
});
