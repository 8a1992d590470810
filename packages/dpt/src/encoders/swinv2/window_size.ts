import type { Grid } from '../../grid.ts';

/** How a stage's grid is cut, and how far the cut of every other block is shifted. */
export interface Windows {
  readonly grid: Grid;
  readonly window: Grid;
  readonly shift: Grid;
}

/**
 * The windows of a stage, each axis by itself: of the size that the model was trained with where the grid divides into
 * them, the whole grid where it is smaller, else the largest size from half to less than twice of it that divides the
 * grid (muggled_dpt, adjust_window_and_shift_sizes). Undefined where there is none.
 *
 * At the size that the model was built for this is what timm does: there the trained size always divides.
 */
export function windowsOf(grid: Grid, trained: number): Windows | undefined {
  const [h, w] = [windowAlong(grid[0], trained), windowAlong(grid[1], trained)];
  if (h === undefined || w === undefined) return undefined;
  return { grid, window: [h, w], shift: [half(grid[0], h), half(grid[1], w)] };
}

/** Two windows beside each other are shifted by half; where one covers the side, a shift would only mask. */
const half = (side: number, window: number): number =>
  side <= window ? 0 : Math.floor(window / 2);

function windowAlong(side: number, trained: number): number | undefined {
  const window = Math.min(trained, side);
  if (side % window === 0) return window;
  for (let size = 2 * window - 1; size >= Math.floor(window / 2); size--) {
    if (side % size === 0) return size;
  }
  return undefined;
}

/** What decides which pictures can run. */
export interface SideConfig {
  /** P: pixels on a side of a patch. */
  readonly patch: number;
  /** Side of the windows that the model was trained with. */
  readonly window: number;
}

/** Whether a side of that many pixels can be halved three times and cut into windows at every stage. */
export function sideRuns(pixels: number, { patch, window }: SideConfig): boolean {
  if (pixels < 8 * patch || pixels % (8 * patch) !== 0) return false;
  return [1, 2, 4, 8].every((scale) => windowAlong(pixels / patch / scale, window) !== undefined);
}

/** The nearest sides that run, below and above. */
export function nearestSides(pixels: number, config: SideConfig): number[] {
  const multiple = 8 * config.patch;
  const search = (from: number, step: number): number[] => {
    for (let side = from; side >= multiple; side += step) {
      if (sideRuns(side, config)) return [side];
    }
    return [];
  };
  const below = Math.floor(pixels / multiple) * multiple;
  return [...search(below, -multiple), ...search(below + multiple, multiple)];
}
