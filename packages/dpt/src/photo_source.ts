import { type Context, DptError, type OwnTexture, Tensor, textureUsage } from '@dpt-webgpu/tensor';
import type { Size } from './image_size.ts';

/** A photo as bytes: four per pixel, R G B A, row by row from the top. Alpha is not looked at. `ImageData` is one. */
export interface Photo extends Size {
  /** width · height · 4 bytes. Read during the call, never kept. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** Pictures of a page, whose pixels the browser copies to the GPU. */
export type HostPicture =
  | ImageBitmap
  | HTMLImageElement
  | HTMLCanvasElement
  | OffscreenCanvas
  | ImageData;

/** A frame of a film, which the GPU reads where it is. */
export type FilmPicture = VideoFrame | HTMLVideoElement;

/**
 * Whatever a photo may come in. All of them stay the caller's: none is closed, destroyed or kept.
 * - `Photo`, `ImageData`: bytes, copied by the call.
 * - `GPUTexture` with TEXTURE_BINDING; `Tensor` [h, w] u32, red lowest, also around a caller's GPUBuffer: read on the GPU.
 * - `VideoFrame`, `HTMLVideoElement`: imported and read on the GPU; the frame that is shown when the call comes to it.
 * - `ImageBitmap`, canvases, `HTMLImageElement`: copied to a texture by the browser.
 */
export type PhotoSource = Photo | GPUTexture | Tensor | HostPicture | FilmPicture;

/** Bytes in memory of the page or process. */
export const isPhoto = (source: object): source is Photo => 'data' in source && 'width' in source;

export const isFilmPicture = (source: object): source is FilmPicture =>
  'displayWidth' in source || 'videoWidth' in source;

/** Width and height in pixels, as shown. An image or video that is not loaded has none. The source stays the caller's. */
export function sizeOfSource(source: PhotoSource): Size {
  if (source instanceof Tensor) {
    const [height, width] = source.dims('h w') as [number, number];
    return { width, height };
  }
  if ('displayWidth' in source) return { width: source.displayWidth, height: source.displayHeight };
  if ('videoWidth' in source) return { width: source.videoWidth, height: source.videoHeight };
  if ('naturalWidth' in source) {
    return { width: source.naturalWidth, height: source.naturalHeight };
  }
  return { width: source.width, height: source.height };
}

export function expectPhoto({ width, height, data }: Photo): void {
  expectSides(width, height);
  if (data.byteLength !== width * height * 4) {
    throw new DptError(
      'invalid-argument',
      `The photo is ${width}×${height} with ${data.byteLength} bytes; RGBA needs ${width * height * 4}.`,
    );
  }
}

export function expectSides(width: number, height: number): void {
  if (Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0) return;
  throw new DptError(
    'invalid-argument',
    `The photo is ${width}×${height}; both sides must be whole and at least 1.`,
  );
}

/** A texture of one size that pictures of the page are copied to, made when the first one comes. */
export class PictureUpload {
  readonly #context: Context;
  readonly #size: Size;
  #own: OwnTexture | undefined;

  constructor(context: Context, size: Size) {
    this.#context = context;
    this.#size = size;
  }

  /** Queues the copy, and gives the texture. It is rewritten by the next call. */
  write(source: HostPicture | FilmPicture): GPUTexture {
    const { width, height } = this.#size;
    const { textureBinding, copyDst, renderAttachment } = textureUsage;
    this.#own ??= this.#context.createTexture(
      {
        label: 'picture',
        size: [width, height],
        format: 'rgba8unorm',
        usage: textureBinding | copyDst | renderAttachment,
      },
      width * height * 4,
    );
    this.#context.device.queue.copyExternalImageToTexture(
      { source },
      { texture: this.#own.texture, premultipliedAlpha: false },
      [width, height],
    );
    return this.#own.texture;
  }

  dispose(): void {
    this.#own?.dispose();
    this.#own = undefined;
  }
}
