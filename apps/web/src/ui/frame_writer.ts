import type { App } from '../app.ts';
import { plural } from '../words.ts';
import { ZipWriter } from '../zip_writer.ts';
import { showFailure } from './failure_dialog.ts';
import { saveBlob } from './files.ts';

/** Browsers that let a page write into a folder have this; others get one ZIP. */
type FolderPicker = (options: { mode: 'readwrite' }) => Promise<FileSystemDirectoryHandle>;

/** Where the files of one recording go. */
interface Place {
  add(name: string, blob: Blob): Promise<void>;
  /** What is told when it is over, after "Saved 12 frames". */
  end(stem: string): string;
}

/** Where frames come from. `Kind` is what the visitor chose when it began, `Frame` what is there now. */
export interface FrameSource<Kind, Frame> {
  /** Of the files, asked when it begins. */
  readonly stem: () => string;
  /** The number of the frame that is there, from 1; frames without one are counted. */
  readonly at?: () => number | undefined;
  readonly ending: (kind: Kind) => 'png' | 'npy';
  readonly read: (kind: Kind, frame: Frame) => Promise<Blob>;
}

/** Writes every frame that it is shown, while it is on, into a folder or one ZIP. */
export class FrameWriter<Kind, Frame> {
  /** Something to show has changed. */
  onChange: () => void = () => {};
  readonly #app: App;
  readonly #source: FrameSource<Kind, Frame>;
  #wanted: { readonly kind: Kind; readonly place: Place } | undefined;
  #stem = '';
  #written = 0;
  #last = -1;

  constructor(app: App, source: FrameSource<Kind, Frame>) {
    this.#app = app;
    this.#source = source;
  }

  get writing(): boolean {
    return this.#wanted !== undefined;
  }

  /** Files of this recording, or of the last one. */
  get written(): number {
    return this.#written;
  }

  async start(kind: Kind): Promise<void> {
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
    this.#stem = this.#source.stem();
    this.#written = 0;
    this.#last = -1;
    this.#wanted = { kind, place };
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

  /** Ends without a file; what lies in a folder already stays there. */
  cancel(): void {
    if (!this.#wanted) return;
    this.#wanted = undefined;
    this.#app.toast.show('Recording cancelled');
    this.onChange();
  }

  /** The frame that is there. One that is looked at twice is written once. */
  async take(frame: Frame): Promise<void> {
    const wanted = this.#wanted;
    if (!wanted) return;
    const { kind, place } = wanted;
    const at = this.#source.at?.() ?? this.#written + 1;
    if (at === this.#last) return;
    const name = `${this.#stem}_${String(at).padStart(8, '0')}.${this.#source.ending(kind)}`;
    try {
      const blob = await this.#source.read(kind, frame);
      // It was stopped or cancelled meanwhile.
      if (this.#wanted !== wanted) return;
      await place.add(name, blob);
      this.#last = at;
      this.#written++;
      this.onChange();
    } catch (error) {
      showFailure('A frame could not be written', error);
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
