import { type Camera, fitted, type Layout, type Sides, settled, zoomAbout } from './layout.ts';

/** What is in the stage now: where it lies, and the sides of the picture. */
export interface Shown {
  readonly layout: Layout;
  readonly picture: Sides;
}

/** How near a picture is looked at, and where. Places are in CSS pixels of the stage. */
export class Zoom {
  #camera: Camera = fitted;
  readonly #shown: () => Shown | undefined;
  readonly #draw: () => void;
  readonly #least: number;

  /** `least`: how small it may become; at 1 all of it is seen. */
  constructor(shown: () => Shown | undefined, draw: () => void, least = 1) {
    this.#shown = shown;
    this.#draw = draw;
    this.#least = least;
  }

  get camera(): Camera {
    return this.#camera;
  }

  /** All of it; whoever calls this draws. */
  reset(): void {
    this.#camera = fitted;
  }

  fit(): void {
    this.reset();
    this.#draw();
  }

  /** About the middle. */
  by(factor: number): void {
    const frame = this.#shown()?.layout.frames[0];
    if (frame) this.at(frame.x + frame.width / 2, frame.y + frame.height / 2, factor);
  }

  /** About a place, which stays where it is. */
  at(x: number, y: number, factor: number): void {
    const shown = this.#shown();
    if (!shown) return;
    const { pictures, frames } = shown.layout;
    const which = frames.findIndex(
      (frame) =>
        x >= frame.x && x <= frame.x + frame.width && y >= frame.y && y <= frame.y + frame.height,
    );
    const index = Math.max(which, 0);
    const next = zoomAbout(this.#camera, pictures[index]!, factor, x, y, this.#least);
    this.#camera = settled(next, frames[index]!, shown.picture, this.#least);
    this.#draw();
  }

  pan(dx: number, dy: number): void {
    const shown = this.#shown();
    if (!shown) return;
    const { pictures, frames } = shown.layout;
    const { width, height } = pictures[0]!;
    const { zoom, x, y } = this.#camera;
    const next = { zoom, x: x - dx / width, y: y - dy / height };
    this.#camera = settled(next, frames[0]!, shown.picture, this.#least);
    this.#draw();
  }

  /** One pixel of the picture on one pixel of the screen, about a place; back to all of it from anything larger. */
  actualSize(at?: { readonly x: number; readonly y: number }): void {
    const shown = this.#shown();
    if (!shown) return;
    if (this.#camera.zoom > 1) {
      this.fit();
      return;
    }
    const factor = shown.picture.width / devicePixelRatio / shown.layout.pictures[0]!.width;
    if (at) this.at(at.x, at.y, factor);
    else this.by(factor);
  }
}
