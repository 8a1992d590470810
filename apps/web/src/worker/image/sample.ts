import type { Place } from './image_calls.ts';

/** Values of a map [.., H, W] at places 0…1, between pixels as bilinear resizing has them. */
export function sample(
  values: Float32Array,
  shape: readonly number[],
  points: readonly Place[],
): number[] {
  const [H = 1, W = 1] = shape.slice(-2);
  const at = (x: number, y: number): number =>
    values[Math.min(Math.max(y, 0), H - 1) * W + Math.min(Math.max(x, 0), W - 1)]!;
  return points.map((point) => {
    const x = point.x * W - 0.5;
    const y = point.y * H - 0.5;
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const [across, down] = [x - left, y - top];
    const above = at(left, top) * (1 - across) + at(left + 1, top) * across;
    const below = at(left, top + 1) * (1 - across) + at(left + 1, top + 1) * across;
    return above * (1 - down) + below * down;
  });
}
