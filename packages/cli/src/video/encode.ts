import { once } from 'node:events';
import { rename, rm, stat } from 'node:fs/promises';
import type { Size } from '@dpt-webgpu/dpt';
import { type Container, videoEncoders } from './containers.ts';
import { capture, type Ffmpeg, fileUrl, localOnly, passthrough, Running } from './ffmpeg.ts';
import { type Film, perSecond } from './probe.ts';
import { frameHead, streamHead } from './stamped_frames.ts';

/** What film to write, and where. */
export interface EncoderOptions {
  readonly film: Film;
  /** Of the pictures that are written. */
  readonly size: Size;
  readonly container: Container;
  /** Undefined: stdout. */
  readonly path: string | undefined;
  /** The file that audio is taken from. */
  readonly audioFrom: string | undefined;
  /** How many pictures at most, where the film is cut. */
  readonly frames: number | undefined;
  readonly isCutInFront: boolean;
  /** Each picture is written with a time of its own. */
  readonly stamped: boolean;
  readonly crf: number | undefined;
}

/** Names of ffmpeg's encoders in this build. */
export async function encodersOf(ffmpeg: Ffmpeg): Promise<Set<string>> {
  const { out } = await capture(ffmpeg, ffmpeg.ffmpeg, ['-hide_banner', '-encoders']);
  return new Set([...out.matchAll(/^ [VAS][F.][S.][X.][B.][D.] (\S+)/gm)].map(([, name]) => name!));
}

/** The arguments that turn pictures into a film. `start`: when the first of them is shown. */
export function encoderArguments(
  { version }: Pick<Ffmpeg, 'version'>,
  options: EncoderOptions,
  known: ReadonlySet<string>,
  start: number,
): string[] {
  const { film, size, container, path, stamped, crf } = options;
  const { num, den } = film.rate;
  const { width, height } = size;
  const choices = videoEncoders(container.video, crf);
  const chosen = choices.find(([name]) => known.has(name));
  if (!chosen) {
    const names = choices.map(([name]) => name).join(', ');
    throw new Error(`this ffmpeg has none of the encoders ${names}. Take another output format.`);
  }
  const [encoder, ...quality] = chosen;
  // The picture begins with the sound's clock, unless the film is cut: then both begin at the cut.
  const delay = !options.isCutInFront && start > 0.001 ? ['-itsoffset', start.toFixed(6)] : [];
  const pictures = stamped
    ? ['-fpsprobesize', '0', '-f', 'matroska']
    : [
        ...['-f', 'rawvideo', '-pix_fmt', 'rgba', '-video_size', `${width}x${height}`],
        ...['-framerate', `${num}/${den}`],
      ];
  const audio = options.audioFrom === undefined ? [] : audioArguments(options, known, start);
  return [
    ...['-hide_banner', '-nostats', '-loglevel', 'level+error', '-y'],
    ...[...pictures, ...delay, '-i', 'pipe:0'],
    ...audio.slice(0, audio.indexOf('-map')),
    ...['-map', '0:v:0'],
    ...(audio.length > 0 ? audio.slice(audio.indexOf('-map')) : []),
    ...['-vf', filtersOf(options).join(','), '-c:v', encoder, ...quality],
    ...(container.video === 'h264' || container.video === 'vp9' ? colours : []),
    ...passthrough(version),
    // Else times would be rounded to the rate that ffmpeg guesses.
    ...(stamped ? ['-enc_time_base', '1:90000'] : []),
    ...['-max_muxing_queue_size', '4096'],
    ...(path === undefined ? container.pipeFlags : container.flags),
    ...['-f', container.muxer, path === undefined ? 'pipe:1' : fileUrl(path)],
  ];
}

const colours = ['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709'];

function filtersOf({ size, container }: EncoderOptions): string[] {
  if (container.video === 'rgba') return ['null'];
  const { width, height } = size;
  const [right, bottom] = [width % 2, height % 2];
  // Colour is stored for 2×2 pixels together. An odd side gets its last row once more rather than losing it.
  const even =
    right + bottom === 0
      ? []
      : [
          `pad=${width + right}:${height + bottom}`,
          `fillborders=right=${right}:bottom=${bottom}:mode=smear`,
        ];
  return [...even, 'scale=out_color_matrix=bt709:out_range=tv', 'format=yuv420p', 'setsar=1'];
}

