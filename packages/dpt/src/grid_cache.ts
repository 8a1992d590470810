import { type Context, disposeSymbol, invalidArgument, type Tensor } from '@dpt-webgpu/tensor';
import type { Grid } from './grid.ts';

/** What is kept of position encodings between runs. */
export interface GridCacheOptions {
  /** False: values are made again in every run, as steps of it. Default true. */
  readonly enabled?: boolean;
  /** Patch grids whose values are kept; the one used least recently goes first. Default 8. */
  readonly grids?: number;
}

/**
 * Values that depend on weights and on the patch grid alone (resized position encodings), made once per grid and kept
 * on the GPU. Recordings hold what they use, so letting go of an entry never breaks one.
 */
export class GridCache {
  readonly enabled: boolean;
  readonly #context: Context;
  readonly #limit: number;
  /** By grid, in order of use; by what the value is. */
  readonly #grids = new Map<string, Map<string, Tensor>>();

  constructor(context: Context, { enabled = true, grids = 8 }: GridCacheOptions = {}) {
    if (!Number.isInteger(grids) || grids < 1) {
      throw invalidArgument(`GridCache: grids is ${grids}; at least one must be kept.`);
    }
    this.#context = context;
    this.enabled = enabled;
    this.#limit = grids;
  }

  /** The value of that name for a grid. Both the name and the grid decide: 16 × 24 and 24 × 16 have as many tokens. */
  get(name: string, grid: Grid, make: () => Tensor): Tensor {
    if (!this.enabled) return make();
    const key = grid.join('×');
    const values = this.#grids.get(key) ?? new Map<string, Tensor>();
    this.#grids.delete(key);
    this.#grids.set(key, values);
    if (this.#grids.size > this.#limit) this.#evict();
    let value = values.get(name);
    if (!value) {
      value = this.#context.constant(make);
      this.#context.recount(value, 'caches');
      values.set(name, value);
    }
    return value;
  }

  /** Bytes on the GPU of all entries. */
  get bytes(): number {
    let sum = 0;
    for (const values of this.#grids.values()) {
      for (const value of values.values()) sum += value.storage.bytes;
    }
    return sum;
  }

  /** How many values are kept, of all grids: a buffer each. */
  get values(): number {
    return [...this.#grids.values()].reduce((sum, values) => sum + values.size, 0);
  }

  /** The grids that are kept, `37×37`, least recently used first. */
  get grids(): readonly string[] {
    return [...this.#grids.keys()];
  }

  /** Frees every entry. The cache can be used again. */
  dispose(): void {
    while (this.#grids.size > 0) this.#evict();
  }

  [disposeSymbol](): void {
    this.dispose();
  }

  #evict(): void {
    const [oldest, values] = this.#grids.entries().next().value!;
    this.#grids.delete(oldest);
    for (const value of values.values()) value.dispose();
  }
}
