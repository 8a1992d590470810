import type { Engine } from '../engine/engine.ts';

/**
 * A canvas that the worker draws on. When the GPU's process was lost a browser goes on showing such a canvas, but what the
 * page reads of it, to film it say, stays empty for good: so another takes its place.
 */
export class WorkerCanvas {
  readonly #make: () => HTMLCanvasElement;
  readonly #send: (canvas: OffscreenCanvas) => Promise<unknown>;
  #element: HTMLCanvasElement;
  #attached = false;

  /** `make` is called for each that is needed; `send` hands it to the worker. */
  constructor(
    engine: Engine,
    make: () => HTMLCanvasElement,
    send: (canvas: OffscreenCanvas) => Promise<unknown>,
  ) {
    this.#make = make;
    this.#send = send;
    this.#element = make();
    let wasLost = false;
    engine.gpu.watch(({ state }) => {
      if (state === 'lost') wasLost = true;
      if (state !== 'ready' || !wasLost) return;
      wasLost = false;
      if (this.#attached) this.#renew();
    });
  }

  /** The one that stands in the page now. */
  get element(): HTMLCanvasElement {
    return this.#element;
  }

  get attached(): boolean {
    return this.#attached;
  }

  /** Hands it over, once. */
  attach(): void {
    if (this.#attached) return;
    this.#attached = true;
    void this.#send(this.#element.transferControlToOffscreen());
  }

  #renew(): void {
    const next = this.#make();
    this.#element.replaceWith(next);
    this.#element = next;
    void this.#send(next.transferControlToOffscreen());
  }
}
