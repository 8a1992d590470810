import { dirname } from 'node:path';
import { type DepthMap, type Photo, predictTiled } from '@dpt-webgpu/dpt';
import { decodePicture, readPicture, writeFileAtomic } from '@dpt-webgpu/loaders/node';
import type { Io } from './command.ts';
import { type Cropped, crop } from './crop.ts';
import type { KnownPixel } from './depth_chain.ts';
import { DepthFiles } from './depth_encode.ts';
import { printable } from './errors.ts';
import type { ImageOptions } from './image_flags.ts';
import type { OpenModels, Workplace } from './image_models.ts';
import { type Done, settingsFile } from './image_report.ts';
import { STDIN } from './inputs.ts';
import { makeFolder, type PlannedPicture } from './output_files.ts';

/** A picture with its pixels, or with what was wrong with it. */
export interface ReadPicture {
  readonly picture: PlannedPicture;
  readonly photo?: Cropped;
  /** In pixels of what was cropped. */
  readonly known?: readonly KnownPixel[];
  readonly error?: unknown;
}

/** Never rejects: a picture is read while another one is worked on. */
export async function readInput(
  picture: PlannedPicture,
  { crop: box, known }: Pick<ImageOptions, 'crop' | 'known'>,
  io: Pick<Io, 'input'>,
): Promise<ReadPicture> {
  try {
    const whole =
      picture.path === STDIN
        ? await decodePicture(await readAll(io.input), 'stdin')
        : await readPicture(picture.path);
    const { width, height, data } = whole;
    const photo = box ? crop(whole, box) : { width, height, data, left: 0, top: 0 };
    return { picture, photo, known: known.map((pixel) => placed(pixel, photo)) };
  } catch (error) {
    return { picture, error };
  }
}

async function readAll(input: AsyncIterable<Uint8Array> | undefined): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  if (input) for await (const chunk of input) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

export type Outcome = Done | Failed;

interface Failed {
  readonly picture: PlannedPicture;
  readonly error: unknown;
}

/** Predicts pictures of one size and writes each. What fails for one of them alone is its outcome; else this throws. */
export async function* finishGroup(
  group: readonly ReadPicture[],
  options: ImageOptions,
  models: OpenModels,
  io: Io,
): AsyncGenerator<Outcome> {
  const pictures = group.map(({ picture, photo, known }) => ({ picture, photo: photo!, known }));
  const workplace = await models.for(pictures[0]!.photo, pictures.length);
  // A device may be too small for all of them together.
  const together = workplace.opened.fits(pictures[0]!.photo, pictures.length) ? pictures.length : 1;
  for (let from = 0; from < pictures.length; from += together) {
    const some = pictures.slice(from, from + together);
    const begin = performance.now();
    const depths = await predict(
      some.map(({ photo }) => photo),
      options,
      workplace,
      io,
    );
    await workplace.opened.expectHealthy();
    const milliseconds = (performance.now() - begin) / some.length;
    for (const [i, { picture, photo, known }] of some.entries()) {
      try {
        const depth = await workplace.chain.run(depths[i]!, photo, known);
        await workplace.opened.expectHealthy();
        const done = { picture, photo, depth, milliseconds };
        await writeAll(done, options, workplace, models.path, io);
        if (depth.calibration && depth.calibration.slope <= 0) {
          io.error(
            `warning: ${printable(picture.path)}: the distances of --calibrate grow where the picture comes nearer.`,
          );
        }
        yield done;
      } catch (error) {
        if (io.signal.aborted || group.length === 1) throw error;
        yield { picture, error };
      }
    }
  }
}

/** A map for each photo: together in one run, or each from its tiles. */
function predict(
  photos: readonly Photo[],
  { size, square, upsample, tiles, flip }: ImageOptions,
  { opened: { predictor } }: Workplace,
  { signal, progress }: Io,
): Promise<DepthMap[]> {
  const common = {
    size,
    square,
    output: upsample === 'model' ? ('photo' as const) : ('network' as const),
    signal,
    onProgress: (done: number, total: number) => progress.report('Compiling', done, total),
  };
  if (tiles === 1 && !flip) return predictor.predictBatch(photos, common);
  const onRun = (done: number, total: number) => progress.report('Tiles', done, total);
  return Promise.all(
    photos.map((photo) => predictTiled(predictor, photo, { ...common, tiles, flip, onRun })),
  );
}

/** Where a pixel of the whole picture is in what was cropped of it. */
export function placed({ x, y, metres }: KnownPixel, photo: Cropped & Photo): KnownPixel {
  const [left, top] = [x - photo.left, y - photo.top];
  if (left >= 0 && top >= 0 && left < photo.width && top < photo.height) {
    return { x: left, y: top, metres };
  }
  throw new Error(
    `--calibrate: ${x},${y} lies outside of this picture (from ${photo.left},${photo.top}, ${photo.width}×${photo.height}).`,
  );
}

async function writeAll(
  done: Done,
  options: ImageOptions,
  { opened }: Workplace,
  modelPath: string,
  { signal }: Io,
): Promise<void> {
  const { picture, photo, depth } = done;
  const encoder = new DepthFiles(depth, photo, picture.files, options);
  for (const { kind, file } of picture.files) {
    signal.throwIfAborted();
    const bytes =
      kind === 'settings' ? settingsFile(done, options, opened, modelPath) : encoder.encode(kind);
    await makeFolder(dirname(file));
    await writeFileAtomic(file, bytes, { signal });
  }
}
