import type { Size } from '@dpt-webgpu/dpt';
import { capture, type Ffmpeg } from './ffmpeg.ts';

/** Frames per second as ffprobe says it: num / den. */
export interface Rate {
  readonly num: number;
  readonly den: number;
}

export interface AudioTrack {
  readonly codec: string;
}

/** What ffprobe says about a film, as far as it matters here. */
export interface Film {
  /** Of a frame as it is seen: turned as the film says, and in square pixels. */
  readonly size: Size;
  /** Index of the video among the streams. */
  readonly stream: number;
  /** Frames per second on average. */
  readonly rate: Rate;
  /** Frames do not come at even intervals, so each needs its own time. */
  readonly isVariable: boolean;
  /** Number of frames, known or guessed from the duration; undefined for what has no end. */
  readonly frames: number | undefined;
  /** Seconds by which the picture begins after the file. */
  readonly delay: number;
  readonly audio: readonly AudioTrack[];
}

interface ProbedStream {
  readonly index: number;
  readonly codec_type?: string;
  readonly codec_name?: string;
  readonly width?: number;
  readonly height?: number;
  readonly sample_aspect_ratio?: string;
  readonly r_frame_rate?: string;
  readonly avg_frame_rate?: string;
  readonly nb_frames?: string;
  readonly duration?: string;
  readonly start_time?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly disposition?: Readonly<Record<string, number>>;
  readonly side_data_list?: readonly { readonly rotation?: number | string }[];
}

interface Probed {
  readonly streams?: readonly ProbedStream[];
  readonly format?: { readonly duration?: string; readonly start_time?: string };
}

/** Asks ffprobe. `args` are flags of the input and the input; `bytes` the beginning of what is piped in. */
export async function probe(
  ffmpeg: Ffmpeg,
  name: string,
  args: readonly string[],
  bytes?: Uint8Array,
): Promise<Film> {
  const flags = ['-v', 'error', '-print_format', 'json', '-show_format', '-show_streams'];
  const { code, out, err } = await capture(ffmpeg, ffmpeg.ffprobe, [...flags, ...args], bytes);
  const probed = code === 0 ? (JSON.parse(out) as Probed) : {};
  if (!probed.streams) {
    // `file:clip.mp4: Invalid data found …`: the last line says what came of it, those before it why.
    const lines = err.trim().split('\n').map(withoutSource).filter(Boolean);
    const last = lines.at(-1)?.replace(/^.*?: (?=\S+ )/, '') ?? 'it gave no reason';
    const why = lines.length > 1 ? ` (${lines[0]})` : '';
    throw new Error(`${name}: ffmpeg cannot read it: ${last}${why}.`);
  }
  return filmOf(probed, name);
}

/** `[mov,mp4 @ 0x5581] moov atom not found` → `moov atom not found` */
const withoutSource = (line: string): string => line.replace(/^\[[^\]]* @ [^\]]*\]\s*/, '').trim();

/** Reads ffprobe's JSON. Throws for a file without a picture that moves. */
export function filmOf({ streams = [], format = {} }: Probed, name: string): Film {
  const video = streams.find(
    ({ codec_type, disposition }) => codec_type === 'video' && !disposition?.attached_pic,
  );
  if (!video?.width || !video.height) {
    const kinds = streams.map(({ codec_type, codec_name }) => `${codec_type} ${codec_name}`);
    throw new Error(
      `${name}: holds no video${kinds.length > 0 ? `, only ${kinds.join(', ')}` : ''}.`,
    );
  }
  const { width, height, index } = video;
  const rate = rateOf(video.avg_frame_rate) ?? rateOf(video.r_frame_rate) ?? { num: 25, den: 1 };
  const nominal = rateOf(video.r_frame_rate) ?? rate;
  const start = (text?: string): number => (Number.isFinite(Number(text)) ? Number(text) : 0);
  const seconds = Number(video.duration ?? format.duration);
  const counted = Number(video.nb_frames);
  const frames = counted > 0 ? counted : Math.round((seconds * rate.num) / rate.den);
  const shown = inSquarePixels({ width, height }, video.sample_aspect_ratio);
  const isTurned = Math.abs(rotationOf(video)) % 180 === 90;
  return {
    size: isTurned ? { width: shown.height, height: shown.width } : shown,
    stream: index,
    rate,
    // Rates are estimates; a film of a constant one has the same twice.
    isVariable: Math.abs(perSecond(nominal) / perSecond(rate) - 1) > 0.002,
    frames: Number.isFinite(frames) && frames > 0 ? frames : undefined,
    delay: Math.max(0, start(video.start_time) - start(format.start_time)),
    audio: streams
      .filter(({ codec_type }) => codec_type === 'audio')
      .map(({ codec_name = 'unknown' }) => ({ codec: codec_name })),
  };
}

/** A rate as a number of frames per second. */
export const perSecond = ({ num, den }: Rate): number => num / den;

/** `30000/1001`; `0/0` is how ffprobe says that it does not know. */
function rateOf(text: string | undefined): Rate | undefined {
  const [num = 0, den = 0] = (text ?? '').split('/').map(Number);
  return num > 0 && den > 0 ? { num, den } : undefined;
}

/** Pixels `4:3` are wider than high. The side that is too short is stretched, as browsers do it: no row and no column is lost. */
function inSquarePixels({ width, height }: Size, aspect = ''): Size {
  const [across = 0, down = 0] = aspect.split(':').map(Number);
  const ratio = across / down;
  // `0:1` is how ffprobe says that it does not know; what no camera makes is a mistake of the file.
  if (!(ratio >= 0.1 && ratio <= 10)) return { width, height };
  return ratio > 1
    ? { width: Math.round(width * ratio), height }
    : { width, height: Math.round(height / ratio) };
}

/** Degrees. Newer files have a matrix, whose angle ffprobe prints; older ones a tag. */
function rotationOf({ side_data_list = [], tags = {} }: ProbedStream): number {
  const matrix = side_data_list.find(({ rotation }) => rotation !== undefined)?.rotation;
  const degrees = Number(matrix ?? tags.rotate ?? 0);
  return Number.isFinite(degrees) ? Math.round(degrees / 90) * 90 : 0;
}
