import type { Size } from '@dpt-webgpu/dpt';
import { EngineError } from '../protocol.ts';
import type { BufferTarget, CanvasSource, Output, OutputFormat } from './media_files.ts';

/** A finished video. */
export interface Movie {
  readonly blob: Blob;
  /** `.mp4` or `.webm` */
  readonly suffix: string;
  readonly frames: number;
}

/** H.264 first, which plays everywhere; then what browsers without it can write. */
const CODECS = ['avc', 'vp9', 'vp8', 'av1'] as const;

/** Encoders want even sides; at least 16 pixels, which some ask for. */
export const evenSize = ({ width, height }: Size): Size => ({
  width: Math.max(16, 2 * Math.floor(width / 2)),
  height: Math.max(16, 2 * Math.floor(height / 2)),
});

/** The size that was asked for as far as textures have room, and smaller ones of its shape, for encoders that have less. */
export function* smallerSizes({ width, height }: Size, most: number): Generator<Size> {
  const first = Math.min(1, most / Math.max(width, height));
  for (let scale = first; scale > 0.1; scale *= 0.75) {
    yield evenSize({ width: width * scale, height: height * scale });
  }
}

/**
 * Writes what is drawn on a canvas as a video: the browser's own encoder (WebCodecs), put into a file by mediabunny, which
 * is loaded when the first recording begins. Frames go from the GPU to the encoder without being read back by the page.
 */
export class MovieWriter {
  readonly #output: Output<OutputFormat, BufferTarget>;
  readonly #source: CanvasSource;
  readonly #suffix: string;
  #frames = 0;
  #seconds = 0;
  #failure: unknown;

  /** Undefined where this browser can encode none of the codecs at this size. */
  static async open(canvas: OffscreenCanvas): Promise<MovieWriter | undefined> {
    if (!('VideoEncoder' in globalThis)) return undefined;
    const media = await import('./media_files.ts');
    const { width, height } = canvas;
    const quality = new media.Quality('high');
    const sizes = { width, height, quality };
    const codec = await media.getFirstEncodableVideoCodec([...CODECS], sizes);
    if (!codec) return undefined;
    const isMp4 = codec === 'avc';
    const format: OutputFormat = isMp4 ? new media.Mp4OutputFormat() : new media.WebMOutputFormat();
    const output = new media.Output({ format, target: new media.BufferTarget() });
    const source = new media.CanvasSource(canvas, {
      codec,
      quality,
      // A window may change its size meanwhile.
      sizeChangeBehavior: 'contain',
    });
    output.addVideoTrack(source);
    await output.start();
    return new MovieWriter(output, source, isMp4 ? '.mp4' : '.webm');
  }

  private constructor(
    output: Output<OutputFormat, BufferTarget>,
    source: CanvasSource,
    suffix: string,
  ) {
    this.#output = output;
    this.#source = source;
    this.#suffix = suffix;
  }

  /**
   * Takes what was drawn, in the task that drew it: a canvas forgets. `step`: seconds since the frame before; `length`: how
   * long it is seen if none follows. Resolves when the encoder can take another; one that gives up is told of by `finish`, so
   * that what is recorded goes on.
   */
  async add(step: number, length = step): Promise<void> {
    if (this.#failure !== undefined) return;
    if (this.#frames > 0) this.#seconds += step;
    this.#frames++;
    try {
      await this.#source.add(this.#seconds, length);
    } catch (error) {
      this.#failure = error;
    }
  }

  async finish(): Promise<Movie> {
    if (this.#failure !== undefined) {
      await this.#output.cancel();
      const details = String(this.#failure);
      const message = 'The encoder of this browser gave up. Record at a smaller size.';
      throw new EngineError({ code: 'failed', message, details });
    }
    if (this.#frames === 0) {
      await this.#output.cancel();
      throw new EngineError({ code: 'no-photo', message: 'No frame came while it recorded.' });
    }
    await this.#output.finalize();
    const type = await this.#output.getMimeType();
    const blob = new Blob([this.#output.target.buffer!], { type });
    return { blob, suffix: this.#suffix, frames: this.#frames };
  }

  async cancel(): Promise<void> {
    await this.#output.cancel();
  }
}
