import type { App, Shown } from '../../app.ts';
import { runInF32 } from '../../engine/default_model.ts';
import { failureIn, isCancelled, isSaidElsewhere } from '../../engine/engine.ts';
import type { Settings } from '../../settings.ts';
import { Store } from '../../store.ts';
import type { Rect, RunProgress } from '../../worker/image/image_calls.ts';
import type { Failure } from '../../worker/protocol.ts';
import type {
  DrawFacts,
  Run3dOptions,
  View3d,
  View3dFacts,
} from '../../worker/view3d/view3d_calls.ts';
import { steadyOf } from '../video/steady.ts';
import type { View3dSettings } from './view3d_settings.ts';

export type Source3d =
  | { readonly state: 'none' }
  | { readonly state: 'picture'; readonly name: string }
  | { readonly state: 'film'; readonly name: string };

export type Run3d =
  | { readonly state: 'idle' }
  | { readonly state: 'running'; readonly progress?: RunProgress }
  | { readonly state: 'failed'; readonly failure: Failure };

/** Keeps the worker's surface in step: a picture or a film, the newest run, the newest view. */
export class View3dRunner {
  readonly source = new Store<Source3d>({ state: 'none' });
  readonly run = new Store<Run3d>({ state: 'idle' });
  readonly facts = new Store<View3dFacts | undefined>(undefined);
  /** Of a film, how many became surfaces. */
  readonly frames = new Store(0);
  readonly drawn = new Store<DrawFacts | undefined>(undefined);
  readonly unreadable = new Store<Failure | undefined>(undefined);
  /** Called with what was drawn, before the next is. */
  afterDraw: ((view: View3d) => Promise<void>) | undefined;
  /** A mask of the visitor's lies in the worker. */
  readonly hasMask = new Store(false);
  readonly #app: App;
  readonly #settings: Settings<View3dSettings>;
  readonly #view: () => View3d | undefined;
  #picture: File | undefined;
  #crop: Rect | undefined;
  /** The run that was asked for last, as text. */
  #asked = '';
  #cancel: AbortController | undefined;
  #opening = 0;
  #wanted = false;
  #frameWanted = false;
  #takingFrame = false;
  #drawWanted = false;
  #drawing = false;

  constructor(app: App, settings: Settings<View3dSettings>, view: () => View3d | undefined) {
    this.#app = app;
    this.#settings = settings;
    this.#view = view;
    settings.store.watch((now, before) => {
      if (now.size !== before.size) this.requestRun();
      if (now.steady !== before.steady || now.cuts !== before.cuts) void this.takeFrame();
      this.requestDraw();
    });
    app.engine.model.watch(({ state }) => {
      if (state === 'ready') this.requestRun();
    });
  }

