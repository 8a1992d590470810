import {
  type Context,
  concat,
  DptError,
  disposeSymbol,
  type InputSpecs,
  imageToTensor,
  invalidArgument,
  type LoadOptions,
  type OwnTexture,
  orAbort,
  plan,
  type Recording,
  record,
  type Tensor,
  type Trace,
} from '@dpt-webgpu/tensor';
import type { DepthKind, DptConfig } from './config.ts';
import type { DPTModel } from './dpt_model.ts';
import { describeEncoder } from './encoders/index.ts';
import { expectFiniteMap } from './finite.ts';
import { largestSizeThatFits } from './fit_plan.ts';
import { networkSize, type Size, type SizeOptions } from './image_size.ts';
import { LiveDepth, type LiveDepthOptions } from './live_depth.ts';
import {
  expectPhoto,
  expectSides,
  isPhoto,
  type Photo,
  type PhotoSource,
  sizeOfSource,
} from './photo_source.ts';
import { RecordingCache } from './recording_cache.ts';
import { resizedDepth } from './resized_depth.ts';
import { runInTurn } from './run_in_turn.ts';

/** A depth map on the host, and what its numbers are. */
export interface DepthMap extends Size {
  /** One value per pixel, row by row from the top, as the network gave it: not normalised. */
  readonly data: Float32Array;
  /** Inverse depth without a scale, or metres. */
  readonly kind: DepthKind;
  /** The size that the network saw. */
  readonly networkSize: Size;
}

/** Sizes of one prediction, and how to stop it. */
export interface PredictOptions extends Omit<SizeOptions, 'size'> {
  /**
   * Pixels of the side that the model's `sizing` names. Default: what the model was trained at. `largest`: the most that
   * the device, and `memory`, have room for, and no more than the photo has.
   */
  readonly size?: number | 'largest' | undefined;
  /** Bytes that the model may take on the GPU, for `largest`: devices do not say what they have. Default: not looked at. */
  readonly memory?: number | undefined;
  /** `photo`: the map is resized to the photo, as the preset does. `network`: as it left the network. Default `photo`. */
  readonly output?: 'photo' | 'network' | undefined;
  /** Looked at before and between submissions: the call rejects with its reason, and the predictor stays as it is. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** Pipelines compiled for a size that is new, of how many. Default: none. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Where a map is wanted on the GPU, where it may be of any size. */
export interface PredictTensorOptions
  extends Omit<PredictOptions, 'output'>,
    Pick<LiveDepthOptions, 'output' | 'linear'> {}

/** Where a map is wanted as a texture. */
export interface PredictTextureOptions
  extends PredictTensorOptions,
    Pick<LiveDepthOptions, 'textureValues'> {
  /** Of the texture that is made. */
  readonly format: NonNullable<LiveDepthOptions['texture']>;
  /** What else it is to be used for. Default TEXTURE_BINDING | COPY_SRC. */
  readonly usage?: number | undefined;
}

/** What a predictor keeps between calls. */
export interface PredictorOptions {
  /** Sizes of photos whose recordings are kept, each of which is small but for its outputs; least recently used out. Default 4. */
  readonly recordings?: number;
  /**
   * Look at what every step of `predict` and `predictBatch` wrote, and throw, naming the first step whose results are not
   * finite. For finding out whether a model bears f16: slow. Default false.
   */
  readonly checkFinite?: boolean;
}

/**
 * Photo in, depth map out: resize and normalise, run the network, resize the map, all in one recording per photo size.
 *
 * ```ts
 * const predictor = new DepthPredictor(model);
 * const depth = await predictor.predict(photo, { size: 518 });
 * ```
 *
 * Calls may overlap: upload, replay and copy are queued in one stretch, so that they cannot mix. Photos stay the
 * caller's; a `VideoFrame` or texture must live until the call has ended.
 */
export class DepthPredictor {
  #model: DPTModel;
  readonly #checkFinite: boolean;
  readonly #recordings: RecordingCache;
  readonly #largest = new Map<string, number>();
  #disposed = false;

  /** Uses the model and does not own it. */
  constructor(model: DPTModel, { recordings = 4, checkFinite = false }: PredictorOptions = {}) {
    this.#model = model;
    this.#checkFinite = checkFinite;
    this.#recordings = new RecordingCache(recordings);
  }

