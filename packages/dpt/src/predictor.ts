import {
  bicubicResize,
  bilinearResize,
  imageToTensor,
  plan,
  type Recording,
  record,
  type Tensor,
  type Trace,
} from '@dpt-webgpu/tensor';
import type { DepthKind, DptConfig } from './config.ts';
import type { DPTModel } from './dpt_model.ts';
import { describeEncoder } from './encoders/index.ts';
import { networkSize, type Size, type SizeOptions } from './image_size.ts';
import { rangeOf } from './inverse_depth.ts';

/** A photo as bytes: four per pixel, R G B A, row by row from the top. Alpha is not looked at. */
export interface Photo extends Size {
  readonly data: Uint8Array | Uint8ClampedArray;
}

export interface DepthMap extends Size {
  /** One value per pixel, row by row from the top, as the network gave it: not normalised. */
  readonly data: Float32Array;
  readonly kind: DepthKind;
  /** The size that the network saw. */
  readonly networkSize: Size;
}

export interface PredictOptions extends SizeOptions {
  /** `photo`: the map is resized to the photo, as the preset does. `network`: as it left the network. Default `photo`. */
  readonly output?: 'photo' | 'network';
  readonly signal?: AbortSignal;
  /** Pipelines compiled for a size that is new, of how many. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Recordings kept for the last sizes of photos; a recording is small, its outputs are a few photos large. */
const RECORDINGS = 4;

/**
 * Photo in, depth map out: resize and normalise, run the network, resize the map, all in one recording per photo size.
 *
 * ```ts
 * const predictor = new DepthPredictor(model);
 * const depth = await predictor.predict(photo, { size: 518 });
 * ```
 *
 * Calls may overlap: upload, replay and copy are queued in one stretch, so that they cannot mix.
 */
export class DepthPredictor {
  readonly model: DPTModel;
  readonly #recordings = new Map<string, Promise<Recording<'pixels', 'depth'>>>();
  #disposed = false;

  constructor(model: DPTModel) {
    this.model = model;
  }

  /** The depth map of a photo, in rows from the top. Errors: a size that cannot run, an abort, a lost device. */
  async predict(photo: Photo, options: PredictOptions = {}): Promise<DepthMap> {
    expectPhoto(photo);
    const { signal, output = 'photo' } = options;
    signal?.throwIfAborted();
    const size = networkSize(photo, this.model.config.image, options);
    const recording = await orAbort(this.#recordingFor(photo, size, output, options), signal);

    const { data } = photo;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const { depth } = recording.run({ pixels: bytes });
    const values = await orAbort(depth.read(), signal);
    const { nonFinite } = rangeOf(values);
    if (nonFinite > 0) {
      throw new Error(
        `The depth map has ${nonFinite} of ${values.length} values that are NaN or infinite${this.model.weights.dtype === 'f16' ? ': this model leaves the range of f16. Use dtype f32.' : '. The weights or the GPU driver are at fault.'}`,
      );
    }
    const [, height, width] = depth.dims('1 H W') as [number, number, number];
    return { width, height, data: values, kind: this.model.config.depth, networkSize: size };
  }

  /** Frees the recordings; the model stays. */
  dispose(): void {
    this.#disposed = true;
    for (const recording of this.#recordings.values()) freeWhenMade(recording);
    this.#recordings.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async #recordingFor(
    photo: Size,
    size: Size,
    output: 'photo' | 'network',
    { onProgress }: PredictOptions,
  ): Promise<Recording<'pixels', 'depth'>> {
    if (this.#disposed) throw new Error('This predictor was disposed.');
    const key = JSON.stringify([photo.width, photo.height, size.width, size.height, output]);
    const known = this.#recordings.get(key);
    // The Map keeps the order of use: the first is the one used least recently.
    this.#recordings.delete(key);
    const recording =
      known ??
      record(
        this.model.weights.context,
        { pixels: { shape: [photo.height, photo.width], dtype: 'u32' } },
        ({ pixels }) => ({ depth: depthOfPixels(this.model, pixels, size, output) }),
        onProgress ? { onProgress } : {},
      );
    this.#recordings.set(key, recording);
    if (this.#recordings.size > RECORDINGS) {
      const [oldest, unused] = this.#recordings.entries().next().value!;
      this.#recordings.delete(oldest);
      freeWhenMade(unused);
    }
    try {
      return await recording;
    } catch (error) {
      // A failed recording is made anew by the next call.
      if (this.#recordings.get(key) === recording) this.#recordings.delete(key);
      throw error;
    }
  }
}

/**
 * The promise, or the abort if that comes first. What was queued on the GPU runs to its end either way; overlapping
 * calls may wait for the same recording, so one call's abort must not end it for the others.
 */
function orAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function freeWhenMade(recording: Promise<Recording>): void {
  recording.then(
    (made) => made.dispose(),
    () => {},
  );
}

/** pixels [h, w], four bytes each → depth [1, H, W]: the steps between a photo and its map. */
function depthOfPixels(
  model: DPTModel,
  pixels: Tensor,
  size: Size,
  output: 'photo' | 'network',
): Tensor {
  const { mean, std, filter, depthFilter } = model.config.image;
  const image = imageToTensor(pixels, { size: [size.height, size.width], filter, mean, std });
  const depth = model.forward(image); // [1, H, W]
  if (output === 'network') return depth;
  const [h, w] = pixels.dims('h w') as [number, number];
  const map = depth.reshape([...depth.shape, 1]); // [1, H, W, 1]
  const resized =
    depthFilter === 'bicubic'
      ? bicubicResize(map, [h, w])
      : bilinearResize(map, [h, w], { alignCorners: depthFilter === 'bilinear_align_corners' });
  return resized.reshape([1, h, w]);
}

/** What predicting a photo of that size takes, before any weight is read: build the model in `Context.planning()`. */
export function planPrediction(model: DPTModel, photo: Size, options: SizeOptions = {}): Trace {
  const size = networkSize(photo, model.config.image, options);
  return plan(
    model.weights.context,
    { pixels: { shape: [photo.height, photo.width], dtype: 'u32' } },
    ({ pixels }) => ({ depth: depthOfPixels(model, pixels!, size, 'photo') }),
  );
}

function expectPhoto({ width, height, data }: Photo): void {
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0)) {
    throw new Error(`The photo is ${width}×${height}; both sides must be whole and at least 1.`);
  }
  if (data.byteLength !== width * height * 4) {
    throw new Error(
      `The photo is ${width}×${height} with ${data.byteLength} bytes; RGBA needs ${width * height * 4}.`,
    );
  }
}

/** The configuration in one line: `depth_anything_v2: DINOv2, 12 blocks of 384 features, 6 heads, 14-pixel patches`. */
export function summary({ family, encoder, patchEmbed, maxDepth }: DptConfig): string {
  const range = maxDepth === undefined ? '' : `, up to ${maxDepth} m`;
  return `${family}: ${describeEncoder(encoder)}, ${patchEmbed.patch}-pixel patches${range}`;
}
