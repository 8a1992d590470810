import { pace, RangeOverTime, weightOver } from '@dpt-webgpu/dpt';
import type { Context } from '@dpt-webgpu/tensor';
import type { Steady } from './film_calls.ts';

/** One film as it is kept steady from frame to frame, by its own clock: frames may be left out, and be looked at twice. */
export class Smoothing {
  #kept: { readonly context: Context; readonly range: RangeOverTime } | undefined;
  #key = '';
  #time: number | undefined;

  /** What it remembers, on that device. */
  rangeOn(context: Context): RangeOverTime {
    if (this.#kept?.context !== context) {
      this.forget();
      this.#kept = { context, range: new RangeOverTime(context) };
    }
    return this.#kept.range;
  }

  /**
   * How far what is shown goes to the frame of a time, in seconds: a `pace` [3]. A frame that is looked at again stays as it
   * is. Another `key` begins anew: what was smoothed is no longer what is to be.
   */
  paceAt(time: number, key: string, { range, pixels, cuts }: Steady): Float32Array {
    if (key !== this.#key) this.begin();
    this.#key = key;
    const passed = time - (this.#time ?? time);
    this.#time = time;
    return pace({
      alpha: weightOver(range, passed),
      still: weightOver(pixels, passed),
      // Brightness is 0…1, so that nothing changes by more than 1.
      limit: cuts ? 0.25 : 2,
    });
  }

  /** The next frame does not follow the one before. */
  begin(): void {
    this.#kept?.range.reset();
    this.#time = undefined;
  }

  /** Frees what it remembers; it may be used again. */
  forget(): void {
    this.#kept?.range.dispose();
    this.#kept = undefined;
    this.#time = undefined;
  }
}
