import { DptError } from '@dpt-webgpu/tensor';
import type { ImageConfig } from './config.ts';

/** Width and height in pixels. */
export interface Size {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
}

/** The size that the network sees a photo at. */
export interface SizeOptions {
  /** Pixels of the side that the model's `sizing` names. Default: what the model was trained at. */
  readonly size?: number | undefined;
  /** For `longer_side` only: stretch to a square as muggled_dpt does by default, or keep the aspect. Default true. */
  readonly square?: boolean | undefined;
}

/**
 * Attention looks at every pair of patches, so time grows with the square of their number. This many is far beyond what
 * any model was trained on (1369), and what a very long picture asks for by accident.
 */
const MAX_PATCHES = 65_536;

/**
 * The input size of the network for a photo (Depth-Anything-V2 util/transform.py, MiDaS transforms.py; muggled_dpt
 * prepare_image). Rounds half to even as NumPy and Python do: 518 / 28 = 18.5 becomes 18.
 */
export function networkSize(
  photo: Size,
  image: Pick<ImageConfig, 'baseSize' | 'multiple' | 'sizing'>,
  { size = image.baseSize, square = true }: SizeOptions = {},
): Size {
  const { multiple } = image;
  if (!Number.isInteger(size) || size < 1 || size > 16_384) {
    throw new DptError(
      'invalid-argument',
      `size is ${size}; it must be a whole number of pixels from 1 to 16384.`,
    );
  }
  const chosen = bySizing(photo, image, size, square);
  const patches = (chosen.width * chosen.height) / multiple ** 2;
  if (patches > MAX_PATCHES) {
    throw new DptError(
      'limit',
      `A ${photo.width}×${photo.height} picture would need a ${chosen.width}×${chosen.height} network input, which is too large. Crop the picture, use a smaller size (tiles keep the detail), or the muggled preset, which stretches it.`,
    );
  }
  return chosen;
}

function bySizing(
  { width, height }: Size,
  { multiple, sizing }: Pick<ImageConfig, 'multiple' | 'sizing'>,
  size: number,
  square: boolean,
): Size {
  const toMultiple = (side: number): number =>
    Math.max(1, roundHalfToEven(side / multiple)) * multiple;
  switch (sizing) {
    case 'exact':
      return { width: toMultiple(size), height: toMultiple(size) };
    case 'longer_side': {
      const scale = size / Math.max(width, height);
      const longer = toMultiple(Math.max(width, height) * scale);
      if (square) return { width: longer, height: longer };
      return { width: toMultiple(width * scale), height: toMultiple(height * scale) };
    }
    case 'minimal': {
      const across = size / width;
      const down = size / height;
      const scale = Math.abs(1 - across) < Math.abs(1 - down) ? across : down;
      return { width: toMultiple(width * scale), height: toMultiple(height * scale) };
    }
    case 'lower_bound': {
      const scale = Math.max(size / width, size / height);
      const atLeast = (side: number): number => {
        const rounded = toMultiple(side);
        return rounded < size ? Math.ceil(side / multiple) * multiple : rounded;
      };
      return { width: atLeast(width * scale), height: atLeast(height * scale) };
    }
  }
}

/** As NumPy's and Python's round: 18.5 → 18, 19.5 → 20. */
export function roundHalfToEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}
