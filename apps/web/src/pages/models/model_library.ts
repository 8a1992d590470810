import { type ManifestEntry, manifest } from '@dpt-webgpu/cli/manifest';
import type { App } from '../../app.ts';
import { forgetModel, useModel, usualOptions } from '../../engine/default_model.ts';
import { failureIn, isCancelled } from '../../engine/engine.ts';
import { Store } from '../../store.ts';
import { Pace } from '../../ui/pace.ts';
import type {
  Bytes,
  Forecast,
  Inspection,
  ModelOptions,
  ModelSource,
  StoreList,
} from '../../worker/model_calls.ts';
import type { Failure } from '../../worker/protocol.ts';

/** For the dialog that chooses one. */
export const MODEL_FILES = '.safetensors,.pth,.pt,.ckpt,.bin';

/** What stands below a row: an answer that is wanted, a warning, or what went wrong. */
export type RowNote =
  | {
      readonly kind: 'ask';
      readonly source: ModelSource;
      readonly inspection: Inspection;
      readonly options: ModelOptions;
    }
  | {
      readonly kind: 'big';
      readonly source: ModelSource;
      readonly inspection: Inspection;
      readonly options: ModelOptions;
    }
  | { readonly kind: 'failed'; readonly failure: Failure };

export interface Transfer {
  readonly bytes: Bytes;
  /** Bytes per second, once that can be told. */
  readonly rate: number | undefined;
  readonly cancel: AbortController;
  /** Stopped to be gone on with, not to be thrown away. */
  readonly what: 'copy' | 'download';
}

export interface LibraryState {
  readonly stored: StoreList;
  readonly transfers: ReadonlyMap<string, Transfer>;
  readonly notes: ReadonlyMap<string, RowNote>;
  /** Files that were dropped and could not be kept, or not be read. */
  readonly files: ReadonlyMap<string, File>;
  /** By the names of the manifest. */
  readonly forecasts: ReadonlyMap<string, Forecast>;
  /** The row whose file is being looked at. */
  readonly looking: string | undefined;
}

/** The models of this device: what is stored, on its way, asked about, or wrong. */
export class ModelLibrary {
  readonly state = new Store<LibraryState>({
    stored: { models: [], used: 0, quota: 0, available: true },
    transfers: new Map(),
    notes: new Map(),
    files: new Map(),
    forecasts: new Map(),
    looking: undefined,
  });
  readonly #app: App;
  /** Downloads that are under way, until they have let go of their files. */
  readonly #writing = new Map<string, Promise<boolean>>();
  readonly #forecast = new Set<string>();

  constructor(app: App) {
    this.#app = app;
  }

