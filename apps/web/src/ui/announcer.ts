import { h, setText } from '../dom.ts';

/** Speaks through two live regions: one waits its turn, one interrupts. */
export class Announcer {
  readonly element: HTMLElement;
  readonly #polite = h('div', { 'aria-live': 'polite', class: 'sr' });
  readonly #assertive = h('div', { role: 'alert', class: 'sr' });
  #last = 0;
  #waiting: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.element = h('div', {}, this.#polite, this.#assertive);
  }

  /** Not more than one in two seconds: while a slider moves, the last one counts. */
  say(text: string): void {
    clearTimeout(this.#waiting);
    const wait = Math.max(0, this.#last + 2000 - performance.now());
    this.#waiting = setTimeout(() => {
      this.#waiting = undefined;
      this.#last = performance.now();
      setText(this.#polite, text);
    }, wait);
  }

  /** Only where nothing else waits to be said. */
  remark(text: string): void {
    if (this.#waiting === undefined) this.say(text);
  }

  alert(text: string): void {
    setText(this.#assertive, text);
  }
}
