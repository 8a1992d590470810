import {
  type ColourMap,
  colourise,
  colourMaps,
  type DepthMap,
  nearness,
  normalise,
  rangeOf,
  type Size,
} from '@dpt-webgpu/dpt';
import { encodeNpy, encodePfm } from '@dpt-webgpu/loaders';
import { encodePng8, encodePng16, readPicture, writeFileAtomic } from '@dpt-webgpu/loaders/node';
import { DeviceLostError } from '@dpt-webgpu/tensor';
import { type Command, type Io, quietFlag } from '../command.ts';
import { exitCodes, InterruptedError, messageOf, printable, UsageError } from '../errors.ts';
import type { Arguments } from '../flags.ts';
import { chooseModel } from '../model_choice.ts';
import { modelFlag, networkFlags, networkOptions } from '../model_flags.ts';
import {
  type OpenedModel,
  type OpenModelHooks,
  type OpenModelOptions,
  openModel,
  PictureSizeError,
} from '../open_model.ts';
import {
  type Format,
  formats,
  makeFolder,
  type PlannedPicture,
  planFiles,
} from '../output_files.ts';

export const image: Command = {
  name: 'image',
  usage: 'PICTURE... [flags]',
  summary: 'write the depth maps of pictures',
  flags: [
    {
      ...modelFlag,
      help: `${modelFlag.help}. Default: the first in model_weights/, else Depth-Anything-V2-Small if it was downloaded, else a small demonstration model`,
    },
    { name: 'output', short: 'o', value: 'FOLDER', help: 'where to write (default: output)' },
    {
      name: 'size',
      value: 'PIXELS',
      help: 'of the shorter side as the network sees it (muggled: of the longer); default: what the model was trained at',
    },
    {
      name: 'format',
      value: 'LIST',
      help: 'any of png (coloured, default), png16, npy, pfm, with commas between',
    },
    {
      name: 'colormap',
      value: 'NAME',
      help: `of png: ${colourMaps.join(', ')} (default: inferno)`,
    },
    ...networkFlags,
    quietFlag,
  ],
  details: [
    'Files are named after the picture: cat.jpg becomes cat.png (coloured, near is bright), cat.16.png (16-bit grey, the least value 0 and the greatest 65535; the printed range brings the values back), cat.npy and cat.pfm (float32 as the network gave it, rows by columns of the upright picture). A second picture of the same name keeps its extension: cat.png becomes cat.png.png. Pictures are never overwritten.',
    'Relative models give inverse depth up to scale and shift: large is near. Metric ones give metres.',
    'A picture that cannot be read is reported, the others are done all the same, and the exit code is 1.',
  ],
  examples: [
    'dpt image photo.jpg',
    'dpt image photos/*.jpg -o maps --format png,npy --colormap spectral',
    'dpt image photo.jpg -m depth_anything_v2_vits.pth --size 770 --dtype f16',
    'dpt image -- -photo-with-a-dash.jpg',
  ],
  run,
};

interface Wanted {
  readonly folder: string;
  readonly formats: readonly Format[];
  readonly colourMap: ColourMap;
  readonly size: number | undefined;
}

async function run(args: Arguments, io: Io): Promise<number> {
  const wanted: Wanted = {
    folder: args.text('output') ?? 'output',
    formats: args.someOf('format', formats) ?? ['png'],
    colourMap: args.oneOf('colormap', colourMaps) ?? 'inferno',
    size: args.wholeNumber('size', 1, 16_384),
  };
  const network = networkOptions(args);
  if (args.positionals.length === 0) {
    throw new UsageError('which picture? For example: dpt image photo.jpg');
  }
  const note = args.has('quiet') ? () => {} : io.error;
  const chosen = await chooseModel(args.text('model'), { env: io.env });
  const pictures = await planFiles(args.positionals, wanted, [chosen.path]);
  for (const line of chosen.notes) note(line);

  const models = new OpenModels(chosen.path, { ...network, size: wanted.size }, io, note);
  let failed = 0;
  try {
    for (const picture of pictures) {
      try {
        const line = await predictOne(picture, wanted, models, io);
        if (!args.has('quiet')) io.out(line);
      } catch (error) {
        io.progress.clear();
        if (io.signal.aborted) throw new InterruptedError();
        // Without a model no other picture fares better.
        if (models.failed || error instanceof DeviceLostError) throw error;
        failed++;
        const message = messageOf(error);
        const named = message.includes(printable(picture.path));
        io.error(`dpt image: ${named ? message : `${printable(picture.path)}: ${message}`}`);
      }
    }
  } finally {
    if (!io.signal.aborted) await models.close();
  }
  if (failed > 0 && pictures.length > 1) {
    io.error(`dpt image: ${failed} of ${pictures.length} pictures failed.`);
  }
  return failed > 0 ? exitCodes.failed : exitCodes.done;
}

