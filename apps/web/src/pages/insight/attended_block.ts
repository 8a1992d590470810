import type { BlockWindows, InsightFacts } from '../../worker/insight/insight_calls.ts';
import { type WindowPlace, windowPlace } from '../../worker/insight/window_place.ts';

/** What the attention of one block is about: its tokens, the patch in question, and where each number belongs. */
export interface AttendedBlock {
  readonly block: number;
  readonly heads: number;
  /** Of the block's patches; a hierarchical encoder merges them from stage to stage. */
  readonly grid: readonly [rows: number, columns: number];
  readonly readout: 0 | 1;
  /** Numbers per head: all tokens, or those of a window. */
  readonly count: number;
  readonly row: number;
  readonly column: number;
  /** The patch among the tokens of the block. */
  readonly token: number;
  /** Where the encoder attends within windows. */
  readonly window: (BlockWindows & WindowPlace) | undefined;
}

/** A block and a patch of the finest grid. Undefined where there is no attention to show. */
export function attendedBlock(
  { grid, attention, windows, readout }: InsightFacts,
  block: number,
  [row, column]: readonly [number, number],
): AttendedBlock | undefined {
  const cut = windows?.[block];
  if (cut) {
    const at = [Math.floor(row / 2 ** cut.stage), Math.floor(column / 2 ** cut.stage)] as const;
    const window = { ...cut, ...windowPlace(cut, ...at) };
    return {
      block,
      heads: cut.heads,
      grid: cut.grid,
      readout: 0,
      count: window.tokens.length,
      row: at[0],
      column: at[1],
      token: at[0] * cut.grid[1] + at[1],
      window,
    };
  }
  if (!attention) return undefined;
  const { heads, tokens } = attention;
  const token = readout + row * grid[1] + column;
  return { block, heads, grid, readout, count: tokens, row, column, token, window: undefined };
}

/** A patch of the block in the finest grid: the one in its middle. */
export function finestPatch(
  { window }: AttendedBlock,
  row: number,
  column: number,
): readonly [row: number, column: number] {
  const scale = 2 ** (window?.stage ?? 0);
  return [row * scale + (scale >> 1), column * scale + (scale >> 1)];
}

/** Numbers of a head on the block's grid, row by row. Patches outside the window have none. */
export function onGrid(
  values: Float32Array,
  { grid, readout, window }: AttendedBlock,
): Float32Array {
  if (!window) return values.subarray(readout);
  const all = new Float32Array(grid[0] * grid[1]).fill(Number.NaN);
  window.tokens.forEach((token, i) => {
    all[token] = values[i]!;
  });
  return all;
}

/** Width and height of the picture of a head: the whole grid, or the window as the network joins it. */
export function tileSize({ grid, window }: AttendedBlock): readonly [number, number] {
  const [rows, columns] = window?.window ?? grid;
  return [columns, rows];
}

/** What a number of an answer is called. */
export function tokenName({ grid, readout, window }: AttendedBlock, index: number): string {
  if (readout && index === 0) return 'Readout token';
  const at = window ? window.tokens[index]! : index - readout;
  return `row ${Math.floor(at / grid[1]) + 1}, column ${(at % grid[1]) + 1}`;
}

/** `Stage 2: windows of 8 × 8 in 24 × 16 patches, shifted by 4 × 4` */
export function windowText({ stage, window, grid, shift }: BlockWindows): string {
  const across = ([rows, columns]: readonly [number, number]): string => `${columns} × ${rows}`;
  const whole = window[0] === grid[0] && window[1] === grid[1];
  const shifted = shift[0] > 0 || shift[1] > 0 ? `, shifted by ${across(shift)}` : '';
  return whole
    ? `Stage ${stage + 1}: one window of ${across(window)} patches`
    : `Stage ${stage + 1}: windows of ${across(window)} in ${across(grid)} patches${shifted}`;
}
