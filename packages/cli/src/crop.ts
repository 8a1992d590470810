import { cutPhoto, type Photo } from '@dpt-webgpu/dpt';
import { UsageError } from './errors.ts';

/** Of a picture: pixels, or shares of its width and height. */
export interface CropBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly unit: 'pixels' | 'shares';
}

/** Four numbers of a command line. Shares where none is above 1: a picture of one pixel is nothing to cut out. */
export function cropOf(numbers: readonly number[] | undefined): CropBox | undefined {
  if (!numbers) return undefined;
  const [x = 0, y = 0, width = 0, height = 0] = numbers;
  const unit = numbers.every((number) => number <= 1) ? 'shares' : 'pixels';
  const fits =
    unit === 'shares'
      ? Math.max(x + width, y + height) <= 1 + 1e-9
      : numbers.every(Number.isInteger);
  if (x >= 0 && y >= 0 && width > 0 && height > 0 && fits) return { x, y, width, height, unit };
  throw new UsageError(
    `--crop takes X,Y,W,H in whole pixels, or in shares of the picture that end within it, not ${JSON.stringify(numbers.join(','))}.`,
  );
}

export interface Cropped extends Photo {
  /** Of the whole picture, in pixels. */
  readonly left: number;
  readonly top: number;
}

/** A part of a picture. Throws when it reaches beyond. */
export function crop(photo: Photo, box: CropBox): Cropped {
  const scale = box.unit === 'shares' ? photo : { width: 1, height: 1 };
  const left = Math.min(Math.round(box.x * scale.width), photo.width - 1);
  const top = Math.min(Math.round(box.y * scale.height), photo.height - 1);
  // Shares of a small picture may round to nothing.
  const right = Math.max(Math.round((box.x + box.width) * scale.width), left + 1);
  const bottom = Math.max(Math.round((box.y + box.height) * scale.height), top + 1);
  if (
    box.unit === 'pixels' &&
    (box.x + box.width > photo.width || box.y + box.height > photo.height)
  ) {
    throw new Error(
      `--crop ${box.x},${box.y},${box.width},${box.height} reaches beyond this picture of ${photo.width}×${photo.height}.`,
    );
  }
  const [width, height] = [right - left, bottom - top];
  return { ...cutPhoto(photo, { x: left, y: top, width, height }), left, top };
}
