import type { App } from '../../app.ts';
import { failureIn } from '../../engine/engine.ts';
import { saveBlob } from '../../ui/files.ts';
import { plural } from '../../words.ts';
import type { FilmSave } from '../../worker/film/film_calls.ts';
import { ZipWriter } from '../../zip_writer.ts';

/** Browsers that let a page write into a folder have this; others get one ZIP. */
type FolderPicker = (options: { mode: 'readwrite' }) => Promise<FileSystemDirectoryHandle>;

/** Where the files of one recording go. */
interface Place {
  add(name: string, blob: Blob): Promise<void>;
  /** What is told when it is over, after "Saved 12 frames". */
  end(stem: string): string;
}

/** Writes every frame that goes through the model, while it is on. */
export class FrameWriter {
  /** Something to show has changed. */
  onChange: () => void = () => {};
  readonly #app: App;
  #wanted:
    | { readonly format: FilmSave; readonly beside: boolean; readonly place: Place }
    | undefined;
  #stem = '';
  #written = 0;
  #last = -1;

  constructor(app: App) {
    this.#app = app;
  }

  get writing(): boolean {
    return this.#wanted !== undefined;
  }

  async start(format: FilmSave, beside: boolean): Promise<void> {
    const { showDirectoryPicker } = globalThis as { showDirectoryPicker?: FolderPicker };
    let place: Place;
    try {
      place = showDirectoryPicker
        ? folder(await showDirectoryPicker({ mode: 'readwrite' }))
        : archive();
    } catch {
      // The visitor closed the question: nothing is recorded.
      return;
    }
    const source = this.#app.film.source.value;
    this.#stem = source.kind === 'none' ? 'film' : source.name.replace(/\.[^.]+$/, '');
    this.#written = 0;
    this.#last = -1;
    this.#wanted = { format, beside, place };
    this.onChange();
  }

  stop(): void {
    const wanted = this.#wanted;
    if (!wanted) return;
    this.#wanted = undefined;
    const where = this.#written > 0 ? wanted.place.end(this.#stem) : '';
    this.#app.toast.show(`Saved ${plural(this.#written, 'frame')}${where}`);
    this.onChange();
  }

  /** The frame that is there. One that is looked at twice is written once. */
  async take(): Promise<void> {
    const wanted = this.#wanted;
    if (!wanted) return;
    const { film, engine, toast } = this.#app;
    // Cameras have no place in a film: their frames are counted.
    const isFile = film.source.value.kind === 'file';
    const at = isFile ? film.frames.indexAt(film.position.value) + 1 : this.#written + 1;
    if (at === this.#last) return;
    const { format, beside, place } = wanted;
    const name = `${this.#stem}_${String(at).padStart(8, '0')}.${format === 'npy' ? 'npy' : 'png'}`;
    try {
      await place.add(name, await engine.call('film.save', { format, beside }));
      this.#last = at;
      this.#written++;
    } catch (error) {
      toast.show(failureIn(error).message);
      this.stop();
    }
  }
}

function folder(handle: FileSystemDirectoryHandle): Place {
  return {
    async add(name, blob) {
      const file = await (await handle.getFileHandle(name, { create: true })).createWritable();
      await file.write(blob);
      await file.close();
    },
    end: () => ` in ${handle.name}`,
  };
}

function archive(): Place {
  const zip = new ZipWriter();
  return {
    add: (name, blob) => zip.add(name, blob),
    end(stem) {
      saveBlob(zip.finish(), `${stem}_frames.zip`);
      return ` in ${stem}_frames.zip`;
    },
  };
}
