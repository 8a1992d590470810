import { dirname, join, parse } from 'node:path';
import type { Size } from '@dpt-webgpu/dpt';
import type { Command, Io } from '../command.ts';
import { exitCodes, printable } from '../errors.ts';
import type { Arguments } from '../flags.ts';
import { chooseModel } from '../model_choice.ts';
import { networkOptions } from '../model_flags.ts';
import { type OpenedModel, openModel } from '../open_model.ts';
import { expectNoInput, makeFolder } from '../output_files.ts';
import { type Container, containerNamed, containerOf, containers } from '../video/containers.ts';
import { Decoder } from '../video/decode.ts';
import { Encoder, encodersOf } from '../video/encode.ts';
import { type Ffmpeg, findFfmpeg } from '../video/ffmpeg.ts';
import { FilmDepth, type FilmDepthOptions, type Wanted } from '../video/film_depth.ts';
import { FrameFolder } from '../video/frame_folder.ts';
import { perSecond } from '../video/probe.ts';
import { type FilmState, progressLine, runFilm } from '../video/run_film.ts';
import { type FilmSource, openSource } from '../video/source.ts';
import { type VideoOptions, videoFlags, videoOptions } from '../video/video_flags.ts';

export const video: Command = {
  name: 'video',
  usage: 'IN [-o OUT] [flags]',
  summary: 'write the depth of a film, or of a camera',
  flags: videoFlags,
  details: [
    'Films are read and written with ffmpeg and ffprobe, from the PATH or FFMPEG_PATH. Frame rate, also one that varies, number of frames, rotation and sound are kept; sound is copied where the container takes it, else encoded anew.',
    'The range of the depths is smoothed over time, so that brightness does not flicker, and begins anew at cuts. Pixels are smoothed as well where the picture stands still; what moves is followed at once.',
    'Frames of --frames-out are named by their number in the film: 00000012.16.png is grey in 16 bits as the coloured map is, 00000012.npy holds float32 as the network gave it, and frames.csv the time and the range of each: value = lo + level / 65535 · (hi − lo), for metric models hi − level / 65535 · (hi − lo).',
    'Ctrl-C ends the film early: what there is plays, and the exit code is 130. A film that is damaged is written as far as it goes, and the exit code is 1. Sound of a film that is piped in is left out.',
  ],
  examples: [
    'dpt video clip.mp4',
    'dpt video clip.mov -o depth.mp4 --side-by-side --size 252 --colormap spectral',
    'dpt video clip.mkv --frames-out frames --format png16,npy --frames 100:200',
    'dpt video --webcam 1 -o camera.mkv',
    'dpt video - -o - --output-format mkv',
  ],
  run,
};

interface Result extends FilmState {
  /** Why the film is not what it should be; undefined when it is. */
  readonly problem: string | undefined;
  readonly isFailed: boolean;
  readonly networkSize: Size;
}

async function run(args: Arguments, io: Io): Promise<number> {
  const options = videoOptions(args);
  const network = networkOptions(args);
  const note = args.has('quiet') || args.has('json') ? () => {} : io.error;
  const ffmpeg = await findFfmpeg(io.env);
  const chosen = await chooseModel(args.text('model'), { env: io.env });
  const source = await openSource(ffmpeg, options, io);
  const { film } = source;
  const path = outputPath(options, source);
  const inputs = [chosen.path, ...(source.path === undefined ? [] : [source.path])];
  if (path !== undefined && path !== '-') await expectNoInput(path, inputs);
  for (const line of chosen.notes) note(line);
  if (options.audio && options.input === '-' && film.audio.length > 0 && path !== undefined) {
    note('The sound of a film that is piped in is left out.');
  }

  const depthOptions: FilmDepthOptions = {
    size: options.size,
    look: options.look,
    smooth: options.smooth,
    smoothPixels: options.smoothPixels,
    wanted: wantedOf(options, path),
  };
  const opened = await openModel(
    chosen.path,
    { ...network, needs: (model) => FilmDepth.largestBinding(model, film.size, depthOptions) },
    {
      log: (line) => (line.startsWith('warning:') ? io.error(line) : note(line)),
      onProgress: io.progress.report,
      signal: io.signal,
    },
  );
  try {
    const result = await convert(ffmpeg, source, options, path, opened, depthOptions, io);
    report(args, io, result, source, path, options);
    if (io.signal.aborted) return exitCodes.interrupted;
    return result.isFailed ? exitCodes.failed : exitCodes.done;
  } finally {
    if (!io.signal.aborted) await opened.close();
  }
}

