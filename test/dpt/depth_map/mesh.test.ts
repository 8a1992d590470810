// Meshes: vertices, places in the picture, triangles and cuts against stored ones; vertices that nothing uses go; one row; infinity.
import { describe, expect, test } from 'vitest';
import {
  cutByDepthRatio,
  cutByMask,
  distanceOf,
  gridPositions,
  gridTriangles,
  gridUvs,
  lineBetween,
  meshOf,
} from '../../../packages/dpt/src/index.ts';
import { expectWithin } from '../../support/depth_maps.ts';
import { golden, goldens } from '../../support/golden.ts';

const [near = 0, far = 0] = golden('param.depth_nearest_farthest').data;
const fov = golden('param.fov_degrees').data[0]!;
const relative = (values: Float64Array): number[] =>
  Array.from(values, (v) => distanceOf(v, lineBetween(near, far)));

describe.each(['mesh', 'mesh_tall'])('%s', (name) => {
  const [height, width] = golden(`${name}.value`).shape as [number, number];
  const depths = {
    relative: relative(golden(`${name}.value`).data),
    metric: Array.from(golden(`${name}.value_metric`).data, (v) => near + (far - near) * v),
  };

  test('triangles and places in the picture', () => {
    expectWithin(gridTriangles(width, height), golden(`${name}.triangles`).data, 0);
    expectWithin(gridUvs(width, height), golden(`${name}.uv`).data, 1e-6);
  });

  test.each(['relative', 'metric'] as const)('%s: positions and the cut by depth', (kind) => {
    const data = depths[kind];
    const positions = gridPositions({ width, height, data }, fov);
    const expected = golden(`${name}.${kind}_positions`).data;
    const largest = Math.max(...expected.map(Math.abs));
    expectWithin(positions, expected, 1e-5 * largest);
    const kept = cutByDepthRatio(gridTriangles(width, height), data, 1.1);
    expectWithin(kept, golden(`${name}.${kind}_kept_1.1`).data, 0);
  });

  test('the cut by a mask', () => {
    const mask = golden(`${name}.edge_mask`).data;
    const threshold = golden(`${name}.edge_threshold`).data[0]!;
    const kept = cutByMask(gridTriangles(width, height), mask, threshold);
    expectWithin(kept, golden(`${name}.kept_by_edge_mask`).data, 0);
  });

  test('whole: the same triangles in space, without vertices that nothing uses', () => {
    const data = depths.relative;
    const mesh = meshOf({ width, height, data }, { fovDegrees: fov, depthRatio: 1.1 });
    const kept = golden(`${name}.relative_kept_1.1`).data;
    expect(mesh.triangles.length).toBe(kept.length);
    expect(mesh.positions.length / 3).toBe(new Set(kept).size);
    const positions = golden(`${name}.relative_positions`).data;
    const uvs = golden(`${name}.uv`).data;
    const corners = (at: ArrayLike<number>, of: ArrayLike<number>, size: number): number[] =>
      Array.from(at).flatMap((i) => Array.from({ length: size }, (_, k) => of[i * size + k]!));
    expectWithin(
      corners(mesh.triangles, mesh.positions, 3),
      corners(kept, positions, 3),
      1e-5 * Math.max(...positions.map(Math.abs)),
    );
    expectWithin(corners(mesh.triangles, mesh.uvs, 2), corners(kept, uvs, 2), 1e-6);
  });
});

test.runIf(goldens.has('dog.min_max'))('a photo, cut at 1.1', () => {
  const { shape, data } = golden('dog.min_max');
  const [height, width] = shape as [number, number];
  const [kept = 0, all = 0] = golden('dog.kept_1.1_count').data;
  const triangles = gridTriangles(width, height);
  expect(triangles.length / 3).toBe(all);
  const cut = cutByDepthRatio(triangles, relative(data), 1.1).length / 3;
  expect(Math.abs(cut - kept)).toBeLessThanOrEqual(5);
});

test('one row has no surface, and a pixel at infinity no place', () => {
  expect(meshOf({ width: 3, height: 1, data: [1, 2, 3] }).triangles.length).toBe(0);
  const data = [1, 1, 1, Number.POSITIVE_INFINITY, 1, 1];
  const mesh = meshOf({ width: 3, height: 2, data });
  expect(mesh.positions.every(Number.isFinite)).toBe(true);
  expect(mesh.triangles.length).toBe(3 * 3); // of four, one has that corner
});

test('errors', () => {
  expect(() => meshOf({ width: 2, height: 2, data: [1] })).toThrowErrorMatchingInlineSnapshot(
    `[DptError: meshOf: 2×2 pixels with 1 depths.]`,
  );
});
