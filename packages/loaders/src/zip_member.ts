import type { ByteSource, ReadOptions } from './byte_source.ts';
import { CheckpointError, quoted, reasonOf } from './checkpoint_error.ts';
import { crc32 } from './crc32.ts';
import { DEFLATED, type ZipEntry } from './zip.ts';

/** Bytes per read while a member is streamed: memory stays at a few of these however large the member. */
const PIECE = 2 ** 22;

/** One member of a zip file, of which any part can be read. */
export class ZipMember {
  readonly #source: ByteSource;
  readonly #entry: ZipEntry;
  readonly #checkCrc: boolean;
  #verified = false;

  constructor(source: ByteSource, entry: ZipEntry, options: { checkCrc: boolean }) {
    this.#source = source;
    this.#entry = entry;
    this.#checkCrc = options.checkCrc;
  }

  get size(): number {
    return this.#entry.size;
  }

  /**
   * Bytes [offset, offset + length) of the uncompressed member. The CRC-32 covers all of it, so the first read goes
   * through the whole member; what is not asked for is not kept.
   */
  async read(offset: number, length: number, options: ReadOptions = {}): Promise<Uint8Array> {
    const { size, method } = this.#entry;
    if (offset + length > size) {
      throw this.#corrupt(
        `has ${size} bytes, but bytes ${offset} to ${offset + length} are needed.`,
      );
    }
    const start = await this.#dataStart(options);
    if (method === DEFLATED) return this.#collect(this.#inflated(start, options), offset, length);
    if (!this.#checkCrc || this.#verified)
      return this.#source.read(start + offset, length, options);
    if (offset === 0 && length === size) {
      const bytes = await this.#source.read(start, size, options);
      this.#verify(crc32(bytes));
      return bytes;
    }
    return this.#collect(this.#pieces(start, options), offset, length);
  }

  /** Where the data begins. Its distance from the header is in the local header only, and differs from the central one. */
  async #dataStart(options: ReadOptions): Promise<number> {
    const { name, headerOffset, compressedSize, size, method, flags, limit } = this.#entry;
    const nameBytes = new TextEncoder().encode(name);
    const header = await this.#source.read(headerOffset, 30 + nameBytes.byteLength, options);
    const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
    if (view.getUint32(0, true) !== 0x04034b50) throw this.#corrupt('has no local header.');

    const sameName =
      view.getUint16(26, true) === nameBytes.byteLength &&
      nameBytes.every((byte, i) => header[30 + i] === byte);
    if (!sameName) throw this.#disagrees('name');
    if (view.getUint16(8, true) !== method) throw this.#disagrees('compression method');
    if ((view.getUint16(6, true) & 0x2041) !== (flags & 0x2041))
      throw this.#disagrees('encryption');
    // With bit 3 the sizes follow the data and these fields mean nothing; PyTorch always writes it so.
    if (!(view.getUint16(6, true) & 8)) {
      const agrees = (local: number, central: number) => local === central || local === 0xffffffff;
      if (
        !agrees(view.getUint32(18, true), compressedSize) ||
        !agrees(view.getUint32(22, true), size)
      ) {
        throw this.#disagrees('size');
      }
    }
    const start = headerOffset + 30 + nameBytes.byteLength + view.getUint16(28, true);
    if (start + compressedSize > limit) throw this.#corrupt('runs into the member after it.');
    return start;
  }

  async *#pieces(
    start: number,
    options: ReadOptions,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    const { compressedSize } = this.#entry;
    for (let at = 0; at < compressedSize; at += PIECE) {
      const piece = await this.#source.read(
        start + at,
        Math.min(PIECE, compressedSize - at),
        options,
      );
      yield new Uint8Array(piece.buffer as ArrayBuffer, piece.byteOffset, piece.byteLength);
    }
  }

  async *#inflated(
    start: number,
    options: ReadOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const pieces = this.#pieces(start, options);
    let failed: unknown;
    const compressed = new ReadableStream<Uint8Array<ArrayBuffer>>({
      async pull(controller) {
        try {
          const { done, value } = await pieces.next();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          failed = error;
          controller.error(error);
        }
      },
    });
    const reader = compressed.pipeThrough(new DecompressionStream('deflate-raw')).getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        yield value;
      }
    } catch (cause) {
      if (failed !== undefined) throw failed;
      throw this.#corrupt(`cannot be inflated (${reasonOf(cause)}).`);
    } finally {
      await reader.cancel().catch(() => {});
    }
  }

  /** Runs through the whole member, keeps [offset, offset + length), and checks length and CRC. */
  async #collect(
    pieces: AsyncIterable<Uint8Array>,
    offset: number,
    length: number,
  ): Promise<Uint8Array> {
    const { size } = this.#entry;
    const kept = new Uint8Array(length);
    let position = 0;
    let crc = 0;
    for await (const piece of pieces) {
      const end = position + piece.byteLength;
      // A size is a claim; what comes out is what counts.
      if (end > size)
        throw this.#corrupt(`inflates to more than the ${size} bytes that it claims.`);
      const from = Math.max(offset, position);
      const to = Math.min(offset + length, end);
      if (from < to) kept.set(piece.subarray(from - position, to - position), from - offset);
      if (this.#checkCrc && !this.#verified) crc = crc32(piece, crc);
      position = end;
    }
    if (position !== size)
      throw this.#corrupt(`inflates to ${position} bytes, not to the ${size} that it claims.`);
    if (this.#checkCrc && !this.#verified) this.#verify(crc);
    return kept;
  }

  #verify(crc: number): void {
    const expected = this.#entry.crc32;
    if (crc !== expected) {
      const hex = (value: number) => value.toString(16).padStart(8, '0');
      throw this.#corrupt(
        `is damaged: its CRC-32 is ${hex(crc)}, expected ${hex(expected)}.`,
        'Download the file again. If it was saved without checksums, read it with { checkCrc: false }.',
      );
    }
    this.#verified = true;
  }

  #disagrees(what: string): CheckpointError {
    return new CheckpointError(
      'unsafe',
      this.#source.name,
      `its member ${quoted(this.#entry.name)} has one ${what} in its local header and another in the directory.`,
      { remedy: 'Do not trust this file.' },
    );
  }

  #corrupt(problem: string, remedy = 'Copy or download the file again.'): CheckpointError {
    return new CheckpointError(
      'corrupt',
      this.#source.name,
      `its member ${quoted(this.#entry.name)} ${problem}`,
      { remedy },
    );
  }
}
