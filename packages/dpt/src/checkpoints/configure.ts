import type { Family, Preset } from '../config.ts';

/** What a checkpoint cannot say, or what is to be different from what it says. */
export interface ConfigureOptions {
  readonly preset: Preset;
  /** Wins over what the file or its name suggests. */
  readonly family?: Family | undefined;
  /** Metres at the far end of a metric head. */
  readonly maxDepth?: number | undefined;
  /** Four blocks, counted from 0, whose output is tapped. */
  readonly hooks?: readonly number[] | undefined;
}
