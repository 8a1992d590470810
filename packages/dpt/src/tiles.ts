import { DptError, type Part } from '@dpt-webgpu/tensor';
import type { Size } from './image_size.ts';
import { addTile, fitTile, type TileAxis, tileWeights } from './merge_tiles.ts';
import { expectPhoto, type Photo } from './photo_source.ts';
import type { DepthMap, DepthPredictor, PredictOptions } from './predictor.ts';

/** How a photo is cut into tiles. */
export interface TileOptions {
  /** Tiles along each side: N · N in all, fewer where the photo has not so many pixels. Default 1: the photo as a whole. */
  readonly tiles?: number | undefined;
  /** The share of a tile that it has in common with the next, above 0 and at most 0.5. Default 0.25. */
  readonly overlap?: number | undefined;
}

/** What runs of the network one map is made of. */
export interface TiledOptions extends PredictOptions, TileOptions {
  /** Run everything mirrored, too, and take the mean. Default false. */
  readonly flip?: boolean | undefined;
  /** Called with the runs of the network that are done, of how many. Default: nobody is told. */
  readonly onRun?: ((done: number, total: number) => void) | undefined;
}

const MOST_TILES = 32;

/** The size of one tile, which is what a device has to have room for: see `planFor`. */
export function tileSize({ width, height }: Size, options: TileOptions): Size {
  return { width: axisOf(width, options).length, height: axisOf(height, options).length };
}

/**
 * The depth map of a photo from overlapping tiles, each of which the network sees at `size`: finer than one run gives, on
 * a device that has room for a tile. Each tile is brought to the map of the whole photo by least squares: in scale and
 * shift, which relative models leave open, or in scale alone, because to a metric one a tile is a photo through a longer
 * lens. Where tiles overlap they fade into each other.
 *
 * With `output: 'network'` the map is as large as the tiles are together when they leave the network; `networkSize` is
 * that of one tile. With one tile it is what `predict` gives. Errors and aborts as there.
 *
 * ```ts
 * const depth = await predictTiled(predictor, photo, { tiles: 3, size: 518 });
 * ```
 */
export async function predictTiled(
  predictor: Pick<DepthPredictor, 'predict'>,
  photo: Photo,
  { tiles, overlap, flip = false, onRun, output = 'photo', ...options }: TiledOptions = {},
): Promise<DepthMap> {
  expectPhoto(photo);
  const columns = axisOf(photo.width, { tiles, overlap });
  const rows = axisOf(photo.height, { tiles, overlap });
  const size = { width: columns.length, height: rows.length };
  const count = columns.starts.length * rows.starts.length;
  const total = (count === 1 ? 1 : count + 1) * (flip ? 2 : 1);
  let done = 0;
  const run = async (part: Photo, output: PredictOptions['output']): Promise<DepthMap> => {
    const map = await predictor.predict(part, { ...options, output });
    onRun?.(++done, total);
    return map;
  };
  const predict = async (part: Photo, output: PredictOptions['output']): Promise<DepthMap> => {
    const map = await run(part, output);
    return flip ? meanOf(map, await run(mirrored(part), output)) : map;
  };
  if (count === 1) return predict(photo, output);

  // At the size of a tile, so that one recording does for all and the device never has to take the photo.
  const map = await predict(shrunk(photo, size), 'network');
  const whole = { x: 0, y: 0, width: photo.width, height: photo.height, map };
  const { width, height } =
    output === 'photo'
      ? photo
      : {
          width: Math.round((photo.width * map.width) / size.width),
          height: Math.round((photo.height * map.height) / size.height),
        };
  const data = new Float32Array(width * height);
  const across = tileWeights(columns, photo.width, width);
  const down = tileWeights(rows, photo.height, height);
  for (const [j, y] of rows.starts.entries()) {
    for (const [i, x] of columns.starts.entries()) {
      const part = { x, y, ...size };
      const tile = { ...part, map: await predict(cutPhoto(photo, part), 'network') };
      addTile(data, { tile, whole, fit: fitTile(tile, whole), across: across[i]!, down: down[j]! });
    }
  }
  return { ...map, width, height, data };
}

/** As many tiles of one length as there should be, the first and the last at the ends, the others evenly between. */
function axisOf(side: number, { tiles = 1, overlap = 0.25 }: TileOptions): TileAxis {
  if (!(Number.isInteger(tiles) && tiles >= 1 && tiles <= MOST_TILES)) {
    throw new DptError(
      'invalid-argument',
      `tiles is ${tiles}; it must be a whole number from 1 to ${MOST_TILES}.`,
    );
  }
  if (!(overlap > 0 && overlap <= 0.5)) {
    throw new DptError(
      'invalid-argument',
      `overlap is ${overlap}; it must be above 0 and at most 0.5.`,
    );
  }
  const length = Math.ceil(side / (tiles - (tiles - 1) * overlap));
  const starts = Array.from({ length: tiles }, (_, i) =>
    Math.round((i * (side - length)) / Math.max(1, tiles - 1)),
  );
  return { starts: [...new Set(starts)], length };
}

/** A part of a photo, in bytes of its own. It must lie within. */
export function cutPhoto(photo: Photo, { x, y, width, height }: Part): Photo {
  const data = new Uint8Array(4 * width * height);
  for (let row = 0; row < height; row++) {
    const from = 4 * ((y + row) * photo.width + x);
    data.set(photo.data.subarray(from, from + 4 * width), 4 * width * row);
  }
  return { width, height, data };
}

/** Smaller: every pixel is the mean of those that it stands for. */
function shrunk(photo: Photo, { width, height }: Size): Photo {
  const data = new Uint8Array(4 * width * height);
  const range = (i: number, from: number, to: number): readonly [number, number] => [
    Math.floor((i * from) / to),
    Math.ceil(((i + 1) * from) / to),
  ];
  for (let y = 0; y < height; y++) {
    const [top, bottom] = range(y, photo.height, height);
    for (let x = 0; x < width; x++) {
      const [left, right] = range(x, photo.width, width);
      for (let channel = 0; channel < 4; channel++) {
        let sum = 0;
        for (let v = top; v < bottom; v++) {
          for (let u = left; u < right; u++)
            sum += photo.data[4 * (v * photo.width + u) + channel]!;
        }
        data[4 * (y * width + x) + channel] = Math.round(sum / ((right - left) * (bottom - top)));
      }
    }
  }
  return { width, height, data };
}

function mirrored({ width, height, data }: Photo): Photo {
  const pixels = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 4) {
    pixels.set(data.subarray(i, i + 4), 4 * mirrorOf(i / 4, width));
  }
  return { width, height, data: pixels };
}

const mirrorOf = (i: number, width: number): number => i - 2 * (i % width) + width - 1;

/** Of a map and that of the mirrored photo. */
function meanOf(map: DepthMap, mirror: DepthMap): DepthMap {
  const data = map.data.map((v, i) => (v + mirror.data[mirrorOf(i, map.width)]!) / 2);
  return { ...map, data };
}
