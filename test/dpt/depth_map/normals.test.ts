// Normals: a surface whose normal is known, a stored map and its colours; one row, one column, flat walls, infinite depth.
import { expect, test } from 'vitest';
import { normals, normalsToRgba, viewValues } from '../../../packages/dpt/src/index.ts';
import type { Context } from '../../../packages/tensor/src/context.ts';
import type { Tensor } from '../../../packages/tensor/src/tensor.ts';
import { expectWithin, goldenTensor } from '../../support/depth_maps.ts';
import { golden, goldens } from '../../support/golden.ts';
import { testContext } from '../../support/tensors.ts';

const view = (context: Context, fov = golden('param.fov_degrees').data[0]!): Tensor =>
  context.tensor(viewValues(fov), [1]);

test('a surface has its own normal everywhere', async () => {
  const context = await testContext();
  const n = normals(goldenTensor(context, 'flat_surface.depth'), view(context));
  expectWithin(await n.read(), golden('flat_surface.normals').data, 1e-4);
});

test.runIf(goldens.has('scene.normals'))('a stored map, and its colours', async () => {
  const context = await testContext();
  const n = normals(goldenTensor(context, 'scene.true_depth'), view(context));
  expectWithin(await n.read(), golden('scene.normals').data, 1e-3);
  const bytes = await normalsToRgba(n).readBytes();
  expectWithin(
    bytes.filter((_, i) => i % 4 !== 3),
    golden('scene.normals_rgb').data,
    1,
  );
  expect(bytes.every((byte, i) => i % 4 !== 3 || byte === 255)).toBe(true);
});

test.each([
  { H: 5, W: 7, depth: 3 },
  { H: 5, W: 7, depth: 1e15 },
  { H: 5, W: 7, depth: 1e-15 },
  { H: 1, W: 7, depth: 3 },
  { H: 5, W: 1, depth: 3 },
  { H: 1, W: 1, depth: 3 },
  { H: 5, W: 7, depth: Number.POSITIVE_INFINITY },
])('a wall $depth away, $H × $W, faces the camera', async ({ H, W, depth }) => {
  const context = await testContext();
  const n = normals(context.tensor(new Float32Array(H * W).fill(depth), [H, W]), view(context));
  const facing = Float32Array.from({ length: 3 * H * W }, (_, i) => (i % 3 === 2 ? 1 : 0));
  expectWithin(await n.read(), facing, 1e-6);
});

test('errors', () => {
  expect(() => viewValues(180)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: The field of view is 180 degrees; it lies between 0 and 180, both excluded.]`,
  );
});
