import { Store } from './store.ts';

/** How one setting is kept: its start value, and its text in the address. */
export interface Setting<T> {
  readonly start: T;
  readonly print: (value: T) => string;
  /** Undefined where the text is not a value of this setting. */
  readonly parse: (text: string) => T | undefined;
}

export const flag = (start: boolean): Setting<boolean> => ({
  start,
  print: (value) => (value ? '1' : '0'),
  parse: (text) => (text === '1' ? true : text === '0' ? false : undefined),
});

export const oneOf = <T extends string>(values: readonly T[], start: T): Setting<T> => ({
  start,
  print: (value) => value,
  parse: (text) => values.find((value) => value === text),
});

export const number = (start: number, low: number, high: number): Setting<number> => ({
  start,
  print: (value) => String(Math.round(value * 1e4) / 1e4),
  parse: (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    return value >= low && value <= high ? value : undefined;
  },
});

export const whole = (start: number, low: number, high: number): Setting<number> => {
  const { print, parse } = number(start, low, high);
  const wholeOf = (value: number | undefined) => (Number.isInteger(value) ? value : undefined);
  return { start, print, parse: (text) => wholeOf(parse(text)) };
};

/** Several numbers, or none. */
export const numbers = (count: number, low: number, high: number): Setting<readonly number[]> => ({
  start: [],
  print: (values) => values.map((value) => String(Math.round(value * 1e4) / 1e4)).join(','),
  parse: (text) => {
    if (text === '') return [];
    const values = text.split(',').map(Number);
    const good = values.length === count && values.every((value) => value >= low && value <= high);
    return good ? values : undefined;
  },
});

export type Schema<T> = { readonly [K in keyof T]: Setting<T[K]> };

/**
 * The settings of one page: remembered between visits, and in the address as far as they differ from their start. A link
 * wins over memory, and is not remembered before something is changed.
 */
export class Settings<T extends object> {
  readonly store: Store<T>;
  readonly start: T;
  readonly #schema: Schema<T>;
  readonly #memory: string;

  constructor(page: string, schema: Schema<T>, address: string) {
    this.#schema = schema;
    this.#memory = `dpt-webgpu.settings.${page}`;
    this.start = this.#each((key) => schema[key].start);
    const linked = this.read(address);
    const known = Object.keys(linked).length > 0 ? linked : this.read(recall(this.#memory) ?? '');
    this.store = new Store({ ...this.start, ...known });
  }

  get value(): T {
    return this.store.value;
  }

  change(changes: Partial<T>): void {
    const next = { ...this.value, ...changes };
    if (this.fragment(next) === this.fragment()) {
      // Nothing that has a text differs, but lists may be other objects.
      return;
    }
    this.store.set(next);
    remember(this.#memory, this.fragment());
  }

  reset(): void {
    this.store.set({ ...this.start });
    remember(this.#memory, '');
  }

  /** What differs from the start, as the address has it: `size=518&map=magma`. */
  fragment(value: T = this.value): string {
    const parts: string[] = [];
    for (const key of this.#keys()) {
      const { print, start } = this.#schema[key];
      const text = print(value[key]);
      if (text !== print(start))
        parts.push(`${key}=${encodeURIComponent(text).replaceAll('%2C', ',')}`);
    }
    return parts.join('&');
  }

  /** The settings in a fragment. What is unknown or impossible is left out. */
  read(fragment: string): Partial<T> {
    const found: Partial<T> = {};
    const given = new URLSearchParams(fragment.replace(/^#/, ''));
    for (const key of this.#keys()) {
      const text = given.get(key);
      const value = text === null ? undefined : this.#schema[key].parse(text);
      if (value !== undefined) found[key] = value;
    }
    return found;
  }

  #keys(): (keyof T & string)[] {
    return Object.keys(this.#schema) as (keyof T & string)[];
  }

  #each(of: <K extends keyof T>(key: K) => T[K]): T {
    return Object.fromEntries(this.#keys().map((key) => [key, of(key)])) as T;
  }
}

/** Memory of the browser; in private windows, or when it is full, there may be none. */
export function recall(key: string): string | undefined {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

export function remember(key: string, text: string): void {
  try {
    if (text === '') localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  } catch {
    // Nothing is lost but a convenience.
  }
}
