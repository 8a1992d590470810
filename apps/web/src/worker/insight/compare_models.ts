import { buildDpt, type DPTModel, recognise, type Size } from '@dpt-webgpu/dpt';
import { blobSource, openCheckpoint } from '@dpt-webgpu/loaders';
import { Context } from '@dpt-webgpu/tensor';
import type { Photo } from '../image/photo.ts';
import { inputSize } from '../input_size.ts';
import { needsOf, smallerThatFits } from '../model_needs.ts';
import { titleOf } from '../model_titles.ts';
import { EngineError, type Job } from '../protocol.ts';
import { agreement, fitted, resize } from './difference.ts';
import type {
  ComparedRun,
  InsightCalls,
  ModelComparison,
  NamedBlob,
  NumberMap,
} from './insight_calls.ts';
import { rangeOf } from './map_colours.ts';
import { type ModelRun, networkImage, type PreparedRun, recordModel } from './prepared_run.ts';

type Other = Omit<InsightCalls['insight.compare']['params'], 'source'> & {
  readonly other: NamedBlob;
};

/** A run with its depth map, as the model gives it. */
export type MappedRun = ComparedRun & NumberMap;

/** A comparison with the maps that it is of, which stay on this side. */
export interface ComparedMaps extends ModelComparison {
  readonly runs: readonly [MappedRun, MappedRun];
  /** The second minus the first, row by row of the first. */
  readonly difference: Float32Array<ArrayBuffer>;
}

/** Of metres, which are never less. */
const NEAREST = 1e-3;

/** Runs the model in use and another one, or itself at another size or precision, on one photo. The other one is given back. */
export async function compareModels(
  run: PreparedRun,
  photo: Photo,
  { other, size, options }: Other,
  job: Job<InsightCalls['insight.compare']['progress']>,
): Promise<ComparedMaps> {
  const { signal } = job;
  const { opened } = run;
  const { gpu, info } = opened;
  const total = 3;
  job.progress({ done: 0, total });
  const first = await timedRun(run, { title: info.title, dtype: info.dtype });
  signal.throwIfAborted();
  job.progress({ done: 1, total });

  const file = await openCheckpoint(blobSource(other.blob, other.name));
  let model: DPTModel | undefined;
  try {
    const { preset, family, maxDepth } = options;
    const recognised = recognise(file, { preset, family, maxDepth });
    const dtype = options.precision === 'f16' && gpu.info.f16 ? 'f16' : 'f32';
    const planned = buildDpt(Context.planning({ f16: true }), recognised, { dtype });
    const { image } = planned.config;
    const wanted = sizeFor(planned, photo, size, run);
    model = buildDpt(gpu.context, recognised, { dtype });
    await model.weights.load({ signal });
    job.progress({ done: 2, total });
    const network = inputSize(image, photo, { size: wanted, square: false });
    const second = await timedRun(
      {
        opened: { model, gpu },
        facts: network,
        image: await networkImage(gpu, image, photo, network),
      },
      { title: titleOf(recognised, file), dtype },
    );
    job.progress({ done: total, total });
    return { runs: [first, second], ...laidTogether(first, second) };
  } finally {
    await file.close();
    model?.dispose();
  }
}

/** The size that was chosen; none is that of the first run, or the nearest one below at which both models fit at once. */
function sizeFor(planned: DPTModel, photo: Size, chosen: number, run: PreparedRun): number {
  const { gpu, model } = run.opened;
  const { largestBuffer, budget } = gpu.info;
  const limits = { largestBuffer, budget: budget - model.weights.bytes };
  const size = chosen || run.facts.size;
  const { available, bytes, fits } = needsOf(planned, photo, size, false, limits);
  if (fits) return size;
  const smaller = chosen ? undefined : smallerThatFits(planned, photo, size, false, limits);
  if (smaller) return smaller.size;
  throw new EngineError({
    code: 'too-big',
    message: 'Both models together are too big for this GPU.',
    remedy: 'Choose a smaller size.',
    size: { size, bytes, available },
  });
}

/** The second of two runs: the first one compiles what is missing. With the way back to the host. */
async function timedRun(
  run: ModelRun,
  { title, dtype }: Pick<ComparedRun, 'title' | 'dtype'>,
): Promise<MappedRun> {
  const { model } = run.opened;
  const recording = await recordModel(run, {});
  try {
    recording.run({ image: run.image });
    await recording.outputs.last.read();
    const begun = performance.now();
    const { last } = recording.run({ image: run.image });
    const values = Float32Array.from(await last.read());
    const time = performance.now() - begun;
    const { width, height } = run.facts;
    const { depth } = model.config;
    const bytes = model.weights.bytes;
    return { title, dtype, width, height, values, depth, time, weightBytes: bytes };
  } finally {
    recording.dispose();
  }
}

/**
 * The second map on the first one's pixels and in its units. Depth from one photo is known but for a scale and a shift, so
 * that these are fitted, to inverse depth.
 */
export function laidTogether(
  first: DepthMap,
  second: DepthMap,
): Pick<ComparedMaps, 'agreement' | 'fit' | 'difference' | 'range'> {
  const a = inverse(first);
  const cells = { rows: second.height, columns: second.width, C: 1 };
  const b = resize(inverse(second), cells, [first.height, first.width]);
  const fit = fitted(b, a);
  const aligned = b.map((value) => fit.scale * value + fit.shift);
  const difference = aligned.map((value, i) => value - a[i]!);
  const { low, high } = rangeOf(a);
  return { agreement: agreement(aligned, a), fit, difference, range: high - low };
}

type DepthMap = Pick<MappedRun, 'values' | 'width' | 'height' | 'depth'>;

const inverse = ({ values, depth }: Pick<DepthMap, 'values' | 'depth'>): Float32Array =>
  depth === 'metric' ? values.map((metres) => 1 / Math.max(metres, NEAREST)) : values;
