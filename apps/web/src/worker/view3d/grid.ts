import type { Size } from '@dpt-webgpu/dpt';

/** Faces at the highest density, as in muggled_dpt. */
const MOST_FACES = 5_000_000;

/** Vertices across and down: cells about square, and as many faces as the density says. */
export function gridOf({ width, height }: Size, density: number): Size {
  const cells = Math.max(1, (MOST_FACES * density ** 4) / 2);
  const across = Math.max(1, Math.round(Math.sqrt((cells * width) / height)));
  const down = Math.max(1, Math.round(cells / across));
  return { width: across + 1, height: down + 1 };
}

export const facesOf = ({ width, height }: Size): number => 2 * (width - 1) * (height - 1);

/** Half the sides of a picture at depth 1; the angle is that of the longer one. */
export function halfSides({ width, height }: Size, fovDegrees: number): [x: number, y: number] {
  const tangent = Math.tan((fovDegrees * Math.PI) / 360);
  const longer = Math.max(width, height);
  return [(tangent * width) / longer, (tangent * height) / longer];
}
