// The shapes that random state dicts are made of: numbers of tensors and parameters and bytes of the published files, and
// that each is recognised and complete for its model.
import { describe, expect, test } from 'vitest';
import { buildDpt, recognise } from '../../packages/dpt/src/index.ts';
import { Context, sizeOf } from '../../packages/tensor/src/index.ts';
import { publishedFiles, stateDictOfShapes } from '../../scripts/state_dict_shapes.ts';

const expected = {
  'v2-small': [239, 24_785_089, 99_140_356],
  'v2-base': [239, 97_470_785, 389_883_140],
  'v2-large': [407, 335_315_649, 1_341_262_596],
  'beit-base-384': [283, 111_531_689, 478_087_940],
  'beit-large-384': [487, 344_338_601, 1_441_276_772],
  'beit-large-512': [487, 345_014_441, 1_581_777_764],
  'swinv2-tiny-256': [273, 41_701_331, 172_048_204],
  'swinv2-base-384': [477, 102_378_913, 436_057_732],
  'swinv2-large-384': [477, 213_411_869, 880_189_556],
  'dpt-large-384': [368, 344_055_465, 1_376_221_860],
};

test.each(Object.entries(expected))('%s: %j', (name, [tensors, parameters, bytes]) => {
  const shapes = [...publishedFiles.get(name)!.shapes()];
  // Masks are kept in the files, but are not parameters.
  const isParameter = ([key, { dtype }]: (typeof shapes)[number]) =>
    dtype === 'f32' && !key.endsWith('attn_mask');
  const sum = (list: typeof shapes) => list.reduce((n, [, { shape }]) => n + sizeOf(shape), 0);
  expect(shapes).toHaveLength(tensors!);
  expect(sum(shapes.filter(isParameter))).toBe(parameters);
  const isIndex = ([, { dtype }]: (typeof shapes)[number]) => dtype === 'i64';
  expect(4 * sum(shapes) + 4 * sum(shapes.filter(isIndex))).toBe(bytes);
});

describe('each file', () => {
  test.each([...publishedFiles.keys()])('%s is a complete model', (name) => {
    const recognised = recognise(stateDictOfShapes(name));
    expect(recognised.warnings).toEqual([]);
    expect(buildDpt(Context.planning(), recognised).weights.bytes).toBeGreaterThan(9e7);
  });
});
