import { h } from '../../dom.ts';
import { runInF32 } from '../../engine/default_model.ts';
import type { Engine } from '../../engine/engine.ts';
import { failureIn, isSaidElsewhere } from '../../engine/engine.ts';
import { Store } from '../../store.ts';
import type { Toaster } from '../../ui/toast.ts';
import type { FilmFacts, FilmOptions } from '../../worker/film/film_calls.ts';
import type { Failure } from '../../worker/protocol.ts';
import type { FirstRun } from '../getting_ready.ts';
import { FrameGrabber } from './frame_grabber.ts';
import { evenFrames, exactFrames, type FrameTable } from './frame_table.ts';
import { untilReady } from './until_ready.ts';

export type FilmSource =
  | { readonly kind: 'none' }
  | { readonly kind: 'file' | 'camera' | 'screen'; readonly name: string; readonly id: number };

export interface FilmTimes {
  readonly model: number;
  /** From one result to the next. */
  readonly frame: number;
  readonly dropped: number;
}

const WHOLE = [0, Number.POSITIVE_INFINITY] as const;

/** A film that plays, wherever its frames are shown: every one of them goes to the worker, or as many as it can take. */
export class Film {
  readonly source = new Store<FilmSource>({ kind: 'none' });
  readonly playing = new Store(false);
  /** Counts frames that have been through the model. */
  readonly frame = new Store(0);
  readonly facts = new Store<FilmFacts | undefined>(undefined);
  readonly times = new Store<FilmTimes | undefined>(undefined);
  /** How far the first frame at a size is; undefined at all other times. */
  readonly progress = new Store<FirstRun | undefined>(undefined);
  readonly failure = new Store<Failure | undefined>(undefined);
  readonly position = new Store(0);
  /** The part that is played, in seconds. */
  readonly range = new Store<readonly [from: number, to: number]>(WHOLE);
  /** Wait for every frame of a file; else frames that come while one is in work are left out. */
  every = false;
  loop = true;
  /** Called after a frame is shown, before the next is begun, with how it was looked at. */
  afterFrame: ((options: FilmOptions) => Promise<void> | undefined) | undefined;
  /** Called when a camera is unplugged, or a screen is no longer shared. */
  ended: ((kind: 'camera' | 'screen') => void) | undefined;
  /** How frames are looked at; set by the page that has the controls. */
  options: (() => FilmOptions | undefined) | undefined;
  readonly video = h('video', { class: 'film-source', playsinline: true, muted: true });
  readonly #engine: Engine;
  readonly #toast: Toaster;
  readonly #grabber = new FrameGrabber(this.video);
  #address: string | undefined;
  #stream: MediaStream | undefined;
  #busy = false;
  #seeking = false;
  #work: Promise<void> = Promise.resolve();
  #again = false;
  #restart = true;
  #dropped = 0;
  #lastPresented = 0;
  #lastMediaTime: number | undefined;
  #lastDone = 0;
  #frameSeconds = 1 / 30;
  #table: FrameTable | undefined;
  #tableRead: Promise<void> | undefined;
  #reading: AbortController | undefined;
  #ids = 0;
  /** Counts how often playing began, so that what an earlier turn had begun ends. */
  #turn = 0;
  /** It stands because the model or the device is away. */
  #held = false;

