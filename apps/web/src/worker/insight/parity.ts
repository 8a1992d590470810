import { buildDpt, type DPTModel, recognise } from '@dpt-webgpu/dpt';
import { blobSource, openCheckpoint } from '@dpt-webgpu/loaders';
import { record, type StateDict } from '@dpt-webgpu/tensor';
import goldenWide from '../../../../../test/fixtures/models/depth_anything_v2/io_56x112.safetensors?url';
import goldenBoxes from '../../../../../test/fixtures/models/depth_anything_v2/io_70x98.safetensors?url';
import fixture from '../../../../../test/fixtures/models/depth_anything_v2/model.safetensors?url';
import type { ModelHost } from '../model_host.ts';
import { EngineError, type Job } from '../protocol.ts';
import { boxOf } from './boxes.ts';
import { painted } from './depth_painter.ts';
import {
  boxes,
  type InsightCalls,
  type NamedBlob,
  type NumberMap,
  type ParityReport,
  type ParityRow,
} from './insight_calls.ts';
import { rangeOf } from './map_colours.ts';
import { fetched, modelFile } from './model_files.ts';
import { gridFor, type HostTensor, sliceOf } from './tensor_maps.ts';

/** The picture that went in, and everything that a reference implementation made of it. */
interface Golden {
  readonly file: string;
  readonly tensors: ReadonlyMap<string, HostTensor>;
}

/**
 * max|error| / std(reference), as the project's own tests allow it. f32: two implementations in PyTorch differ by 1e-5; the
 * rest is for GPUs, whose exp and tanh are less exact. f16: 11 significant bits, and a dozen convolutions, each rounded.
 */
const tolerances = {
  f32: { tokens: 1e-4, maps: 1e-4, depth: 2e-4 },
  f16: { tokens: 1e-2, maps: 2e-2, depth: 3e-2 },
} as const;

type Parity = InsightCalls['insight.parity'];
type ComparedRow = Omit<ParityRow, 'where'> & { readonly where: NumberMap };

export async function runParity(
  host: ModelHost,
  { model: chosen, golden: given, dtype, map }: Parity['params'],
  job: Job<Parity['progress']>,
): Promise<ParityReport> {
  const begun = performance.now();
  const { context, info } = await host.gpu();
  if (dtype === 'f16' && !info.f16) {
    throw new EngineError({ code: 'failed', message: 'This device has no half precision.' });
  }
  const { signal } = job;
  const files =
    given.length > 0
      ? given
      : await Promise.all([goldenWide, goldenBoxes].map((at) => fetched(at, signal)));
  const golden = await Promise.all(files.map(readGolden));
  const own = chosen ?? (await ownModel(host, given, signal));
  const source = await openCheckpoint(blobSource(own.blob, own.name));
  let model: DPTModel | undefined;
  try {
    // The file's name tells V1 from V2 where nothing in it does.
    model = buildDpt(context, recognise(source, familyOf(own.name)), { dtype });
    await model.weights.load({ signal });
    const rows: ParityRow[] = [];
    const total = golden.length;
    for (const [done, { file, tensors }] of golden.entries()) {
      signal.throwIfAborted();
      job.progress({ done, total });
      for (const { where, ...row } of await compare(model, file, tensors, dtype)) {
        const ends = { low: 0, high: rangeOf(where.values).high };
        const { bitmap } = await painted(where, map, ends, job);
        rows.push({ ...row, where: bitmap });
      }
    }
    job.progress({ done: total, total });
    const place = ({ box }: ParityRow): number => boxes.indexOf(box);
    rows.sort((a, b) => place(a) - place(b) || a.name.localeCompare(b.name));
    return { adapter: info.name, model: own.name, dtype, rows, time: performance.now() - begun };
  } finally {
    await source.close();
    model?.dispose();
  }
}

const familyOf = (name: string): Parameters<typeof recognise>[1] =>
  name === 'depth_anything_v2 fixture' ? { family: 'depth_anything_v2' } : {};

