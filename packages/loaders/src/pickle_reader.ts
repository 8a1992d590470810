import { CheckpointError } from './checkpoint_error.ts';

/** The bytes ran out before STOP. Told apart because a stream reader can fetch more and try again. */
export class PickleEndError extends CheckpointError {}

/** Reads the arguments of pickle opcodes, each within the bytes that are there. */
export class PickleReader {
  /** Offset of the next byte. */
  at: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #file: string;
  readonly #text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #opcodeAt: number;

  constructor(bytes: Uint8Array, file: string, start: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#file = file;
    this.at = start;
    this.#opcodeAt = start;
  }

  opcode(): number {
    this.#opcodeAt = this.at;
    return this.byte();
  }

  skip(length: number): void {
    this.#take(length);
  }

  byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  uint16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  uint64(): number {
    // Imprecise above 2⁵³, where it is longer than any file and refused as a length.
    return Number(this.#view.getBigUint64(this.#take(8), true));
  }

  /** The one big-endian value of the format. */
  float64(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  /** Two's complement, little-endian. */
  long(length: number): number | bigint {
    const start = this.#take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[start + i]!);
    value = BigInt.asIntN(8 * length, value);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  blob(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  string(length: number): string {
    const bytes = this.blob(length);
    try {
      return this.#text.decode(bytes);
    } catch {
      throw this.malformed('has text that is not valid UTF-8');
    }
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.at);
    const text = this.string((end < 0 ? this.#bytes.byteLength + 1 : end) - this.at);
    this.#take(1);
    return text;
  }

  malformed(problem: string): CheckpointError {
    return new CheckpointError(
      'corrupt',
      this.#file,
      `the pickle ${problem}, at byte ${this.#opcodeAt}.`,
    );
  }

  unsafe(problem: string): CheckpointError {
    return new CheckpointError(
      'unsafe',
      this.#file,
      `the pickle ${problem}, at byte ${this.#opcodeAt}.`,
      {
        remedy:
          'If the file is trusted, save its state dict again: torch.save(model.state_dict(), path).',
      },
    );
  }

  #take(length: number): number {
    const start = this.at;
    if (length > this.#bytes.byteLength - start) {
      const problem = `the pickle ends in the middle of the opcode at byte ${this.#opcodeAt}.`;
      throw new PickleEndError('corrupt', this.#file, problem, {
        remedy: 'Copy or download the file again.',
      });
    }
    this.at = start + length;
    return start;
  }
}
