import { joined } from '../joined.ts';

/** What a PNG file holds: rows from the top, without a gap. */
export interface PngPixels {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 RGB, 4 RGBA. */
  readonly channels: 1 | 3 | 4;
  /** Bytes; of 16 bits as numbers of this machine. */
  readonly data: Uint8Array | Uint16Array;
  /** Pairs of a keyword and a text, Latin 1. */
  readonly text?: readonly (readonly [keyword: string, text: string])[];
}

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/**
 * A PNG file, losslessly. A canvas would multiply colours by alpha and has no 16 bits, so it is written here; the
 * compression is the browser's.
 */
export async function encodePng(pixels: PngPixels): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height, channels, data, text = [] } = pixels;
  const depth = data instanceof Uint16Array ? 16 : 8;
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([depth, { 1: 0, 3: 2, 4: 6 }[channels], 0, 0, 0], 8);
  return joined([
    SIGNATURE,
    chunk('IHDR', header),
    ...text.map(([keyword, words]) => chunk('tEXt', latin1(`${keyword}\0${words}`))),
    chunk('IDAT', await deflate(filtered(pixels, depth))),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

/** Each row less the one above (filter 2): maps are smooth, and differences compress to half of what the values do. */
function filtered(
  { width, height, channels, data }: PngPixels,
  depth: 8 | 16,
): Uint8Array<ArrayBuffer> {
  const stride = (width * channels * depth) / 8;
  const out = new Uint8Array((stride + 1) * height);
  const bytes = depth === 8 ? (data as Uint8Array) : bigEndian(data as Uint16Array);
  for (let y = 0, at = 0, from = 0; y < height; y++) {
    out[at++] = 2;
    for (let i = 0; i < stride; i++, from++) {
      out[at++] = bytes[from]! - (y > 0 ? bytes[from - stride]! : 0);
    }
  }
  return out;
}

function bigEndian(values: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(2 * values.length);
  for (let i = 0; i < values.length; i++) {
    bytes[2 * i] = values[i]! >>> 8;
    bytes[2 * i + 1] = values[i]! & 0xff;
  }
  return bytes;
}

async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  out.set(latin1(type), 4);
  out.set(data, 8);
  view.setUint32(8 + data.length, crc32(out.subarray(4, 8 + data.length)));
  return out;
}

const latin1 = (text: string): Uint8Array =>
  Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff);

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ crcTable[(crc ^ byte) & 0xff]!;
  return ~crc >>> 0;
}