  /** What published models would need on this device, one after the other, each once. */
  async forecast(names: readonly string[]): Promise<void> {
    for (const name of names) {
      if (this.#forecast.has(name)) continue;
      this.#forecast.add(name);
      try {
        const forecast = await this.#app.engine.call('model.forecast', { name });
        if (forecast) this.#set({ forecasts: put(this.state.value.forecasts, name, forecast) });
      } catch {
        // The state of the device says why; with another device it is asked again.
        this.#forecast.delete(name);
        return;
      }
    }
  }

  async refresh(): Promise<void> {
    const stored = await this.#app.engine.call('store.list', undefined);
    this.#set({ stored });
  }

  /** Reads a file that was dropped or chosen, keeps it on this device, and uses it. */
  async openFile(file: File): Promise<void> {
    const key = file.name;
    this.#set({ files: put(this.state.value.files, key, file) });
    await this.use(key, { kind: 'file', file }, usualOptions);
  }

  /** Says what a model needs before it is loaded; loads it when nothing is in the way. */
  async use(key: string, source: ModelSource, options: ModelOptions, size?: number): Promise<void> {
    this.#note(key, undefined);
    this.#set({ looking: key });
    try {
      const { engine } = this.#app;
      const inspection = await engine.call('model.inspect', {
        source,
        options,
        ...(size === undefined ? {} : { size }),
      });
      if (inspection.asks.length > 0) {
        this.#note(key, { kind: 'ask', source, inspection, options });
        return;
      }
      if (!inspection.needs.fits) {
        this.#note(key, { kind: 'big', source, inspection, options });
        return;
      }
      await this.#load(key, source, options);
    } catch (error) {
      if (!isCancelled(error)) this.#fail(key, error);
    } finally {
      this.#set({ looking: undefined });
    }
  }

  /** After a question was answered: options that a file cannot give are kept with it. */
  async answer(key: string, source: ModelSource, options: ModelOptions): Promise<void> {
    if (source.kind === 'stored') {
      const { family, maxDepth } = options;
      await this.#app.engine.call('store.remember', {
        file: source.file,
        options: { family, maxDepth },
      });
    }
    await this.use(key, source, options);
  }

  /** At a size that fits, although the usual one does not. */
  async useSmaller(
    key: string,
    source: ModelSource,
    options: ModelOptions,
    size: number,
  ): Promise<void> {
    this.#note(key, undefined);
    this.#app.setImageSize(size);
    try {
      await this.#load(key, source, options);
    } catch (error) {
      if (!isCancelled(error)) this.#fail(key, error);
    }
  }

  async #load(key: string, source: ModelSource, options: ModelOptions): Promise<void> {
    let kept = source;
    if (source.kind === 'file' && this.state.value.stored.available) {
      kept = await this.#keep(key, source.file, options);
    }
    const { engine } = this.#app;
    await useModel(engine, kept, options);
    const { info } = engine;
    if (kept.kind === 'stored' && info) {
      const { title, licence } = info;
      await engine.call('store.remember', {
        file: kept.file,
        title,
        ...(licence ? { licence } : {}),
      });
    }
    const files = new Map(this.state.value.files);
    if (kept.kind === 'stored') files.delete(key);
    this.#set({ files });
    await this.refresh();
  }

  /** Copies a file into the store. Without room it is used from where it lies, for as long as the page is open. */
  async #keep(key: string, file: File, { family, maxDepth }: ModelOptions): Promise<ModelSource> {
    const cancel = new AbortController();
    try {
      const stored = await this.#app.engine.call(
        'store.import',
        { file, options: { family, maxDepth } },
        {
          signal: cancel.signal,
          onProgress: (bytes) => this.#transfer(key, 'copy', bytes, cancel),
        },
      );
      return { kind: 'stored', file: stored.file };
    } catch (error) {
      if (isCancelled(error)) throw error;
      this.#app.toast.show(`${file.name} is used, but not kept: ${failureIn(error).message}`);
      return { kind: 'file', file };
    } finally {
      this.#endTransfer(key);
    }
  }

  /** Fetches a published file, from where an earlier try stopped. */
  download(entry: ManifestEntry): Promise<boolean> {
    const writing = this.#download(entry).finally(() => this.#writing.delete(entry.file));
    this.#writing.set(entry.file, writing);
    return writing;
  }

  /** A model that is too big at its usual size is fetched for a smaller one. */
  async downloadFor(entry: ManifestEntry, size: number): Promise<void> {
    const { file } = entry;
    if (!(await this.download(entry))) return;
    await this.useSmaller(file, { kind: 'stored', file }, usualOptions, size);
  }

  /** True when all of it came. */
  async #download(entry: ManifestEntry): Promise<boolean> {
    const { file, url, bytes, sha256, licence } = entry;
    const cancel = new AbortController();
    this.#note(file, undefined);
    this.#transfer(file, 'download', { done: 0, total: bytes ?? 0 }, cancel);
    try {
      await this.#app.engine.call(
        'store.download',
        { file, url, bytes, sha256, licence },
        {
          signal: cancel.signal,
          onProgress: (now) => this.#transfer(file, 'download', now, cancel),
        },
      );
      this.#app.toast.show(`${file} is stored on this device`, {
        label: 'Use',
        run: () => void this.use(file, { kind: 'stored', file }, usualOptions),
      });
      return true;
    } catch (error) {
      if (!isCancelled(error)) this.#fail(file, error);
      return false;
    } finally {
      this.#endTransfer(file);
      await this.refresh();
    }
  }

  /** Goes on with a download that was paused, or broke. */
  resume(file: string): void {
    const entry = manifest.find((known) => known.file === file);
    if (entry) void this.download(entry);
  }

  stop(key: string): void {
    this.state.value.transfers.get(key)?.cancel.abort();
  }

  /** With what a download has brought so far: the browser keeps a file while it is being written. */
  async remove(key: string): Promise<void> {
    this.stop(key);
    await this.#writing.get(key);
    const files = new Map(this.state.value.files);
    files.delete(key);
    this.#set({ files });
    this.#note(key, undefined);
    if (!this.state.value.stored.available) return;
    await this.#app.engine.call('store.remove', { file: key });
    await this.refresh();
  }

  async clear(): Promise<void> {
    for (const { cancel } of this.state.value.transfers.values()) cancel.abort();
    await Promise.all(this.#writing.values());
    await this.#app.engine.call('store.clear', undefined);
    forgetModel();
    await this.refresh();
  }

  #fail(key: string, error: unknown): void {
    const failure = failureIn(error);
    this.#note(key, { kind: 'failed', failure });
    this.#app.announce.alert(`${key}: ${failure.message}`);
  }

  #note(key: string, note: RowNote | undefined): void {
    const notes = new Map(this.state.value.notes);
    if (note) notes.set(key, note);
    else notes.delete(key);
    this.#set({ notes });
  }

  readonly #paces = new Map<string, Pace>();

  #transfer(key: string, what: Transfer['what'], bytes: Bytes, cancel: AbortController): void {
    const pace = this.#paces.get(key) ?? new Pace();
    this.#paces.set(key, pace);
    const rate = pace.at(bytes.done);
    this.#set({ transfers: put(this.state.value.transfers, key, { bytes, rate, cancel, what }) });
  }

  #endTransfer(key: string): void {
    this.#paces.delete(key);
    const transfers = new Map(this.state.value.transfers);
    transfers.delete(key);
    this.#set({ transfers });
  }

  #set(changes: Partial<LibraryState>): void {
    this.state.set({ ...this.state.value, ...changes });
  }
}

function put<T>(map: ReadonlyMap<string, T>, key: string, value: T): Map<string, T> {
  return new Map(map).set(key, value);
}
