import { extname } from 'node:path';
import { UsageError } from '../errors.ts';

/** A kind of file that a film can be written to. */
export interface Container {
  /** What ffmpeg calls it. */
  readonly muxer: string;
  readonly video: 'h264' | 'vp9' | 'yuv' | 'rgba';
  /** Audio that it takes as it is; `all` of it. What it does not take is encoded anew. */
  readonly audio: readonly string[] | 'all' | 'none';
  /** The encoders for audio that cannot be copied, the better first. */
  readonly audioEncoders: readonly string[];
  readonly flags: readonly string[];
  /** In place of `flags` where nothing can be rewritten: a pipe. */
  readonly pipeFlags: readonly string[];
}

const mp4: Container = {
  muxer: 'mp4',
  video: 'h264',
  audio: ['aac', 'mp3', 'ac3', 'eac3', 'alac', 'opus', 'flac'],
  audioEncoders: ['aac'],
  flags: ['-movflags', '+faststart'],
  pipeFlags: ['-movflags', '+frag_keyframe+empty_moov+default_base_moof'],
};

const plain = { flags: [], pipeFlags: [], audioEncoders: ['aac'] } as const;

/** By ending, which is also the name that --output-format takes. */
export const containers: Readonly<Record<string, Container>> = {
  mp4,
  m4v: mp4,
  mov: {
    ...mp4,
    muxer: 'mov',
    audio: ['aac', 'mp3', 'ac3', 'eac3', 'alac', 'pcm_s16le', 'pcm_s24le'],
  },
  mkv: { ...plain, muxer: 'matroska', video: 'h264', audio: 'all' },
  webm: {
    ...plain,
    muxer: 'webm',
    video: 'vp9',
    audio: ['opus', 'vorbis'],
    audioEncoders: ['libopus', 'libvorbis'],
  },
  ts: { ...plain, muxer: 'mpegts', video: 'h264', audio: ['aac', 'mp3', 'ac3', 'eac3'] },
  y4m: { ...plain, muxer: 'yuv4mpegpipe', video: 'yuv', audio: 'none' },
  rgba: { ...plain, muxer: 'rawvideo', video: 'rgba', audio: 'none' },
};

/** The container of a file by its ending. */
export function containerOf(path: string): Container {
  return containerNamed(extname(path).slice(1).toLowerCase(), `--output: ${path} ends in none of`);
}

export function containerNamed(
  name: string,
  complaint = `--output-format is ${JSON.stringify(name)}; it can be`,
): Container {
  if (Object.hasOwn(containers, name)) return containers[name]!;
  const known = Object.keys(containers).map((ending) =>
    complaint.startsWith('--output:') ? `.${ending}` : ending,
  );
  throw new UsageError(`${complaint} ${known.join(', ')}.`);
}

/** Encoders of ffmpeg for what a container holds, the better first, with their flags. A smaller `crf` is better. */
export function videoEncoders(
  video: Container['video'],
  crf: number | undefined,
): readonly (readonly [name: string, ...flags: string[]])[] {
  switch (video) {
    case 'h264':
      return [
        ['libx264', '-crf', `${crf ?? 20}`],
        ['h264_videotoolbox', '-q:v', '65'],
        ['h264_mf', '-b:v', '12M'],
        ['libopenh264', '-b:v', '12M'],
        ['mpeg4', '-q:v', '3'],
      ];
    case 'vp9':
      return [
        ['libvpx-vp9', '-crf', `${crf ?? 30}`, '-b:v', '0', '-row-mt', '1', '-cpu-used', '4'],
        ['libvpx', '-crf', '10', '-b:v', '12M'],
      ];
    case 'yuv':
      return [['wrapped_avframe']];
    case 'rgba':
      return [['rawvideo']];
  }
}
