// Flicker and ghosts of a film's depth. One run of the network per frame, and of each map three pictures: with a range of its
// own, with the range smoothed over time, and with its pixels smoothed as well where the picture stands still.
//
//   npm run bench:flicker -- FILM [-m MODEL] [--size N] [--frames A:B] [--smooth SECONDS] [--smooth-pixels SECONDS]
//
// Flicker: mean |change| of the map in 0…1 from frame to frame, cuts left out: of all pixels, and of those whose brightness
// changed by less than 2 %, which should stay as they are. Ghosts: where brightness changed by more than 10 %, how far the
// smoothed pixels are from those of the same frame without: what is left there of frames gone by.
//
// Exit code 1 when smoothing does not help.
import { parseArgs } from 'node:util';
import { chooseModel, openModel } from '@dpt-webgpu/cli/default-model';
import {
  Decoder,
  fileUrl,
  findFfmpeg,
  perSecond,
  probe,
  SMOOTH,
  SMOOTH_PIXELS,
} from '@dpt-webgpu/cli/video';
import {
  depthPipeline,
  depthSettings,
  networkSize,
  pace,
  planPrediction,
  RangeOverTime,
  weightOver,
} from '@dpt-webgpu/dpt';
import { imageToTensor, record } from '@dpt-webgpu/tensor';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string', short: 'm' },
    size: { type: 'string' },
    frames: { type: 'string', default: ':' },
    smooth: { type: 'string', default: String(SMOOTH) },
    'smooth-pixels': { type: 'string', default: String(SMOOTH_PIXELS) },
  },
});
const [name] = positionals;
if (name === undefined) throw new Error('usage: flicker.ts FILM [-m MODEL] [--size N] …');

const ffmpeg = await findFfmpeg(process.env);
const input = ['-i', fileUrl(name)];
const film = await probe(ffmpeg, name, input);
const size = values.size === undefined ? {} : { size: Number(values.size) };
const [from = 0, to = 0] = values.frames.split(':').map(Number);
const range = { from, to: to > 0 ? to : undefined };
const { path } = await chooseModel(values.model);
const { model, close } = await openModel(
  path,
  { needs: (model) => planPrediction(model, film.size, size).largestBinding },
  { log: console.log },
);

const { context } = model.weights;
const { image: prepare, depth: kind } = model.config;
const { height: H, width: W } = networkSize(film.size, prepare, size);
const settings = context.tensor(depthSettings(), [8], 'f32', 'settings');
const ranges = [new RangeOverTime(context), new RangeOverTime(context)] as const;
const recording = await record(
  context,
  { pixels: { shape: [film.size.height, film.size.width], dtype: 'u32' }, pace: [3] },
  ({ pixels, pace: framePace }) => {
    const { filter, mean, std } = prepare;
    const image = imageToTensor(pixels, { size: [H, W], filter, mean, std });
    const map = model.forward(image).reshape([H, W]);
    const over = (of: RangeOverTime, filtered: boolean) =>
      depthPipeline(map, {
        ...{ settings, kind },
        overTime: {
          ...{ range: of, pixels, pace: framePace },
          ...{ follow: kind === 'relative', filter: filtered },
        },
      }).nearness;
    return {
      picture: imageToTensor(pixels, {
        ...{ size: [H, W], filter: 'antialiased', mean: [0, 0, 0], std: [1, 1, 1] },
      }),
      plain: depthPipeline(map, { settings, kind }).nearness,
      range: over(ranges[0], false),
      pixels: over(ranges[1], true),
    };
  },
);

const kinds = ['plain', 'range', 'pixels'] as const;
type Maps = Readonly<Record<(typeof kinds)[number], Float32Array>>;
const all = { plain: 0, range: 0, pixels: 0 };
const still = { ...all };
const counts = { all: 0, still: 0, moved: 0, frames: 0, cuts: 0 };
let ghost = 0;
let before: { readonly maps: Maps; readonly luma: Float32Array } | undefined;
const step = 1 / perSecond(film.rate);
const framePace = pace({
  alpha: weightOver(Number(values.smooth), step),
  still: weightOver(Number(values['smooth-pixels']), step),
});
const decoder = new Decoder(ffmpeg, { film, input, range, stamped: false });
for await (const { data } of decoder.frames()) {
  const { outputs } = recording;
  recording.run({ pixels: data, pace: framePace });
  const maps = {
    plain: await outputs.plain.read(),
    range: await outputs.range.read(),
    pixels: await outputs.pixels.read(),
  };
  const luma = lumaOf(await outputs.picture.read());
  const isCut = (await ranges[0].state.read())[4] === 1;
  counts.frames++;
  if (before && isCut) counts.cuts++;
  else if (before) count(maps, luma, before.maps, before.luma);
  before = { maps, luma };
}

function count(now: Maps, luma: Float32Array, then: Maps, lumaThen: Float32Array): void {
  for (let i = 0; i < luma.length; i++) {
    const change = Math.abs(luma[i]! - lumaThen[i]!);
    const isStill = change < 0.02;
    counts.all++;
    if (isStill) counts.still++;
    for (const kind of kinds) {
      const by = Math.abs(now[kind][i]! - then[kind][i]!);
      all[kind] += by;
      if (isStill) still[kind] += by;
    }
    if (change <= 0.1) continue;
    counts.moved++;
    ghost += Math.abs(now.pixels[i]! - now.range[i]!);
  }
}

function lumaOf(rgb: Float32Array): Float32Array {
  return Float32Array.from(
    { length: rgb.length / 3 },
    (_, i) => 0.299 * rgb[3 * i]! + 0.587 * rgb[3 * i + 1]! + 0.114 * rgb[3 * i + 2]!,
  );
}

const share = (count: number): string => `${((100 * count) / counts.all).toFixed(1)} %`;
const line = (words: string, kind: (typeof kinds)[number]): string =>
  `${words.padEnd(24)}${(all[kind] / counts.all).toFixed(5)}      ${(still[kind] / counts.still).toFixed(5)}`;
console.log(`${counts.frames} frames of ${W}×${H}, ${counts.cuts} cuts
mean |change| of       all pixels   still pixels (${share(counts.still)})
${line('without smoothing', 'plain')}
${line('range over time', 'range')}
${line('and pixels', 'pixels')}
ghosts: ${counts.moved > 0 ? (ghost / counts.moved).toFixed(5) : 'nothing moved'} (${share(counts.moved)} of the pixels moved)`);
if (!(still.range < still.plain && still.pixels < still.range)) process.exitCode = 1;
await close();