async function ownModel(
  host: ModelHost,
  given: readonly NamedBlob[],
  signal: AbortSignal,
): Promise<NamedBlob> {
  if (given.length === 0) {
    const { blob } = await fetched(fixture, signal);
    return { blob, name: 'depth_anything_v2 fixture' };
  }
  const info = host.current?.info;
  if (info) return modelFile(info.source, signal);
  throw new EngineError({
    code: 'no-model',
    message: 'Golden tensors need the model that they were made with.',
    remedy: 'Drop its file together with them.',
  });
}

async function readGolden({ blob, name }: NamedBlob): Promise<Golden> {
  const file = await openCheckpoint(blobSource(blob, name));
  try {
    const tensors = await tensorsOf(file, name);
    if (!tensors.has('pixel_values')) {
      throw new EngineError({
        code: 'bad-model',
        message: `${name} has no tensor pixel_values, so it holds no golden tensors.`,
      });
    }
    return { file: name, tensors };
  } finally {
    await file.close();
  }
}

async function tensorsOf({ tensors }: StateDict, file: string): Promise<Map<string, HostTensor>> {
  const read = new Map<string, HostTensor>();
  for (const [name, stored] of tensors) {
    if (stored.dtype !== 'f32') {
      throw new EngineError({
        code: 'bad-model',
        message: `${file}: ${name} is ${stored.dtype}; golden tensors are f32.`,
      });
    }
    const bytes = await stored.read();
    read.set(name, channelsLast(stored.shape, new Float32Array(bytes.slice().buffer)));
  }
  return read;
}

/** [B, C, H, W] → [B, H, W, C]; other ranks are left alone. */
function channelsLast(shape: readonly number[], data: Float32Array): HostTensor {
  if (shape.length !== 4) return { shape, data };
  const [B, C, H, W] = shape as [number, number, number, number];
  const moved = new Float32Array(data.length);
  for (let plane = 0; plane < B * C; plane++) {
    const [b, c] = [Math.floor(plane / C), plane % C];
    for (let i = 0; i < H * W; i++) moved[(b * H * W + i) * C + c] = data[plane * H * W + i]!;
  }
  return { shape: [B, H, W, C], data: moved };
}

async function compare(
  model: DPTModel,
  file: string,
  expected: ReadonlyMap<string, HostTensor>,
  dtype: 'f32' | 'f16',
): Promise<ComparedRow[]> {
  const pixels = expected.get('pixel_values')!;
  const keep = [...expected.keys()].filter((name) => name !== 'pixel_values' && name !== 'depth');
  const recording = await record(
    model.weights.context,
    { image: pixels.shape },
    ({ image }) => ({ depth: model.forward(image) }),
    { keep },
  );
  try {
    const { depth } = recording.run({ image: pixels.data });
    const { patch } = model.config.patchEmbed;
    const [, H = 1, W = 1] = pixels.shape;
    const grid = [H / patch, W / patch] as const;
    const rows: ComparedRow[] = [];
    for (const [name, tensor] of Object.entries({ ...recording.kept, depth })) {
      const reference = expected.get(name);
      if (!reference) continue;
      const kind = name === 'depth' ? 'depth' : /tokens|stage/.test(name) ? 'tokens' : 'maps';
      const allowed = tolerances[dtype][kind];
      const actual = await tensor.read();
      const error = relativeError(actual, reference.data);
      const { shape } = tensor;
      const difference = { shape, data: actual.map((value, i) => value - reference.data[i]!) };
      const { values, width, height } = sliceOf(difference, gridFor(name, grid), 0, undefined);
      rows.push({
        file,
        name,
        box: boxOf(name),
        shape,
        error,
        allowed,
        passed: error <= allowed,
        where: { values, width, height },
      });
    }
    return rows;
  } finally {
    recording.dispose();
  }
}

/** max|actual − reference| / std(reference); infinite where lengths differ or a value is no number. */
function relativeError(actual: Float32Array, reference: Float32Array): number {
  if (actual.length !== reference.length) return Number.POSITIVE_INFINITY;
  const mean = reference.reduce((sum, value) => sum + value, 0) / reference.length;
  let [largest, squares] = [0, 0];
  for (const [i, value] of reference.entries()) {
    squares += (value - mean) ** 2;
    const error = Math.abs(actual[i]! - value);
    if (!(error <= largest)) largest = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  }
  return largest / (Math.sqrt(squares / reference.length) || 1);
}
