// From a film to a film of its depth, near bright, frame by frame: the parts of `dpt video`. Needs ffmpeg.
//
//   node --import tsx examples/run_video.ts FILM [-m MODEL] [--size PIXELS]
//
// Writes output/NAME_depth.mp4, with the sound of the film.
import { mkdir } from 'node:fs/promises';
import { parse } from 'node:path';
import { parseArgs } from 'node:util';
import { chooseModel, openModel } from '@dpt-webgpu/cli/default-model';
import {
  containerOf,
  Decoder,
  Encoder,
  encodersOf,
  FilmDepth,
  type FilmDepthOptions,
  fileUrl,
  findFfmpeg,
  probe,
  progressLine,
  runFilm,
} from '@dpt-webgpu/cli/video';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { model: { type: 'string', short: 'm' }, size: { type: 'string', default: '252' } },
});
const [name] = positionals;
if (name === undefined) throw new Error('usage: run_video.ts FILM [-m MODEL] [--size PIXELS]');

const ffmpeg = await findFfmpeg(process.env);
const input = ['-i', fileUrl(name)];
const film = await probe(ffmpeg, name, input);
const stamped = film.isVariable; // then each frame carries its own time

const options: FilmDepthOptions = {
  size: Number(values.size),
  look: { colourMap: 'inferno', equalise: false, settings: {} },
  wanted: { picture: 'map', values: false, raw: false },
  smooth: 0.5, // seconds over which the range follows the film
  smoothPixels: 0.25, // and pixels, where the picture stands still
};
const { path: weights } = await chooseModel(values.model);
const needs = (model: Parameters<typeof FilmDepth.make>[0]): number =>
  FilmDepth.largestBinding(model, film.size, options);
const { model, close } = await openModel(weights, { needs }, { log: console.log });

// pixels → network → range over time → colours, in one recording
const depth = await FilmDepth.make(model, film.size, options);
const range = { from: 0, to: undefined };
const decoder = new Decoder(ffmpeg, { film, input, range, stamped });
const path = `output/${parse(name).name}_depth.mp4`;
await mkdir('output', { recursive: true });
const encoder = new Encoder(
  ffmpeg,
  {
    ...{ film, size: film.size, container: containerOf(path), path, stamped },
    audioFrom: name,
    frames: undefined,
    isCutInFront: false,
    crf: undefined,
  },
  await encodersOf(ffmpeg),
);

const done = await runFilm({
  decoder,
  depth,
  write: ({ seconds }, { picture }) => encoder.write(picture!, seconds),
  isLive: false,
  signal: new AbortController().signal,
  onFrame: (state) => process.stderr.write(`\r${progressLine(state, film.frames)}  `),
});
await encoder.finish(false);
console.log(`\n${name} → ${path}  (${done.frames} frames)`);
depth.dispose();
await close();
