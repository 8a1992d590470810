/** One entry of a safetensors header, as written there. */
export interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** [begin, end) in bytes from the start of the data. */
  readonly offsets: readonly [number, number];
}

export interface Header {
  readonly tensors: Map<string, HeaderEntry>;
  readonly metadata: Map<string, string>;
}

/**
 * Parses the JSON header of a safetensors file.
 *
 * Not JSON.parse: that keeps the last of two equal keys without a word, and reads 1.5e1, 15 and 15.0 alike. The
 * grammar of a header is small, so only that grammar is read. Throws an Error that says what stands where.
 */
export function parseHeader(text: string): Header {
  const scanner = new Scanner(text);
  const tensors = new Map<string, HeaderEntry>();
  const metadata = new Map<string, string>();
  let hasMetadata = false;

  scanner.object((name) => {
    if (name !== '__metadata__') {
      if (tensors.has(name)) throw new Error(`the name ${JSON.stringify(name)} occurs twice`);
      tensors.set(name, tensorEntry(scanner, name));
      return;
    }
    if (hasMetadata) throw new Error('"__metadata__" occurs twice');
    hasMetadata = true;
    scanner.object((key) => {
      if (metadata.has(key))
        throw new Error(`the metadata key ${JSON.stringify(key)} occurs twice`);
      metadata.set(key, scanner.string(`the metadata value of ${JSON.stringify(key)}`));
    });
  });
  scanner.padding();
  return { tensors, metadata };
}

function tensorEntry(scanner: Scanner, name: string): HeaderEntry {
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  scanner.object((field) => {
    if (field === 'dtype' && dtype === undefined) dtype = scanner.string('the dtype');
    else if (field === 'shape' && !shape) shape = scanner.integers('a size');
    else if (field === 'data_offsets' && !offsets) offsets = scanner.integers('an offset');
    else
      throw new Error(
        `${JSON.stringify(name)} has an unknown or repeated field ${JSON.stringify(field)}`,
      );
  });
  if (dtype === undefined || !shape || offsets?.length !== 2) {
    throw new Error(`${JSON.stringify(name)} needs dtype, shape and two data_offsets`);
  }
  return { dtype, shape, offsets: [offsets[0]!, offsets[1]!] };
}

/** Reads the four kinds of value that a header has; anything else is an error at its position. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** `visit` is called after each key and must read its value. */
  object(visit: (key: string) => void): void {
    this.#expect('{');
    if (this.#accept('}')) return;
    do {
      const key = this.string('a key');
      this.#expect(':');
      visit(key);
    } while (this.#accept(','));
    this.#expect('}');
  }

  integers(what: string): number[] {
    const values: number[] = [];
    this.#expect('[');
    if (this.#accept(']')) return values;
    do values.push(this.#integer(what));
    while (this.#accept(','));
    this.#expect(']');
    return values;
  }

  string(what: string): string {
    this.#space();
    const start = this.#at;
    if (this.#text[start] !== '"') throw this.#unexpected(`${what} in quotes`);
    let end = start + 1;
    while (end < this.#text.length && this.#text[end] !== '"')
      end += this.#text[end] === '\\' ? 2 : 1;
    this.#at = end + 1;
    const token = this.#text.slice(start, this.#at);
    let value: unknown;
    try {
      value = JSON.parse(token);
    } catch {
      this.#at = start;
      throw this.#unexpected(`${what} in quotes`);
    }
    // "\ud800" alone is valid JSON and no valid text.
    if (typeof value !== 'string' || /\p{Surrogate}/u.test(value)) {
      throw new Error(`${what} at ${start} is not well-formed text`);
    }
    return value;
  }

  /** Spaces, and nothing else, may follow the object. */
  padding(): void {
    const rest = /[^ ]/g;
    rest.lastIndex = this.#at;
    const match = rest.exec(this.#text);
    if (!match) return;
    this.#at = match.index;
    throw this.#unexpected('only spaces after the header');
  }

  #integer(what: string): number {
    this.#space();
    const pattern = /-?[0-9][0-9.eE+-]*/y;
    pattern.lastIndex = this.#at;
    const token = pattern.exec(this.#text)?.[0];
    if (token === undefined) throw this.#unexpected(what);
    const value = Number(token);
    if (!/^(0|[1-9][0-9]*)$/.test(token) || !Number.isSafeInteger(value)) {
      throw new Error(
        `${what} at ${this.#at} is ${token.slice(0, 40)}, not a whole number from 0 to 2⁵³ − 1`,
      );
    }
    this.#at += token.length;
    return value;
  }

  #accept(character: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #expect(character: string): void {
    if (!this.#accept(character)) throw this.#unexpected(character);
  }

  #space(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? 'end')) this.#at++;
  }

  #unexpected(wanted: string): Error {
    const found = this.#text.slice(this.#at, this.#at + 20);
    return new Error(
      `expected ${wanted} at ${this.#at}, found ${found ? JSON.stringify(found) : 'the end'}`,
    );
  }
}
