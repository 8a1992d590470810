// GridCache: made once per grid and name, least recently used out, grids of equal size told apart, bytes, off, disposal;
// recordings keep what they use after it left the cache.
import { expect, test } from 'vitest';
import { GridCache } from '../../packages/dpt/src/grid_cache.ts';
import { add, record } from '../../packages/tensor/src/index.ts';
import { random, testContext } from '../support/tensors.ts';

const values = (n: number, seed: number) => Float32Array.from({ length: n }, random(seed));

test('a value is made once per grid and name', async () => {
  const context = await testContext();
  const cache = new GridCache(context);
  let made = 0;
  const make = () => {
    made++;
    return context.tensor(values(8, made), [8]);
  };
  const first = cache.get('positions', [2, 4], make);
  expect(cache.get('positions', [2, 4], make)).toBe(first);
  expect(cache.get('positions', [4, 2], make)).not.toBe(first);
  expect(cache.get('other', [2, 4], make)).not.toBe(first);
  expect(made).toBe(3);
  expect(cache.bytes).toBe(3 * 32);
  expect(cache.grids).toEqual(['4×2', '2×4']);
  cache.dispose();
  expect(cache.bytes).toBe(0);
  expect(context.memory().caches).toBe(0);
});

test('the grid used least recently goes first', async () => {
  const context = await testContext();
  const cache = new GridCache(context, { grids: 2 });
  const make = () => context.tensor(values(4, 1), [4]);
  cache.get('x', [1, 1], make);
  cache.get('x', [2, 2], make);
  cache.get('x', [1, 1], make);
  cache.get('x', [3, 3], make);
  expect(cache.grids).toEqual(['1×1', '3×3']);
  expect(context.memory().caches).toBe(2 * 16);
  cache.dispose();
});

test('a recording keeps what left the cache', async () => {
  const context = await testContext();
  const cache = new GridCache(context, { grids: 1 });
  const make = () => context.tensor(values(4, 2), [4]);
  const recording = await record(context, { x: [4] }, ({ x }) => ({
    y: add(x, cache.get('x', [1, 1], make)),
  }));
  cache.get('x', [2, 2], make);
  expect(cache.grids).toEqual(['2×2']);
  const y = await recording.run({ x: new Float32Array(4) }).y.read();
  expect(y).toEqual(values(4, 2));
  recording.dispose();
  cache.dispose();
  expect(context.memory().caches).toBe(0);
});

test('off: made again every time', async () => {
  const context = await testContext();
  const cache = new GridCache(context, { enabled: false });
  let made = 0;
  const make = () => {
    made++;
    return context.tensor(values(4, 1), [4]);
  };
  cache.get('x', [1, 1], make).dispose();
  cache.get('x', [1, 1], make).dispose();
  expect(made).toBe(2);
  expect(cache.bytes).toBe(0);
});

test('at least one grid', async () => {
  const context = await testContext();
  expect(() => new GridCache(context, { grids: 0 })).toThrow(
    'GridCache: grids is 0; at least one must be kept.',
  );
});
