/** SHA-256 (FIPS 180-4) piece by piece: crypto.subtle wants the whole file, which may be over a gigabyte, in memory. */
export class Sha256 {
  readonly #state = initialState.slice();
  readonly #block = new Uint8Array(64);
  readonly #words = new Uint32Array(64);
  #inBlock = 0;
  #length = 0;

  update(bytes: Uint8Array): this {
    this.#length += bytes.length;
    let at = 0;
    while (at < bytes.length) {
      const taken = Math.min(64 - this.#inBlock, bytes.length - at);
      this.#block.set(bytes.subarray(at, at + taken), this.#inBlock);
      this.#inBlock += taken;
      at += taken;
      if (this.#inBlock === 64) {
        this.#compress();
        this.#inBlock = 0;
      }
    }
    return this;
  }

  /** Sixty-four hexadecimal digits. Nothing can be added afterwards. */
  digest(): string {
    const bits = this.#length * 8;
    this.#block[this.#inBlock++] = 0x80;
    if (this.#inBlock > 56) {
      this.#block.fill(0, this.#inBlock);
      this.#compress();
      this.#inBlock = 0;
    }
    this.#block.fill(0, this.#inBlock);
    const view = new DataView(this.#block.buffer);
    view.setUint32(56, Math.floor(bits / 2 ** 32));
    view.setUint32(60, bits >>> 0);
    this.#compress();
    return [...this.#state].map((word) => word.toString(16).padStart(8, '0')).join('');
  }

  #compress(): void {
    const w = this.#words;
    const view = new DataView(this.#block.buffer);
    for (let i = 0; i < 16; i++) w[i] = view.getUint32(4 * i);
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15]!;
      const y = w[i - 2]!;
      const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
      const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
      w[i] = w[i - 16]! + s0 + w[i - 7]! + s1;
    }
    let [a, b, c, d, e, f, g, h] = this.#state as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    for (let i = 0; i < 64; i++) {
      const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const first = (h + s1 + ((e & f) ^ (~e & g)) + roundConstants[i]! + w[i]!) | 0;
      const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const second = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + first) | 0;
      d = c;
      c = b;
      b = a;
      a = (first + second) | 0;
    }
    for (const [i, value] of [a, b, c, d, e, f, g, h].entries()) this.#state[i]! += value;
  }
}

const rotate = (x: number, by: number): number => (x >>> by) | (x << (32 - by));

/** The first 32 bits of the fractional part, as the standard derives its constants. */
const fraction = (x: number): number => Math.floor((x - Math.floor(x)) * 2 ** 32);

const primes = ((): number[] => {
  const found: number[] = [];
  for (let n = 2; found.length < 64; n++) if (found.every((p) => n % p !== 0)) found.push(n);
  return found;
})();

const initialState = Uint32Array.from(primes.slice(0, 8), (p) => fraction(Math.sqrt(p)));
const roundConstants = Uint32Array.from(primes, (p) => fraction(Math.cbrt(p)));
