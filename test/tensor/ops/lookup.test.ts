// lookup: every entry, beyond the end, tables of one; what is not u32. replaceNonFinite and nearestResize: test/dpt/depth_map.
import { expect, test } from 'vitest';
import { lookup } from '../../../packages/tensor/src/ops/lookup.ts';
import { testContext } from '../../support/tensors.ts';

test.each([1, 2, 256])('a table of %i', async (entries) => {
  const context = await testContext();
  const table = Uint32Array.from({ length: entries }, (_, i) => 0xffffffff - 3 * i);
  const x = Uint32Array.from({ length: 1001 }, (_, i) => i);
  x[1000] = 0xffffffff;
  const y = lookup(
    context.tensor(x, [7, 143], 'u32'),
    context.tensor(table, [entries], 'u32', 'table'),
  );
  expect(y.shape).toEqual([7, 143]);
  const expected = x.map((i) => table[Math.min(i, entries - 1)]!);
  expect(new Uint32Array((await y.readBytes()).buffer)).toEqual(expected);
});

test('errors', async () => {
  const context = await testContext();
  const x = context.tensor(new Float32Array(4), [4], 'f32', 'x');
  const table = context.tensor(new Uint32Array(4), [4], 'u32', 'table');
  expect(() => lookup(x, table)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: lookup: x is f32 and table has 4 entries of u32; both are u32 and the table is not empty.]`,
  );
});
