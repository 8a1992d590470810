// variants: the first that fits and pays; one that is asked for; a name that is unknown or does not fit; none; the device as data.
import { describe, expect, test } from 'vitest';
import { Context } from '../../packages/tensor/src/context.ts';
import { chooseVariant, type Variant } from '../../packages/tensor/src/variants.ts';

const variants: Variant<{ N: number }>[] = [
  { name: 'large', fits: ({ N }) => N % 4 === 0, pays: ({ N }) => N >= 100 },
  { name: 'tiled', fits: ({ N }) => N % 4 === 0 },
  { name: 'subgroup', fits: ({ device }) => device.subgroups },
  { name: 'plain', fits: ({ N }) => N > 0 },
];

describe('chooseVariant', () => {
  test.each([
    { what: 'the first that fits', N: 8, chosen: 'tiled' },
    { what: 'the first, where it pays', N: 100, chosen: 'large' },
    { what: 'the one asked for, though it does not pay', N: 8, wanted: 'large', chosen: 'large' },
    { what: 'the next where it does not', N: 7, chosen: 'plain' },
    { what: 'by what the device has', N: 7, subgroups: true, chosen: 'subgroup' },
    { what: 'the one asked for', N: 8, wanted: 'plain', chosen: 'plain' },
    {
      what: 'the first, where the one asked for does not fit',
      N: 8,
      wanted: 'subgroup',
      chosen: 'tiled',
    },
    {
      what: 'the first, where the one asked for is unknown',
      N: 8,
      wanted: 'magic',
      chosen: 'tiled',
    },
  ])('$what', ({ N, subgroups = false, wanted, chosen }) => {
    const context = new Context(undefined, {
      capabilities: { subgroups },
      variants: wanted ? { linear: wanted } : {},
    });
    expect(chooseVariant(context, 'linear', variants, { N })).toBe(chosen);
  });

  test('what is asked for another op does not count', () => {
    const context = new Context(undefined, { variants: { conv2d: 'plain' } });
    expect(chooseVariant(context, 'linear', variants, { N: 8 })).toBe('tiled');
  });

  test('none', () => {
    const context = Context.planning();
    expect(() =>
      chooseVariant(context, 'linear', variants, { N: -1 }),
    ).toThrowErrorMatchingInlineSnapshot(`[DptError: linear: no kernel fits {"N":-1}.]`);
  });
});
