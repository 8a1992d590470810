import { once } from 'node:events';
import { type Ffmpeg, passthrough, Running } from './ffmpeg.ts';
import { type Film, perSecond } from './probe.ts';

/** A picture of a film, RGBA. */
export interface Frame {
  /** In the film, counted from 0. */
  readonly index: number;
  /** When it is shown, from the beginning of the file. */
  readonly seconds: number;
  readonly data: Uint8Array;
}

/** Frames from `from` up to, not including, `to`. */
export interface FrameRange {
  readonly from: number;
  readonly to: number | undefined;
}

/** Which frames of which film to decode. */
export interface DecoderOptions {
  readonly film: Film;
  /** Flags of the input and the input itself, as ffmpeg takes them. */
  readonly input: readonly string[];
  readonly range: FrameRange;
  /** Each frame comes with the time that is in the file. Else times follow from the rate. */
  readonly stamped: boolean;
  /** What is piped in, where the input is a pipe. */
  readonly bytes?: AsyncIterable<Uint8Array> | undefined;
}

/** The arguments that turn a film into bytes: upright, RGBA, all of one size, none twice. */
export function decoderArguments(
  { version }: Pick<Ffmpeg, 'version'>,
  { film, input, range: { from, to }, stamped }: DecoderOptions,
): string[] {
  const { width, height } = film.size;
  const trim = [
    'trim',
    [from > 0 && `start_frame=${from}`, to !== undefined && `end_frame=${to}`]
      .filter(Boolean)
      .join(':'),
  ];
  const filters = [
    // Times in microseconds.
    'settb=AVTB',
    ...(trim[1] ? [trim.join('=')] : []),
    // A film may change its size on the way; the bytes of a frame may not.
    `scale=${width}:${height}`,
    'format=rgba',
    // A frame is printed with its time when it has at least one piece of metadata.
    ...(stamped ? ['metadata=mode=add:key=dpt:value=1', 'metadata=mode=print'] : []),
  ];
  return [
    ...['-hide_banner', '-nostats', '-loglevel', `level+${stamped ? 'info' : 'error'}`],
    ...(input.at(-1) === 'pipe:0' ? [] : ['-nostdin']),
    ...input,
    ...['-map', `0:${film.stream}`, '-vf', filters.join(',')],
    ...passthrough(version),
    ...['-f', 'rawvideo', 'pipe:1'],
  ];
}

/** ffmpeg that reads a film. */
export class Decoder {
  readonly #running: Running;
  readonly #options: DecoderOptions;
  readonly #stamps: number[] = [];
  #onStamp = (): void => {};
  #hasEnded = false;
  #stopped = false;

  constructor(ffmpeg: Ffmpeg, options: DecoderOptions) {
    this.#options = options;
    this.#running = new Running(ffmpeg, decoderArguments(ffmpeg, options), {
      stdin: options.bytes ? 'pipe' : 'ignore',
      onInfo: (line) => {
        const microseconds = /\] frame:\d+ +pts:(-?\d+)/.exec(line)?.[1];
        if (microseconds === undefined) return;
        this.#stamps.push(Number(microseconds) / 1e6);
        this.#onStamp();
      },
    });
    this.#running.ended.then(() => {
      this.#hasEnded = true;
      this.#onStamp();
    });
    if (options.bytes) void feed(this.#running, options.bytes);
  }

  /** What was wrong with the film, once all frames are there; undefined where nothing was. */
  async problem(): Promise<string | undefined> {
    const code = await this.#running.ended;
    if (this.#stopped) return undefined;
    return code !== 0 || this.#running.complaints.length > 0 ? this.#running.complaint : undefined;
  }

  /** No more frames: the one being read is the last. */
  stop(): void {
    this.#stopped = true;
    this.#running.kill();
  }

  /** The frames in order. Reading stops while nobody asks for more. */
  async *frames(): AsyncGenerator<Frame> {
    const { film, range, stamped } = this.#options;
    const bytes = film.size.width * film.size.height * 4;
    let index = range.from;
    let data = new Uint8Array(bytes);
    let filled = 0;
    for await (const chunk of this.#running.stdout as AsyncIterable<Uint8Array>) {
      for (let at = 0; at < chunk.length; ) {
        const part = chunk.subarray(at, at + bytes - filled);
        data.set(part, filled);
        at += part.length;
        filled += part.length;
        if (filled < bytes) break;
        const even = index / perSecond(film.rate);
        const seconds = stamped ? ((await this.#nextStamp()) ?? even) : film.delay + even;
        yield { index, seconds, data };
        index++;
        data = new Uint8Array(bytes);
        filled = 0;
      }
      if (this.#stopped) return;
    }
  }

  /** Times arrive beside the bytes, mostly before them. */
  async #nextStamp(): Promise<number | undefined> {
    while (this.#stamps.length === 0 && !this.#hasEnded) {
      await new Promise<void>((resolve) => (this.#onStamp = resolve));
    }
    return this.#stamps.shift();
  }
}

/** Hands over what is piped in, no faster than it is taken. */
async function feed(running: Running, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const { stdin } = running;
  // A decoder that has all it wants closes its end.
  const closed = new Promise((resolve) => stdin.on('error', resolve).on('close', resolve));
  for await (const chunk of bytes) {
    if (stdin.destroyed) return;
    if (!stdin.write(chunk)) await Promise.race([once(stdin, 'drain').catch(() => {}), closed]);
  }
  stdin.end();
}
