// copy: slices and concatenations along every axis, inner sizes with and without vectors, one row, the readout token
// repeated for every picture, what follows a slice undoing it, f32 and f16 with odd sizes; exact, since values are moved
// and not computed. Errors.
import { describe, expect, test } from 'vitest';
import { concat, slice } from '../../../packages/tensor/src/ops/copy.ts';
import * as reference from '../../reference/copy.ts';
import { dtypesOf, expectClose, randomNd, testContext, upload } from '../../support/tensors.ts';

describe('slice', () => {
  test.each([
    { shape: [2, 5, 8], axis: 1, from: 1, to: 5 },
    { shape: [2, 5, 3], axis: 1, from: 0, to: 1 },
    { shape: [2, 5, 8], axis: 2, from: 4, to: 8 },
    { shape: [2, 5, 7], axis: 2, from: 1, to: 4 },
    { shape: [4, 3], axis: 0, from: 2, to: 3 },
    { shape: [5], axis: 0, from: 1, to: 4 },
    { shape: [2, 3, 4, 5], axis: 2, from: 3, to: 4 },
    { shape: [1, 1], axis: 0, from: 0, to: 1 },
  ])('$shape axis $axis from $from to $to', async ({ shape, axis, from, to }) => {
    const context = await testContext();
    for (const dtype of dtypesOf(context)) {
      const x = randomNd(shape, { seed: 1, dtype });
      const y = slice(upload(context, x, dtype), { axis, from, to });
      expect(y.dtype).toBe(dtype);
      await expectClose(y, reference.slice(x, axis, from, to), 0);
    }
  });

  test('up to the end unless told', async () => {
    const context = await testContext();
    const x = randomNd([2, 5, 4], { seed: 2 });
    const y = slice(upload(context, x), { axis: 1, from: 2 });
    await expectClose(y, reference.slice(x, 1, 2, 5), 0);
  });
});

describe('concat', () => {
  test.each([
    {
      shapes: [
        [2, 1, 8],
        [2, 5, 8],
      ],
      axis: 1,
    },
    {
      shapes: [
        [2, 1, 3],
        [2, 5, 3],
        [2, 2, 3],
      ],
      axis: 1,
    },
    {
      shapes: [
        [3, 1, 8],
        [1, 5, 8],
      ],
      axis: 1,
    },
    {
      shapes: [
        [1, 1, 8],
        [3, 5, 8],
      ],
      axis: 1,
    },
    {
      shapes: [
        [1, 1, 5],
        [2, 3, 5],
        [1, 2, 5],
      ],
      axis: 1,
    },
    {
      shapes: [
        [2, 3, 4],
        [2, 3, 8],
      ],
      axis: 2,
    },
    {
      shapes: [
        [2, 3, 4],
        [2, 3, 3],
      ],
      axis: 2,
    },
    {
      shapes: [
        [2, 3],
        [1, 3],
      ],
      axis: 0,
    },
    { shapes: [[1], [1], [1]], axis: 0 },
    { shapes: [[2, 3, 4]], axis: 1 },
  ])('$shapes along axis $axis', async ({ shapes, axis }) => {
    const context = await testContext();
    for (const dtype of dtypesOf(context)) {
      const parts = shapes.map((shape, i) => randomNd(shape, { seed: 3 + i, dtype }));
      const y = concat(
        parts.map((part) => upload(context, part, dtype)),
        axis,
      );
      expect(y.dtype).toBe(dtype);
      await expectClose(y, reference.concat(parts, axis), 0);
    }
  });

  test('joins what slice cut', async () => {
    const context = await testContext();
    const x = randomNd([2, 7, 3], { seed: 4 });
    const input = upload(context, x);
    const cut = [0, 1, 5].map((from, i) => slice(input, { axis: 1, from, to: [1, 5, 7][i]! }));
    await expectClose(concat(cut, 1), x, 0);
  });
});

test('what does not fit is named', async () => {
  const context = await testContext();
  const tensor = (name: string, ...shape: number[]) =>
    upload(context, randomNd(shape, { seed: 5 }), 'f32', name);
  const x = tensor('tokens', 2, 5, 4);
  expect(() => slice(x, { axis: 1, from: 3, to: 6 })).toThrowErrorMatchingInlineSnapshot(
    `[DptError: slice: tokens is [2, 5, 4]; axis 1 from 3 to 6 is not inside it.]`,
  );
  expect(() => slice(x, { axis: 1, from: 3, to: 3 })).toThrowErrorMatchingInlineSnapshot(
    `[DptError: slice: tokens is [2, 5, 4]; axis 1 from 3 to 3 is not inside it.]`,
  );
  expect(() => slice(x, { axis: 3, from: 0 })).toThrowErrorMatchingInlineSnapshot(
    `[DptError: slice: tokens is [2, 5, 4]; axis 3 from 0 to 0 is not inside it.]`,
  );
  expect(() => concat([], 0)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: concat: needs at least one tensor.]`,
  );
  expect(() => concat([x, tensor('y', 2, 5, 3)], 1)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: concat: y is [2, 5, 3] f32, which does not fit tokens [2, 5, 4] f32 along axis 1.]`,
  );
  expect(() => concat([x, tensor('y', 3, 5, 4)], 1)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: concat: tokens is [2, 5, 4] f32, which does not fit y [3, 5, 4] f32 along axis 1.]`,
  );
  expect(() => concat([x, tensor('y', 1, 5, 4)], 2)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: concat: y can be repeated only in front of axis 1.]`,
  );
});
