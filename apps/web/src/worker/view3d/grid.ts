import type { Size } from '@dpt-webgpu/dpt';
import type { DrawAs } from './view3d_calls.ts';

/** Faces at the highest density, as in muggled_dpt. */
const MOST_FACES = 5_000_000;

/** Vertices across and down: cells about square, and as many faces as the density says. */
export function gridOf({ width, height }: Size, density: number): Size {
  const cells = Math.max(1, (MOST_FACES * density ** 4) / 2);
  const across = Math.max(1, Math.round(Math.sqrt((cells * width) / height)));
  const down = Math.max(1, Math.round(cells / across));
  return { width: across + 1, height: down + 1 };
}

/** How many triangles, points or lines a grid is drawn as. */
export function countOf(drawAs: DrawAs, { width, height }: Size): number {
  const cells = (width - 1) * (height - 1);
  if (drawAs === 'triangles') return 2 * cells;
  // Lines go to the right, downwards and across the cell.
  return drawAs === 'points' ? width * height : (width - 1) * height + width * (height - 1) + cells;
}

/** Half the sides of a picture at depth 1; the angle is that of the longer one. */
export function halfSides({ width, height }: Size, fovDegrees: number): [x: number, y: number] {
  const tangent = Math.tan((fovDegrees * Math.PI) / 360);
  const longer = Math.max(width, height);
  return [(tangent * width) / longer, (tangent * height) / longer];
}
