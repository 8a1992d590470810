import {
  DptError,
  disposeSymbol,
  type MapFormat,
  minMax,
  type OwnTexture,
  PictureToTensor,
  type Recording,
  record,
  Tensor,
  TensorToTexture,
} from '@dpt-webgpu/tensor';
import type { DepthKind } from './config.ts';
import type { DPTModel } from './dpt_model.ts';
import { networkSize, type Size, type SizeOptions } from './image_size.ts';
import {
  isFilmPicture,
  isPhoto,
  type PhotoSource,
  PictureUpload,
  sizeOfSource,
} from './photo_source.ts';
import { resizedDepth } from './resized_depth.ts';

/** What the map is like, and where it goes. */
export interface LiveDepthOptions extends SizeOptions {
  /** Size of the map: that of the photos (default), as it leaves the network, or any other. */
  readonly output?: 'photo' | 'network' | Size | undefined;
  /** `encode` can write the map into textures of this format, too. Default: none, the map stays a tensor. */
  readonly texture?: MapFormat | undefined;
  /**
   * What the texture holds: the values as the network gave them, or (d − min) / (max − min) of each map, 0…1.
   * Default: `normalised` for rgba8unorm, else `values`.
   */
  readonly textureValues?: 'values' | 'normalised' | undefined;
  /** Textures that come hold linear light (`*-srgb`, float render targets). Default false. */
  readonly linear?: boolean | undefined;
  /** Aborts: the call rejects with its reason. Default: none. */
  readonly signal?: AbortSignal | undefined;
  /** Pipelines compiled so far, of how many. Default: none. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

interface Parts {
  readonly recording: Recording<'image', 'depth' | 'range'>;
  readonly input: PictureToTensor;
  readonly output: TensorToTexture | undefined;
}

/**
 * Photos of one size to their depth maps, inside the frame of the caller: no copy to the host, no submission of ours.
 * Owns its buffers; `DepthPredictor.live` makes it, `dispose` frees it.
 *
 * ```ts
 * const live = await predictor.live({ width: 1280, height: 720 }, { texture: 'r32float' });
 * const { texture } = live.createTexture();   // or one of your own
 * live.encode(encoder, video, texture);       // each frame; then your passes, then your submit
 * ```
 */
export class LiveDepth {
  /** Of the photos that come. */
  readonly photo: Size;
  /** The size that the network sees. */
  readonly networkSize: Size;
  readonly kind: DepthKind;
  /** [h, w]; the map, in a buffer of ours that every frame rewrites. `depth.buffer` is its GPUBuffer, STORAGE | COPY_SRC. */
  readonly depth: Tensor;
  /** [3]; its smallest and largest finite value and how many are finite, beside it on the GPU, in the same way. */
  readonly range: Tensor;
  readonly #recording: Parts['recording'];
  readonly #input: PictureToTensor;
  readonly #output: TensorToTexture | undefined;
  readonly #upload: PictureUpload;
  /** Where bytes are copied to. */
  #pixels: Tensor | undefined;
  #disposed = false;

  private constructor(
    { config }: DPTModel,
    photo: Size,
    network: Size,
    { recording, input, output }: Parts,
  ) {
    this.photo = photo;
    this.networkSize = network;
    this.kind = config.depth;
    this.#recording = recording;
    this.#input = input;
    this.#output = output;
    this.depth = recording.outputs.depth;
    this.range = recording.outputs.range;
    this.#upload = new PictureUpload(this.depth.context, photo);
  }

