import type { App } from '../../app.ts';
import { runInF32, useModel } from '../../engine/default_model.ts';
import { failureIn, isCancelled, isSaidElsewhere } from '../../engine/engine.ts';
import type { Settings } from '../../settings.ts';
import { Store } from '../../store.ts';
import { timeText } from '../../words.ts';
import type {
  Look,
  LookFacts,
  ManyRunOptions,
  RunFacts,
  RunProgress,
} from '../../worker/image/image_calls.ts';
import type { Failure } from '../../worker/protocol.ts';
import { cropOf, type ImageSettings, lookOf, runsOf } from './image_settings.ts';

export type PhotoState =
  | { readonly state: 'none' }
  | {
      readonly state: 'open';
      readonly file: File;
      readonly width: number;
      readonly height: number;
    };

export type RunState =
  | { readonly state: 'idle' }
  | { readonly state: 'running'; readonly since: number; readonly progress?: RunProgress }
  | { readonly state: 'done' }
  | { readonly state: 'failed'; readonly failure: Failure };

/** Keeps the worker's picture in step with the settings: a photo, the newest run, the newest look. */
export class ImageRunner {
  readonly photo = new Store<PhotoState>({ state: 'none' });
  readonly run = new Store<RunState>({ state: 'idle' });
  /** Of the last run that ended well; undefined once its model or photo is gone. */
  readonly facts = new Store<RunFacts | undefined>(undefined);
  readonly look = new Store<LookFacts | undefined>(undefined);
  /** A picture that could not be read. What was open before stays. */
  readonly unreadable = new Store<{ file: File; failure: Failure } | undefined>(undefined);
  /** The visitor's measured line, which normals and meshes use. */
  line: Look['line'];
  readonly #app: App;
  readonly #settings: Settings<ImageSettings>;
  #cancel: AbortController | undefined;
  #wanted = false;
  #lookWanted = false;
  #lookRunning: Promise<void> | undefined;
  #opening = 0;
  #isOpening = false;
  #runs = 0;

  constructor(app: App, settings: Settings<ImageSettings>) {
    this.#app = app;
    this.#settings = settings;
    settings.store.watch((now, before) => {
      if (now === before) return;
      if (now.rounding !== before.rounding) void this.#changePreset(now.rounding);
      else if (runKey(now) !== runKey(before)) this.requestRun();
      else if (JSON.stringify(lookOf(now)) !== JSON.stringify(lookOf(before))) this.requestLook();
    });
    // A worker that did not start says so by the state of the device.
    app.engine.call('image.expect', lookOf(settings.value)).catch(() => {});
    // For tests and for scripts that drive the page: whether the picture is what the settings ask for.
    this.run.watch(() => this.#showState());
    app.engine.model.watch((state) => {
      if (state.state === 'ready') {
        const { preset } = state.info.options;
        // A model that was opened elsewhere brings its own rules, unless this page asks for others.
        if (preset !== settings.value.rounding) void this.#changePreset(settings.value.rounding);
        else this.requestRun();
      } else if (this.run.value.state === 'running') this.#cancel?.abort();
      this.#showState();
    });
  }

  #showState(): void {
    const { state } = this.run.value;
    const busy =
      state === 'running' ||
      this.#wanted ||
      this.#isOpening ||
      this.#lookRunning !== undefined ||
      this.#waitsForModel();
    document.documentElement.dataset.image = busy ? 'busy' : state;
  }

