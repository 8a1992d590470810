import type { Io } from '../command.ts';
import { UsageError } from '../errors.ts';
import { expectFile } from '../model_choice.ts';
import { cameraInput, cameraRemedy } from './capture_device.ts';
import { type Ffmpeg, fileUrl, localOnly } from './ffmpeg.ts';
import { type Film, probe } from './probe.ts';
import type { VideoOptions } from './video_flags.ts';

/** Where frames come from. */
export interface FilmSource {
  /** As people call it. */
  readonly name: string;
  readonly film: Film;
  /** Flags of the input and the input, as ffmpeg takes them. */
  readonly input: readonly string[];
  /** What is piped in. */
  readonly bytes: AsyncIterable<Uint8Array> | undefined;
  /** The file, where it is one: sound can be read beside the picture. */
  readonly path: string | undefined;
}

/** So much of a pipe is read before it is known what comes out of it. */
const PROBED = 4 * 2 ** 20;

export async function openSource(
  ffmpeg: Ffmpeg,
  { input: given, isCamera, inputFormat }: VideoOptions,
  io: Io,
): Promise<FilmSource> {
  if (isCamera) {
    const input = await cameraInput(ffmpeg, given);
    const name = `camera ${given}`;
    const film = await probe(ffmpeg, name, input).catch(async (cause: Error) => {
      throw new Error(`${cause.message} ${await cameraRemedy(input, cause.message)}`, { cause });
    });
    // A camera has a rate in name only.
    return {
      name,
      input,
      path: undefined,
      bytes: undefined,
      film: { ...film, isVariable: true, frames: undefined, delay: 0, audio: [] },
    };
  }
  if (given !== '-') {
    await expectFile(given, given);
    const input = [...localOnly, '-i', fileUrl(given)];
    return {
      name: given,
      input,
      path: given,
      bytes: undefined,
      film: await probe(ffmpeg, given, input),
    };
  }
  if (!io.input) throw new UsageError('- is what is piped in, but nothing is.');
  const input = [
    ...['-protocol_whitelist', 'pipe'],
    ...(inputFormat === undefined ? [] : ['-f', inputFormat]),
    ...['-i', 'pipe:0'],
  ];
  const { head, bytes } = await peek(io.input);
  if (head.length === 0) throw new Error('stdin: is empty.');
  try {
    const film = await probe(ffmpeg, 'stdin', input, head);
    // What ffprobe saw is the beginning only.
    return { name: 'stdin', input, path: undefined, bytes, film: { ...film, frames: undefined } };
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `${message} A film in a pipe must be readable from front to back: Matroska, MPEG-TS, fragmented MP4.`,
      { cause },
    );
  }
}

/** The beginning, and all of it. */
async function peek(
  input: AsyncIterable<Uint8Array>,
): Promise<{ head: Uint8Array; bytes: AsyncIterable<Uint8Array> }> {
  const iterator = input[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  for (let read = 0; read < PROBED; ) {
    const { done, value } = await iterator.next();
    if (done) break;
    chunks.push(value);
    read += value.length;
  }
  const head = Buffer.concat(chunks);
  async function* all(): AsyncGenerator<Uint8Array> {
    yield head;
    for (;;) {
      const { done, value } = await iterator.next();
      if (done) return;
      yield value;
    }
  }
  return { head, bytes: all() };
}
