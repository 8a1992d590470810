import { h } from '../dom.ts';
import { type IconName, icon } from '../icons.ts';
import type { Announcer } from './announcer.ts';

const SHOWN_FOR = 5000;

/** One short message at a time, at the foot of whatever is in front. Never for errors. */
export class Toaster {
  readonly element = h('div', { class: 'toasts' });
  readonly #announce: Announcer;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(announce: Announcer) {
    this.#announce = announce;
  }

  /** `mark`: a tick for what was done, as mostly; another for what is only good to know. */
  show(
    text: string,
    action?: { readonly label: string; readonly run: () => void },
    mark: IconName = 'check',
  ): void {
    clearTimeout(this.#timer);
    this.#announce.say(text);
    const wait = (): void => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.element.replaceChildren(), SHOWN_FOR);
    };
    const stay = (): void => clearTimeout(this.#timer);
    const toast = h(
      'div',
      {
        class: 'toast',
        on: { mouseenter: stay, mouseleave: wait, focusin: stay, focusout: wait },
      },
      icon(mark),
      h('span', {}, text),
      action &&
        h(
          'button',
          {
            class: 'btn bare',
            type: 'button',
            on: {
              click: () => {
                this.element.replaceChildren();
                action.run();
              },
            },
          },
          action.label,
        ),
    );
    this.element.replaceChildren(toast);
    wait();
  }
}
