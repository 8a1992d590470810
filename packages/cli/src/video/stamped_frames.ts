import type { Size } from '@dpt-webgpu/dpt';

// Raw frames have no times. Where they do not come at even intervals they travel to ffmpeg in Matroska, the plainest of
// its containers (RFC 9559): a head without a length, then one cluster per frame, times in microseconds.

const ids = {
  ebml: [0x1a, 0x45, 0xdf, 0xa3],
  docType: [0x42, 0x82],
  segment: [0x18, 0x53, 0x80, 0x67],
  info: [0x15, 0x49, 0xa9, 0x66],
  timestampScale: [0x2a, 0xd7, 0xb1],
  tracks: [0x16, 0x54, 0xae, 0x6b],
  trackEntry: [0xae],
  trackNumber: [0xd7],
  trackUid: [0x73, 0xc5],
  trackType: [0x83],
  codecId: [0x86],
  video: [0xe0],
  pixelWidth: [0xb0],
  pixelHeight: [0xba],
  colourSpace: [0x2e, 0xb5, 0x24],
  cluster: [0x1f, 0x43, 0xb6, 0x75],
  timestamp: [0xe7],
  simpleBlock: [0xa3],
} as const;

type Id = readonly number[];

/** What stands before the first frame of a stream of RGBA pictures. */
export function streamHead({ width, height }: Size): Uint8Array {
  const text = (value: string): number[] => [...value].map((letter) => letter.charCodeAt(0));
  const video = element(ids.video, [
    ...element(ids.pixelWidth, integer(width)),
    ...element(ids.pixelHeight, integer(height)),
    ...element(ids.colourSpace, text('RGBA')),
  ]);
  const track = element(ids.trackEntry, [
    ...element(ids.trackNumber, [1]),
    ...element(ids.trackUid, [1]),
    ...element(ids.trackType, [1]),
    ...element(ids.codecId, text('V_UNCOMPRESSED')),
    ...video,
  ]);
  return Uint8Array.from([
    ...element(ids.ebml, element(ids.docType, text('matroska'))),
    // All ones: the length is not known.
    ...[...ids.segment, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ...element(ids.info, element(ids.timestampScale, integer(1000))),
    ...element(ids.tracks, track),
  ]);
}

/** What stands before the bytes of a frame. */
export function frameHead(seconds: number, bytes: number): Uint8Array {
  const timestamp = element(ids.timestamp, integer(Math.max(0, Math.round(seconds * 1e6))));
  // Track 1, no time of its own within the cluster, a key frame.
  const block = [...ids.simpleBlock, ...length(4 + bytes), 0x81, 0, 0, 0x80];
  return Uint8Array.from([
    ...ids.cluster,
    ...length(timestamp.length + block.length + bytes),
    ...timestamp,
    ...block,
  ]);
}

const element = (id: Id, content: readonly number[]): number[] => [
  ...id,
  ...length(content.length),
  ...content,
];

/** Big-endian, as many bytes as it takes. */
function integer(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; rest > 0 || bytes.length === 0; rest = Math.floor(rest / 256)) {
    bytes.unshift(rest % 256);
  }
  return bytes;
}

/** A length in eight bytes, the first of which says that there are eight. */
function length(value: number): number[] {
  const bytes = integer(value);
  return [0x01, ...Array<number>(7 - bytes.length).fill(0), ...bytes];
}