/** Flags of the second input, then from `-map` on those of the output. */
function audioArguments(
  { film, container, audioFrom, frames, isCutInFront }: EncoderOptions,
  known: ReadonlySet<string>,
  start: number,
): string[] {
  const anew = container.audioEncoders.find((name) => known.has(name));
  const tracks = film.audio.flatMap(({ codec }, i) => {
    const fits = container.audio === 'all' || container.audio.includes(codec);
    const how = fits ? 'copy' : anew;
    return container.audio === 'none' || how === undefined ? [] : [{ i, how }];
  });
  if (tracks.length === 0) return [];
  return [
    ...(isCutInFront ? ['-ss', start.toFixed(6)] : []),
    ...(frames === undefined ? [] : ['-t', (frames / perSecond(film.rate)).toFixed(6)]),
    ...[...localOnly, '-i', fileUrl(audioFrom!)],
    ...tracks.flatMap(({ i }) => ['-map', `1:a:${i}`]),
    ...tracks.flatMap(({ how }, n) => [`-c:a:${n}`, how]),
    ...['-map_metadata', '1', '-map_chapters', '-1'],
  ];
}

/** ffmpeg that writes a film: to a `.part` beside the file, which gets its name at the end. */
export class Encoder {
  readonly #ffmpeg: Ffmpeg;
  readonly #options: EncoderOptions;
  readonly #known: ReadonlySet<string>;
  readonly #part: string | undefined;
  #running: Running | undefined;
  #first = 0;
  #last = 0;

  constructor(ffmpeg: Ffmpeg, options: EncoderOptions, known: ReadonlySet<string>) {
    this.#ffmpeg = ffmpeg;
    this.#options = options;
    this.#known = known;
    this.#part = options.path === undefined ? undefined : `${options.path}.part`;
  }

  /** Returns when there is room for the next. */
  async write(picture: Uint8Array, seconds: number): Promise<void> {
    const { stamped, size } = this.#options;
    if (!this.#running) {
      // Only now is it known when the first picture is shown, and that there is one.
      this.#first = seconds;
      this.#running = this.#start(seconds);
      if (stamped) await this.#send(streamHead(size));
    }
    this.#last = seconds;
    if (stamped) await this.#send(frameHead(seconds - this.#first, picture.length));
    await this.#send(picture);
  }

  /** Ends the film. `isCut`: sooner than it was meant to, so that the sound is too long. */
  async finish(isCut: boolean): Promise<void> {
    if (!this.#running) return;
    this.#running.stdin.end();
    if ((await this.#running.ended) !== 0) throw await this.#failure();
    const { path, audioFrom } = this.#options;
    if (path === undefined || this.#part === undefined) return;
    if (isCut && audioFrom !== undefined) await this.#shortenSound(this.#part);
    await rename(this.#part, path);
  }

  /** Ends without a result. */
  async abandon(): Promise<void> {
    this.#running?.kill();
    await this.#running?.ended;
    if (this.#part !== undefined) await rm(this.#part, { force: true });
  }

  #start(start: number): Running {
    const options = { ...this.#options, path: this.#part };
    const running = new Running(
      this.#ffmpeg,
      encoderArguments(this.#ffmpeg, options, this.#known, start),
      { stdin: 'pipe', stdout: this.#part === undefined ? 'inherit' : 'ignore' },
    );
    // What is wrong is known when it has ended.
    running.stdin.on('error', () => {});
    return running;
  }

  async #send(bytes: Uint8Array): Promise<void> {
    const { stdin, ended } = this.#running!;
    if (stdin.writable && stdin.write(bytes)) return;
    const drained = stdin.writable ? once(stdin, 'drain').catch(() => {}) : undefined;
    await Promise.race([...(drained ? [drained] : []), ended]);
    if (!stdin.writable) throw await this.#failure();
  }

  async #failure(): Promise<Error> {
    await this.#running!.ended;
    const { path } = this.#options;
    return new Error(
      `${path ?? 'stdout'}: ffmpeg could not write the film: ${this.#running!.complaint}`,
    );
  }

  /** Copies the film up to the end of its pictures. */
  async #shortenSound(part: string): Promise<void> {
    const { film, container } = this.#options;
    const seconds = this.#last - this.#first + 1 / perSecond(film.rate);
    const shorter = `${part}.2`;
    const { code } = await capture(this.#ffmpeg, this.#ffmpeg.ffmpeg, [
      ...['-hide_banner', '-nostdin', '-loglevel', 'error', '-y', '-i', fileUrl(part)],
      ...['-map', '0', '-c', 'copy', '-t', seconds.toFixed(6)],
      ...[...container.flags, '-f', container.muxer, fileUrl(shorter)],
    ]);
    // The longer one plays as well.
    if (code === 0 && (await stat(shorter)).size > 0) await rename(shorter, part);
    else await rm(shorter, { force: true });
  }
}
