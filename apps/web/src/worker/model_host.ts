import { buildDpt, type DPTModel, recognise, type Size, summary } from '@dpt-webgpu/dpt';
import { openCheckpoint } from '@dpt-webgpu/loaders';
import { Context } from '@dpt-webgpu/tensor';
import { failureOf } from './failures.ts';
import { type Gpu, type GpuInfo, type GpuState, openGpu } from './gpu.ts';
import type {
  Bytes,
  Inspection,
  ModelInfo,
  ModelOptions,
  ModelSource,
  ModelState,
  Needs,
} from './model_calls.ts';
import {
  dptOptions,
  dtypeOf,
  familiesLike,
  infoOf,
  licenceOf,
  recogniseOrAsk,
} from './model_facts.ts';
import { needsOf, smallerThatFits, TYPICAL_PHOTO } from './model_needs.ts';
import { nameOf, sourceOf } from './model_source.ts';
import { titleOf } from './model_titles.ts';
import { EngineError, type Failure } from './protocol.ts';

/** A model on the device, ready to be recorded. */
export interface OpenModel {
  readonly gpu: Gpu;
  readonly model: DPTModel;
  /** The same without weights, for plans of what this device would run. */
  readonly planned: DPTModel;
  readonly info: ModelInfo;
}

/** Before each try to get a lost device back. The first is soon: most drivers are back at once. */
const PAUSES = [200, 1000, 2000, 4000];
const ATTEMPTS = PAUSES.length;

const GONE: Failure = {
  code: 'device-lost',
  message: 'The GPU does not come back.',
  remedy: 'Close other tabs that use it, then try again.',
};
const STOPPED: Failure = {
  code: 'device-lost',
  message: 'The GPU was reset, and getting it back was stopped.',
  remedy: 'Try again when you like.',
};

/** Fails as a lost device does: who only wanted to draw has nothing of its own to say. */
async function openGpuAfter(milliseconds: number, signal: AbortSignal): Promise<Gpu> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  if (signal.aborted) throw new EngineError(STOPPED);
  try {
    return await openGpu();
  } catch (error) {
    throw new EngineError({ ...GONE, details: failureOf(error).message }, { cause: error });
  }
}

/** The device and the model on it: one of each, opened once however many ask, and opened again after a loss. */
export class ModelHost {
  readonly #say: { gpu: (state: GpuState) => void; model: (state: ModelState) => void };
  #gpu: Promise<Gpu> | undefined;
  #open: OpenModel | undefined;
  #wanted: { source: ModelSource; options: ModelOptions } | undefined;
  #loading: AbortController | undefined;
  #recovering: AbortController | undefined;
  readonly #closing = new Set<() => void>();
  readonly #built = new Set<(gpu: Gpu, planned: DPTModel) => void>();

  constructor(say: { gpu: (state: GpuState) => void; model: (state: ModelState) => void }) {
    this.#say = say;
  }

  /** The device; the first to ask opens it. */
  gpu(): Promise<Gpu> {
    this.#gpu ??= this.#openGpu();
    return this.#gpu;
  }

  get current(): OpenModel | undefined {
    return this.#open;
  }

  /** The model, or an error that says there is none. */
  expectModel(): OpenModel {
    if (this.#open) return this.#open;
    throw new EngineError({ code: 'no-model', message: 'No model is loaded.' });
  }

  /** Called before a model or a device goes, so that what was made of it is freed or forgotten. */
  onClose(listener: () => void): void {
    this.#closing.add(listener);
  }

  /** Called before its weights are there with a model that can be planned, to compile what it will run. */
  onBuilt(listener: (gpu: Gpu, planned: DPTModel) => void): void {
    this.#built.add(listener);
  }

  async #openGpu(): Promise<Gpu> {
    this.#say.gpu({ state: 'opening' });
    try {
      const gpu = await openGpu();
      this.#say.gpu({ state: 'ready', info: gpu.info });
      this.#watch(gpu);
      return gpu;
    } catch (error) {
      this.#gpu = undefined;
      this.#say.gpu({ state: 'failed', failure: failureOf(error) });
      throw error;
    }
  }

