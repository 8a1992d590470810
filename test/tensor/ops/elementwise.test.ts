// elementwise: every operation and activation against f64; b equal to a, spread along every single axis and several,
// fewer axes, one value, four axes, sides that are no multiple of four; f32 and f16 and their mixtures; GELU by numbers
// that its approximations miss, erf within 2e-7; large arguments; cast; swiglu; more workgroups than one dimension takes;
// errors.
import { describe, expect, test } from 'vitest';
import type { Activation } from '../../../packages/tensor/src/ops/activation.ts';
import {
  add,
  cast,
  divide,
  gelu,
  maximum,
  minimum,
  multiply,
  relu,
  sigmoid,
  silu,
  subtract,
  swiglu,
} from '../../../packages/tensor/src/ops/elementwise.ts';
import { activations, erf } from '../../reference/activation.ts';
import * as reference from '../../reference/elementwise.ts';
import { dtypesOf, expectClose, randomNd, testContext, upload } from '../../support/tensors.ts';

// One operation rounds once, by 2⁻²⁴ of a result of up to five deviations; division is allowed 2.5 units in the last
// place. The means here are up to eight deviations. f16 results round by 2⁻¹¹.
const tolerance = { f32: 2e-6, f16: 4e-3, u32: 0 };

const operations = { add, subtract, multiply, divide, maximum, minimum };
const names = Object.keys(operations) as (keyof typeof operations)[];

describe.each(names)('%s', (operation) => {
  test.each([
    { a: [3, 5], b: [3, 5] },
    { a: [2, 3, 8], b: [8] },
    { a: [2, 3, 8], b: [3, 1] },
    { a: [2, 3, 8], b: [2, 1, 8] },
    { a: [2, 3, 5], b: [1, 3, 5] },
    { a: [2, 3, 5], b: [2, 1, 1] },
    { a: [2, 3, 5], b: [1] },
    { a: [7], b: [1] },
    { a: [2, 3, 4, 5], b: [2, 1, 4, 1] },
    { a: [2, 3, 4, 8], b: [1, 3, 1, 8] },
    { a: [1, 1], b: [1, 1] },
  ])('$a with $b', async ({ a: aShape, b: bShape }) => {
    const context = await testContext();
    for (const dtype of dtypesOf(context)) {
      const a = randomNd(aShape, { seed: 1, dtype });
      const b = randomNd(bShape, { seed: 2, mean: 4, std: 0.5, dtype }); // away from zero, for division
      const y = operations[operation](upload(context, a, dtype), upload(context, b, dtype));
      expect(y.dtype).toBe(dtype);
      await expectClose(y, reference.elementwise(operation, a, b), tolerance[dtype]);
    }
  });
});

test.each<Activation>(['none', 'relu', 'gelu', 'silu', 'sigmoid'])(
  'a sum with %s behind it',
  async (activation) => {
    const context = await testContext();
    for (const C of [8, 5]) {
      const a = randomNd([6, C], { seed: 3 });
      const b = randomNd([C], { seed: 4 });
      const y = add(upload(context, a), upload(context, b), { activation });
      await expectClose(y, reference.elementwise('add', a, b, activation), tolerance.f32);
    }
  },
);

test.each([
  ['relu', relu],
  ['gelu', gelu],
  ['silu', silu],
  ['sigmoid', sigmoid],
] as const)('%s of small and large values', async (name, op) => {
  const context = await testContext();
  // 120 is past what exp holds in f32: sigmoid(−120) is 0, not 0/0 or ∞.
  const values = [0, 1e-6, -1e-6, 0.5, -0.5, 3, -3, 6, -6, 20, -20, 120, -120];
  const x = { shape: [values.length], data: Float64Array.from(values) };
  const y = await op(upload(context, x)).read();
  values.forEach((value, i) => {
    const expected = activations[name](value);
    // 2e-7 is what erf is allowed; it is multiplied by half of x.
    const allowed = 2e-7 * Math.max(1, Math.abs(value));
    expect(Math.abs(y[i]! - expected), `${name}(${value}) = ${y[i]}`).toBeLessThan(allowed);
  });
});

test('gelu is the one with erf', async () => {
  const context = await testContext();
  const x = upload(context, { shape: [2], data: Float64Array.of(1, -3) });
  const [atOne, atMinusThree] = await gelu(x).read();
  // With tanh these are 0.84119201 and −0.00363743.
  expect(atOne).toBeCloseTo(0.84134471, 6);
  expect(atMinusThree).toBeCloseTo(-0.00404987, 6);
});

