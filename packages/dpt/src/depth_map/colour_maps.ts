import type { DepthKind } from '../config.ts';
import { normalise } from '../inverse_depth.ts';
import { colourTables } from './colour_tables.ts';

/** `spectral` is Spectral_r, the colours of the Depth-Anything demos; MiDaS's demos use inferno. */
export type ColourMap = keyof typeof colourTables | 'grey';

/** Names of all colour maps. */
export const colourMaps: readonly ColourMap[] = [
  ...(Object.keys(colourTables) as (keyof typeof colourTables)[]),
  'grey',
];

const bytesOf = new Map<ColourMap, Uint8Array>();

/** The 256 colours of a map, three bytes each, from far (0) to near (1). */
export function colourTable(map: ColourMap): Uint8Array {
  const known = bytesOf.get(map);
  if (known) return known;
  const bytes = map === 'grey' ? greys() : unpacked(colourTables[map]);
  bytesOf.set(map, bytes);
  return bytes;
}

const greys = (): Uint8Array => Uint8Array.from({ length: 256 * 3 }, (_, i) => Math.floor(i / 3));

/** colour_tables.ts says how they are packed. */
function unpacked([first, ...channels]: readonly string[]): Uint8Array {
  const bytes = new Uint8Array(256 * 3);
  channels.forEach((steps, channel) => {
    bytes[channel] = Number.parseInt(first!.slice(2 * channel, 2 * channel + 2), 16);
    for (let i = 1; i < 256; i++) {
      const step = steps.charCodeAt(i - 1) - 109; // m
      bytes[3 * i + channel] = bytes[3 * (i - 1) + channel]! + step;
    }
  });
  return bytes;
}

/** The same as the values of a u32 tensor [256], red in the lowest byte and opaque: what `depthPipeline` colours by. */
export function colourWords(map: ColourMap): Uint32Array {
  const table = colourTable(map);
  const byte = (at: number): number => table[at]!;
  return Uint32Array.from(
    { length: 256 },
    (_, i) => (byte(3 * i) | (byte(3 * i + 1) << 8) | (byte(3 * i + 2) << 16) | (255 << 24)) >>> 0,
  );
}

/** Nearness [n] in 0…1, 1 the nearest → colours [n, 4], RGBA and opaque. Beyond the ends, and for NaN, the end is taken. */
export function colourise(normalised: ArrayLike<number>, map: ColourMap): Uint8Array {
  const table = colourTable(map);
  const rgba = new Uint8Array(normalised.length * 4);
  for (let i = 0; i < normalised.length; i++) {
    // NaN fails the first comparison and becomes 0.
    const value = normalised[i]! > 0 ? Math.min(normalised[i]!, 1) : 0;
    const entry = Math.round(value * 255) * 3;
    rgba[4 * i] = table[entry]!;
    rgba[4 * i + 1] = table[entry + 1]!;
    rgba[4 * i + 2] = table[entry + 2]!;
    rgba[4 * i + 3] = 255;
  }
  return rgba;
}

/**
 * A depth map brought to 0…1 so that 1 is the nearest, whichever way its numbers run: relative maps are inverse depth,
 * large is near, and metric ones are metres, small is near.
 */
export function nearness(map: ArrayLike<number>, kind: DepthKind): Float32Array {
  const normalised = normalise(map);
  return kind === 'metric' ? normalised.map((value) => 1 - value) : normalised;
}