async function convert(
  ffmpeg: Ffmpeg,
  source: FilmSource,
  options: VideoOptions,
  path: string | undefined,
  opened: OpenedModel,
  depthOptions: FilmDepthOptions,
  io: Io,
): Promise<Result> {
  const { film } = source;
  const { range, isCamera } = options;
  const depth = await FilmDepth.make(opened.model, film.size, depthOptions, {
    signal: io.signal,
    onProgress: (done, total) => io.progress.report('Compiling', done, total),
  });
  const stamped = film.isVariable;
  const decoder = new Decoder(ffmpeg, {
    film,
    input: source.input,
    range,
    stamped,
    bytes: source.bytes,
  });
  const encoder =
    path === undefined ? undefined : await encoderFor(ffmpeg, source, options, path, stamped);
  const { framesOut, formats, sideBySide } = options;
  const folder =
    framesOut === undefined
      ? undefined
      : new FrameFolder(framesOut, formats, film.size, { sideBySide });

  const available = film.frames === undefined ? undefined : Math.max(0, film.frames - range.from);
  const asked = range.to === undefined ? undefined : range.to - range.from;
  const expected = asked === undefined ? available : Math.min(asked, available ?? asked);
  let state: FilmState = { frames: 0, dropped: 0, rate: 0 };
  let spoiled = 0;
  try {
    await runFilm({
      decoder,
      depth,
      isLive: isCamera,
      signal: io.signal,
      async write(frame, result) {
        if (result.nonFinite > 0) spoiled++;
        await encoder?.write(result.picture!, frame.seconds);
        await folder?.write(frame.index, frame.seconds, result);
      },
      onFrame(now) {
        state = now;
        io.progress.show(progressLine(now, expected));
      },
    });
    io.progress.clear();
    const damage = isCamera && state.frames > 0 ? undefined : await decoder.problem();
    if (state.frames === 0 && !io.signal.aborted) throw noFrames(source, options, damage);
    const isShort =
      expected !== undefined && source.path !== undefined && !io.signal.aborted
        ? state.frames < expected - Math.max(2, 0.02 * expected)
        : false;
    await encoder?.finish(io.signal.aborted || isShort);
    await folder?.finish();
    const lost = isShort ? `it ends after ${state.frames} of about ${expected} frames` : undefined;
    const bad =
      spoiled > 0
        ? `the depths of ${spoiled} frames hold NaN or infinities${opened.model.weights.dtype === 'f16' ? '; use --dtype f32' : ''}`
        : undefined;
    const problem = [lost, damage, bad].filter(Boolean).join('; ') || undefined;
    const isFailed = isShort || spoiled > 0;
    return { ...state, problem, isFailed, networkSize: depth.networkSize };
  } catch (error) {
    decoder.stop();
    // What was computed in an hour is not thrown away because of what came then.
    if (state.frames > 0) await encoder?.finish(true).catch(() => {});
    await encoder?.abandon();
    await folder?.finish().catch(() => {});
    throw error;
  } finally {
    depth.dispose();
  }
}

async function encoderFor(
  ffmpeg: Ffmpeg,
  { film, path: audioFrom }: FilmSource,
  { range, sideBySide, audio, crf, outputFormat }: VideoOptions,
  path: string,
  stamped: boolean,
): Promise<Encoder> {
  const container: Container = outputFormat ? containerNamed(outputFormat) : containerOf(path);
  if (path !== '-') await makeFolder(dirname(path));
  const size = sideBySide ? { ...film.size, width: 2 * film.size.width } : film.size;
  return new Encoder(
    ffmpeg,
    {
      film,
      size,
      container,
      crf,
      path: path === '-' ? undefined : path,
      audioFrom: audio && film.audio.length > 0 ? audioFrom : undefined,
      frames: range.to === undefined ? undefined : range.to - range.from,
      isCutInFront: range.from > 0,
      stamped,
    },
    await encodersOf(ffmpeg),
  );
}

/** Undefined where only frames are written. */
function outputPath(
  { output, outputFormat, framesOut, isCamera }: VideoOptions,
  { path }: FilmSource,
): string | undefined {
  if (output !== undefined || framesOut !== undefined) return output;
  const { name, ext } = parse(path ?? 'stdin');
  const ending = ext.slice(1).toLowerCase();
  const known = Object.hasOwn(containers, ending) ? ending : 'mp4';
  const stem = isCamera
    ? `webcam-${new Date().toISOString().slice(0, 19).replace(/\W/g, '')}`
    : name;
  return join('output', `${stem}.${outputFormat ?? known}`);
}

function wantedOf({ sideBySide, framesOut, formats }: VideoOptions, path?: string): Wanted {
  const inFrames = (format: VideoOptions['formats'][number]): boolean =>
    framesOut !== undefined && formats.includes(format);
  const hasPicture = path !== undefined || inFrames('png');
  return {
    picture: hasPicture ? (sideBySide ? 'side-by-side' : 'map') : undefined,
    values: inFrames('png16'),
    raw: inFrames('npy'),
  };
}

function noFrames(
  { name, film }: FilmSource,
  { range }: VideoOptions,
  damage: string | undefined,
): Error {
  if (range.from > 0 && damage === undefined) {
    const count = film.frames === undefined ? '' : `, it has about ${film.frames}`;
    return new Error(`${name}: has no frame ${range.from}${count}.`);
  }
  return new Error(`${name}: holds no frame that can be read${damage ? `: ${damage}` : ''}.`);
}

function report(
  args: Arguments,
  io: Io,
  result: Result,
  { name, film }: FilmSource,
  path: string | undefined,
  { framesOut }: VideoOptions,
): void {
  const { frames, dropped, rate, problem, networkSize } = result;
  const places = [path === '-' ? 'stdout' : path, framesOut].filter((place) => place !== undefined);
  // Where the film itself goes to stdout, nothing else does.
  const out = path === '-' ? io.error : io.out;
  if (args.has('json')) {
    const { width, height } = film.size;
    out(
      JSON.stringify({
        input: name,
        outputs: places,
        frames,
        dropped,
        frameRate: perSecond(film.rate),
        framesPerSecond: rate,
        width,
        height,
        networkSize,
        interrupted: io.signal.aborted,
        problem: problem ?? null,
      }),
    );
    return;
  }
  if (problem !== undefined) io.error(`dpt video: ${printable(name)}: ${printable(problem)}.`);
  if (args.has('quiet') && !io.signal.aborted) return;
  const size = `${networkSize.width}×${networkSize.height}`;
  const parts = [
    `${frames} frame${frames === 1 ? '' : 's'}`,
    size,
    ...(rate > 0 ? [`${rate.toFixed(1)} frames/s`] : []),
    ...(dropped > 0 ? [`${dropped} dropped`] : []),
  ];
  const where = frames > 0 ? places.map(printable).join(', ') : 'nothing';
  out(`${printable(name)} → ${where}  (${parts.join(', ')})`);
  if (io.signal.aborted) io.error('dpt video: interrupted.');
}
