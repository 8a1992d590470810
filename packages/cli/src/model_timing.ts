import { networkSize, type Size, summary } from '@dpt-webgpu/dpt';
import { describe, record } from '@dpt-webgpu/tensor';
import {
  type OpenedModel,
  type OpenModelHooks,
  type OpenModelOptions,
  openModel,
} from './open_model.ts';

/** Milliseconds of counted runs. */
export interface Times {
  readonly median: number;
  readonly p95: number;
}

/** What a model takes at one size. Times are milliseconds. */
export interface ModelTiming {
  readonly model: string;
  readonly adapter: string;
  readonly dtype: string;
  readonly size: Size;
  readonly runs: number;
  readonly load: number;
  readonly compile: number;
  /** The first run, which also uploads and warms up. */
  readonly first: number;
  /** From the call until the GPU is done. */
  readonly run: Times;
  /** JavaScript of one run: writing the picture and the commands. */
  readonly script: Times;
  /** Processor time of the whole process. */
  readonly cpu: Times;
  /** Of the steps one by one, by box of figure 1 and by op, largest first. `wall` holds waiting as well. */
  readonly clock: 'gpu' | 'wall';
  readonly boxes: Readonly<Record<string, number>>;
  readonly ops: Readonly<Record<string, number>>;
  readonly dispatches: number;
  readonly bytes: {
    readonly weights: number;
    /** Of intermediates, and the least that any plan can do with. */
    readonly slots: number;
    readonly lowerBound: number;
    /** With input and output. */
    readonly buffers: number;
    readonly largestBinding: number;
    readonly gridCache: number;
  };
  /** Every step, its shape and its slot. */
  readonly steps: string;
  /** The map of the made-up picture. */
  readonly depth: Float32Array;
}

export interface TimingOptions extends OpenModelOptions {
  readonly runs: number;
}

/** Loads a model, records it at one size, and runs it on a made-up square picture. */
export async function timeModel(
  path: string,
  { runs, size, ...options }: TimingOptions,
  hooks: OpenModelHooks = {},
): Promise<ModelTiming> {
  const photo = { width: size ?? 518, height: size ?? 518 };
  const loading = performance.now();
  const opened = await openModel(path, { ...options, photo, size }, hooks);
  const load = performance.now() - loading;
  try {
    return await timeOpened(opened, photo, { ...options, runs, size }, load, hooks);
  } finally {
    if (!hooks.signal?.aborted) await opened.close();
  }
}

async function timeOpened(
  { config, model, context, gpu, expectHealthy }: OpenedModel,
  photo: Size,
  { runs, size, dtype = 'f32' }: TimingOptions,
  load: number,
  { signal, onProgress }: OpenModelHooks,
): Promise<ModelTiming> {
  const seen = networkSize(photo, config.image, { size });
  const compiling = performance.now();
  using recording = await record(
    context,
    { image: [1, seen.height, seen.width, 3] },
    ({ image }) => ({ depth: model.forward(image) }),
    { signal, onProgress: (done, total) => onProgress?.('Compiling', done, total) },
  );
  const compile = performance.now() - compiling;
  const count = seen.width * seen.height * 3;
  const pixels = Float32Array.from({ length: count }, (_, i) => Math.sin(i * 0.01));
  const { queue } = context.device;

  const [wall, cpu, script]: [number[], number[], number[]] = [[], [], []];
  let first = 0;
  for (let run = 0; run <= runs; run++) {
    signal?.throwIfAborted();
    const before = process.cpuUsage();
    const start = performance.now();
    recording.run({ image: pixels });
    const queued = performance.now() - start;
    await queue.onSubmittedWorkDone();
    const time = performance.now() - start;
    const { user, system } = process.cpuUsage(before);
    onProgress?.('Running', run + 1, runs + 1);
    if (run === 0) first = time;
    else {
      wall.push(time);
      script.push(queued);
      cpu.push((user + system) / 1000);
    }
  }
  await expectHealthy();
  const profile = await recording.profile();
  const { slots, bytes, largestBinding, steps } = recording.trace;
  return {
    model: summary(config),
    adapter: gpu.description,
    dtype,
    size: seen,
    runs,
    load,
    compile,
    first,
    run: timesOf(wall),
    script: timesOf(script),
    cpu: timesOf(cpu),
    clock: profile.clock,
    boxes: Object.fromEntries(profile.byModule(1)),
    ops: Object.fromEntries(profile.byOp()),
    dispatches: steps.length,
    bytes: {
      weights: context.memory().weights,
      slots: slots.slots.reduce((a, b) => a + b, 0),
      lowerBound: slots.lowerBound,
      buffers: bytes,
      largestBinding,
      gridCache: model.gridCache.bytes,
    },
    steps: describe(recording.trace),
    depth: await recording.outputs.depth.read(),
  };
}

/** How far a map is from the one it should be, in deviations of that. Infinite where values are. */
export interface MapError {
  readonly max: number;
  readonly mean: number;
  readonly correlation: number;
}

/** The error of one map against another. */
export function mapError(map: Float32Array, expected: Float32Array): MapError {
  const n = expected.length;
  const average = (of: (i: number) => number): number =>
    expected.reduce((sum, _, i) => sum + of(i), 0) / n;
  const [ofMap, ofExpected] = [average((i) => map[i]!), average((i) => expected[i]!)];
  const std = Math.sqrt(average((i) => (expected[i]! - ofExpected) ** 2));
  const other = Math.sqrt(average((i) => (map[i]! - ofMap) ** 2));
  const both = average((i) => (map[i]! - ofMap) * (expected[i]! - ofExpected));
  const off = (i: number): number => {
    const difference = Math.abs(map[i]! - expected[i]!);
    return Number.isFinite(difference) ? difference : Number.POSITIVE_INFINITY;
  };
  const max = expected.reduce((most, _, i) => Math.max(most, off(i)), 0);
  return { max: max / std, mean: average(off) / std, correlation: both / (std * other) };
}

/** Nearest rank: a time that was measured. */
export function timesOf(times: readonly number[]): Times {
  const sorted = [...times].sort((a, b) => a - b);
  const rank = (share: number): number =>
    sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { median: rank(0.5), p95: rank(0.95) };
}
