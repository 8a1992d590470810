import type { Capabilities } from './capabilities.ts';
import type { DptError } from './errors.ts';
import type { Purpose } from './storage.ts';

/** What may differ between contexts of one device. */
export interface ContextOptions {
  /** Pretend to be a smaller device: tests use it to reach every variant of a kernel. Default: the device's own. */
  readonly capabilities?: Partial<Capabilities>;
  /** Take this variant of an op where it fits, e.g. `{ linear: 'linear' }`, instead of the first that fits. Default: none. */
  readonly variants?: Readonly<Record<string, string>>;
  /**
   * Every step is submitted by itself between error scopes, and what WebGPU says against it is reported with the step's
   * label: `true` to `console.error`, or to a function. For finding mistakes; replays are several times slower. Default false.
   */
  readonly debug?: boolean | ((error: DptError) => void);
  /**
   * How long a submission of `Recording.runInParts` should take. Default: 200 ms where the processor plays GPU, else
   * infinite: all in one.
   */
  readonly partMilliseconds?: number;
}

/** Bytes of GPU memory by purpose, and how many pipelines are compiled. */
export type MemoryUse = Readonly<Record<Purpose | 'total' | 'pipelines', number>>;
