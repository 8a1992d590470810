/** How a block of SwinV2 cuts its grid of tokens: windows that divide it, and where the first one begins. */
export interface CutGrid {
  readonly grid: readonly [rows: number, columns: number];
  readonly window: readonly [rows: number, columns: number];
  /** How far the cut begins inside the grid, which goes on at its start. */
  readonly shift: readonly [rows: number, columns: number];
}

/** A rectangle of the grid. */
export interface Piece {
  readonly row: number;
  readonly column: number;
  readonly rows: number;
  readonly columns: number;
  /** It holds the token in question. The mask keeps all other pieces apart from it. */
  readonly own: boolean;
}

/** The window that a token attends within. */
export interface WindowPlace {
  /** Of the grid, row by row as they stand in the window. */
  readonly tokens: readonly number[];
  /** Which of them is the token in question. */
  readonly at: number;
  /** Rows and columns of the window before those that the shift brought from the grid's other end. */
  readonly seam: readonly [rows: number, columns: number];
  /** Where its parts lie in the grid: one, or up to four where a shift brought the ends together. */
  readonly pieces: readonly Piece[];
}

/** The window of the token in a row and a column of the grid. */
export function windowPlace(
  { grid, window, shift }: CutGrid,
  row: number,
  column: number,
): WindowPlace {
  const [H, W] = grid;
  const [h, w] = window;
  // The grid as the cut sees it, from the shift on.
  const down = (row - shift[0] + H) % H;
  const along = (column - shift[1] + W) % W;
  const top = down - (down % h);
  const left = along - (along % w);
  const tokens: number[] = [];
  for (let i = top; i < top + h; i++) {
    for (let j = left; j < left + w; j++) {
      tokens.push(((i + shift[0]) % H) * W + ((j + shift[1]) % W));
    }
  }
  const seam = [Math.min(h, H - shift[0] - top), Math.min(w, W - shift[1] - left)] as const;
  const parts = (start: number, length: number, end: number, side: number, at: number) =>
    [
      { start, length: end, own: at < end },
      { start: (start + end) % side, length: length - end, own: at >= end },
    ].filter((part) => part.length > 0);
  const pieces = parts(top + shift[0], h, seam[0], H, down % h).flatMap((rows) =>
    parts(left + shift[1], w, seam[1], W, along % w).map((columns) => ({
      row: rows.start % H,
      column: columns.start % W,
      rows: rows.length,
      columns: columns.length,
      own: rows.own && columns.own,
    })),
  );
  return { tokens, at: (down % h) * w + (along % w), seam, pieces };
}
