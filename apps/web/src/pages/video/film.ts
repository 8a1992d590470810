import { h } from '../../dom.ts';
import type { Engine } from '../../engine/engine.ts';
import { failureIn, isCancelled } from '../../engine/engine.ts';
import { Store } from '../../store.ts';
import type { FilmFacts, FilmOptions } from '../../worker/film/film_calls.ts';
import type { Failure } from '../../worker/protocol.ts';

export type FilmSource =
  | { readonly kind: 'none' }
  | { readonly kind: 'file' | 'camera' | 'screen'; readonly name: string; readonly id: number };

export interface FilmTimes {
  readonly model: number;
  /** From one result to the next. */
  readonly frame: number;
  readonly dropped: number;
}

/** A film that plays, wherever its frames are shown: every one of them goes to the worker, or as many as it can take. */
export class Film {
  readonly source = new Store<FilmSource>({ kind: 'none' });
  readonly playing = new Store(false);
  /** Counts frames that have been through the model. */
  readonly frame = new Store(0);
  readonly facts = new Store<FilmFacts | undefined>(undefined);
  readonly times = new Store<FilmTimes | undefined>(undefined);
  readonly failure = new Store<Failure | undefined>(undefined);
  readonly position = new Store(0);
  /** Wait for every frame of a file; else frames that come while one is in work are left out. */
  every = false;
  loop = true;
  /** The part that is played, in seconds. */
  range: readonly [from: number, to: number] = [0, Number.POSITIVE_INFINITY];
  /** Called after a frame is shown, before the next is begun. */
  afterFrame: (() => Promise<void> | undefined) | undefined;
  /** How frames are looked at; set by the page that has the controls. */
  options: (() => FilmOptions | undefined) | undefined;
  readonly video = h('video', { class: 'film-source', playsinline: true, muted: true });
  readonly #engine: Engine;
  #address: string | undefined;
  #stream: MediaStream | undefined;
  #busy = false;
  #again = false;
  #restart = true;
  #dropped = 0;
  #lastPresented = 0;
  #lastMediaTime: number | undefined;
  #lastDone = 0;
  #frameSeconds = 1 / 30;
  #ids = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.video.muted = true;
    document.body.append(this.video);
    this.video.addEventListener('ended', () => {
      if (this.loop) this.seek(this.range[0]).then(() => this.video.play());
      else this.playing.set(false);
    });
    engine.model.watch(({ state }) => {
      if (state === 'ready') this.refresh();
    });
  }

  get duration(): number {
    const { duration } = this.video;
    return Number.isFinite(duration) ? duration : 0;
  }

  get frameSeconds(): number {
    return this.#frameSeconds;
  }

  async openFile(file: File): Promise<void> {
    this.close();
    this.#address = URL.createObjectURL(file);
    this.video.src = this.#address;
    await this.#ready();
    this.source.set({ kind: 'file', name: file.name, id: ++this.#ids });
    this.play();
  }

  async openStream(stream: MediaStream, kind: 'camera' | 'screen', name: string): Promise<void> {
    this.close();
    this.#stream = stream;
    this.video.srcObject = stream;
    await this.#ready();
    for (const track of stream.getTracks()) {
      track.addEventListener('ended', () => {
        if (this.#stream === stream) this.pause();
      });
    }
    this.source.set({ kind, name, id: ++this.#ids });
    this.play();
  }

  /** Until the first frame can be shown; rejects where the browser cannot read it. */
  #ready(): Promise<void> {
    const { video } = this;
    return new Promise((resolve, reject) => {
      const done = (): void => {
        video.removeEventListener('loadeddata', done);
        video.removeEventListener('error', fail);
        resolve();
      };
      const fail = (): void => {
        video.removeEventListener('loadeddata', done);
        reject(new Error(video.error?.message || 'The browser cannot read it.'));
      };
      video.addEventListener('loadeddata', done, { once: true });
      video.addEventListener('error', fail, { once: true });
    });
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
    this.#dropped = 0;
    this.#lastMediaTime = undefined;
    this.#frameSeconds = 1 / 30;
    this.#shortest = Number.POSITIVE_INFINITY;
    this.range = [0, Number.POSITIVE_INFINITY];
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
    this.playing.set(true);
    this.#lastDone = 0;
    if (this.every && this.source.value.kind === 'file') void this.#playEvery();
    else void this.#playLate();
  }

  pause(): void {
    this.playing.set(false);
    this.video.pause();
  }

  async seek(seconds: number): Promise<void> {
    if (this.source.value.kind !== 'file') return;
    const most = Math.max(0, this.duration - 0.001);
    await this.#seek(Math.min(Math.max(seconds, 0), most));
    this.#restart = true;
    if (!this.playing.value) await this.#process();
  }

  async step(by: number): Promise<void> {
    this.pause();
    await this.seek(this.video.currentTime + by * this.#frameSeconds);
  }

  /** The frame that is there, once more: after the size, the model or the settings changed. */
  refresh(): void {
    if (this.source.value.kind === 'none' || this.playing.value) return;
    void this.#process();
  }

  async #playLate(): Promise<void> {
    const { video } = this;
    const id = this.source.value.kind === 'none' ? 0 : this.source.value.id;
    const next = (_: number, { presentedFrames, mediaTime }: VideoFrameCallbackMetadata): void => {
      const source = this.source.value;
      if (!this.playing.value || source.kind === 'none' || source.id !== id) return;
      this.#learnRate(mediaTime, presentedFrames);
      if (source.kind === 'file' && mediaTime >= this.range[1]) {
        if (this.loop) void this.seek(this.range[0]);
        else this.pause();
      }
      if (!this.#busy) {
        if (this.#lastPresented > 0) {
          this.#dropped += Math.max(0, presentedFrames - this.#lastPresented - 1);
        }
        this.#lastPresented = presentedFrames;
        void this.#process();
      }
      video.requestVideoFrameCallback(next);
    };
    this.#lastPresented = 0;
    video.requestVideoFrameCallback(next);
    await video.play().catch(() => this.pause());
  }

  /** Every frame of a file: the film stands while one is in work. */
  async #playEvery(): Promise<void> {
    this.video.pause();
    while (this.playing.value && this.every) {
      await this.#process();
      if (!this.playing.value) return;
      const [from, to] = this.range;
      const next = this.video.currentTime + this.#frameSeconds;
      if (next >= Math.min(to, this.duration - this.#frameSeconds / 2)) {
        if (!this.loop) {
          this.pause();
          return;
        }
        await this.#seek(from);
        this.#restart = true;
      } else await this.#seek(next);
    }
    if (this.playing.value) {
      this.playing.set(false);
      this.play();
    }
  }

  async #seek(seconds: number): Promise<void> {
    const { video } = this;
    if (Math.abs(video.currentTime - seconds) < 1e-6) return;
    const done = new Promise((resolve) =>
      video.addEventListener('seeked', resolve, { once: true }),
    );
    video.currentTime = seconds;
    await done;
    this.position.set(video.currentTime);
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

  async #process(): Promise<void> {
    if (this.#busy) {
      this.#again = true;
      return;
    }
    const options = this.options?.();
    if (!options) return;
    this.#busy = true;
    this.#again = false;
    try {
      const frame =
        'VideoFrame' in globalThis
          ? new VideoFrame(this.video)
          : await createImageBitmap(this.video);
      const restart = this.#restart;
      this.#restart = false;
      this.position.set(this.video.currentTime);
      const facts = await this.#engine.call(
        'film.frame',
        { frame, options, restart },
        { transfer: [frame] },
      );
      const now = performance.now();
      this.times.set({
        model: facts.modelTime,
        frame: this.#lastDone > 0 ? now - this.#lastDone : facts.modelTime,
        dropped: this.#dropped,
      });
      this.#lastDone = now;
      this.facts.set(facts);
      this.failure.set(undefined);
      this.frame.set(this.frame.value + 1);
      await this.afterFrame?.();
    } catch (error) {
      const failure = failureIn(error);
      if (isCancelled(error) || failure.code === 'no-model' || failure.code === 'device-lost') {
        // The state of the model or of the device says so, and their return starts this again.
        this.#restart = true;
      } else {
        this.pause();
        this.failure.set(failure);
      }
    } finally {
      this.#busy = false;
    }
    if (this.#again && !this.playing.value) await this.#process();
  }
}
