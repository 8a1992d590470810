import type { App } from '../../app.ts';
import { h, setStyle, setText } from '../../dom.ts';
import { icon } from '../../icons.ts';
import type { Settings } from '../../settings.ts';
import type { Rect } from '../../worker/image/image_calls.ts';
import type { ImageRunner } from './image_runner.ts';
import { type Crop, cropOf, type ImageSettings } from './image_settings.ts';
import {
  type Camera,
  fitted,
  type Layout,
  layOut,
  overlap,
  type Sides,
  settled,
  viewOf,
  zoomAbout,
} from './layout.ts';

/** A place in what is used of the photo, 0…1. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

export interface Mark extends Place {
  readonly text: string;
}

export interface StageEvents {
  readonly onPick: (place: Place) => void;
  readonly onHover: (place: Place | undefined) => void;
  readonly onMarkMoved: (index: number, place: Place) => void;
  readonly onMarkRemoved: (index: number) => void;
}

const LONG_PRESS = 500;

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
  readonly #overlay = h('div', { class: 'overlay' });
  readonly #photoTag = h('span', { class: 'tag' }, 'Photo');
  readonly #depthTag = h('span', { class: 'tag' }, 'Depth');
  readonly #divider: HTMLElement;
  readonly #marks = h('div', { class: 'marks' });
  #sides: Sides = { width: 1, height: 1 };
  #camera: Camera = fitted;
  #layout: Layout | undefined;
  #attached = false;
  #drawing = false;
  #picking = false;
  #cropping = false;
  #shown: readonly Mark[] = [];

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
    this.#divider = h(
      'div',
      {
        class: 'divider',
        role: 'slider',
        tabindex: 0,
        'aria-label': 'Before and after',
        'aria-valuemin': 0,
        'aria-valuemax': 100,
      },
      h('i', {}, icon('divider')),
    );
    this.#overlay.append(this.#photoTag, this.#depthTag, this.#divider, this.#marks);
    this.element = h(
      'div',
      { class: 'canvas', id: 'stage', tabindex: -1 },
      this.#canvas,
      this.#overlay,
      this.cover,
    );
    new ResizeObserver(() => this.#resized()).observe(this.element);
    settings.store.watch((now, before) => {
      if (now.crop !== before.crop) this.#camera = fitted;
      this.draw();
    });
    runner.photo.watch((now, before) => {
      if (now !== before) this.#camera = fitted;
      this.draw();
    });
    runner.facts.watch(() => this.draw());
    this.#takeHands();
    this.#takeDivider();
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
    this.#camera = fitted;
    this.element.classList.toggle('cropping', on);
    // At once: the crop box goes where the photo will be.
    if (this.#attached) this.#draw();
  }

  get dimmed(): boolean {
    return this.#canvas.classList.contains('dimmed');
  }

  set dimmed(on: boolean) {
    this.#canvas.classList.toggle('dimmed', on);
    this.#overlay.hidden = on;
  }

  /** Marks with a text beside each. */
  set marks(marks: readonly Mark[]) {
    this.#shown = marks;
    this.#placeMarks();
  }

  /** Where the photo lies, in CSS pixels of the stage. */
  get picture(): Rect | undefined {
    return this.#layout?.pictures[0];
  }

  zoom(by: number): void {
    const frame = this.#layout?.frames[0];
    if (!frame) return;
    this.#zoomAt(frame.x + frame.width / 2, frame.y + frame.height / 2, by);
  }

  fit(): void {
    this.#camera = fitted;
    this.draw();
  }

  /** One pixel of the photo on one pixel of the screen. */
  actualSize(): void {
    const picture = this.picture;
    const sides = this.#pictureSides();
    if (!picture || !sides) return;
    this.zoom(sides.width / devicePixelRatio / picture.width);
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
    this.#layout = layOut(this.#sides, sides, { two, camera: this.#camera, padding });
    const scale = devicePixelRatio;
    const message = viewOf(this.#sides, this.#layout, {
      view,
      divider,
      scale,
      radius: small ? 0 : 8,
      cropping: this.#cropping,
      ready,
    });
    void this.#app.engine.call('image.view', message).catch(() => {
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
    this.#divider.hidden = !comparing;
    this.#photoTag.hidden = !comparing && view !== 'side';
    this.#depthTag.hidden = this.#photoTag.hidden;
    if (comparing) {
      const at = pictures[0]!.x + divider * pictures[0]!.width;
      const inside = Math.min(Math.max(at, visible.x), visible.x + visible.width);
      setStyle(this.#divider, 'left', `${inside}px`);
      setStyle(this.#divider, 'top', `${visible.y}px`);
      setStyle(this.#divider, 'height', `${visible.height}px`);
      this.#divider.setAttribute('aria-valuenow', String(Math.round(100 * divider)));
      place(this.#photoTag, visible, false);
      place(this.#depthTag, visible, true);
    } else if (view === 'side' && pictures[1]) {
      place(this.#photoTag, visible, false);
      place(this.#depthTag, overlap(pictures[1], frames[1]!), false);
    }
  }

  #placeMarks(): void {
    const layout = this.#layout;
    if (!layout) return;
    // In the view side by side marks belong to the map.
    const at = layout.pictures.at(-1)!;
    const frame = layout.frames.at(-1)!;
    while (this.#marks.children.length > this.#shown.length) this.#marks.lastChild!.remove();
    for (const [i, mark] of this.#shown.entries()) {
      let element = this.#marks.children[i] as HTMLElement | undefined;
      if (!element) {
        element = this.#makeMark(i);
        this.#marks.append(element);
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

  #makeMark(index: number): HTMLElement {
    const element = h('button', { class: 'pick', type: 'button' }, h('span', { class: 'tag' }));
    element.addEventListener('keydown', (event) => {
      const mark = this.#shown[index];
      const sides = this.#pictureSides();
      if (!mark || !sides) return;
      const step = event.shiftKey ? 10 : 1;
      const [dx = 0, dy = 0] =
        { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[
          event.key
        ] ?? [];
      if (event.key === 'Delete' || event.key === 'Backspace') this.#events.onMarkRemoved(index);
      else if (dx || dy) {
        this.#events.onMarkMoved(index, {
          x: Math.min(Math.max(mark.x + dx / sides.width, 0), 1),
          y: Math.min(Math.max(mark.y + dy / sides.height, 0), 1),
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

  #zoomAt(x: number, y: number, by: number): void {
    const { pictures, frames } = this.#layout ?? {};
    const sides = this.#pictureSides();
    if (!pictures || !frames || !sides) return;
    const which = frames.findIndex(
      (frame) =>
        x >= frame.x && x <= frame.x + frame.width && y >= frame.y && y <= frame.y + frame.height,
    );
    const index = Math.max(which, 0);
    const next = zoomAbout(this.#camera, pictures[index]!, by, x, y);
    this.#camera = settled(next, frames[index]!, sides);
    this.draw();
  }

  #pan(dx: number, dy: number): void {
    const { pictures, frames } = this.#layout ?? {};
    const sides = this.#pictureSides();
    if (!pictures || !frames || !sides) return;
    const { width, height } = pictures[0]!;
    const { zoom, x, y } = this.#camera;
    this.#camera = settled({ zoom, x: x - dx / width, y: y - dy / height }, frames[0]!, sides);
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
    const fingers = new Map<number, PointerEvent>();
    let press: ReturnType<typeof setTimeout> | undefined;
    let moved = 0;
    const pick = (event: PointerEvent): void => {
      const place = this.#placeAt(event);
      if (place && this.#runner.facts.value && !this.#cropping) this.#events.onPick(place);
    };
    this.#canvas.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      this.element.focus({ preventScroll: true });
      fingers.set(event.pointerId, event);
      this.#canvas.setPointerCapture(event.pointerId);
      moved = 0;
      clearTimeout(press);
      if (event.pointerType === 'touch' && fingers.size === 1 && !this.#picking) {
        press = setTimeout(() => {
          moved = Number.POSITIVE_INFINITY;
          pick(event);
        }, LONG_PRESS);
      }
    });
    this.#canvas.addEventListener('pointermove', (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) {
        if (event.pointerType === 'mouse') this.#events.onHover(this.#placeAt(event));
        return;
      }
      const dx = event.clientX - before.clientX;
      const dy = event.clientY - before.clientY;
      moved += Math.hypot(dx, dy);
      if (moved > 6) clearTimeout(press);
      if (fingers.size === 2) {
        const other = [...fingers.values()].find(({ pointerId }) => pointerId !== event.pointerId)!;
        const spread = (a: PointerEvent): number =>
          Math.hypot(a.clientX - other.clientX, a.clientY - other.clientY);
        const bounds = this.element.getBoundingClientRect();
        const x = (event.clientX + other.clientX) / 2 - bounds.left;
        const y = (event.clientY + other.clientY) / 2 - bounds.top;
        this.#zoomAt(x, y, spread(event) / Math.max(spread(before), 1));
        this.#pan(dx / 2, dy / 2);
      } else if (moved > 3 && (event.pointerType === 'mouse' || this.#camera.zoom > 1))
        this.#pan(dx, dy);
      fingers.set(event.pointerId, event);
    });
    const lift = (event: PointerEvent): void => {
      const alone = fingers.size === 1;
      fingers.delete(event.pointerId);
      clearTimeout(press);
      if (event.type === 'pointerup' && alone && moved <= 3 && this.#picking) pick(event);
    };
    this.#canvas.addEventListener('pointerup', lift);
    this.#canvas.addEventListener('pointercancel', lift);
    this.#canvas.addEventListener('pointerleave', () => this.#events.onHover(undefined));
    this.#canvas.addEventListener('dblclick', () => {
      if (!this.#picking) this.fit();
    });
    this.element.addEventListener(
      'wheel',
      (event) => {
        if (!this.#layout || this.#cropping || this.cover.contains(event.target as Node)) return;
        event.preventDefault();
        const bounds = this.element.getBoundingClientRect();
        const by = Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0015));
        this.#zoomAt(event.clientX - bounds.left, event.clientY - bounds.top, by);
      },
      { passive: false },
    );
  }

  #takeDivider(): void {
    const change = (to: number): void =>
      this.#settings.change({ divider: Math.min(Math.max(to, 0), 1) });
    this.#divider.addEventListener('keydown', (event) => {
      const by = { ArrowLeft: -0.01, ArrowRight: 0.01 }[event.key];
      if (by) change(this.#settings.value.divider + by * (event.shiftKey ? 10 : 1));
      else if (event.key === 'Home') change(0);
      else if (event.key === 'End') change(1);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    this.#divider.addEventListener('dblclick', () => change(0.5));
    this.#divider.addEventListener('pointerdown', (event) => {
      this.#divider.setPointerCapture(event.pointerId);
      const move = (moved: PointerEvent): void => {
        const picture = this.picture;
        if (!picture) return;
        const { left } = this.element.getBoundingClientRect();
        change((moved.clientX - left - picture.x) / picture.width);
      };
      this.#divider.addEventListener('pointermove', move);
      const end = (): void => this.#divider.removeEventListener('pointermove', move);
      this.#divider.addEventListener('pointerup', end, { once: true });
      this.#divider.addEventListener('pointercancel', end, { once: true });
    });
  }
}
