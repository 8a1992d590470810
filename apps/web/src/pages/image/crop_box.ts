import { h, setStyle, setText } from '../../dom.ts';
import { pixelsText } from '../../words.ts';
import type { Rect } from '../../worker/image/image_calls.ts';
import type { Sides } from './layout.ts';

export interface CropEvents {
  readonly accept: (crop: readonly number[]) => void;
  readonly leave: () => void;
  /** What it is drawn over; default: photo. */
  readonly of?: string;
}

/** Which sides a handle moves: −1 left or top, 1 right or bottom. */
const handles = [-1, 0, 1]
  .flatMap((dy) => [-1, 0, 1].map((dx) => [dx, dy] as const))
  .filter(([dx, dy]) => dx || dy);
const LEAST = 5;

/** A box over the whole photo: corners, edges and the box itself are dragged; shift draws anew; arrows move it by pixels. */
export class CropBox {
  readonly element: HTMLElement;
  readonly #box: HTMLElement;
  readonly #text = h('span', { class: 'tag' });
  readonly #events: CropEvents;
  #photo: Sides = { width: 1, height: 1 };
  #picture: Rect = { x: 0, y: 0, width: 1, height: 1 };
  /** Left, top, right, bottom in pixels of the photo. */
  #sides: [number, number, number, number] = [0, 0, 1, 1];

  constructor(events: CropEvents) {
    this.#events = events;
    this.#box = h(
      'div',
      {
        class: 'crop-box',
        tabindex: 0,
        role: 'group',
        'aria-label': 'Crop box. Arrows move it, with Shift by ten, Enter accepts, Escape leaves.',
      },
      ...handles.map(([dx, dy]) => h('i', { dataset: { dx: String(dx), dy: String(dy) } })),
      this.#text,
    );
    const button = (label: string, main: boolean, run: () => void): HTMLElement =>
      h('button', { class: main ? 'btn main' : 'btn', type: 'button', on: { click: run } }, label);
    this.element = h(
      'div',
      { class: 'cropper' },
      this.#box,
      h(
        'div',
        { class: 'crop-bar' },
        button('Use this part', true, () => this.#accept()),
        button(`Whole ${events.of ?? 'photo'}`, false, () =>
          this.#take([0, 0, this.#photo.width, this.#photo.height]),
        ),
        button('Cancel', false, () => events.leave()),
      ),
    );
    this.element.addEventListener('keydown', (event) => this.#press(event));
    this.element.addEventListener('pointerdown', (event) => this.#drag(event));
    this.element.addEventListener('contextmenu', (event) => {
      event.preventDefault();
      this.#take([0, 0, this.#photo.width, this.#photo.height]);
    });
  }

  /** Begins with a box that was there before, 0…1, or with all of the photo. */
  open(photo: Sides, crop: readonly number[]): void {
    this.#photo = photo;
    const [left = 0, top = 0, right = 1, bottom = 1] = crop;
    this.#take([
      left * photo.width,
      top * photo.height,
      right * photo.width,
      bottom * photo.height,
    ]);
    this.#box.focus({ preventScroll: true });
  }

  /** Where the photo lies in the stage. */
  place(picture: Rect): void {
    this.#picture = picture;
    this.#show();
  }

  #accept(): void {
    const { width, height } = this.#photo;
    const [left, top, right, bottom] = this.#sides;
    const all = left === 0 && top === 0 && right === width && bottom === height;
    this.#events.accept(all ? [] : [left / width, top / height, right / width, bottom / height]);
  }

  /** Takes a box in pixels: whole ones, in the photo, at least five each way. */
  #take([left, top, right, bottom]:
    | (readonly number[] & { length: 4 })
    | readonly [number, number, number, number]): void {
    const { width, height } = this.#photo;
    const span = (a: number, b: number, most: number): [number, number] => {
      const least = Math.min(LEAST, most);
      const low = Math.min(Math.max(Math.round(Math.min(a, b)), 0), most - least);
      return [low, Math.min(Math.max(Math.round(Math.max(a, b)), low + least), most)];
    };
    const [x0, x1] = span(left!, right!, width);
    const [y0, y1] = span(top!, bottom!, height);
    this.#sides = [x0, y0, x1, y1];
    this.#show();
  }

  #show(): void {
    const { x, y, width, height } = this.#picture;
    const [left, top, right, bottom] = this.#sides;
    const across = width / this.#photo.width;
    const down = height / this.#photo.height;
    setStyle(this.#box, 'left', `${x + left * across}px`);
    setStyle(this.#box, 'top', `${y + top * down}px`);
    setStyle(this.#box, 'width', `${(right - left) * across}px`);
    setStyle(this.#box, 'height', `${(bottom - top) * down}px`);
    setText(this.#text, pixelsText(right - left, bottom - top));
  }

  #press(event: KeyboardEvent): void {
    const step = event.shiftKey ? 10 : 1;
    const [dx = 0, dy = 0] =
      { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[
        event.key
      ] ?? [];
    if (event.key === 'Escape') this.#events.leave();
    else if (event.key === 'Enter' && event.target === this.#box) this.#accept();
    else if ((dx || dy) && event.target === this.#box) this.#moveBy(this.#sides, dx, dy);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #moveBy(
    [left, top, right, bottom]: readonly [number, number, number, number],
    dx: number,
    dy: number,
  ): void {
    const x = Math.min(Math.max(dx, -left), this.#photo.width - right);
    const y = Math.min(Math.max(dy, -top), this.#photo.height - bottom);
    this.#take([left + x, top + y, right + x, bottom + y]);
  }

  #drag(event: PointerEvent): void {
    const target = event.target as HTMLElement;
    if (event.button !== 0 || target.closest('.crop-bar')) return;
    event.preventDefault();
    this.#box.focus({ preventScroll: true });
    const bounds = this.element.getBoundingClientRect();
    const toPhoto = (at: PointerEvent): [number, number] => [
      ((at.clientX - bounds.left - this.#picture.x) / this.#picture.width) * this.#photo.width,
      ((at.clientY - bounds.top - this.#picture.y) / this.#picture.height) * this.#photo.height,
    ];
    const start = this.#sides;
    const [x, y] = toPhoto(event);
    const isHandle = target.dataset.dx !== undefined;
    const anew = event.shiftKey || !this.#box.contains(target);
    const [dx, dy] = [Number(target.dataset.dx ?? 0), Number(target.dataset.dy ?? 0)];
    const move = (moved: PointerEvent): void => {
      const [nowX, nowY] = toPhoto(moved);
      if (anew) this.#take([x, y, nowX, nowY]);
      else if (isHandle) {
        const [left, top, right, bottom] = start;
        this.#take([
          dx < 0 ? Math.min(nowX, right - LEAST) : left,
          dy < 0 ? Math.min(nowY, bottom - LEAST) : top,
          dx > 0 ? Math.max(nowX, left + LEAST) : right,
          dy > 0 ? Math.max(nowY, top + LEAST) : bottom,
        ]);
      } else this.#moveBy(start, Math.round(nowX - x), Math.round(nowY - y));
    };
    this.element.setPointerCapture(event.pointerId);
    this.element.addEventListener('pointermove', move);
    const end = (): void => this.element.removeEventListener('pointermove', move);
    this.element.addEventListener('pointerup', end, { once: true });
    this.element.addEventListener('pointercancel', end, { once: true });
  }
}
