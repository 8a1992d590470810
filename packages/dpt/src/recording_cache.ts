import { DptError } from '@dpt-webgpu/tensor';

interface Freed {
  dispose(): void;
}

interface Entry {
  readonly made: Promise<Freed>;
  /** Once it is made. */
  value: Freed | undefined;
  users: number;
  isOut: boolean;
}

/**
 * What was made for the last few sizes, least recently used out. What is in use, or still being made, is freed when its
 * last user is done.
 */
export class RecordingCache {
  readonly #limit: number;
  /** A Map keeps the order of use: the first is the one used least recently. */
  readonly #entries = new Map<string, Entry>();

  constructor(limit: number) {
    if (!Number.isInteger(limit) || limit < 1) {
      throw new DptError('invalid-argument', `recordings is ${limit}; at least one must be kept.`);
    }
    this.#limit = limit;
  }

  /** Those that are kept, least recently used first. */
  get keys(): readonly string[] {
    return [...this.#entries.keys()];
  }

  /**
   * Hands the value of a key to `work`, made if it is not there; it lives at least as long as `work` takes. A key stands
   * for one kind of value.
   */
  async use<T extends Freed, R>(
    key: string,
    make: () => Promise<T>,
    work: (value: T) => R | Promise<R>,
  ): Promise<R> {
    const entry = this.#entries.get(key) ?? entryOf(make());
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.users++;
    for (const [oldest, unused] of this.#entries) {
      if (this.#entries.size <= this.#limit) break;
      this.#entries.delete(oldest);
      this.#letGo(unused);
    }
    try {
      const value = await entry.made.catch((error: unknown) => {
        // What failed is made anew by the next call.
        if (this.#entries.get(key) === entry) this.#entries.delete(key);
        throw error;
      });
      return await work(value as T);
    } finally {
      entry.users--;
      if (entry.isOut) this.#letGo(entry);
    }
  }

  #letGo(entry: Entry): void {
    entry.isOut = true;
    // Whoever has it made is a user, so without users it is made, or failed.
    if (entry.users === 0) entry.value?.dispose();
  }

  /** Frees everything that is not in use now, and the rest when it is not. Can be used again. */
  clear(): void {
    for (const entry of this.#entries.values()) this.#letGo(entry);
    this.#entries.clear();
  }
}

function entryOf(made: Promise<Freed>): Entry {
  const entry: Entry = { made, value: undefined, users: 0, isOut: false };
  made.then(
    (value) => {
      entry.value = value;
    },
    () => {}, // the user of it hears of the failure
  );
  return entry;
}