  /** Records and compiles. Errors: a size that cannot run, an abort, a lost device; nothing is left behind then. */
  static async make(
    model: DPTModel,
    photo: Size,
    options: LiveDepthOptions = {},
  ): Promise<LiveDepth> {
    const { signal, onProgress, output: wanted = 'photo', texture, linear = false } = options;
    const network = networkSize(photo, model.config.image, options);
    const size = wanted === 'photo' ? photo : wanted === 'network' ? network : wanted;
    const { filter, mean, std } = model.config.image;
    const { textureValues = texture === 'rgba8unorm' ? 'normalised' : 'values' } = options;
    const recording = await record(
      model.weights.context,
      { image: [1, network.height, network.width, 3] },
      ({ image }) => {
        const depth = resizedDepth(model, model.forward(image), size);
        const map = depth.reshape([size.height, size.width]);
        return { depth: map, range: minMax(map) };
      },
      { signal, onProgress },
    );
    let input: PictureToTensor | undefined;
    let output: TensorToTexture | undefined;
    try {
      const { depth, range } = recording.outputs;
      const from = [photo.height, photo.width] as const;
      input = new PictureToTensor(recording.inputs.image, { from, filter, mean, std, linear });
      if (texture) {
        const shown = textureValues === 'normalised' ? range : undefined;
        output = new TensorToTexture(depth, { format: texture, range: shown });
      }
      await Promise.all([input.compile('texture', 'pixels'), output?.compile()]);
      signal?.throwIfAborted();
      return new LiveDepth(model, photo, network, { recording, input, output });
    } catch (error) {
      input?.dispose();
      output?.dispose();
      recording.dispose();
      throw error;
    }
  }

  /** Pixels in a row of the map. */
  get width(): number {
    return this.depth.shape[1]!;
  }

  /** Rows of the map. */
  get height(): number {
    return this.depth.shape[0]!;
  }

  /**
   * Adds everything from photo to map to an encoder of the caller, who submits it before the next `encode` with bytes or
   * a picture of the page, since those are copied to one place. Frames of films are valid until the task ends, so submit
   * in the same one. `photo` and `into` stay the caller's; `into` is of the map's size and the format asked for, with
   * STORAGE_BINDING (r16float: COPY_DST).
   */
  encode(
    encoder: GPUCommandEncoder,
    photo: PhotoSource | GPUExternalTexture,
    into?: GPUTexture,
  ): void {
    if (this.#disposed) throw new DptError('disposed', 'This LiveDepth was disposed.');
    if (into && !this.#output) {
      throw new DptError('invalid-argument', 'LiveDepth: made without the option texture.');
    }
    this.#input.encode(encoder, this.#onGpu(photo));
    this.#recording.encode(encoder);
    if (into) this.#output?.encode(encoder, into);
  }

  /** A texture for `into`, counted in `memory()` until the caller disposes of it. `more`: other usages, default TEXTURE_BINDING | COPY_SRC. */
  createTexture(more?: number): OwnTexture {
    if (!this.#output) {
      throw new DptError('invalid-argument', 'LiveDepth: made without the option texture.');
    }
    return this.#output.createTexture(more);
  }

  #onGpu(photo: PhotoSource | GPUExternalTexture): GPUTexture | GPUExternalTexture | Tensor {
    if (
      !(
        'createView' in photo ||
        'width' in photo ||
        isFilmPicture(photo) ||
        photo instanceof Tensor
      )
    ) {
      return photo; // an external texture shows nothing of itself
    }
    const { width, height } = sizeOfSource(photo);
    if (width !== this.photo.width || height !== this.photo.height) {
      throw new DptError(
        'invalid-argument',
        `LiveDepth: the photo is ${width}×${height}, made for was ${this.photo.width}×${this.photo.height}.`,
      );
    }
    if (photo instanceof Tensor || 'createView' in photo) return photo;
    const { context } = this.depth;
    if (isPhoto(photo)) {
      this.#pixels ??= context.constant(() => context.empty([height, width], 'u32', 'pixels'));
      const { data } = photo;
      this.#pixels.write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      return this.#pixels;
    }
    if (isFilmPicture(photo)) {
      const { device } = context;
      // Firefox has not all of it yet.
      if (device.importExternalTexture) return device.importExternalTexture({ source: photo });
    }
    return this.#upload.write(photo);
  }

  /** Frees everything of ours. Idempotent; what was submitted before runs to its end. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#input.dispose();
    this.#output?.dispose();
    this.#upload.dispose();
    this.#pixels?.dispose();
    this.#recording.dispose();
  }

  [disposeSymbol](): void {
    this.dispose();
  }
}
