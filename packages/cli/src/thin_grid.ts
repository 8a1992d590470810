import type { DepthGrid } from '@dpt-webgpu/dpt';

/**
 * A map with so few pixels that its surface has at most `faces` triangles. Pixels are left out, not averaged: between
 * an object and what is behind it lies nothing. The corners stay.
 */
export function thinned(grid: DepthGrid, faces: number): DepthGrid {
  const { width, height, data } = grid;
  const all = 2 * (width - 1) * (height - 1);
  if (all <= faces) return grid;
  const scale = Math.sqrt(faces / all);
  const columns = places(width, Math.floor((width - 1) * scale) + 1);
  const rows = places(height, Math.floor((height - 1) * scale) + 1);
  const thin = new Float32Array(columns.length * rows.length);
  let i = 0;
  for (const y of rows) for (const x of columns) thin[i++] = data[y * width + x]!;
  return { width: columns.length, height: rows.length, data: thin };
}

/** So many of 0 … side − 1, two at least, evenly and with both ends. */
function places(side: number, wanted: number): number[] {
  const count = Math.max(wanted, 2);
  return Array.from({ length: count }, (_, i) => Math.round((i * (side - 1)) / (count - 1)));
}
