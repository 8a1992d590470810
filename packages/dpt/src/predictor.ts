import {
  bicubicResize,
  bilinearResize,
  concat,
  type InputSpecs,
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
  readonly #recordings = new Map<string, Promise<Recording<string, 'depth'>>>();
  #disposed = false;

  constructor(model: DPTModel) {
    this.model = model;
  }

  /** The depth map of a photo, in rows from the top. Errors: a size that cannot run, an abort, a lost device. */
  async predict(photo: Photo, options: PredictOptions = {}): Promise<DepthMap> {
    const [depth] = await this.predictBatch([photo], options);
    return depth!;
  }

  /** The depth maps of photos of one size, in one run of the network: worth it where a photo does not fill the GPU. */
  async predictBatch(photos: readonly Photo[], options: PredictOptions = {}): Promise<DepthMap[]> {
    const photo = expectOneSize(photos);
    const { signal, output = 'photo' } = options;
    signal?.throwIfAborted();
    const size = networkSize(photo, this.model.config.image, options);
    const recording = await orAbort(
      this.#recordingFor(photos.length, photo, size, output, options),
      signal,
    );
    const inputs = photos.map(({ data }, i) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return [pixelsOf(i), bytes] as const;
    });
    const { depth } = recording.run(Object.fromEntries(inputs));
    const values = await orAbort(depth.read(), signal);

    const { nonFinite } = rangeOf(values);
    if (nonFinite > 0) {
      throw new Error(
        `The depth map has ${nonFinite} of ${values.length} values that are NaN or infinite${this.model.weights.dtype === 'f16' ? ': this model leaves the range of f16. Use dtype f32.' : '. The weights or the GPU driver are at fault.'}`,
      );
    }
    const [, height, width] = depth.dims('B H W') as [number, number, number];
    const kind = this.model.config.depth;
    return photos.map((_, i) => {
      // Of its own, so that one map does not keep the memory of all.
      const data =
        photos.length === 1 ? values : values.slice(i * height * width, (i + 1) * height * width);
      return { width, height, data, kind, networkSize: size };
    });
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
    count: number,
    photo: Size,
    size: Size,
    output: 'photo' | 'network',
    { onProgress }: PredictOptions,
  ): Promise<Recording<string, 'depth'>> {
    if (this.#disposed) throw new Error('This predictor was disposed.');
    const key = JSON.stringify([count, photo.width, photo.height, size.width, size.height, output]);
    const known = this.#recordings.get(key);
    // The Map keeps the order of use: the first is the one used least recently.
    this.#recordings.delete(key);
    const recording =
      known ??
      record(
        this.model.weights.context,
        pixelInputs(count, photo),
        (pixels) => ({ depth: depthOfPixels(this.model, Object.values(pixels), size, output) }),
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

const pixelsOf = (photo: number): string => `pixels_${photo}`;

/** An input per photo, since each is uploaded by itself. */
function pixelInputs(count: number, { height, width }: Size): InputSpecs {
  const input = { shape: [height, width], dtype: 'u32' } as const;
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [pixelsOf(i), input]));
}

/** B times pixels [h, w], four bytes each → depth [B, H, W]: the steps between photos and their maps. */
function depthOfPixels(
  model: DPTModel,
  photos: readonly Tensor[],
  size: Size,
  output: 'photo' | 'network',
): Tensor {
  const { mean, std, filter, depthFilter } = model.config.image;
  const images = photos.map((pixels) =>
    imageToTensor(pixels, { size: [size.height, size.width], filter, mean, std }),
  );
  const image = images.length === 1 ? images[0]! : concat(images, 0);
  const depth = model.forward(image); // [B, H, W]
  if (output === 'network') return depth;
  const [h, w] = photos[0]!.dims('h w') as [number, number];
  const map = depth.reshape([...depth.shape, 1]); // [B, H, W, 1]
  const resized =
    depthFilter === 'bicubic'
      ? bicubicResize(map, [h, w])
      : bilinearResize(map, [h, w], { alignCorners: depthFilter === 'bilinear_align_corners' });
  return resized.reshape([photos.length, h, w]);
}

/** What predicting `count` photos of that size takes, before any weight is read: build the model in `Context.planning()`. */
export function planPrediction(
  model: DPTModel,
  photo: Size,
  { count = 1, ...options }: SizeOptions & { readonly count?: number | undefined } = {},
): Trace {
  const size = networkSize(photo, model.config.image, options);
  return plan(model.weights.context, pixelInputs(count, photo), (pixels) => ({
    depth: depthOfPixels(model, Object.values(pixels), size, 'photo'),
  }));
}

function expectOneSize(photos: readonly Photo[]): Photo {
  const [first] = photos;
  if (!first) throw new Error('predictBatch: there are no photos.');
  for (const photo of photos) {
    expectPhoto(photo);
    if (photo.width === first.width && photo.height === first.height) continue;
    throw new Error(
      `predictBatch: the photos are ${first.width}×${first.height} and ${photo.width}×${photo.height}; those of one size go together.`,
    );
  }
  return first;
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
