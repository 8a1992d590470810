/** How many bytes come in a second, once that can be told. */
export class Pace {
  #begun: { readonly at: number; readonly from: number } | undefined;

  at(done: number): number | undefined {
    const now = performance.now();
    this.#begun ??= { at: now, from: done };
    const seconds = (now - this.#begun.at) / 1000;
    return seconds > 1 ? (done - this.#begun.from) / seconds : undefined;
  }
}
