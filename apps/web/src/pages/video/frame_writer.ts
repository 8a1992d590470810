import type { App } from '../../app.ts';
import { failureIn } from '../../engine/engine.ts';
import { saveBlob } from '../../ui/files.ts';
import { plural } from '../../words.ts';
import type { FilmSave } from '../../worker/film/film_calls.ts';

/** Browsers that let a page write into a folder have this; others get one download per frame. */
type FolderPicker = (options: { mode: 'readwrite' }) => Promise<FileSystemDirectoryHandle>;

/** Writes every frame that goes through the model, while it is on. */
export class FrameWriter {
  /** Something to show has changed. */
  onChange: () => void = () => {};
  readonly #app: App;
  #format: FilmSave | undefined;
  #folder: FileSystemDirectoryHandle | undefined;
  #written = 0;

  constructor(app: App) {
    this.#app = app;
  }

  get writing(): boolean {
    return this.#format !== undefined;
  }

  async start(format: FilmSave): Promise<void> {
    const picker = (globalThis as { showDirectoryPicker?: FolderPicker }).showDirectoryPicker;
    try {
      this.#folder = await picker?.({ mode: 'readwrite' });
    } catch {
      // The visitor closed the question: nothing is recorded.
      return;
    }
    this.#written = 0;
    this.#format = format;
    this.onChange();
  }

  stop(): void {
    if (!this.writing) return;
    this.#format = undefined;
    this.#app.toast.show(`Saved ${plural(this.#written, 'frame')}`);
    this.onChange();
  }

  /** The frame that is there. */
  async take(): Promise<void> {
    const format = this.#format;
    if (!format) return;
    const { film, engine, toast } = this.#app;
    const number = Math.round(film.position.value / film.frameSeconds) + 1;
    const source = film.source.value;
    const stem = source.kind === 'none' ? 'film' : source.name.replace(/\.[^.]+$/, '');
    // Cameras have no place in a film: their frames are counted.
    const at = source.kind === 'file' ? number : this.#written + 1;
    const name = `${stem}_${String(at).padStart(8, '0')}.${format === 'npy' ? 'npy' : 'png'}`;
    try {
      const blob = await engine.call('film.save', { format });
      if (this.#folder) {
        const handle = await this.#folder.getFileHandle(name, { create: true });
        const file = await handle.createWritable();
        await file.write(blob);
        await file.close();
      } else saveBlob(blob, name);
      this.#written++;
    } catch (error) {
      toast.show(failureIn(error).message);
      this.stop();
    }
  }
}
