import { buildDpt, type DPTModel, recognise, type Size } from '@dpt-webgpu/dpt';
import { blobSource, openCheckpoint } from '@dpt-webgpu/loaders';
import { Context } from '@dpt-webgpu/tensor';
import type { Photo } from '../image/photo.ts';
import { inputSize } from '../input_size.ts';
import type { OpenModel } from '../model_host.ts';
import { needsOf } from '../model_needs.ts';
import { titleOf } from '../model_titles.ts';
import { EngineError, type Job } from '../protocol.ts';
import { agreement, fitted, resize } from './difference.ts';
import type { ComparedRun, InsightCalls, ModelComparison, NamedBlob } from './insight_calls.ts';
import { type ModelRun, networkImage, type PreparedRun, recordModel } from './prepared_run.ts';

type Other = Omit<InsightCalls['insight.compare']['params'], 'source'> & {
  readonly other: NamedBlob;
};

/** Of metres, which are never less. */
const NEAREST = 1e-3;

/** Runs the model in use and another one, or itself at another size or precision, on one photo. The other one is given back. */
export async function compareModels(
  run: PreparedRun,
  photo: Photo,
  { other, size, options }: Other,
  job: Job<InsightCalls['insight.compare']['progress']>,
): Promise<ModelComparison> {
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
    const wanted = size || image.baseSize;
    expectBoth(planned, photo, wanted, opened);
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

/** Both models are on the device at once. */
function expectBoth(planned: DPTModel, photo: Size, size: number, { gpu, model }: OpenModel): void {
  const { available, bytes, fits } = needsOf(planned, photo, size, false, gpu.info);
  const together = bytes + model.weights.bytes;
  if (fits && together <= available) return;
  throw new EngineError({
    code: 'too-big',
    message: 'Both models together are too big for this GPU.',
    remedy: 'Choose a smaller size.',
    size: { size, bytes: together, available },
  });
}

/** The second of two runs: the first one compiles what is missing. With the way back to the host. */
async function timedRun(
  run: ModelRun,
  { title, dtype }: Pick<ComparedRun, 'title' | 'dtype'>,
): Promise<ComparedRun> {
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
  first: Pick<ComparedRun, 'values' | 'width' | 'height' | 'depth'>,
  second: Pick<ComparedRun, 'values' | 'width' | 'height' | 'depth'>,
): Pick<ModelComparison, 'agreement' | 'fit' | 'difference' | 'range'> {
  const a = inverse(first);
  const cells = { rows: second.height, columns: second.width, C: 1 };
  const b = resize(inverse(second), cells, [first.height, first.width]);
  const fit = fitted(b, a);
  const aligned = b.map((value) => fit.scale * value + fit.shift);
  const difference = aligned.map((value, i) => value - a[i]!);
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of a) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { agreement: agreement(aligned, a), fit, difference, range: Math.max(high - low, 0) };
}

const inverse = ({ values, depth }: Pick<ComparedRun, 'values' | 'depth'>): Float32Array =>
  depth === 'metric' ? values.map((metres) => 1 / Math.max(metres, NEAREST)) : values;