  /** The model that it was made with; after `recreate` the new one. */
  get model(): DPTModel {
    return this.#model;
  }

  /** How many recordings are kept. */
  get recordings(): number {
    return this.#recordings.keys.length;
  }

  /**
   * The depth map of a photo, in rows from the top. The photo stays the caller's; what is handed out is on the host.
   * Errors: a size that cannot run, an abort, a lost device.
   */
  async predict(photo: PhotoSource, options: PredictOptions = {}): Promise<DepthMap> {
    if (isPhoto(photo)) return (await this.predictBatch([photo], options))[0]!;
    const { signal } = options;
    return this.#useLive(photo, options, async (live) => {
      this.#submit(live, photo);
      const data = await orAbort(live.depth.read(), signal);
      await expectFiniteMap(data, this.#model.weights.linearDtype);
      const { width, height, kind } = live;
      return { width, height, data, kind, networkSize: live.networkSize };
    });
  }

  /** The depth map on the GPU, [h, w]: a tensor of the caller's, who disposes of it. Resolves once the work is queued. */
  predictTensor(photo: PhotoSource, options: PredictTensorOptions = {}): Promise<Tensor> {
    return this.#useLive(photo, options, (live) => {
      const { context, shape, dtype, bytes, buffer } = live.depth;
      const copy = context.constant(() => context.empty(shape, dtype, 'depth'));
      try {
        this.#submit(live, photo, (encoder) =>
          encoder.copyBufferToBuffer(buffer, 0, copy.buffer, 0, bytes),
        );
      } catch (error) {
        copy.dispose();
        throw error;
      }
      return copy;
    });
  }

  /** The depth map in a texture of the caller's, who disposes of it. Resolves once the work is queued. */
  predictTexture(photo: PhotoSource, options: PredictTextureOptions): Promise<OwnTexture> {
    const { format, usage, ...others } = options;
    return this.#useLive(photo, { ...others, texture: format }, (live) => {
      const texture = live.createTexture(usage);
      try {
        this.#submit(live, photo, undefined, texture.texture);
      } catch (error) {
        texture.dispose();
        throw error;
      }
      return texture;
    });
  }

  /** For every frame of the caller's: a `LiveDepth` for photos of one size, the caller's to dispose. */
  async live(
    photo: Size,
    options: Omit<LiveDepthOptions, 'size'> & Pick<PredictOptions, 'size' | 'memory'> = {},
  ): Promise<LiveDepth> {
    this.#expectAlive();
    options.signal?.throwIfAborted();
    return LiveDepth.make(this.#model, photo, { ...options, size: this.#sizeFor(photo, options) });
  }

  /** The depth maps of photos of one size, in one run of the network: worth it where a photo does not fill the GPU. */
  async predictBatch(photos: readonly Photo[], options: PredictOptions = {}): Promise<DepthMap[]> {
    this.#expectAlive();
    const photo = expectOneSize(photos);
    const { signal, output = 'photo', onProgress } = options;
    signal?.throwIfAborted();
    const model = this.#model;
    const sizes = { ...options, size: this.#sizeFor(photo, options) };
    const size = networkSize(photo, model.config.image, sizes);
    const key = JSON.stringify([photos.length, photo.width, photo.height, size, output]);
    const make = (): Promise<Recording<string, 'depth'>> =>
      record(
        model.weights.context,
        pixelInputs(photos.length, photo),
        (pixels) => ({ depth: depthOfPixels(model, Object.values(pixels), size, output) }),
        { onProgress },
      );
    const run = this.#recordings.use(`batch ${key}`, make, async (recording) => {
      signal?.throwIfAborted();
      const inputs = photos.map(({ data }, i) => {
        const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
        return [pixelsOf(i), bytes] as const;
      });
      const { depth } = recording.outputs;
      const { linearDtype: dtype } = model.weights;
      const checkFinite = this.#checkFinite;
      const values = await runInTurn(recording, Object.fromEntries(inputs), {
        ...{ signal, checkFinite, dtype },
      });
      await expectFiniteMap(values, dtype, recording);
      const [, height, width] = depth.dims('B H W') as [number, number, number];
      const kind = model.config.depth;
      return photos.map((_, i) => {
        // Of its own, so that one map does not keep the memory of all.
        const data =
          photos.length === 1 ? values : values.slice(i * height * width, (i + 1) * height * width);
        return { width, height, data, kind, networkSize: size };
      });
    });
    return orAbort(run, signal);
  }

  /**
   * Goes on with the model on another device, after the first was lost: see `DPTModel.recreate`, whose options these are.
   * Calls that were pending have been rejected; what `live` made has to be made again. The device stays the caller's.
   */
  async recreate(device: GPUDevice | Context, options: LoadOptions = {}): Promise<void> {
    this.#expectAlive();
    options.signal?.throwIfAborted();
    this.#recordings.clear();
    this.#largest.clear();
    this.#model = await this.#model.recreate(device, options);
  }

  /** Frees the recordings, those in use when they are done; the model stays. Idempotent. */
  dispose(): void {
    this.#disposed = true;
    this.#recordings.clear();
  }

  [disposeSymbol](): void {
    this.dispose();
  }

  #expectAlive(): void {
    if (this.#disposed) throw new DptError('disposed', 'This predictor was disposed.');
  }

  /** Encodes and submits in one stretch. */
  #submit(
    live: LiveDepth,
    photo: PhotoSource,
    after?: (encoder: GPUCommandEncoder) => void,
    into?: GPUTexture,
  ): void {
    const { device } = live.depth.context;
    const encoder = device.createCommandEncoder({ label: 'predict' });
    live.encode(encoder, photo, into);
    after?.(encoder);
    device.queue.submit([encoder.finish()]);
  }

  async #useLive<R>(
    photo: PhotoSource,
    options: PredictTensorOptions & Pick<LiveDepthOptions, 'texture' | 'textureValues'>,
    work: (live: LiveDepth) => R | Promise<R>,
  ): Promise<R> {
    this.#expectAlive();
    const { signal, memory: _, onProgress, ...others } = options;
    signal?.throwIfAborted();
    const model = this.#model;
    const { width, height } = sizeOfSource(photo);
    expectSides(width, height);
    const size = this.#sizeFor({ width, height }, options);
    const kept = { ...others, size };
    const key = JSON.stringify([width, height, kept]);
    const make = (): Promise<LiveDepth> =>
      LiveDepth.make(model, { width, height }, { ...kept, onProgress });
    // The signal is this call's alone: others may wait for the same recording.
    const run = this.#recordings.use(`live ${key}`, make, (live) => {
      signal?.throwIfAborted();
      return work(live);
    });
    return orAbort(run, signal);
  }

  #sizeFor(
    photo: Size,
    { size, square, memory }: Pick<PredictOptions, 'size' | 'square' | 'memory'>,
  ): number | undefined {
    if (size !== 'largest') return size;
    const { config, weights } = this.#model;
    const key = JSON.stringify([photo.width, photo.height, square, memory]);
    let largest = this.#largest.get(key);
    if (largest === undefined) {
      const { capabilities } = weights.context;
      const { linearDtype: dtype } = weights;
      largest = largestSizeThatFits(config, photo, capabilities, { dtype, square, memory });
      if (largest === undefined) {
        throw new DptError('limit', 'size largest: not even the smallest size fits this device.');
      }
      this.#largest.set(key, largest);
    }
    return largest;
  }
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
  const { mean, std, filter } = model.config.image;
  const images = photos.map((pixels) =>
    imageToTensor(pixels, { size: [size.height, size.width], filter, mean, std }),
  );
  const image = images.length === 1 ? images[0]! : concat(images, 0);
  const depth = model.forward(image); // [B, H, W]
  if (output === 'network') return depth;
  const [height, width] = photos[0]!.dims('h w') as [number, number];
  return resizedDepth(model, depth, { width, height });
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
  if (!first) throw invalidArgument('predictBatch: there are no photos.');
  for (const photo of photos) {
    expectPhoto(photo);
    if (photo.width === first.width && photo.height === first.height) continue;
    throw invalidArgument(
      `predictBatch: the photos are ${first.width}×${first.height} and ${photo.width}×${photo.height}; those of one size go together.`,
    );
  }
  return first;
}

/** The configuration in one line: `depth_anything_v2: DINOv2, 12 blocks of 384 features, 6 heads, 14-pixel patches`. */
export function summary({ family, encoder, patchEmbed, maxDepth }: DptConfig): string {
  const range = maxDepth === undefined ? '' : `, up to ${maxDepth} m`;
  return `${family}: ${describeEncoder(encoder)}, ${patchEmbed.patch}-pixel patches${range}`;
}
