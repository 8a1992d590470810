import { h, setStyle } from '../../dom.ts';
import type { Rect } from '../../worker/image/image_calls.ts';
import type { PhotoState } from './image_runner.ts';

/**
 * The photo until there is a map of it, as the browser shows any picture. On the canvas it would wait until shaders are
 * compiled, and on slow devices the network would wait for it.
 */
export class StillPhoto {
  readonly element = h('img', { class: 'still', alt: '', hidden: true });

  set photo(photo: PhotoState) {
    URL.revokeObjectURL(this.element.src);
    if (photo.state === 'open') this.element.src = URL.createObjectURL(photo.file);
    else this.element.hidden = true;
  }

  /** In CSS pixels of the stage: where the worker will draw it. */
  place({ x, y, width, height }: Rect, radius: number): void {
    const places = { left: x, top: y, width, height, 'border-radius': radius };
    for (const [name, pixels] of Object.entries(places)) {
      setStyle(this.element, name, `${pixels}px`);
    }
  }
}
