import { DptError } from './errors.ts';

/** What the buffers of a context are for; `context.memory()` reports bytes under these names. */
export type Purpose =
  | 'weights'
  | 'tensors'
  | 'slots'
  | 'caches'
  | 'textures'
  | 'parameters'
  | 'staging';

/**
 * The bytes behind a tensor and its reshapes, counted by users: the owner who made it, and every recording whose bind
 * groups hold the buffer. The last one to let go destroys it.
 */
export class Storage {
  readonly bytes: number;
  /** A place in a recording's plan: no buffer, and none to come. */
  readonly virtual: boolean;
  #buffer: GPUBuffer | undefined;
  #destroy: ((buffer: GPUBuffer) => void) | undefined;
  #users = 1;
  #released = false;

  constructor(
    bytes: number,
    options: { buffer?: GPUBuffer; virtual?: boolean; destroy?: (buffer: GPUBuffer) => void } = {},
  ) {
    this.bytes = bytes;
    this.virtual = options.virtual ?? false;
    this.#buffer = options.buffer;
    this.#destroy = options.destroy;
  }

  /** The buffer, or an error that says which tensor has none and why. */
  bufferFor(name: string): GPUBuffer {
    if (this.#buffer) return this.#buffer;
    if (this.virtual) {
      throw new DptError(
        'invalid-state',
        `${name} is a value inside a recording and has no buffer. Return it from record(), or name it in { keep }.`,
      );
    }
    if (this.#released) throw new DptError('disposed', `${name} was disposed.`);
    throw new DptError('invalid-state', `${name} has no data yet: await weights.load() first.`);
  }

  get hasBuffer(): boolean {
    return this.#buffer !== undefined;
  }

  /** Weights are declared with a shape first and filled when the checkpoint streams in, once. */
  fill(buffer: GPUBuffer, destroy: (buffer: GPUBuffer) => void): void {
    if (this.#released) {
      destroy(buffer);
      return;
    }
    this.#buffer = buffer;
    this.#destroy = destroy;
  }

  /** A recording that binds the buffer keeps it alive. */
  retain(): void {
    this.#users++;
  }

  /** Counterpart of `retain`. */
  unretain(): void {
    if (--this.#users === 0) this.#free();
  }

  /** The owner lets go, once. */
  release(): void {
    if (this.virtual || this.#released) return;
    this.#released = true;
    this.unretain();
  }

  #free(): void {
    if (this.#buffer && this.#destroy) this.#destroy(this.#buffer);
    this.#buffer = undefined;
    this.#released = true;
  }
}

/** A texture that the library made; `dispose` destroys it, once. */
export interface OwnTexture {
  /** On the device of the context that made it. */
  readonly texture: GPUTexture;
  /** Destroys the texture. Idempotent. */
  readonly dispose: () => void;
}

/** A caller's buffer may lack a usage. WebGPU says so later and elsewhere, and what is read would be zeros. */
export function expectUsage(
  op: string,
  name: string,
  buffer: GPUBuffer,
  flag: number,
  flagName: string,
): void {
  if (buffer.usage & flag) return;
  throw new DptError(
    'unsupported',
    `${op}: the buffer of ${name} was made without GPUBufferUsage.${flagName}.`,
  );
}
