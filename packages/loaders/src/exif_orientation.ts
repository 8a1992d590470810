/**
 * The orientation (1 to 8) in a block of EXIF data, which is a small TIFF file; 1, upright, when it is absent or the
 * block is damaged: a broken note about a picture is no reason to refuse the picture.
 */
export function exifOrientation(tiff: Uint8Array): number {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  if (tiff.byteLength < 8) return 1;
  const order = view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return 1;
  const little = order === 0x4949;
  if (view.getUint16(2, little) !== 42) return 1;
  const directory = view.getUint32(4, little);
  if (directory + 2 > tiff.byteLength) return 1;
  const count = view.getUint16(directory, little);
  for (let i = 0; i < count; i++) {
    const entry = directory + 2 + 12 * i;
    if (entry + 12 > tiff.byteLength) return 1;
    const isOrientation =
      view.getUint16(entry, little) === 0x0112 && view.getUint16(entry + 2, little) === 3;
    if (!isOrientation) continue;
    const value = view.getUint16(entry + 8, little);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** RGBA. */
  readonly data: Uint8Array;
}

/** Turns a picture upright that was stored in EXIF orientation 1 to 8. */
export function upright(picture: Pixels, orientation: number): Pixels {
  const { width: w, height: h, data } = picture;
  if (orientation === 1) return picture;
  // Pixel (x, y) of the result is stored pixel first + x·across + y·down.
  const [first, across, down] = (
    {
      2: [w - 1, -1, w],
      3: [w * h - 1, -1, -w],
      4: [w * (h - 1), 1, -w],
      5: [0, w, 1],
      6: [w * (h - 1), -w, 1],
      7: [w * h - 1, -w, -1],
      8: [w - 1, w, -1],
    } as const satisfies Record<number, readonly [number, number, number]>
  )[orientation as 2 | 3 | 4 | 5 | 6 | 7 | 8];
  const [width, height] = orientation >= 5 ? [h, w] : [w, h];

  const from = new Uint32Array(
    data.byteOffset % 4 ? data.slice().buffer : data.buffer,
    data.byteOffset % 4 ? 0 : data.byteOffset,
    w * h,
  );
  const to = new Uint32Array(width * height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) to[i++] = from[first + x * across + y * down]!;
  }
  return { width, height, data: new Uint8Array(to.buffer) };
}
