import { isTyping } from './dom.ts';
import type { PageId } from './pages/addresses.ts';
import { recall, remember } from './settings.ts';
import { Store } from './store.ts';

/** One line of the key sheet, and what the key does. */
export interface KeyCommand {
  /** As `KeyboardEvent.key` has them; the first is shown. */
  readonly keys: readonly string[];
  /** For the sheet where the key itself reads badly. */
  readonly shown?: string;
  readonly action: string;
  /** Pages where it holds; absent: all. */
  readonly pages?: readonly PageId[];
  /** It is the original's key. */
  readonly original?: boolean;
  /** Works while a slider or a radio button has the focus, whose own keys these are. */
  readonly overControls?: boolean;
  /** True when the key did something here. */
  readonly run: (event: KeyboardEvent) => boolean;
}

const LETTERS = 'dpt-webgpu.letters';
/** Whether single letters are commands: speech input says them by accident. */
export const lettersOn = new Store(recall(LETTERS) !== 'off');
lettersOn.watch((on) => remember(LETTERS, on ? '' : 'off'));

/** The table that the keys work from, and that the sheet is made of. */
export class Keys {
  readonly #commands: KeyCommand[] = [];
  #page: PageId;
  #pointed = false;

  constructor(page: PageId) {
    this.#page = page;
    document.addEventListener('keydown', (event) => this.#press(event));
    document.addEventListener('pointerdown', () => {
      this.#pointed = true;
    });
    document.addEventListener('keydown', ({ key, defaultPrevented }) => {
      if (key === 'Tab' && !defaultPrevented) this.#pointed = false;
    });
  }

  /**
   * The focus came by a click, not by the keyboard. `:focus-visible` cannot say so: it holds from the moment that the key is
   * down.
   */
  get pointed(): boolean {
    return this.#pointed;
  }

  add(...commands: readonly KeyCommand[]): void {
    this.#commands.push(...commands);
  }

  set page(page: PageId) {
    this.#page = page;
  }

  /** Lines for the sheet: of one page, with those that hold everywhere, or of all. */
  commands(page?: PageId): readonly KeyCommand[] {
    return this.#commands.filter(({ pages }) => !page || !pages || pages.includes(page));
  }

  #press(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target)) return;
    if (document.querySelector('dialog[open]')) return;
    const isLetter = /^[^\s]$/.test(event.key);
    if (isLetter && event.key !== '?' && !lettersOn.value) return;
    for (const { keys, run, overControls } of this.commands(this.#page)) {
      if (!keys.includes(event.key) && !keys.includes(event.key.toLowerCase())) continue;
      // Arrows belong to sliders, radio buttons and menus while these have the focus.
      if (!isLetter && !overControls && usesArrows(event.target)) continue;
      if (run(event)) {
        event.preventDefault();
        return;
      }
    }
  }
}

function usesArrows(target: EventTarget | null): boolean {
  return (
    target instanceof Element &&
    target.closest(
      '[role=slider], [role=radio], [role=tab], [role=menuitem], input, select, summary',
    ) !== null
  );
}
