import { invalidArgument } from '@dpt-webgpu/tensor/errors';
import jpeg from 'jpeg-js';

/** How much a JPEG may lose. */
export interface JpegOptions {
  /** 1 to 100. Default 92, which is hard to tell from the original. */
  readonly quality?: number;
}

/** A baseline JPEG from RGBA bytes, colours at full resolution; alpha is not stored. */
export function encodeJpeg(
  data: Uint8Array,
  width: number,
  height: number,
  { quality = 92 }: JpegOptions = {},
): Uint8Array {
  // 16 bits each in the file.
  const valid = [width, height].every(
    (side) => Number.isInteger(side) && side > 0 && side < 65_536,
  );
  if (!valid || data.byteLength !== width * height * 4) {
    throw invalidArgument(
      `encodeJpeg: ${width}×${height} pixels with ${data.byteLength} bytes; needs four per pixel, and sides up to 65535.`,
    );
  }
  if (!(quality >= 1 && quality <= 100)) {
    throw invalidArgument(`encodeJpeg: quality is ${quality}; needs 1 to 100.`);
  }
  const file = jpeg.encode({ data, width, height }, quality).data;
  return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
}
