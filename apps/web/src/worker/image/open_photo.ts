import type { Size } from '@dpt-webgpu/dpt';
import type { Gpu } from '../gpu.ts';
import { EngineError } from '../protocol.ts';
import type { Rect } from './image_calls.ts';
import { decode, type Part, type Photo, uploadPhoto } from './photo.ts';

/** The picture of a page: its file, and its pixels on the device that is there now. */
export class OpenPhoto {
  readonly #words: string;
  #file: { readonly blob: Blob; readonly name: string } | undefined;
  #uploaded: { readonly gpu: Gpu; readonly photo: Photo } | undefined;

  /** `words`: what to say when nothing is open. */
  constructor(words: string) {
    this.#words = words;
  }

  /** Takes the place of the one before once it could be read. `before`: called when that is certain. */
  async open(
    file: { readonly blob: Blob; readonly name: string },
    device: () => Promise<Gpu>,
    before: () => void,
  ): Promise<Size> {
    const decoded = await decode(file.blob, file.name);
    const gpu = await device();
    const photo = await uploadPhoto(gpu, decoded);
    decoded.close();
    before();
    this.#uploaded?.photo.texture.destroy();
    this.#uploaded = { gpu, photo };
    this.#file = file;
    return { width: photo.width, height: photo.height };
  }

  /** On this device: after a loss it is decoded again. */
  async on(gpu: Gpu): Promise<Photo> {
    if (!this.#file) throw new EngineError({ code: 'no-photo', message: this.#words });
    if (this.#uploaded?.gpu !== gpu) {
      const decoded = await decode(this.#file.blob, this.#file.name);
      this.#uploaded = { gpu, photo: await uploadPhoto(gpu, decoded) };
      decoded.close();
    }
    return this.#uploaded.photo;
  }

  /** What lies on this device already. */
  uploaded(gpu: Gpu): Photo | undefined {
    return this.#uploaded?.gpu === gpu ? this.#uploaded.photo : undefined;
  }
}

/** Whole pixels of a photo, at least one each way. */
export function partOf(photo: Size, crop: Rect): Part {
  const x = Math.min(Math.round(crop.x * photo.width), photo.width - 1);
  const y = Math.min(Math.round(crop.y * photo.height), photo.height - 1);
  return {
    x,
    y,
    width: Math.max(1, Math.min(Math.round(crop.width * photo.width), photo.width - x)),
    height: Math.max(1, Math.min(Math.round(crop.height * photo.height), photo.height - y)),
  };
}

/** The same as shares of the photo, 0…1. */
export const shareOf = (part: Part, photo: Size): Rect => ({
  x: part.x / photo.width,
  y: part.y / photo.height,
  width: part.width / photo.width,
  height: part.height / photo.height,
});
