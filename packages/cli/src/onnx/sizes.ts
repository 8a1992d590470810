import type { OnnxGraph } from './graph.ts';

/** One size of a picture that a model is traced at. */
export interface TracedSize {
  readonly batch: number;
  /** Patches down and across. */
  readonly grid: readonly [rows: number, columns: number];
}

/** A side of a tensor: its length at each traced size. */
export type Side = readonly number[];

/** What a side may be a sum of, with whole factors. */
const bases = [
  {
    names: ['1', 'rows', 'columns', 'rows·columns'],
    of: (h: number, w: number) => [1, h, w, h * w],
  },
  {
    // A strided convolution halves a grid and rounds up.
    names: ['1', '⌈rows/2⌉', '⌈columns/2⌉', '⌈rows/2⌉·⌈columns/2⌉'],
    of: (h: number, w: number) => [
      1,
      Math.ceil(h / 2),
      Math.ceil(w / 2),
      Math.ceil(h / 2) * Math.ceil(w / 2),
    ],
  },
] as const;

/**
 * How sides depend on the size of the picture. A model is traced at several sizes; a side that differs between them is
 * written as factors of the grid's rows and columns, found from some of the sizes and confirmed by all, and computed in the
 * graph from the shape of its input.
 */
export class Sizes {
  readonly traced: readonly TracedSize[];
  readonly #graph: OnnxGraph;
  readonly #patch: number;
  readonly #input: string;
  readonly #computed = new Map<string, string>();

  constructor(graph: OnnxGraph, traced: readonly TracedSize[], input: string, patch: number) {
    this.#graph = graph;
    this.traced = traced;
    this.#input = input;
    this.#patch = patch;
  }

  /** The length where it is always the same. */
  known(side: Side): number | undefined {
    return side.every((length) => length === side[0]) ? side[0] : undefined;
  }

  /** A shape as an input of Reshape or Expand: a constant where at most one side is open. */
  shape(sides: readonly Side[], { open = true } = {}): string {
    const known = sides.map((side) => this.known(side));
    const unknown = known.filter((length) => length === undefined).length;
    if (unknown === 0 || (open && unknown === 1)) {
      return this.#graph.integers(known.map((length) => length ?? -1));
    }
    return this.list(sides);
  }

  /** Lengths as a list of int64. */
  list(sides: readonly Side[]): string {
    const known = sides.map((side) => this.known(side));
    if (known.every((length) => length !== undefined))
      return this.#graph.integers(known as number[]);
    const key = sides.map((side) => side.join()).join(' ');
    return this.#once(key, () => {
      const parts = sides.map((side) => this.length(side));
      return parts.length === 1
        ? parts[0]!
        : this.#graph.node('Concat', parts, { axis: 0 }, 'shape');
    });
  }

  /** One length, [1] int64. */
  length(side: Side): string {
    const known = this.known(side);
    if (known !== undefined) return this.#graph.integers([known]);
    return this.#once(`length ${side.join()}`, () => this.#sumOf(side));
  }

  /** Rows and columns of the patch grid, [1] int64 each. */
  get rows(): string {
    return this.length(this.traced.map(({ grid }) => grid[0]));
  }
  get columns(): string {
    return this.length(this.traced.map(({ grid }) => grid[1]));
  }

  #sumOf(side: Side): string {
    const batches = this.traced.map(({ batch }) => batch);
    const perPicture = side[0]! / batches[0]!;
    if (side.every((length, i) => length === perPicture * batches[i]!)) {
      return this.#times(this.#sideOfInput('batch'), perPicture);
    }
    for (const { names, of } of bases) {
      const terms = this.traced.map(({ grid }) => of(...grid));
      const factors = wholeFactors(terms, side);
      if (!factors) continue;
      const parts = factors.flatMap((factor, i) =>
        factor === 0 ? [] : [this.#times(this.#term(names[i]!), factor)],
      );
      return parts.reduce((sum, part) => this.#graph.node('Add', [sum, part], {}, 'side'));
    }
    throw new Error(`a side of ${side.join(', ')} does not follow from the size of the picture`);
  }

  #times(value: string, factor: number): string {
    if (factor === 1) return value;
    if (value === this.#graph.integers([1])) return this.#graph.integers([factor]);
    return this.#graph.node('Mul', [value, this.#graph.integers([factor])], {}, 'side');
  }

  #term(name: string): string {
    return this.#once(name, () => {
      const [first, second] = name.split('·');
      if (second)
        return this.#graph.node('Mul', [this.#term(first!), this.#term(second)], {}, 'side');
      if (name === '1') return this.#graph.integers([1]);
      const half = /^⌈(\w+)\/2⌉$/.exec(name);
      if (half) {
        const more = this.#graph.node(
          'Add',
          [this.#term(half[1]!), this.#graph.integers([1])],
          {},
          'side',
        );
        return this.#graph.node('Div', [more, this.#graph.integers([2])], {}, 'half');
      }
      const pixels = this.#sideOfInput(name as 'rows' | 'columns');
      return this.#graph.node('Div', [pixels, this.#graph.integers([this.#patch])], {}, name);
    });
  }

  /** The input is [batch, 3, height, width]. */
  #sideOfInput(which: 'batch' | 'rows' | 'columns'): string {
    const start = { batch: 0, rows: 2, columns: 3 }[which];
    return this.#once(`input ${which}`, () =>
      this.#graph.node('Shape', [this.#input], { start, end: start + 1 }, `input_${which}`),
    );
  }

  #once(key: string, make: () => string): string {
    let name = this.#computed.get(key);
    if (name === undefined) {
      name = make();
      this.#computed.set(key, name);
    }
    return name;
  }
}

/** Whole numbers f with terms[i] · f = side[i] for all i, if there are any: elimination on the first rows, then a check. */
function wholeFactors(terms: readonly (readonly number[])[], side: Side): number[] | undefined {
  const n = terms[0]!.length;
  const rows = terms.slice(0, n).map((row, i) => [...row, side[i]!]);
  for (let i = 0; i < n; i++) {
    const pivot = rows.findIndex((row, at) => at >= i && Math.abs(row[i]!) > 1e-9);
    if (pivot < 0) return undefined;
    [rows[i], rows[pivot]] = [rows[pivot]!, rows[i]!];
    for (const [at, row] of rows.entries()) {
      if (at === i) continue;
      const factor = row[i]! / rows[i]![i]!;
      for (let column = i; column <= n; column++) row[column]! -= factor * rows[i]![column]!;
    }
  }
  const factors = rows.map((row, i) => Math.round(row[n]! / row[i]!) + 0);
  const fits = terms.every(
    (row, i) => row.reduce((sum, term, at) => sum + term * factors[at]!, 0) === side[i],
  );
  return fits ? factors : undefined;
}
