import { quietFlag } from '../command.ts';
import { UsageError } from '../errors.ts';
import type { Arguments, Flag } from '../flags.ts';
import { type Look, lookFlags, lookOf } from '../look_flags.ts';
import { modelFlag, networkFlags, sizeFlag, sizeOf } from '../model_flags.ts';
import { containerNamed, containerOf, containers } from './containers.ts';
import type { FrameRange } from './decode.ts';
import { type FrameFormat, frameFormats } from './frame_folder.ts';

/** Seconds over which the range of the depths follows the film. */
export const SMOOTH = 0.5;

/** Seconds over which pixels follow it where the picture stands still; measured with bench/flicker.ts. */
export const SMOOTH_PIXELS = 0.25;

export const videoFlags: readonly Flag[] = [
  { ...modelFlag, help: `${modelFlag.help}. Default: as of dpt image` },
  {
    name: 'output',
    short: 'o',
    value: 'FILE',
    help: 'the film to write, .mp4, .mov, .mkv, .webm or .ts (default: output/NAME with the ending of the input); - for stdout',
  },
  {
    name: 'output-format',
    value: 'NAME',
    help: `of -o -, or against the ending of a file: ${Object.keys(containers).join(', ')}`,
  },
  {
    name: 'input-format',
    value: 'NAME',
    help: "of a film that is piped in, where ffmpeg does not see it: one of ffmpeg's demuxers",
  },
  { name: 'webcam', help: 'IN is a camera: its number (default: 0) or its name' },
  {
    name: 'frames-out',
    value: 'FOLDER',
    help: 'write frames as files, in place of a film unless -o asks for that as well',
  },
  {
    name: 'format',
    value: 'LIST',
    help: `of --frames-out: any of ${frameFormats.join(', ')}, with commas between (default: png16)`,
  },
  {
    name: 'frames',
    value: 'A:B',
    help: 'only those from A up to, not including, B, counted from 0; either may be left out',
  },
  { name: 'side-by-side', help: 'the film at the left of its map' },
  sizeFlag,
  ...lookFlags,
  {
    name: 'smooth',
    value: 'SECONDS',
    help: `over which the range of the depths follows the film (default: ${SMOOTH}); begins anew at cuts`,
  },
  {
    name: 'smooth-pixels',
    value: 'SECONDS',
    help: `over which each pixel follows the film where the picture stands still; 0: at once (default: ${SMOOTH_PIXELS})`,
  },
  {
    name: 'no-smooth',
    help: 'give each frame a range of its own, and its pixels as they are: it flickers',
  },
  { name: 'no-audio', help: 'leave the sound out' },
  {
    name: 'crf',
    value: 'N',
    help: 'quality of the film, from 0, the best, to 51, or 63 in webm (default: 20; webm 30)',
  },
  { name: 'json', help: 'print a JSON object in place of text' },
  ...networkFlags,
  quietFlag,
];

export interface VideoOptions {
  /** `-` for stdin; a camera's number or name where `isCamera`. */
  readonly input: string;
  readonly isCamera: boolean;
  readonly inputFormat: string | undefined;
  /** `-` for stdout. */
  readonly output: string | undefined;
  readonly outputFormat: string | undefined;
  readonly framesOut: string | undefined;
  readonly formats: readonly FrameFormat[];
  readonly range: FrameRange;
  readonly sideBySide: boolean;
  readonly size: number | undefined;
  readonly look: Look;
  /** Undefined: not at all. */
  readonly smooth: number | undefined;
  /** Undefined: not at all. */
  readonly smoothPixels: number | undefined;
  readonly audio: boolean;
  readonly crf: number | undefined;
}

/** Throws a `UsageError` for flags that cannot be meant so, before anything is read. */
export function videoOptions(args: Arguments): VideoOptions {
  const isCamera = args.has('webcam');
  const [input = isCamera ? '0' : undefined, another] = args.positionals;
  if (input === undefined) throw new UsageError('which film? For example: dpt video clip.mp4');
  if (another !== undefined) {
    throw new UsageError(
      `${another} is one argument too many; a film at a time, and -o for the result.`,
    );
  }
  const output = args.text('output');
  const outputFormat = args.text('output-format');
  if (outputFormat !== undefined) containerNamed(outputFormat);
  else if (output === '-') {
    throw new UsageError('-o - needs --output-format, for example mkv.');
  } else if (output !== undefined) containerOf(output);
  const inputFormat = args.text('input-format');
  if (inputFormat !== undefined && (input !== '-' || !/^[\w,]+$/.test(inputFormat))) {
    throw new UsageError('--input-format is the name of a demuxer, for a film that is piped in: -');
  }
  const framesOut = args.text('frames-out');
  if (framesOut === undefined && args.has('format')) {
    throw new UsageError('--format is about --frames-out; what a film is, -o says by its ending.');
  }
  if (framesOut !== undefined && output === undefined && outputFormat !== undefined) {
    throw new UsageError('--output-format needs -o where frames are written.');
  }
  for (const name of ['smooth', 'smooth-pixels']) args.expectNotBoth(name, 'no-smooth');
  const smoothPixels = args.number('smooth-pixels') ?? SMOOTH_PIXELS;
  if (smoothPixels < 0) throw new UsageError(`--smooth-pixels takes no less than 0 seconds.`);
  return {
    input,
    isCamera,
    inputFormat,
    output,
    outputFormat,
    framesOut,
    formats: args.someOf('format', frameFormats) ?? ['png16'],
    range: rangeOf(args.text('frames')),
    sideBySide: args.has('side-by-side'),
    size: sizeOf(args),
    look: lookOf(args),
    smooth: args.has('no-smooth') ? undefined : (args.positiveNumber('smooth') ?? SMOOTH),
    smoothPixels: args.has('no-smooth') || smoothPixels === 0 ? undefined : smoothPixels,
    audio: !args.has('no-audio'),
    crf: args.wholeNumber('crf', 0, 63),
  };
}

/** `10:20`, `10:`, `:20` */
function rangeOf(text: string | undefined): FrameRange {
  if (text === undefined) return { from: 0, to: undefined };
  const [, from, to] = /^(\d{0,9}):(\d{0,9})$/.exec(text) ?? [];
  const range = { from: Number(from || 0), to: to ? Number(to) : undefined };
  const isEmpty = range.to !== undefined && range.to <= range.from;
  if (from !== undefined && !isEmpty) return range;
  throw new UsageError(
    `--frames takes a first frame and the one after the last, such as 0:100 or 100:, not ${JSON.stringify(text)}.`,
  );
}
