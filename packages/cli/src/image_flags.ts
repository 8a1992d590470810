import { type ColourMap, type DepthLine, type DepthSettings, lineBetween } from '@dpt-webgpu/dpt';
import { quietFlag } from './command.ts';
import type { CropBox } from './crop.ts';
import { cropOf } from './crop.ts';
import type { KnownPixel, Part, Upsample } from './depth_chain.ts';
import { UsageError } from './errors.ts';
import type { Arguments, Flag } from './flags.ts';
import { type Shard, shardOf } from './inputs.ts';
import { lookFlags, lookOf } from './look_flags.ts';
import { modelFlag, networkFlags, sizeFlag, sizeOf } from './model_flags.ts';
import {
  DEFAULT_TEMPLATE,
  expectTemplate,
  type Format,
  formats,
  type Output,
} from './output_files.ts';

/** What the numbers of `npy`, `pfm`, `exr` and `png16` are. */
export type Values = 'network' | 'shown' | 'metres';

/** How a relative map becomes a space where nobody says: the nearest half as far as the farthest, as in muggled_dpt's viewer. */
export const DEFAULT_LINE = lineBetween(0.5, 1);
export const DEFAULT_FOV = 50;
export const DEFAULT_EDGE = 1.1;
const DEFAULT_FACES = 1_000_000;
/** 65535 levels reach to 65.5 m. */
const DEFAULT_LEVELS_PER_METRE = 1000;

export const imageFlags: readonly Flag[] = [
  {
    ...modelFlag,
    help: `${modelFlag.help}. Default: the first in model_weights/, else Depth-Anything-V2-Small if it was downloaded, else a small demonstration model`,
  },
  { name: 'output', short: 'o', value: 'FOLDER', help: 'where to write (default: output)' },
  {
    name: 'format',
    value: 'LIST',
    help: `any of ${formats.join(', ')}, with commas between (default: png)`,
  },
  {
    name: 'name',
    value: 'TEMPLATE',
    help: `of the files (default: ${DEFAULT_TEMPLATE}); {stem} is the picture's name, {ext} the ending`,
  },
  { name: 'skip-existing', help: 'leave pictures whose files are all there: goes on after a stop' },
  { name: 'overwrite', help: 'write files that are there already anew (default)' },
  sizeFlag,
  { name: 'square', help: 'preset muggled: stretch the picture to a square (its default)' },
  { name: 'no-square', help: 'preset muggled: keep the aspect; the official preset always does' },
  {
    name: 'crop',
    value: 'X,Y,W,H',
    help: 'of the upright picture: pixels, or shares of it where none is above 1',
  },
  {
    name: 'tiles',
    value: 'N',
    help: 'run N × N overlapping tiles besides the whole, each at --size, for finer detail (default: 1)',
  },
  {
    name: 'flip',
    help: 'run everything mirrored, too, and take the mean: steadier, twice the time',
  },
  { name: 'batch', value: 'N', help: 'pictures of one size that are run together (default: 1)' },
  {
    name: 'upsample',
    value: 'HOW',
    help: "to the picture's size: model (default, as the preset does), bilinear, guided by the picture, or none",
  },
  ...lookFlags,
  { name: 'side-by-side', help: 'png and jpg: the picture at the left of its map' },
  { name: 'mask', help: 'also NAME.mask.png: white within the thresholds' },
  { name: 'invert-mask', help: 'white outside of the thresholds' },
  {
    name: 'cut-out',
    help: 'also NAME.cutout.png: the picture, transparent where the mask is black',
  },
  { name: 'normals', help: 'also NAME.normals.png: where the surface faces' },
  {
    name: 'values',
    value: 'KIND',
    help: 'what npy, pfm, exr and png16 hold: network (default), shown (0 to 1, as in png) or metres (default with --near or --calibrate)',
  },
  { name: 'near', value: 'METRES', help: 'of the nearest point; relative models' },
  { name: 'far', value: 'METRES', help: 'of the farthest point, or inf; relative models' },
  {
    name: 'calibrate',
    value: 'LIST',
    help: 'known distances, at least two: x,y=metres,x,y=metres in pixels of the upright picture; relative models',
  },
  {
    name: 'levels-per-metre',
    value: 'N',
    help: 'of png16 with metres (default: 1000, a level is a millimetre)',
  },
  { name: 'settings', help: 'also NAME.json: every setting, the range, sizes, model and licence' },
  { name: 'points', help: 'glb, ply, obj: points in place of a surface' },
  {
    name: 'edge',
    value: 'RATIO',
    help: 'cut surfaces where neighbours are so many times as far (default: 1.1), or none',
  },
  {
    name: 'fov',
    value: 'DEGREES',
    help: `field of view of the longer side (default: ${DEFAULT_FOV})`,
  },
  { name: 'faces', value: 'N', help: 'triangles of a surface at most (default: 1000000)' },
  { name: 'shard', value: 'I/N', help: 'do the share I of N, from 1/N to N/N, and no other' },
  { name: 'json', help: 'print a JSON object per picture, and one for all, in place of text' },
  ...networkFlags,
  quietFlag,
];

