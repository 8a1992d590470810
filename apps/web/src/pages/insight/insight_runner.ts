import type { App } from '../../app.ts';
import type { CallOptions } from '../../engine/engine.ts';
import { failureIn, isSaidElsewhere } from '../../engine/engine.ts';
import type { Settings } from '../../settings.ts';
import { Store } from '../../store.ts';
import type { Calls } from '../../worker/calls.ts';
import type {
  InsightCalls,
  InsightFacts,
  NamedBlob,
  Timing,
} from '../../worker/insight/insight_calls.ts';
import { EngineError, type Failure } from '../../worker/protocol.ts';
import { sampleFile, samples } from '../image/samples.ts';
import type { InsightSettings } from './insight_settings.ts';

export interface ShownPhoto {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly bitmap: ImageBitmap;
}

interface Task {
  readonly label: string;
  /** 0…1, where that is known. */
  readonly share: number | undefined;
}

const labels: { readonly [K in keyof InsightCalls]?: string } = {
  'insight.setup': 'Opening the model',
  'insight.attention': 'Attention of one block',
  'insight.meanAttention': 'Attention, block by block',
  'insight.norms': 'Tokens, block by block',
  'insight.tensor': 'Running as far as this tensor',
  'insight.fusion': 'Fusion and head',
  'insight.compare': 'Running both models',
  'insight.time': 'Timing every step',
  'insight.parity': 'Running golden tensors',
};

const stop = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const cancelled = new EngineError({ code: 'cancelled', message: 'Cancelled.' });
    signal.addEventListener('abort', () => reject(cancelled), { once: true });
  });

/** Keeps the photo, the model and the size together: after each change everything is planned anew, once. */
export class InsightRunner {
  readonly photo = new Store<ShownPhoto | undefined>(undefined);
  readonly facts = new Store<InsightFacts | undefined>(undefined);
  readonly timing = new Store<Timing | undefined>(undefined);
  readonly failure = new Store<Failure | undefined>(undefined);
  readonly busy = new Store<string>('');
  /** What a tool waits for. */
  readonly task = new Store<Task | undefined>(undefined);
  /** The visitor stopped it, and nothing was asked for since. */
  readonly stopped = new Store(false);
  readonly #asking = new Set<AbortController>();
  readonly #app: App;
  readonly #settings: Settings<InsightSettings>;
  #shown = false;
  #prepared = '';
  #preparing = false;
  #again = false;
  #opened = 0;

  constructor(app: App, settings: Settings<InsightSettings>) {
    this.#app = app;
    this.#settings = settings;
    app.engine.model.watch((state) => {
      if (state.state !== 'ready') {
        this.#prepared = '';
        this.facts.set(undefined);
        this.timing.set(undefined);
      }
      void this.prepare();
    });
    this.failure.watch((failure) => {
      if (failure) app.announce.alert(failure.message);
    });
    settings.store.watch(({ size }, before) => {
      if (size !== before.size) void this.prepare();
    });
  }

  show(): void {
    this.#shown = true;
    void this.prepare();
  }

  hide(): void {
    this.#shown = false;
  }

  async openPhoto(photo: NamedBlob): Promise<void> {
    try {
      await this.#open(photo);
      await this.prepare();
    } catch (error) {
      this.failure.set(failureIn(error));
    }
  }

  /** A question to the worker. A failure is shown in the stage; one that was stopped is not. */
  async ask<K extends keyof InsightCalls>(
    name: K,
    params: Calls[K]['params'],
    { onProgress }: Pick<CallOptions<Calls[K]['progress']>, 'onProgress'> = {},
  ): Promise<Calls[K]['result'] | undefined> {
    const controller = new AbortController();
    const { signal } = controller;
    const label = labels[name] ?? 'Running';
    this.#asking.add(controller);
    this.stopped.set(false);
    this.task.set({ label, share: undefined });
    try {
      const answer = this.#app.engine.call(name, params, {
        signal,
        onProgress: (progress) => {
          // The worker ends what it has begun.
          if (signal.aborted) return;
          const { done, total }: { done: number; total: number } = progress;
          this.task.set({ label, share: done / total });
          onProgress?.(progress);
        },
      });
      // What the device has begun it ends; nobody has to wait for it.
      return await Promise.race([answer, stop(signal)]);
    } catch (error) {
      this.#fail(error);
      return undefined;
    } finally {
      this.#asking.delete(controller);
      if (this.#asking.size === 0) this.task.set(undefined);
    }
  }

  #fail(error: unknown): void {
    const failure = failureIn(error);
    if (!isSaidElsewhere(failure)) this.failure.set(failure);
  }

  /** Gives up whatever is asked for. False when nothing is. */
  stop(): boolean {
    if (this.#asking.size === 0) return false;
    this.stopped.set(true);
    for (const controller of this.#asking) controller.abort();
    return true;
  }

  /** Times every step: slow on a device without timestamps, so only when somebody looks. */
  async measure(): Promise<void> {
    const facts = this.facts.value;
    if (!facts || this.busy.value) return;
    this.busy.set('Timing every step');
    const timing = await this.ask('insight.time', undefined);
    this.busy.set('');
    if (timing && facts === this.facts.value) this.timing.set(timing);
  }

  async #open(photo: NamedBlob | undefined): Promise<boolean> {
    const opened = await this.#app.engine.call('insight.open', { photo });
    if (!opened) return false;
    this.photo.value?.bitmap.close();
    this.photo.set(opened);
    this.#opened++;
    return true;
  }

  /** After a stop or a failure: what is still missing, or else the tool's own question. */
  async goOn(update: () => void): Promise<void> {
    const before = this.facts.value;
    this.failure.set(undefined);
    await this.prepare();
    // Who hears of new facts asks by himself.
    if (this.facts.value === before) update();
  }

  async prepare(): Promise<void> {
    if (!this.#shown || this.#app.engine.model.value.state !== 'ready') return;
    if (this.#preparing) {
      this.#again = true;
      return;
    }
    this.#preparing = true;
    try {
      do {
        this.#again = false;
        await this.#prepare();
      } while (this.#again);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#preparing = false;
    }
  }

  async #prepare(): Promise<void> {
    const { info } = this.#app.engine;
    if (!info) return;
    if (!this.photo.value && !(await this.#open(undefined))) {
      const sample = await sampleFile(samples[0]!);
      await this.#open({ blob: sample, name: sample.name });
    }
    const { size } = this.#settings.value;
    const key = JSON.stringify([this.#opened, size, info.file, info.dtype, info.options]);
    if (key === this.#prepared && this.facts.value) return;
    this.timing.set(undefined);
    this.busy.set('Preparing');
    const facts = await this.ask('insight.setup', { size });
    this.busy.set('');
    // Stopped, or a failure that is shown.
    if (!facts) return;
    this.#prepared = key;
    this.failure.set(undefined);
    this.facts.set(facts);
  }
}