  async open(file: File, crop?: Rect): Promise<void> {
    const turn = ++this.#opening;
    try {
      await this.#app.engine.call('view3d.open', { blob: file, name: file.name });
      if (turn !== this.#opening) return;
      this.#picture = file;
      this.#crop = crop;
      this.unreadable.set(undefined);
      this.facts.set(undefined);
      this.source.set({ state: 'picture', name: file.name });
      this.requestRun();
    } catch (error) {
      if (turn !== this.#opening || isCancelled(error)) return;
      this.unreadable.set(failureIn(error));
      this.#app.announce.alert(failureIn(error).message);
    }
  }

  /** Follows the film of the video page from now on. */
  async follow(name: string): Promise<void> {
    this.#opening++;
    this.#picture = undefined;
    this.source.set({ state: 'film', name });
    this.unreadable.set(undefined);
    await this.takeFrame();
  }

  /** The film has a new frame, or is to be kept steady in another way. One at a time; the newest counts. */
  async takeFrame(): Promise<void> {
    if (this.source.value.state !== 'film') return;
    this.#frameWanted = true;
    if (this.#takingFrame) return;
    this.#takingFrame = true;
    while (this.#frameWanted) {
      this.#frameWanted = false;
      await this.#takeFrame();
    }
    this.#takingFrame = false;
  }

  async #takeFrame(): Promise<void> {
    const turn = this.#opening;
    try {
      const steady = steadyOf(this.#settings.value);
      const facts = await this.#app.engine.call('view3d.film', steady);
      if (!facts || turn !== this.#opening) return;
      const before = this.facts.value;
      const { modelTime: _, ...lasting } = facts;
      const same =
        before && Object.entries(lasting).every(([key, value]) => before[key as never] === value);
      if (!same) this.facts.set(facts);
      this.frames.set(this.frames.value + 1);
      this.run.set({ state: 'idle' });
      this.requestDraw();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** As before anything was opened. */
  close(): void {
    this.#opening++;
    this.#picture = undefined;
    this.cancelRun();
    this.source.set({ state: 'none' });
  }

  async setMask(file: File | undefined): Promise<boolean> {
    try {
      await this.#app.engine.call('view3d.mask', file && { blob: file, name: file.name });
      this.hasMask.set(file !== undefined);
      return true;
    } catch (error) {
      const { message } = failureIn(error);
      this.#app.toast.show(message);
      return false;
    }
  }

  /** One run at a time; while one is under way, only the newest wish is kept. */
  requestRun(): void {
    if (this.source.value.state !== 'picture') return;
    if (this.run.value.state === 'running') this.#wanted = true;
    else void this.#run();
  }

  /** The page is shown again: what the image page has set of its picture, and of all, may have changed meanwhile. */
  refresh(shown: Shown | undefined): void {
    if (shown?.kind === 'picture' && shown.key === this.#picture) this.#crop = shown.crop;
    const { options } = this;
    if (options && JSON.stringify(options) !== this.#asked) this.requestRun();
  }

  /** The run that is wanted; undefined without a model. */
  get options(): Run3dOptions | undefined {
    const { info } = this.#app.engine;
    const size = this.#settings.value.size || info?.baseSize;
    return size ? { size, crop: this.#crop, ...this.#app.pictureRuns() } : undefined;
  }

  /** False where none is under way. */
  cancelRun(): boolean {
    this.#wanted = false;
    this.#cancel?.abort();
    return this.run.value.state === 'running';
  }

  async #run(): Promise<void> {
    const { engine } = this.#app;
    const { options } = this;
    if (!options) return;
    this.#wanted = false;
    this.#asked = JSON.stringify(options);
    const cancel = new AbortController();
    this.#cancel = cancel;
    this.run.set({ state: 'running' });
    try {
      const facts = await engine.call('view3d.run', options, {
        signal: cancel.signal,
        onProgress: (progress) => this.run.set({ state: 'running', progress }),
      });
      this.facts.set(facts);
      this.run.set({ state: 'idle' });
      this.requestDraw();
    } catch (error) {
      this.#fail(error);
    }
    if (this.#wanted) void this.#run();
  }

  #fail(error: unknown): void {
    const failure = failureIn(error);
    if (failure.code === 'not-finite' && this.#app.engine.info?.dtype === 'f16') {
      this.run.set({ state: 'idle' });
      void runInF32(this.#app.engine, this.#app.toast, failure);
      return;
    }
    const quiet = isSaidElsewhere(failure) || failure.code === 'no-photo';
    this.run.set(quiet ? { state: 'idle' } : { state: 'failed', failure });
    if (!quiet) this.#app.announce.alert(failure.message);
  }

  /** One frame at a time; the next shows what holds then. */
  requestDraw(): void {
    this.#drawWanted = true;
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => void this.#draw());
  }

  async #draw(): Promise<void> {
    this.#drawWanted = false;
    const view = this.#view();
    try {
      if (view) {
        const drawn = await this.#app.engine.call('view3d.draw', view);
        if (drawn) {
          this.drawn.set(drawn);
          await this.afterDraw?.(view);
        }
      }
    } catch {
      // The state of the device says why there is no picture.
    } finally {
      this.#drawing = false;
      if (this.#drawWanted) this.requestDraw();
    }
  }
}
