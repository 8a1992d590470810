import type { App } from '../../app.ts';
import { h, setAttribute, setStyle, setText } from '../../dom.ts';
import type { Settings } from '../../settings.ts';
import { WorkerCanvas } from '../../ui/worker_canvas.ts';
import { timeText } from '../../words.ts';
import type { Rect } from '../../worker/image/image_calls.ts';
import { FLAT_WORDS } from '../image/image_page.ts';
import { fitted, overlap } from '../image/layout.ts';
import { nearestWords } from '../image/nearest.ts';
import { CROP_BAR } from '../image/stage.ts';
import { type Shown, Zoom } from '../image/zoom.ts';
import { takeHands, takeWheel } from '../image/zoom_hands.ts';
import type { Film } from './film.ts';
import { filmView, placeFilm } from './film_layout.ts';
import type { VideoSettings } from './video_settings.ts';

/** The canvas of the video page. The worker draws each frame by itself; from here it hears only where. */
export class VideoStage {
  readonly element: HTMLElement;
  readonly cover = h('div', { class: 'cover' });
  readonly canvas: WorkerCanvas;
  readonly #app: App;
  readonly #film: Film;
  readonly #settings: Settings<VideoSettings>;
  readonly #time = h('span', { class: 'tag', hidden: true });
  readonly #recording = h('span', { class: 'tag', hidden: true });
  readonly #overlay = h('div', { class: 'overlay' });
  readonly #flat = h('p', { class: 'tag flat', hidden: true }, FLAT_WORDS);
  #drawing = false;
  #cropping = false;
  #nearest = '';
  #shown: Shown | undefined;
  // Smaller than the stage, too, as the original's window can be.
  readonly #zoom = new Zoom(
    () => (this.#cropping ? undefined : this.#shown),
    () => this.draw(),
    0.25,
  );
  /** Where the frame lies while it is cropped, in CSS pixels of the stage. */
  frame: Rect | undefined;

  constructor(app: App, settings: Settings<VideoSettings>) {
    this.#app = app;
    this.#film = app.film;
    this.#settings = settings;
    this.canvas = new WorkerCanvas(
      app.engine,
      () => this.#makeCanvas(),
      (canvas) =>
        app.engine.call('film.canvas', { canvas }, { transfer: [canvas] }).then(() => this.draw()),
    );
    this.element = h(
      'div',
      { class: 'canvas', id: 'stage', tabindex: -1 },
      this.canvas.element,
      this.#overlay,
      this.#flat,
      this.cover,
    );
    this.#overlay.append(this.#time, this.#recording);
    takeWheel(
      this.element,
      this.#zoom,
      ({ target }) => !this.#shown || this.#cropping || this.cover.contains(target as Node),
    );
    new ResizeObserver(() => this.draw()).observe(this.element);
    settings.store.watch((now, before) => {
      if (now.layout !== before.layout) this.draw();
    });
    let sides = '';
    this.#film.facts.watch((facts) => {
      const next = facts ? `${facts.width} ${facts.height}` : '';
      if (next !== sides) this.#zoom.fit();
      sides = next;
      this.#time.hidden = facts === undefined;
      this.#flat.hidden = facts?.flat !== true;
      setAttribute(this.canvas.element, 'aria-label', this.#label());
    });
    this.#film.frame.watch(() => void this.#sayNearest());
    this.#film.playing.watch(() => void this.#sayNearest());
    let last = 0;
    this.#film.source.watch(() => this.#zoom.fit());
    this.#film.times.watch((times) => {
      const now = performance.now();
      if (!times || now - last < 250) return;
      last = now;
      setText(this.#time, `Model ${timeText(times.model)}`);
    });
  }

  #label(): string {
    const facts = this.#film.facts.value;
    return facts
      ? `Depth of a film, ${facts.width} by ${facts.height}${this.#nearest}`
      : 'No film yet';
  }

  /** Of a frame that stands: those of a film that plays go by too fast to be told. */
  async #sayNearest(): Promise<void> {
    const { frame, playing } = this.#film;
    const shown = frame.value;
    this.#nearest = '';
    if (this.#film.facts.value && !playing.value) {
      const words = await nearestWords((places) => this.#app.engine.call('film.pick', places));
      if (frame.value === shown && !playing.value) this.#nearest = words;
    }
    setAttribute(this.canvas.element, 'aria-label', this.#label());
  }

  #makeCanvas(): HTMLCanvasElement {
    const canvas = h('canvas', { role: 'img', 'aria-label': this.#label(), class: 'screen' });
    takeHands(canvas, this.#zoom, { tap: () => void this.#film.toggle() });
    return canvas;
  }

  attach(): void {
    this.canvas.attach();
  }

  set recording(text: string) {
    this.#recording.hidden = text === '';
    this.#recording.replaceChildren(h('span', { class: 'rec' }), text);
  }

  /** The frame alone, without its depth. */
  set cropping(on: boolean) {
    this.#cropping = on;
    this.#overlay.hidden = on;
    // At once: whoever puts a box over the frame needs to know where it lies.
    this.#draw();
  }

  zoom(by: number): void {
    this.#zoom.by(by);
  }

  draw(): void {
    if (this.#drawing || !this.canvas.attached) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#draw();
    });
  }

  #draw(): void {
    const { clientWidth: width, clientHeight: height } = this.element;
    const facts = this.#film.facts.value;
    if (width === 0 || height === 0) return;
    const small = width < 560;
    const { videoWidth, videoHeight } = this.#film.video;
    const film = videoWidth > 0 ? { width: videoWidth, height: videoHeight } : undefined;
    const picture = facts ?? film ?? { width: 16, height: 9 };
    const cropping = this.#cropping;
    // The buttons of the crop box stand below the frame, not over its lower handles.
    const room = { width, height: height - (cropping ? CROP_BAR : 0) };
    const { layout } = this.#settings.value;
    const placed = placeFilm(room, picture, cropping ? 'depth' : layout, {
      // The handles of the crop box reach beyond the frame.
      padding: small && !cropping ? { x: 0, y: 0 } : { x: 16, y: cropping ? 16 : 8 },
      camera: cropping ? fitted : this.#zoom.camera,
    });
    this.#shown = { layout: placed, picture };
    const depth = placed.pictures.at(-1)!;
    this.frame = depth;
    const seen = overlap(depth, placed.frames.at(-1)!);
    const left = `${seen.x + 10}px`;
    setStyle(this.#time, 'left', left);
    setStyle(this.#time, 'top', `${seen.y + seen.height - 36}px`);
    setStyle(this.#recording, 'left', left);
    setStyle(this.#recording, 'top', `${seen.y + 10}px`);
    const view = filmView({ width, height }, placed, {
      scale: devicePixelRatio,
      radius: small ? 0 : 8,
      ready: facts !== undefined && !cropping,
    });
    this.element.dispatchEvent(new CustomEvent('layout'));
    void this.#app.engine.call('film.view', view).catch(() => {
      // The state of the device says why there is no picture.
    });
  }
}
