// Metres from inverse depth and calibration, against stored numbers; the distance beyond the limit, which may be infinite; errors.
import { describe, expect, test } from 'vitest';
import type { DepthLine } from '../../../packages/dpt/src/index.ts';
import {
  calibrate,
  distanceOf,
  inverseToDepth,
  lineBetween,
  lineValues,
  trueDepth,
} from '../../../packages/dpt/src/index.ts';
import type { Context } from '../../../packages/tensor/src/context.ts';
import type { Tensor } from '../../../packages/tensor/src/tensor.ts';
import { expectWithin, expectWithinRelative, goldenTensor } from '../../support/depth_maps.ts';
import { golden, goldens, mapsWith } from '../../support/golden.ts';
import { testContext } from '../../support/tensors.ts';

const tensorOf = (context: Context, line: DepthLine): Tensor =>
  context.tensor(lineValues(line), [4]);
const [nearest, farthest] = golden('param.depth_nearest_farthest').data as unknown as [
  number,
  number,
];

test.each(mapsWith('.true_depth').filter((name) => goldens.has(`${name}.min_max`)))(
  '%s: metres between two distances',
  async (name) => {
    const context = await testContext();
    const v = goldenTensor(context, `${name}.min_max`);
    const y = inverseToDepth(v, tensorOf(context, lineBetween(nearest, farthest)));
    expectWithinRelative(await y.read(), golden(`${name}.true_depth`).data, 1e-5);
  },
);

test('the example of the formula', () => {
  const [value, near, far, metres] = golden('explainer.value_nearest_farthest_depth')
    .data as unknown as [number, number, number, number];
  expect(distanceOf(value, lineBetween(near, far))).toBeCloseTo(metres, 12);
  expect(trueDepth(value, near, far)).toBeCloseTo(metres, 12);
});

test('the farthest point may be at infinity', async () => {
  const context = await testContext();
  const v = context.tensor(Float32Array.of(0, 0.25, 1), [3]);
  const y = inverseToDepth(v, tensorOf(context, lineBetween(2, Number.POSITIVE_INFINITY)));
  expect([...(await y.read())]).toEqual([Number.POSITIVE_INFINITY, 8, 2]);
});

describe.each(mapsWith('.slope_A_offset_B'))('%s', (name) => {
  const of = (tensor: string): Float64Array => golden(`${name}.${tensor}`).data;
  const points = Array.from(of('metres'), (metres, i) => ({ value: of('values')[i]!, metres }));
  const fit = calibrate(points, { limit: golden('param.far_limit').data[0]! });

  test('the line and its residuals', () => {
    expectWithinRelative([fit.slope, fit.offset], of('slope_A_offset_B'), 1e-4);
    const inverse = points.map(({ value, metres }) => fit.slope * value + fit.offset - 1 / metres);
    expectWithin(inverse, of('residual_inverse'), 1e-6);
    expectWithin(fit.residuals, of('residual_metres'), 1e-3);
    expectWithin(
      points.map(({ value }) => distanceOf(value, fit)),
      of('fitted_metres'),
      1e-3,
    );
  });

  const map = name === 'calibration' ? 'scene.min_max' : 'awkward.min_max';
  test.runIf(goldens.has(map))('metres over the map, up to the limit', async () => {
    const context = await testContext();
    const v = goldenTensor(context, map);
    expectWithin(
      Array.from(of('values')),
      Array.from(of('metres'), (_, i) => {
        const [x, y] = of('xy').subarray(2 * i);
        return golden(map).data[y! * golden(map).shape[1]! + x!]!;
      }),
      0,
    );
    const y = inverseToDepth(v, tensorOf(context, fit));
    expectWithinRelative(await y.read(), of('metric'), 1e-3);
  });
});

test('errors', () => {
  expect(() => lineBetween(3, 3)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: lineBetween: nearest is 3 and farthest 3; needs 0 < nearest < farthest.]`,
  );
  expect(() => calibrate([{ value: 0.5, metres: 2 }])).toThrowErrorMatchingInlineSnapshot(
    `[DptError: calibrate: 1 points with 1 different values; needs 2.]`,
  );
  expect(() =>
    calibrate([
      { value: 0.5, metres: 2 },
      { value: 0.5, metres: 3 },
    ]),
  ).toThrowErrorMatchingInlineSnapshot(
    `[DptError: calibrate: 2 points with 1 different values; needs 2.]`,
  );
  expect(() => calibrate([{ value: 0.5, metres: -1 }])).toThrowErrorMatchingInlineSnapshot(
    `[DptError: calibrate: a point has the value 0.5 and the distance -1 m; needs finite numbers, metres above 0.]`,
  );
});
