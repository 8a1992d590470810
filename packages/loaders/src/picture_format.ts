/** Formats that can be decoded, the last four with sharp. */
export type PictureFormat = 'png' | 'jpeg' | 'webp' | 'avif' | 'tiff' | 'gif';

/** What the first bytes say: a format, or why it is none. */
export type Recognised =
  | { readonly format: PictureFormat }
  | { readonly kind: string; readonly isPicture: boolean; readonly remedy?: string };

/** Bytes that recognisePicture looks at. */
export const SNIFFED_PICTURE_BYTES = 64;

/** Recognises a picture by its first bytes; the name of a file says nothing. */
export function recognisePicture(bytes: Uint8Array): Recognised {
  const start = String.fromCharCode(...bytes.subarray(0, SNIFFED_PICTURE_BYTES));
  if (start.startsWith('\x89PNG\r\n\x1a\n')) return { format: 'png' };
  if (start.startsWith('\xff\xd8\xff')) return { format: 'jpeg' };
  if (/^GIF8[79]a/.test(start)) return { format: 'gif' };
  if (/^RIFF.{4}WEBP/s.test(start)) return { format: 'webp' };
  if (start.startsWith('II*\0') || start.startsWith('MM\0*')) return { format: 'tiff' };

  // ISO media files: a size, `ftyp`, the main brand, a version, then the brands it is compatible with.
  const brands = /^.{4}ftyp(.{4}).{4}(.*)/s.exec(start);
  if (brands) {
    const all = brands[1]! + brands[2]!;
    if (/avi[fs]/.test(all)) return { format: 'avif' };
    if (/hei[cxms]|hev[cxms]|mif1|msf1/.test(all)) {
      return {
        kind: 'a HEIC picture',
        isPicture: true,
        remedy: 'Convert it to JPEG or PNG (iPhone: Settings, Camera, Formats, Most Compatible).',
      };
    }
    return { kind: 'a video (MP4 or MOV)', isPicture: false };
  }
  const other = OTHERS.find(([magic]) =>
    typeof magic === 'string' ? start.startsWith(magic) : magic.test(start),
  );
  if (other) {
    const [, kind, isPicture] = other;
    return { kind, isPicture, remedy: isPicture ? 'Convert it to JPEG or PNG.' : undefined };
  }
  const kind = isText(bytes.subarray(0, start.length))
    ? 'a text file'
    : 'a file of an unknown kind';
  return { kind, isPicture: false };
}

/** Patterns where the bytes vary; strings where they hold control characters. */
const OTHERS: readonly (readonly [magic: string | RegExp, kind: string, isPicture: boolean])[] = [
  [/^BM.{4}\0{4}/s, 'a BMP picture', true],
  ['\xff\x0a', 'a JPEG XL picture', true],
  ['\0\0\0\x0cJXL ', 'a JPEG XL picture', true],
  ['\0\0\0\x0cjP  ', 'a JPEG 2000 picture', true],
  ['\xff\x4f\xff\x51', 'a JPEG 2000 picture', true],
  ['8BPS', 'a Photoshop picture', true],
  ['v/1\x01', 'an OpenEXR picture', true],
  ['#?RADIANCE', 'a Radiance HDR picture', true],
  [/^P[1-7]\s/, 'a netpbm picture', true],
  [/^P[fF]\s/, 'a PFM float map', true],
  ['\0\0\x01\0', 'an icon', true],
  [/^\s*(<\?xml.*)?<svg/is, 'an SVG drawing', true],
  [/^\s*<(!doctype|html)/i, 'a web page', false],
  ['version https://git-lfs', 'a Git LFS pointer', false],
  ['%PDF', 'a PDF document', false],
  ['PK\x03\x04', 'a zip file', false],
  ['\x1aE\xdf\xa3', 'a video (Matroska or WebM)', false],
  [/^RIFF.{4}AVI /s, 'a video (AVI)', false],
];

function isText(bytes: Uint8Array): boolean {
  // Control characters other than tabs and newlines mean data.
  if (bytes.some((byte) => byte < 0x09 || (byte > 0x0d && byte < 0x20))) return false;
  try {
    // As a stream, because the last character may be cut.
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