  constructor(engine: Engine, toast: Toaster) {
    this.#engine = engine;
    this.#toast = toast;
    this.video.muted = true;
    document.body.append(this.video);
    this.video.addEventListener('ended', () => {
      if (this.loop && this.playing.value) {
        void this.seek(this.range.value[0]).then(() => {
          // Whoever pauses before it begins has asked for that.
          if (this.playing.value) void this.video.play().catch(() => {});
        });
      } else this.playing.set(false);
    });
    engine.model.watch(({ state }) => {
      if (state !== 'ready') return;
      if (this.#held) this.play();
      else this.refresh();
    });
  }

  get duration(): number {
    const { duration } = this.video;
    return Number.isFinite(duration) ? duration : 0;
  }

  /** Exact once the file's own table was read. */
  get frames(): FrameTable {
    return this.#table ?? evenFrames(this.#frameSeconds, this.duration);
  }

  async openFile(file: File): Promise<void> {
    this.close();
    this.#address = URL.createObjectURL(file);
    this.video.src = this.#address;
    await untilReady(this.video);
    this.source.set({ kind: 'file', name: file.name, id: ++this.#ids });
    this.#tableRead = this.#readTable(file);
    this.play();
  }

  async #readTable(file: File): Promise<void> {
    const reading = new AbortController();
    this.#reading = reading;
    const { signal } = reading;
    const times = await this.#engine
      .call('film.times', { file }, { signal })
      .catch(() => undefined);
    if (!times || signal.aborted) return;
    this.#table = exactFrames(times, this.duration);
    // Who shows the number of the frame looks again.
    this.range.set([...this.range.value]);
  }

  async openStream(stream: MediaStream, kind: 'camera' | 'screen', name: string): Promise<void> {
    this.close();
    this.#stream = stream;
    this.video.srcObject = stream;
    await untilReady(this.video);
    for (const track of stream.getTracks()) {
      track.addEventListener('ended', () => {
        if (this.#stream !== stream) return;
        this.pause();
        // The frame that is in work would take back what is said of the end.
        void this.#work.then(() => this.ended?.(kind));
      });
    }
    this.source.set({ kind, name, id: ++this.#ids });
    this.play();
  }

  close(): void {
    this.pause();
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = undefined;
    this.video.removeAttribute('src');
    this.video.srcObject = null;
    if (this.#address) URL.revokeObjectURL(this.#address);
    this.#address = undefined;
    this.#restart = true;
    this.#seeking = false;
    this.#dropped = 0;
    this.#lastMediaTime = undefined;
    this.#frameSeconds = 1 / 30;
    this.#shortest = Number.POSITIVE_INFINITY;
    this.#reading?.abort();
    this.#table = undefined;
    this.range.set(WHOLE);
    this.source.set({ kind: 'none' });
    this.facts.set(undefined);
    this.times.set(undefined);
    this.failure.set(undefined);
  }

  /** False where there is nothing to play. */
  toggle(): boolean {
    if (this.source.value.kind === 'none') return false;
    if (this.playing.value) this.pause();
    else this.play();
    return true;
  }

  play(): void {
    if (this.playing.value || this.source.value.kind === 'none') return;
    this.#held = false;
    this.#turn++;
    this.playing.set(true);
    this.#lastDone = 0;
    if (this.every && this.source.value.kind === 'file') void this.#playEvery();
    else void this.#playLate();
  }

  pause(): void {
    this.#held = false;
    this.playing.set(false);
    this.video.pause();
  }

  /** To the frame that is seen at that moment. */
  async seek(seconds: number): Promise<void> {
    if (this.source.value.kind !== 'file') return;
    await this.#seekFrame(seconds);
    this.#restart = true;
    if (!this.playing.value) await this.#process();
    this.#showState();
  }

  async step(by: number): Promise<void> {
    this.pause();
    const { frames } = this;
    const next = frames.indexAt(this.video.currentTime) + by;
    await this.seek(frames.middleOf(next));
  }

  /** The frame that is there, once more: after the size, the model or the settings changed. */
  refresh(): void {
    if (this.source.value.kind === 'none' || this.playing.value) return;
    void this.#process();
  }

  /** From where it stands; from the start of the part that is played when it stands outside or at its end. */
  async #enterRange(): Promise<void> {
    if (this.source.value.kind !== 'file') return;
    const { frames } = this;
    const [from, to] = this.range.value;
    const { currentTime } = this.video;
    const next = frames.indexAt(currentTime) + 1;
    const isOver = next >= frames.count || frames.timeOf(next) >= to;
    if (isOver || currentTime < from) await this.#seekFrame(from);
  }

  async #playLate(): Promise<void> {
    const { video } = this;
    const turn = this.#turn;
    const next = (_: number, { presentedFrames, mediaTime }: VideoFrameCallbackMetadata): void => {
      const { kind } = this.source.value;
      if (!this.playing.value || turn !== this.#turn || kind === 'none') return;
      this.#learnRate(mediaTime, presentedFrames);
      const [from, to] = this.range.value;
      if (kind === 'file' && mediaTime >= to) {
        if (this.loop) void this.seek(from);
        else {
          this.pause();
          return;
        }
      } else if (!this.#busy) {
        if (this.#lastPresented > 0) {
          this.#dropped += Math.max(0, presentedFrames - this.#lastPresented - 1);
        }
        this.#lastPresented = presentedFrames;
        void this.#process();
      }
      video.requestVideoFrameCallback(next);
    };
    this.#lastPresented = 0;
    await this.#enterRange();
    if (!this.playing.value || turn !== this.#turn) return;
    video.requestVideoFrameCallback(next);
    await video.play().catch(() => {
      if (turn === this.#turn) this.pause();
    });
  }

  /** Every frame of a file: the film stands while one is in work. */
  async #playEvery(): Promise<void> {
    const turn = this.#turn;
    const goesOn = (): boolean => this.playing.value && turn === this.#turn;
    this.video.pause();
    // Which frames there are is in the file's own table. In long films without an index that takes seconds.
    await this.#tableRead;
    await this.#enterRange();
    while (goesOn()) {
      await this.#work;
      await this.#process();
      if (!goesOn()) return;
      const { frames } = this;
      const [from, to] = this.range.value;
      const next = frames.indexAt(this.video.currentTime) + 1;
      if (next >= frames.count || frames.timeOf(next) >= to) {
        if (!this.loop) {
          this.pause();
          return;
        }
        await this.#seekFrame(from);
        this.#restart = true;
      } else await this.#seek(frames.middleOf(next));
    }
  }

  async #seekFrame(seconds: number): Promise<void> {
    const { frames } = this;
    await this.#seek(frames.middleOf(frames.indexAt(seconds)));
  }

  async #seek(seconds: number): Promise<void> {
    const { video } = this;
    if (Math.abs(video.currentTime - seconds) < 1e-6) return;
    const done = new Promise((resolve) =>
      video.addEventListener('seeked', resolve, { once: true }),
    );
    video.currentTime = seconds;
    this.#seeking = true;
    this.#showState();
    await done;
    this.#seeking = false;
    this.#showPosition();
  }

  #showPosition(): void {
    const { currentTime } = this.video;
    const isFile = this.source.value.kind === 'file';
    this.position.set(isFile ? this.frames.timeOf(this.frames.indexAt(currentTime)) : currentTime);
  }

  #presentedBefore = 0;
  #shortest = Number.POSITIVE_INFINITY;
  /** Browsers do not say how many frames a second a film has: the shortest step between two that follow each other. */
  #learnRate(mediaTime: number, presented: number): void {
    const by = mediaTime - (this.#lastMediaTime ?? mediaTime);
    if (presented === this.#presentedBefore + 1 && by > 0.004 && by < 0.2) {
      this.#shortest = Math.min(this.#shortest, by);
      this.#frameSeconds = this.#shortest;
    }
    this.#presentedBefore = presented;
    this.#lastMediaTime = mediaTime;
  }

  /** Stands until there is a model and a device again. */
  #hold(): void {
    if (!this.playing.value) return;
    this.pause();
    this.#held = true;
  }

  /** Of the page: busy from the moment that a frame is sought until it was shown, and written where frames are. */
  #showState(): void {
    document.documentElement.dataset.film = this.#busy || this.#seeking ? 'busy' : 'done';
  }

  #process(): Promise<void> {
    if (this.#busy) {
      this.#again = true;
      return this.#work;
    }
    const options = this.options?.();
    if (!options) {
      this.#hold();
      return this.#preview();
    }
    this.#busy = true;
    this.#showState();
    this.#again = false;
    this.#work = this.#processWith(options);
    return this.#work;
  }

