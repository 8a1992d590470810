import { h, setStyle, setText } from '../../dom.ts';
import type { Place, Rect } from '../../worker/image/image_calls.ts';
import type { Sides } from './layout.ts';

export interface Mark extends Place {
  readonly text: string;
}

export interface MarkEvents {
  readonly onMarkMoved: (index: number, place: Place) => void;
  readonly onMarkRemoved: (index: number) => void;
}

/** Rings over the picture with a text beside each; they are dragged, moved by arrows, and removed. */
export class Marks {
  readonly element = h('div', { class: 'marks' });
  shown: readonly Mark[] = [];
  readonly #events: MarkEvents;
  readonly #placeAt: (event: MouseEvent) => Place | undefined;
  #sides: Sides = { width: 1, height: 1 };

  /** `placeAt`: where an event points to in the picture. */
  constructor(events: MarkEvents, placeAt: (event: MouseEvent) => Place | undefined) {
    this.#events = events;
    this.#placeAt = placeAt;
  }

  /** `at` is where the picture lies, `frame` what of it is seen, `sides` its pixels. */
  place(at: Rect, frame: Rect, sides: Sides): void {
    this.#sides = sides;
    const { element: list, shown } = this;
    while (list.children.length > shown.length) list.lastChild!.remove();
    for (const [i, mark] of shown.entries()) {
      let element = list.children[i] as HTMLElement | undefined;
      if (!element) {
        element = this.#make(i);
        list.append(element);
      }
      const x = at.x + mark.x * at.width;
      const y = at.y + mark.y * at.height;
      element.hidden =
        x < frame.x || x > frame.x + frame.width || y < frame.y || y > frame.y + frame.height;
      setStyle(element, 'left', `${x}px`);
      setStyle(element, 'top', `${y}px`);
      element.classList.toggle('flipped', x > frame.x + frame.width - 110);
      setText(element.firstElementChild!, mark.text);
      element.setAttribute(
        'aria-label',
        `Point ${i + 1}: ${mark.text}. Arrows move it, Delete removes it.`,
      );
    }
  }

  #make(index: number): HTMLElement {
    const element = h('button', { class: 'pick', type: 'button' }, h('span', { class: 'tag' }));
    element.addEventListener('keydown', (event) => {
      const mark = this.shown[index];
      if (!mark) return;
      const step = event.shiftKey ? 10 : 1;
      const [dx = 0, dy = 0] =
        { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[
          event.key
        ] ?? [];
      if (event.key === 'Delete' || event.key === 'Backspace') this.#events.onMarkRemoved(index);
      else if (dx || dy) {
        this.#events.onMarkMoved(index, {
          x: Math.min(Math.max(mark.x + dx / this.#sides.width, 0), 1),
          y: Math.min(Math.max(mark.y + dy / this.#sides.height, 0), 1),
        });
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
    element.addEventListener('pointerdown', (event) => {
      event.stopPropagation();
      element.setPointerCapture(event.pointerId);
      const move = (moved: PointerEvent): void => {
        const place = this.#placeAt(moved);
        if (place) this.#events.onMarkMoved(index, place);
      };
      element.addEventListener('pointermove', move);
      const end = (): void => element.removeEventListener('pointermove', move);
      element.addEventListener('pointerup', end, { once: true });
      element.addEventListener('pointercancel', end, { once: true });
    });
    return element;
  }
}
