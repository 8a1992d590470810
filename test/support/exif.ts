/** A JPEG with a note of its lens: EXIF with one tag, FocalLengthIn35mmFilm, in either order of bytes. */
export function withFocalLength(jpeg: Buffer, millimetres: number, little = false): Buffer {
  const tiff = Buffer.alloc(44);
  const write = (at: number, value: number, bytes: 2 | 4): void => {
    if (little) tiff.writeUIntLE(value, at, bytes);
    else tiff.writeUIntBE(value, at, bytes);
  };
  tiff.write(little ? 'II' : 'MM', 'latin1');
  write(2, 42, 2);
  write(4, 8, 4);
  // Two directories of one entry: tag, kind, count, value. The first leads to the second.
  write(8, 1, 2);
  for (const [at, tag, kind] of [
    [10, 0x8769, 4],
    [28, 0xa405, 3],
  ] as const) {
    write(at, tag, 2);
    write(at + 2, kind, 2);
    write(at + 4, 1, 4);
  }
  write(18, 26, 4);
  write(26, 1, 2);
  write(36, millimetres, 2);
  const content = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff]);
  const head = Buffer.from([0xff, 0xe1, 0, 0]);
  head.writeUInt16BE(content.length + 2, 2);
  return Buffer.concat([jpeg.subarray(0, 2), head, content, jpeg.subarray(2)]);
}