/** The model, opened when the first picture has been read, and again for one that needs a larger device. */
class OpenModels {
  readonly #path: string;
  readonly #options: OpenModelOptions;
  readonly #io: Io;
  readonly #note: (line: string) => void;
  #current: OpenedModel | undefined;
  #opened = 0;
  /** The model could not be opened, whatever the picture. */
  failed = false;

  constructor(path: string, options: OpenModelOptions, io: Io, note: (line: string) => void) {
    this.#path = path;
    this.#options = options;
    this.#io = io;
    this.#note = note;
  }

  async for(photo: Size): Promise<OpenedModel> {
    if (this.#current?.fits(photo)) return this.#current;
    await this.close();
    const { maxDepth } = this.#options;
    try {
      const opened = await openModel(this.#path, { ...this.#options, photo }, this.#hooks());
      if (this.#opened++ === 0 && maxDepth !== undefined && opened.config.depth !== 'metric') {
        this.#io.error(
          `warning: --max-depth has no effect: ${opened.config.family} is not metric.`,
        );
      }
      this.#current = opened;
      return opened;
    } catch (error) {
      this.failed = !(error instanceof PictureSizeError);
      throw error;
    }
  }

  async close(): Promise<void> {
    const opened = this.#current;
    this.#current = undefined;
    await opened?.close();
  }

  #hooks(): OpenModelHooks {
    const { error, progress, signal } = this.#io;
    const isFirst = this.#opened === 0;
    const log = (line: string): void => {
      progress.clear();
      if (isFirst) (line.startsWith('warning:') ? error : this.#note)(line);
    };
    return { log, onProgress: progress.report, signal };
  }
}

/** Reads, predicts and writes; returns the line that says so. */
async function predictOne(
  { path, files }: PlannedPicture,
  { folder, colourMap, size }: Wanted,
  models: OpenModels,
  { progress, signal, error }: Io,
): Promise<string> {
  const picture = await readPicture(path);
  signal.throwIfAborted();
  const opened = await models.for(picture);
  const begin = performance.now();
  const depth = await opened.predictor.predict(picture, {
    size,
    signal,
    onProgress: (done, total) => progress.report('Compiling', done, total),
  });
  await opened.expectHealthy();
  const milliseconds = Math.round(performance.now() - begin);

  const range = rangeOf(depth.data);
  if (range.nonFinite > 0) {
    error(`warning: ${printable(path)}: ${range.nonFinite} depths are NaN or infinite.`);
  }
  await makeFolder(folder);
  for (const { format, file } of files) {
    signal.throwIfAborted();
    await writeFileAtomic(file, encode(format, depth, colourMap));
  }
  const { width, height } = depth.networkSize;
  const unit = depth.kind === 'metric' ? ' m' : '';
  const written = files.map(({ file }) => printable(file)).join(', ');
  return `${printable(path)} → ${written}  (${width}×${height}, ${milliseconds} ms, values ${range.min} … ${range.max}${unit})`;
}

function encode(format: Format, depth: DepthMap, colourMap: ColourMap): Uint8Array {
  const { data, width, height } = depth;
  switch (format) {
    case 'png':
      return encodePng8(colourise(nearness(data, depth.kind), colourMap), width, height);
    case 'png16': {
      const levels = Uint16Array.from(normalise(data), (value) => Math.round(value * 65_535));
      return encodePng16(levels, width, height);
    }
    case 'npy':
      return encodeNpy(data, [height, width]);
    case 'pfm':
      return encodePfm(data, width, height);
  }
}