export interface ImageOptions {
  readonly folder: string;
  readonly template: string;
  readonly formats: readonly Format[];
  /** The formats and what flags ask for besides. */
  readonly outputs: readonly Output[];
  readonly skipExisting: boolean;
  readonly shard: Shard | undefined;
  readonly size: number | undefined;
  readonly square: boolean;
  readonly crop: CropBox | undefined;
  readonly tiles: number;
  readonly flip: boolean;
  readonly batch: number;
  readonly upsample: Upsample;
  readonly colourMap: ColourMap;
  readonly sideBySide: boolean;
  readonly equalise: boolean;
  readonly settings: DepthSettings;
  readonly values: Values;
  readonly levelsPerMetre: number;
  /** What `--near` and `--far` say. */
  readonly line: DepthLine | undefined;
  readonly known: readonly KnownPixel[];
  readonly points: boolean;
  /** Undefined: surfaces are not cut. */
  readonly edge: number | undefined;
  readonly fov: number;
  readonly faces: number;
}

export function imageOptions(args: Arguments): ImageOptions {
  const template = args.text('name') ?? DEFAULT_TEMPLATE;
  expectTemplate(template);
  const chosen = args.someOf('format', formats) ?? ['png'];
  const outputs: Output[] = [...chosen];
  if (args.has('mask')) outputs.push('mask');
  if (args.has('cut-out')) outputs.push('cutout');
  if (args.has('normals')) outputs.push('normals');
  if (args.has('settings')) outputs.push('settings');
  args.expectNotBoth('skip-existing', 'overwrite');
  args.expectNotBoth('square', 'no-square');
  if (args.has('square') && args.text('preset') !== 'muggled') {
    throw new UsageError('--square needs --preset muggled; the official preset keeps the aspect.');
  }
  const upsample = args.oneOf<Upsample>('upsample', ['model', 'bilinear', 'guided', 'none']);
  const needsPhotoSize = ['cut-out', 'side-by-side', 'normals'].find((flag) => args.has(flag));
  if (upsample === 'none' && needsPhotoSize) {
    throw new UsageError(
      `--${needsPhotoSize} needs a map of the picture's size, not --upsample none.`,
    );
  }
  if (args.has('side-by-side') && !chosen.includes('png') && !chosen.includes('jpg')) {
    throw new UsageError('--side-by-side is about png and jpg; --format has neither.');
  }
  if (args.has('invert-mask') && !args.has('mask') && !args.has('cut-out')) {
    throw new UsageError('--invert-mask goes with --mask or --cut-out.');
  }
  const tiles = args.wholeNumber('tiles', 1, 32) ?? 1;
  const batch = args.wholeNumber('batch', 1, 64) ?? 1;
  if (batch > 1 && (tiles > 1 || args.has('flip'))) {
    throw new UsageError('--batch does not go with --tiles or --flip: they run one by one.');
  }
  const line = lineOf(args);
  const known = knownPixels(args.text('calibrate'));
  if (line && known.length > 0) {
    throw new UsageError('--calibrate finds what --near and --far would say; give one of them.');
  }
  const { colourMap, equalise, settings } = lookOf(args);
  const shard = args.text('shard');
  return {
    folder: args.text('output') ?? 'output',
    template,
    formats: chosen,
    outputs,
    skipExisting: args.has('skip-existing'),
    shard: shard === undefined ? undefined : shardOf(shard),
    size: sizeOf(args),
    square: !args.has('no-square'),
    crop: cropOf(args.numbers('crop', 4)),
    tiles,
    flip: args.has('flip'),
    batch,
    upsample: upsample ?? 'model',
    colourMap,
    sideBySide: args.has('side-by-side'),
    equalise,
    settings: { ...settings, invertMask: args.has('invert-mask') },
    values:
      args.oneOf<Values>('values', ['network', 'shown', 'metres']) ??
      (line || known.length > 0 ? 'metres' : 'network'),
    levelsPerMetre: args.positiveNumber('levels-per-metre') ?? DEFAULT_LEVELS_PER_METRE,
    line,
    known,
    points: args.has('points'),
    edge: edgeOf(args),
    fov: fovOf(args),
    faces: args.wholeNumber('faces', 2, 100_000_000) ?? DEFAULT_FACES,
  };
}