  #watch(gpu: Gpu): void {
    void gpu.device.lost.then(({ reason }) => {
      if (reason !== 'destroyed') void this.#recover();
    });
  }

  /** Gives up the device and opens another one, with the same model. */
  async reopen(): Promise<GpuInfo> {
    const old = await this.#gpu?.catch(() => undefined);
    this.#forget();
    old?.device.destroy();
    const gpu = await this.gpu();
    await this.#openAgain();
    return gpu.info;
  }

  /** A few tries with growing pauses: a driver that was reset takes a moment. */
  async #recover(): Promise<void> {
    const { signal } = (this.#recovering = new AbortController());
    for (let attempt = 1; ; attempt++) {
      this.#forget();
      this.#say.gpu({ state: 'lost', attempt, attempts: ATTEMPTS });
      // Whoever asks for the device meanwhile gets this one: a second would be lost, and come back, beside it.
      const opened = openGpuAfter(PAUSES[attempt - 1]!, signal);
      this.#gpu = opened;
      try {
        const gpu = await opened;
        // A visitor who cancels it, or wants another one, has the device.
        await this.#openAgain().catch((error: unknown) => {
          if (signal.aborted || failureOf(error).code !== 'cancelled') throw error;
        });
        this.#say.gpu({ state: 'ready', info: gpu.info });
        // One that was lost again meanwhile says so at once.
        this.#watch(gpu);
        return;
      } catch (error) {
        opened.then(({ device }) => device.destroy()).catch(() => {});
        if (!signal.aborted && attempt < ATTEMPTS) continue;
        this.#forget();
        const { details, message } = failureOf(error);
        const failure = signal.aborted ? STOPPED : { ...GONE, details: details ?? message };
        this.#say.gpu({ state: 'failed', failure });
        return;
      }
    }
  }

  /** The visitor will not wait for the device, or for its model. */
  stopRecovery(): undefined {
    this.#recovering?.abort();
    return this.stop();
  }

  /** The visitor will not wait for the model. */
  stop(): undefined {
    this.#loading?.abort();
    return undefined;
  }

  async #openAgain(): Promise<void> {
    if (this.#wanted) await this.open(this.#wanted.source, this.#wanted.options);
  }

  #forget(): void {
    this.#loading?.abort();
    for (const listener of this.#closing) listener();
    this.#open = undefined;
    this.#gpu = undefined;
  }

  /** Reads, builds and loads a model in place of the one that is there. The newest call wins. */
  async open(
    source: ModelSource,
    options: ModelOptions,
    { signal, progress }: { signal?: AbortSignal; progress?: (bytes: Bytes) => void } = {},
  ): Promise<ModelInfo> {
    this.#loading?.abort();
    const loading = new AbortController();
    this.#loading = loading;
    const abort = (): void => loading.abort();
    signal?.addEventListener('abort', abort, { once: true });
    let title = source.kind === 'bundled' ? 'Small demonstration model' : nameOf(source);
    try {
      this.#say.model({ state: 'loading', title, source });
      // The device is opened while the file is read. What goes wrong there is thrown below.
      this.gpu().catch(() => {});
      let said = 0;
      // There are hundreds of tensors, and nobody reads numbers that change more than ten times a second.
      const say = (bytes: Bytes): void => {
        const now = performance.now();
        if (now - said < 100) return;
        said = now;
        this.#say.model({ state: 'loading', title, source, bytes });
        progress?.(bytes);
      };
      const file = await sourceOf(source, loading.signal, say);
      const stateDict = await openCheckpoint(file);
      try {
        const recognised = recognise(stateDict, dptOptions(options));
        title = titleOf(recognised, stateDict);
        const gpu = await this.gpu();
        const dtype = dtypeOf(options, gpu.info, stateDict);
        const planning = Context.planning(gpu.context.capabilities);
        // Without a cache, a plan names what resizes position encodings as well.
        const all = buildDpt(planning, recognised, { dtype, gridCache: { enabled: false } });
        // The old weights go first: two large models at once may be one too many.
        this.#close();
        for (const listener of this.#built) listener(gpu, all);
        // Chromium hands over what a device is asked for when a task ends: kernels compile from here on, not after weights.
        await new Promise((resolve) => setTimeout(resolve));
        loading.signal.throwIfAborted();
        const planned = buildDpt(planning, recognised, { dtype });
        const model = buildDpt(gpu.context, recognised, { dtype });
        await model.weights.load({
          signal: loading.signal,
          onProgress: (done, total) => say({ done: (done / total) * file.size, total: file.size }),
        });
        const info = infoOf({ source, options, title, recognised, stateDict, dtype, model });
        this.#wanted = { source, options };
        this.#open = { gpu, model, planned, info };
        this.#say.model({ state: 'ready', info });
        return info;
      } finally {
        await stateDict.close();
      }
    } catch (error) {
      const replaced = this.#loading !== loading;
      if (!replaced) {
        if (loading.signal.aborted) {
          this.#say.model(
            this.#open ? { state: 'ready', info: this.#open.info } : { state: 'none' },
          );
        } else this.#say.model({ state: 'failed', title, failure: failureOf(error) });
      }
      if (loading.signal.aborted) {
        throw new EngineError({ code: 'cancelled', message: 'Cancelled.' }, { cause: error });
      }
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** What a file is and what it needs, from its table of contents. */
  async inspect(
    source: ModelSource,
    options: ModelOptions,
    size: number | undefined,
  ): Promise<Inspection> {
    const stateDict = await openCheckpoint(await sourceOf(source, new AbortController().signal));
    try {
      const { info } = await this.gpu();
      const { recognised, asks } = recogniseOrAsk(stateDict, options);
      const dtype = dtypeOf(options, info, stateDict);
      const model = buildDpt(Context.planning({ f16: true }), recognised, { dtype });
      const { config } = recognised;
      const wanted = size ?? config.image.baseSize;
      const needs = needsOf(model, TYPICAL_PHOTO, wanted, false, info);
      return {
        title: titleOf(recognised, stateDict),
        family: config.family,
        families: familiesLike(config.family),
        summary: summary(config),
        depth: config.depth,
        maxDepth: config.maxDepth,
        licence: licenceOf(stateDict),
        warnings: recognised.warnings,
        needs,
        asks,
        proposed: needs.fits
          ? undefined
          : smallerThatFits(model, TYPICAL_PHOTO, wanted, false, info),
      };
    } finally {
      await stateDict.close();
    }
  }

  needs(photo: Size, size: number, square: boolean): Needs {
    const { planned, gpu } = this.expectModel();
    return needsOf(planned, photo, size, square, gpu.info);
  }

  /** Throws `too-big`, with a size that fits, when a photo cannot be run at this size. */
  expectFits(photo: Size, size: number, square: boolean): void {
    const { planned, gpu } = this.expectModel();
    const needs = needsOf(planned, photo, size, square, gpu.info);
    if (needs.fits) return;
    const proposed = smallerThatFits(planned, photo, size, square, gpu.info);
    throw new EngineError({
      code: 'too-big',
      message: 'Too big for this GPU',
      size: {
        size,
        bytes: needs.bytes,
        available: needs.available,
        ...(proposed ? { proposed: { size: proposed.size, bytes: proposed.bytes } } : {}),
      },
    });
  }

  #close(): void {
    for (const listener of this.#closing) listener();
    this.#open?.model.dispose();
    this.#open = undefined;
  }
}
