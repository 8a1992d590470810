import type { App } from '../../app.ts';
import { h, setStyle } from '../../dom.ts';
import type { Settings } from '../../settings.ts';
import type { Place, Rect } from '../../worker/image/image_calls.ts';
import { type Divider, makeDivider } from './divider.ts';
import type { ImageRunner } from './image_runner.ts';
import { type Crop, cropOf, type ImageSettings } from './image_settings.ts';
import { type Layout, layOut, overlap, type Sides, viewOf } from './layout.ts';
import { type Mark, type MarkEvents, Marks } from './marks.ts';
import { StillPhoto } from './still_photo.ts';
import { Zoom } from './zoom.ts';
import { takeHands, takeWheel } from './zoom_hands.ts';

export interface StageEvents extends MarkEvents {
  readonly onPick: (place: Place) => void;
  readonly onHover: (place: Place | undefined) => void;
}

/** Pixels that the buttons of the crop box take. */
export const CROP_BAR = 76;

/** The canvas, what lies on top of it, and what hands do to both. The worker draws; only places are reckoned here. */
export class Stage {
  readonly element: HTMLElement;
  /** Goes over the picture: cards, the drop zone, the crop box. */
  readonly cover = h('div', { class: 'cover' });
  readonly #app: App;
  readonly #settings: Settings<ImageSettings>;
  readonly #runner: ImageRunner;
  readonly #events: StageEvents;
  readonly #canvas = h('canvas', { role: 'img', 'aria-label': 'No picture yet', class: 'screen' });
  readonly #still = new StillPhoto();
  readonly #overlay = h('div', { class: 'overlay' });
  readonly #photoTag = h('span', { class: 'tag' }, 'Photo');
  readonly #depthTag = h('span', { class: 'tag' }, 'Depth');
  readonly #divider: Divider;
  readonly #marks: Marks;
  #sides: Sides = { width: 1, height: 1 };
  #layout: Layout | undefined;
  readonly #zoom = new Zoom(
    () => {
      const picture = this.#pictureSides();
      return this.#layout && picture && { layout: this.#layout, picture };
    },
    () => this.draw(),
  );
  #attached = false;
  #drawing = false;
  #picking = false;
  #cropping = false;

  constructor(
    app: App,
    settings: Settings<ImageSettings>,
    runner: ImageRunner,
    events: StageEvents,
  ) {
    this.#app = app;
    this.#settings = settings;
    this.#runner = runner;
    this.#events = events;
    this.#divider = makeDivider(
      (to) => settings.change({ divider: to }),
      () => this.picture,
    );
    this.#marks = new Marks(events, (event) => this.#placeAt(event));
    this.#overlay.append(
      this.#photoTag,
      this.#depthTag,
      this.#divider.element,
      this.#marks.element,
    );
    this.element = h(
      'div',
      { class: 'canvas', id: 'stage', tabindex: -1 },
      this.#still.element,
      this.#canvas,
      this.#overlay,
      this.cover,
    );
    new ResizeObserver(() => this.#resized()).observe(this.element);
    settings.store.watch((now, before) => {
      if (now.crop !== before.crop) this.#zoom.reset();
      this.draw();
    });
    runner.photo.watch((now, before) => {
      if (now !== before) {
        this.#zoom.reset();
        this.#still.photo = now;
      }
      this.draw();
    });
    runner.facts.watch(() => this.draw());
    this.#takeHands();
  }

  /** Moves the canvas to the worker; once. */
  attach(): void {
    if (this.#attached) return;
    this.#attached = true;
    const canvas = this.#canvas.transferControlToOffscreen();
    void this.#app.engine
      .call('image.canvas', { canvas }, { transfer: [canvas] })
      .then(() => this.draw());
  }

  set label(text: string) {
    this.#canvas.setAttribute('aria-label', text);
  }

  set picking(on: boolean) {
    this.#picking = on;
    this.element.classList.toggle('picking', on);
  }

  set cropping(on: boolean) {
    if (on === this.#cropping) return;
    this.#cropping = on;
    this.#zoom.reset();
    this.element.classList.toggle('cropping', on);
    // At once: the crop box goes where the photo will be.
    if (this.#attached) this.#draw();
  }

  get dimmed(): boolean {
    return this.#canvas.classList.contains('dimmed');
  }

  set dimmed(on: boolean) {
    for (const shown of [this.#canvas, this.#still.element]) shown.classList.toggle('dimmed', on);
    this.#overlay.hidden = on;
  }

  /** Marks with a text beside each. */
  set marks(marks: readonly Mark[]) {
    this.#marks.shown = marks;
    this.#placeMarks();
  }

  /** Where the photo lies, in CSS pixels of the stage. */
  get picture(): Rect | undefined {
    return this.#layout?.pictures[0];
  }

  zoom(by: number): void {
    this.#zoom.by(by);
  }

  fit(): void {
    this.#zoom.fit();
  }

  /** One pixel of the photo on one pixel of the screen; back to all of it from anything larger. */
  actualSize(): void {
    this.#zoom.actualSize();
  }

  /** Asks for a new frame; many requests become one. */
  draw(): void {
    if (this.#drawing || !this.#attached) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#draw();
    });
  }

  #draw(): void {
    const sides = this.#pictureSides();
    const { view, divider } = this.#settings.value;
    const small = this.element.clientWidth < 560;
    const ready = this.#runner.facts.value !== undefined;
    this.#overlay.classList.toggle('off', !sides || !ready || this.#cropping);
    if (!sides) return;
    const two = view === 'side' && ready && !this.#cropping;
    const padding = small ? { x: 0, y: 0 } : { x: 16, y: 8 };
    // The buttons of the crop box stand below the photo, not over its lower handles.
    const below = this.#cropping ? CROP_BAR : 0;
    const room = { ...this.#sides, height: this.#sides.height - below };
    this.#layout = layOut(room, sides, { two, camera: this.#zoom.camera, padding });
    const radius = small ? 0 : 8;
    this.#still.place(this.#layout.pictures[0]!, radius);
    const scale = devicePixelRatio;
    const message = viewOf(this.#sides, this.#layout, {
      view,
      divider,
      scale,
      radius,
      cropping: this.#cropping,
      ready,
    });
    if (!ready) this.#still.element.hidden = false;
    this.#app.engine
      .call('image.view', message)
      .then(() => {
        // Only now is there something else to see.
        this.#still.element.hidden = this.#runner.facts.value !== undefined;
      })
      .catch(() => {
        // The state of the device says why there is no picture.
      });
    this.#placeTags(view, divider);
    this.#placeMarks();
    this.element.dispatchEvent(new CustomEvent('layout'));
  }

  #placeTags(view: ImageSettings['view'], divider: number): void {
    const { pictures, frames } = this.#layout!;
    const visible = overlap(pictures[0]!, frames[0]!);
    const place = (tag: HTMLElement, rect: Rect, right: boolean): void => {
      setStyle(tag, 'top', `${rect.y + rect.height - 38}px`);
      setStyle(
        tag,
        right ? 'right' : 'left',
        `${right ? this.#sides.width - rect.x - rect.width + 10 : rect.x + 10}px`,
      );
      tag.style.removeProperty(right ? 'left' : 'right');
    };
    const comparing = view === 'compare';
    this.#divider.element.hidden = !comparing;
    this.#photoTag.hidden = !comparing && view !== 'side';
    this.#depthTag.hidden = this.#photoTag.hidden;
    if (comparing) {
      this.#divider.place(pictures[0]!, visible, divider);
      place(this.#photoTag, visible, false);
      place(this.#depthTag, visible, true);
    } else if (view === 'side' && pictures[1]) {
      place(this.#photoTag, visible, false);
      place(this.#depthTag, overlap(pictures[1], frames[1]!), false);
    }
  }

  #placeMarks(): void {
    const layout = this.#layout;
    const sides = this.#pictureSides();
    // In the view side by side marks belong to the map.
    if (layout && sides) this.#marks.place(layout.pictures.at(-1)!, layout.frames.at(-1)!, sides);
  }

  /** The sides of what is shown: what was used of the photo, or all of it while it is cropped. */
  #pictureSides(): Sides | undefined {
    const photo = this.#runner.photo.value;
    if (photo.state !== 'open') return undefined;
    if (this.#cropping) return photo;
    const facts = this.#runner.facts.value;
    if (facts) return facts;
    const crop: Crop | undefined = cropOf(this.#settings.value);
    return crop && facts
      ? { width: photo.width * crop.width, height: photo.height * crop.height }
      : photo;
  }

  #resized(): void {
    const { clientWidth, clientHeight } = this.element;
    if (clientWidth === 0 || clientHeight === 0) return;
    this.#sides = { width: clientWidth, height: clientHeight };
    this.draw();
  }

  /** Where an event points to in the picture; undefined outside of it. */
  #placeAt(event: MouseEvent): Place | undefined {
    const bounds = this.element.getBoundingClientRect();
    const px = event.clientX - bounds.left;
    const py = event.clientY - bounds.top;
    for (const picture of this.#layout?.pictures ?? []) {
      const x = (px - picture.x) / picture.width;
      const y = (py - picture.y) / picture.height;
      if (x >= 0 && x <= 1 && y >= 0 && y <= 1) return { x, y };
    }
    return undefined;
  }

  #takeHands(): void {
    const pick = (event: PointerEvent): void => {
      const place = this.#placeAt(event);
      if (place && this.#runner.facts.value && !this.#cropping) this.#events.onPick(place);
    };
    takeHands(this.#canvas, this.#zoom, {
      tap: (event) => this.#picking && pick(event),
      rest: () => (this.#picking ? undefined : pick),
      hover: (event) => this.#events.onHover(event && this.#placeAt(event)),
      keepsSize: () => this.#picking,
    });
    takeWheel(
      this.element,
      this.#zoom,
      ({ target }) => !this.#layout || this.#cropping || this.cover.contains(target as Node),
    );
  }
}