/** What of the chain the outputs need. */
export function partsOf({ outputs, values, known }: ImageOptions): Set<Part> {
  const parts = new Set<Part>();
  for (const output of outputs) {
    switch (output) {
      case 'png':
      case 'jpg':
        parts.add('rgba');
        break;
      case 'png16':
      case 'npy':
      case 'pfm':
      case 'exr':
        if (values === 'metres') parts.add('metres');
        if (values === 'shown') parts.add('values');
        break;
      case 'glb':
      case 'ply':
      case 'obj':
        parts.add('metres');
        break;
      case 'settings':
        break;
      default:
        parts.add(output);
    }
  }
  if (known.length > 0) parts.add('nearness');
  return parts;
}

function lineOf(args: Arguments): DepthLine | undefined {
  const near = args.positiveNumber('near');
  const isInfinite = args.text('far') === 'inf';
  const far = isInfinite ? Number.POSITIVE_INFINITY : args.positiveNumber('far');
  if (near === undefined && far === undefined) return undefined;
  if (near === undefined || far === undefined) {
    throw new UsageError(
      '--near and --far go together: metres of the nearest and the farthest point.',
    );
  }
  if (near < far) return lineBetween(near, far);
  throw new UsageError(`--near ${near} must be less than --far ${far}.`);
}

/** `120,340=2.5,900,200=7` */
function knownPixels(text: string | undefined): KnownPixel[] {
  if (text === undefined) return [];
  const number = '(\\d+\\.?\\d*|\\.\\d+)';
  const point = new RegExp(`^\\s*${number},${number}=${number}\\s*(?:[,;]|$)`);
  const known: KnownPixel[] = [];
  for (let rest = text; rest !== ''; ) {
    const match = point.exec(rest);
    const [x = 0, y = 0, metres = 0] = match?.slice(1).map(Number) ?? [];
    if (!match || metres === 0) {
      throw new UsageError(
        `--calibrate takes x,y=metres,x,y=metres with metres above 0, not ${JSON.stringify(text)}.`,
      );
    }
    known.push({ x, y, metres });
    rest = rest.slice(match[0].length);
  }
  if (known.length >= 2) return known;
  throw new UsageError('--calibrate needs two known distances at least; more make it better.');
}

function edgeOf(args: Arguments): number | undefined {
  if (args.text('edge') === 'none') return undefined;
  const edge = args.positiveNumber('edge') ?? DEFAULT_EDGE;
  if (edge > 1) return edge;
  throw new UsageError(`--edge takes a ratio above 1, or none, not ${edge}.`);
}

function fovOf(args: Arguments): number {
  const fov = args.positiveNumber('fov') ?? DEFAULT_FOV;
  if (fov < 180) return fov;
  throw new UsageError(`--fov takes degrees between 0 and 180, not ${fov}.`);
}
