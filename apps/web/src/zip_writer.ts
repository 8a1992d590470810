import { crc32 } from './worker/image/png.ts';

/** Sizes and places are of 32 bits in a plain ZIP. */
const MOST_BYTES = 0xffffffff;
const MOST_FILES = 0xffff;
/** 1980-01-01, the first day that a ZIP knows. */
const DATE = 0x0021;

interface Entry {
  readonly name: Uint8Array<ArrayBuffer>;
  readonly crc: number;
  readonly size: number;
  readonly at: number;
}

/** A ZIP of files as they are: pictures do not get smaller. It stays a list of blobs, which browsers keep on disk. */
export class ZipWriter {
  readonly #parts: BlobPart[] = [];
  readonly #entries: Entry[] = [];
  readonly #byName = new Set<string>();
  #at = 0;

  /** A name that was there already is written over in most programs that unpack, so it is not taken twice. */
  async add(name: string, blob: Blob): Promise<void> {
    if (this.#byName.has(name)) return;
    if (this.#at + blob.size > MOST_BYTES || this.#entries.length === MOST_FILES) {
      throw new Error('The archive is full: 4 GB or 65535 files.');
    }
    this.#byName.add(name);
    const crc = crc32(new Uint8Array(await blob.arrayBuffer()));
    const entry = { name: new TextEncoder().encode(name), crc, size: blob.size, at: this.#at };
    const head = localHeader(entry);
    this.#parts.push(head, entry.name, blob);
    this.#entries.push(entry);
    this.#at += head.byteLength + entry.name.length + blob.size;
  }

  finish(): Blob {
    const directory = this.#entries.flatMap((entry) => [directoryHeader(entry), entry.name]);
    const size = directory.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const end = endOf(this.#entries.length, size, this.#at);
    return new Blob([...this.#parts, ...directory, end], { type: 'application/zip' });
  }
}

/** Little-endian fields, one after another: [bytes, value]. */
function fields(
  list: readonly (readonly [bytes: 2 | 4, value: number])[],
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(list.reduce((sum, [bytes]) => sum + bytes, 0));
  const view = new DataView(out.buffer);
  let at = 0;
  for (const [bytes, value] of list) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return out;
}

/** Version 2.0, names in UTF-8 (bit 11), stored; then checksum and sizes, which both headers share. */
const shared = ({ crc, size, name }: Entry) =>
  [
    [2, 20],
    [2, 0x0800],
    [2, 0],
    [2, 0],
    [2, DATE],
    [4, crc],
    [4, size],
    [4, size],
    [2, name.length],
    [2, 0],
  ] as const;

const localHeader = (entry: Entry) => fields([[4, 0x04034b50], ...shared(entry)]);

const directoryHeader = (entry: Entry) =>
  fields([
    [4, 0x02014b50],
    [2, 20],
    ...shared(entry),
    [2, 0],
    [2, 0],
    [2, 0],
    [4, 0],
    [4, entry.at],
  ]);

const endOf = (count: number, size: number, at: number) =>
  fields([
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, count],
    [2, count],
    [4, size],
    [4, at],
    [2, 0],
  ]);