  /** The photo is run once the model is there, with the rules that the settings ask for. */
  #waitsForModel(): boolean {
    const model = this.#app.engine.model.value;
    if (this.photo.value.state !== 'open') return false;
    if (model.state !== 'ready') return model.state === 'loading';
    return model.info.options.preset !== this.#settings.value.rounding;
  }

  /** Decodes a file in the worker and shows it. The newest wins. */
  async open(file: File): Promise<boolean> {
    const turn = ++this.#opening;
    this.#isOpening = true;
    this.#showState();
    try {
      const { width, height } = await this.#app.engine.call('image.open', {
        blob: file,
        name: file.name,
      });
      if (turn !== this.#opening) return false;
      this.unreadable.set(undefined);
      this.facts.set(undefined);
      this.look.set(undefined);
      this.photo.set({ state: 'open', file, width, height });
      this.requestRun();
      return true;
    } catch (error) {
      if (turn !== this.#opening || isCancelled(error)) return false;
      const failure = failureIn(error);
      this.unreadable.set({ file, failure });
      this.#app.announce.alert(failure.message);
      return false;
    } finally {
      if (turn === this.#opening) {
        this.#isOpening = false;
        this.#showState();
      }
    }
  }

  /** The run that the settings ask for; undefined without a model or a photo. */
  get options(): ManyRunOptions | undefined {
    const { info } = this.#app.engine;
    if (!info || this.photo.value.state !== 'open') return undefined;
    const settings = this.#settings.value;
    const { square, tiles, flip } = runsOf(settings);
    const size = settings.size || info.baseSize;
    return { size, square, tiles, flip, crop: cropOf(settings) };
  }

  /** One run at a time; while one is under way, only the newest wish is kept. */
  requestRun(): void {
    if (this.run.value.state === 'running') {
      this.#wanted = true;
      return;
    }
    void this.#run();
  }

  cancelRun(): void {
    this.#wanted = false;
    this.#cancel?.abort();
  }

  async #run(): Promise<void> {
    const { engine, announce, toast } = this.#app;
    const options = this.options;
    if (!options) return;
    this.#wanted = false;
    const cancel = new AbortController();
    this.#cancel = cancel;
    const since = performance.now();
    this.run.set({ state: 'running', since });
    try {
      const facts = await engine.call('image.run', options, {
        signal: cancel.signal,
        onProgress: (progress) => this.run.set({ state: 'running', since, progress }),
      });
      this.#lookWanted = false;
      await this.#showLook();
      this.facts.set(facts);
      // Another one was asked for while this was on its way.
      if (this.#lookWanted) this.requestLook();
      this.run.set({ state: 'done' });
      if (facts.runs === 1) engine.speed = { time: facts.modelTime, size: options.size };
      announce.say(`Depth map ready in ${timeText(facts.totalTime)}`);
      document.documentElement.dataset.runs = String(++this.#runs);
    } catch (error) {
      const failure = failureIn(error);
      if (isSaidElsewhere(failure) || failure.code === 'no-photo') {
        // A photo that was opened meanwhile is run next.
        this.run.set({ state: this.facts.value ? 'done' : 'idle' });
      } else if (failure.code === 'not-finite' && engine.info?.dtype === 'f16') {
        this.run.set({ state: 'idle' });
        await runInF32(engine, toast, failure);
      } else {
        this.run.set({ state: 'failed', failure });
        announce.alert(failure.message);
      }
    }
    if (this.#wanted) void this.#run();
  }

  /** A new look costs no run. While one is under way, only the newest wish is kept. */
  requestLook(): void {
    this.#lookWanted = true;
    if (!this.facts.value) return;
    this.#lookRunning ??= this.#showLooks().finally(() => {
      this.#lookRunning = undefined;
      this.#showState();
    });
    this.#showState();
  }

  async #showLooks(): Promise<void> {
    while (this.#lookWanted) {
      this.#lookWanted = false;
      try {
        await this.#showLook();
      } catch (error) {
        // A run in between brings the look of its own.
        const failure = failureIn(error);
        const isQuiet = isSaidElsewhere(failure) || failure.code === 'no-photo';
        if (!isQuiet) this.run.set({ state: 'failed', failure });
      }
    }
  }

  async #showLook(): Promise<void> {
    const look = lookOf(this.#settings.value, this.line);
    this.look.set(await this.#app.engine.call('image.look', look));
  }

  async #changePreset(preset: ImageSettings['rounding']): Promise<void> {
    const { engine } = this.#app;
    const { info } = engine;
    this.#showState();
    if (!info || info.options.preset === preset) return;
    try {
      await useModel(engine, info.source, { ...info.options, preset });
    } catch {
      // The state of the model says what went wrong.
    }
  }
}

const runKey = ({ size, shape, tiles, flip, crop }: ImageSettings): string =>
  [size, shape, tiles, flip, ...crop].join();
