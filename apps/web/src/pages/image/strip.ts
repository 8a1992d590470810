import type { App } from '../../app.ts';
import { h } from '../../dom.ts';
import { failureIn } from '../../engine/engine.ts';
import { icon } from '../../icons.ts';

const WIDTH = 78;
const HEIGHT = 52;

interface Entry {
  readonly file: File;
  readonly button: HTMLButtonElement;
  readonly canvas: HTMLCanvasElement;
  drawn: boolean;
}

export interface StripEvents {
  readonly open: (file: File) => void;
  readonly add: () => void;
}

/** Small pictures of the files that are open, decoded when they come into sight. What cannot be read stays, with the reason. */
export class Strip {
  readonly element: HTMLElement;
  readonly #app: App;
  readonly #events: StripEvents;
  readonly #list = h('div', { class: 'thumbs' });
  readonly #entries: Entry[] = [];
  readonly #seen: IntersectionObserver;
  readonly #add: HTMLButtonElement;
  #current = -1;

  constructor(app: App, events: StripEvents) {
    this.#app = app;
    this.#events = events;
    this.#add = h(
      'button',
      { class: 'add', type: 'button', 'aria-label': 'Add photos' },
      icon('plus'),
    );
    this.#add.addEventListener('click', () => events.add());
    this.#list.append(this.#add);
    const button = (name: 'left' | 'right', label: string, by: number): HTMLElement =>
      h(
        'button',
        {
          class: 'btn icon bare wideonly',
          type: 'button',
          'aria-label': label,
          on: { click: () => this.step(by) },
        },
        icon(name),
      );
    this.element = h(
      'div',
      { class: 'strip', role: 'group', 'aria-label': 'Files' },
      button('left', 'Previous file', -1),
      this.#list,
      button('right', 'Next file', 1),
    );
    this.#seen = new IntersectionObserver((changes) => {
      for (const { target, isIntersecting } of changes) {
        const entry = this.#entries.find(({ button: known }) => known === target);
        if (entry && isIntersecting) void this.#draw(entry);
      }
    });
  }

  get count(): number {
    return this.#entries.length;
  }

  /** Adds files and opens the first of them. */
  add(files: readonly File[]): void {
    const first = this.#entries.length;
    for (const file of files) {
      const canvas = h('canvas', { width: 2 * WIDTH, height: 2 * HEIGHT });
      const button = h(
        'button',
        { type: 'button', 'aria-label': file.name, title: file.name },
        canvas,
      );
      const entry: Entry = { file, button, canvas, drawn: false };
      button.addEventListener('click', () => this.#open(this.#entries.indexOf(entry)));
      this.#entries.push(entry);
      this.#add.before(button);
      this.#seen.observe(button);
    }
    this.#open(first);
  }

  step(by: number): boolean {
    const count = this.#entries.length;
    if (count < 2) return false;
    this.#open((this.#current + by + count) % count);
    return true;
  }

  markUnreadable(file: File, reason: string): void {
    const entry = this.#entries.find((known) => known.file === file);
    if (!entry) return;
    entry.drawn = true;
    entry.button.title = reason;
    entry.button.setAttribute('aria-label', `${file.name}: ${reason}`);
    entry.button.replaceChildren(icon('warning'));
    entry.button.classList.add('unreadable');
  }

  #open(index: number): void {
    const entry = this.#entries[index];
    if (!entry) return;
    this.#current = index;
    for (const [i, { button }] of this.#entries.entries()) {
      if (i === index) button.setAttribute('aria-current', 'true');
      else button.removeAttribute('aria-current');
    }
    entry.button.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    this.#events.open(entry.file);
  }

  async #draw(entry: Entry): Promise<void> {
    if (entry.drawn) return;
    entry.drawn = true;
    try {
      const bitmap = await this.#app.engine.call('image.thumbnail', {
        blob: entry.file,
        width: entry.canvas.width,
        height: entry.canvas.height,
      });
      entry.canvas.getContext('bitmaprenderer')?.transferFromImageBitmap(bitmap);
    } catch (error) {
      this.markUnreadable(entry.file, failureIn(error).message);
    }
  }
}