test('erf errs by less than 2e-7', async () => {
  const context = await testContext();
  const n = 4001;
  const x = Float64Array.from({ length: n }, (_, i) => Math.fround((i - 2000) / 400));
  const y = await gelu(upload(context, { shape: [n], data: x })).read();
  let worst = 0;
  x.forEach((value, i) => {
    // gelu = ½x(1 + erf(x/√2)); below |x| = ½ the division would magnify the rounding of gelu itself.
    if (Math.abs(value) < 0.5) return;
    const found = y[i]! / (0.5 * value) - 1;
    worst = Math.max(worst, Math.abs(found - erf(value / Math.SQRT2)));
  });
  // The formula's own 1.5e-7, and 2⁻²³ for the sum 1 + erf and the products around it in f32.
  expect(worst).toBeLessThan(1.5e-7 + 2 ** -22);
});

describe('f16', () => {
  test.for([
    { a: 'f32', b: 'f16', y: 'f32' },
    { a: 'f16', b: 'f32', y: 'f32' },
    { a: 'f16', b: 'f16', y: 'f16' },
  ] as const)('$a + $b → $y', async ({ a: aType, b: bType, y: yType }, { skip }) => {
    const context = await testContext();
    if (!context.capabilities.f16) return skip('shader-f16');
    for (const C of [8, 5]) {
      const a = randomNd([3, C], { seed: 5, dtype: aType });
      const b = randomNd([C], { seed: 6, dtype: bType });
      const y = add(upload(context, a, aType), upload(context, b, bType));
      expect(y.dtype).toBe(yType);
      await expectClose(y, reference.elementwise('add', a, b), tolerance[yType]);
    }
  });

  test('cast there and back', async ({ skip }) => {
    const context = await testContext();
    if (!context.capabilities.f16) return skip('shader-f16');
    for (const n of [7, 8]) {
      const x = randomNd([n], { seed: 7, dtype: 'f16' });
      const half = cast(upload(context, x), 'f16');
      expect(half.dtype).toBe('f16');
      await expectClose(half, x, 0);
      await expectClose(cast(half, 'f32'), x, 0);
    }
  });

  test('a result stored as asked', async ({ skip }) => {
    const context = await testContext();
    if (!context.capabilities.f16) return skip('shader-f16');
    const a = randomNd([5], { seed: 8 });
    const b = randomNd([5], { seed: 9 });
    const y = add(upload(context, a), upload(context, b), { dtype: 'f16' });
    expect(y.dtype).toBe('f16');
    await expectClose(y, reference.elementwise('add', a, b), tolerance.f16);
  });
});

test('cast to its own type is the tensor itself', async () => {
  const context = await testContext();
  const x = upload(context, randomNd([3], { seed: 10 }));
  expect(cast(x, 'f32')).toBe(x);
});

test.each([
  { rows: 3, m: 8 },
  { rows: 5, m: 7 },
  { rows: 1, m: 1 },
  { rows: 2, m: 4096 },
])('swiglu of $rows rows of 2 · $m', async ({ rows, m }) => {
  const context = await testContext();
  for (const dtype of dtypesOf(context)) {
    const x = randomNd([rows, 2 * m], { seed: 11, std: 2, dtype });
    await expectClose(swiglu(upload(context, x, dtype)), reference.swiglu(x), tolerance[dtype]);
  }
});

test('more than 65535 workgroups', async () => {
  const context = await testContext();
  const n = 65_600 * 64 + 1; // odd, so one value per thread
  const a = context.empty([n]);
  a.write(Float32Array.from({ length: n }, (_, i) => i % 251));
  const one = upload(context, { shape: [1], data: Float64Array.of(1) });
  const y = await add(a, one).read();
  for (const i of [0, 32_768 * 64 - 1, 32_768 * 64, 65_535 * 64, n - 1]) {
    expect(y[i]).toBe((i % 251) + 1);
  }
});

test('shapes that do not fit are named', async () => {
  const context = await testContext();
  const tensor = (name: string, ...shape: number[]) =>
    upload(context, randomNd(shape, { seed: 12 }), 'f32', name);
  const [map, bias, odd] = [tensor('map', 2, 3), tensor('bias', 2), tensor('odd', 3, 3)];
  expect(add(map, tensor('bias', 3)).shape).toEqual([2, 3]);
  expect(() => add(map, bias)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: add: bias [2] cannot be spread over map [2, 3]; sides must be equal or 1.]`,
  );
  expect(() => multiply(bias, map)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: multiply: map [2, 3] cannot be spread over bias [2]; sides must be equal or 1.]`,
  );
  expect(() => swiglu(odd)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: swiglu: odd is [3, 3]; the last side must be even.]`,
  );
  expect(() =>
    add(tensor('a', 2, 2, 2, 2, 2), tensor('b', 2, 1, 2, 1, 2)),
  ).toThrowErrorMatchingInlineSnapshot(
    `[DptError: add: [2, 1, 2, 1, 2] over [2, 2, 2, 2, 2] needs more than four axes.]`,
  );
});
