import { h, setStyle } from '../../dom.ts';
import type { Rect } from '../../worker/image/image_calls.ts';
import type { PhotoState } from './image_runner.ts';

/** Addresses of files that are kept: browsers decode a picture once per address, and going back and forth is then free. */
const KEPT = 8;

/**
 * The photo until there is a map of it, as the browser shows any picture. On the canvas it would wait until shaders are
 * compiled, and on slow devices the network would wait for it.
 */
export class StillPhoto {
  readonly element = h('img', { class: 'still', alt: '', hidden: true });
  /** In order of use. */
  readonly #addresses = new Map<File, string>();

  set photo(photo: PhotoState) {
    if (photo.state === 'open') this.element.src = this.#addressOf(photo.file);
    else this.element.hidden = true;
  }

  #addressOf(file: File): string {
    const address = this.#addresses.get(file) ?? URL.createObjectURL(file);
    this.#addresses.delete(file);
    this.#addresses.set(file, address);
    for (const [oldest, unused] of this.#addresses) {
      if (this.#addresses.size <= KEPT) break;
      this.#addresses.delete(oldest);
      URL.revokeObjectURL(unused);
    }
    return address;
  }

  /** In CSS pixels of the stage: where the worker will draw it. */
  place({ x, y, width, height }: Rect, radius: number): void {
    const places = { left: x, top: y, width, height, 'border-radius': radius };
    for (const [name, pixels] of Object.entries(places)) {
      setStyle(this.element, name, `${pixels}px`);
    }
  }
}