  /** The frame alone, while there is no model for its depth. */
  async #preview(): Promise<void> {
    try {
      const frame = await this.#grabber.grab(this.frames);
      await this.#engine.call('film.preview', { frame }, { transfer: [frame] });
    } catch {
      // What is wrong is said when its depth is asked for.
    }
  }

  async #processWith(options: FilmOptions): Promise<void> {
    const source = this.source.value;
    const isFile = source.kind === 'file';
    try {
      const frame = await this.#grabber.grab(this.frames);
      if (this.source.value !== source) {
        frame.close();
        return;
      }
      const restart = this.#restart;
      this.#restart = false;
      this.#showPosition();
      const time = isFile ? this.position.value : performance.now() / 1000;
      const facts = await this.#engine.call(
        'film.frame',
        { frame, time, options, restart },
        { transfer: [frame], onProgress: (run) => this.progress.set(run) },
      );
      if (this.source.value !== source) return;
      const now = performance.now();
      this.times.set({
        model: facts.modelTime,
        frame: this.#lastDone > 0 ? now - this.#lastDone : facts.modelTime,
        dropped: this.#dropped,
      });
      this.#lastDone = now;
      this.facts.set(facts);
      this.#engine.speed = { time: facts.modelTime, size: options.size };
      this.failure.set(undefined);
      this.frame.set(this.frame.value + 1);
      await this.afterFrame?.(options);
    } catch (error) {
      const failure = failureIn(error);
      if (isSaidElsewhere(failure)) {
        this.#restart = true;
        if (failure.code !== 'cancelled') this.#hold();
      } else if (failure.code === 'not-finite' && this.#engine.info?.dtype === 'f16') {
        this.#restart = true;
        this.#hold();
        void runInF32(this.#engine, this.#toast, failure);
      } else {
        this.pause();
        this.failure.set(failure);
      }
    } finally {
      this.#busy = false;
      this.#showState();
      this.progress.set(undefined);
    }
    if (this.#again && !this.playing.value) await this.#process();
  }
}
