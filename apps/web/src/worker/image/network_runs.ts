import { type DepthMap, type Photo as Pixels, predictTiled, type Size } from '@dpt-webgpu/dpt';
import type { Tensor } from '@dpt-webgpu/tensor';
import { notFinite } from '../failures.ts';
import type { Gpu } from '../gpu.ts';
import { inputSize } from '../input_size.ts';
import type { OpenModel } from '../model_host.ts';
import type { DepthRuns } from './depth_runs.ts';
import type { ManyRunOptions, RunOptions } from './image_calls.ts';
import { type Part, type Photo, readPixels, writePixels } from './photo.ts';

/** What is said on the way, and what may end it. */
export interface RunEvents {
  /** Throws when nobody wants the map any more. */
  readonly goOn: () => void;
  /** Pipelines compiled. */
  readonly onCompile: (done: number, total: number) => void;
  /** Runs of the network that are done; 0 when the first begins. */
  readonly onRun: (done: number, total: number) => void;
}

/** What a map is made with, and of. */
export interface RunSource {
  readonly opened: OpenModel;
  readonly recordings: DepthRuns;
  readonly photo: Photo;
  readonly part: Part;
}

export interface MadeMap {
  /** [1, H, W], as it left the network. */
  readonly depth: Tensor;
  readonly min: number;
  readonly max: number;
  /** How many values are numbers. */
  readonly finite: number;
  /** What the network saw each time. */
  readonly network: Size;
  readonly runs: number;
  /** Milliseconds of all runs together. */
  readonly modelTime: number;
}

/** One run of the network. The map stays the recording's. */
export async function runOnce(
  { opened: { gpu, model }, recordings, photo, part }: RunSource,
  options: RunOptions,
  { goOn, onCompile, onRun }: RunEvents,
): Promise<MadeMap> {
  const network = inputSize(model.config.image, part, options);
  const recording = await recordings.recordingFor(part, network, { onProgress: onCompile });
  goOn();
  onRun(0, 1);
  const begun = performance.now();
  writePixels(gpu, photo.texture, part, recording.inputs.pixels.buffer);
  const { depth, ends } = recording.run();
  const [min = 0, max = 0, finite = 0] = await ends.read();
  return { depth, min, max, finite, network, runs: 1, modelTime: performance.now() - begun };
}

/**
 * One map from tiles, from the mirrored photo, or both, as `dpt image --tiles N --flip` makes it. It is merged on the host
 * and put back on the device, where it is the caller's.
 */
export async function runMany(
  { opened: { gpu, model }, recordings, photo, part }: RunSource,
  { tiles, flip, ...sizes }: ManyRunOptions,
  { goOn, onCompile, onRun }: RunEvents,
): Promise<MadeMap> {
  const { depth: kind, image } = model.config;
  let modelTime = 0;
  let runs = 0;
  const predictor = {
    async predict(tile: Pixels): Promise<DepthMap> {
      const networkSize = inputSize(image, tile, sizes);
      const recording = await recordings.recordingFor(tile, networkSize, { onProgress: onCompile });
      goOn();
      if (runs === 0) onRun(0, 1);
      const begun = performance.now();
      const { buffer, byteOffset, byteLength } = tile.data;
      const { depth } = recording.run({ pixels: new Uint8Array(buffer, byteOffset, byteLength) });
      const data = await depth.read();
      goOn();
      modelTime += performance.now() - begun;
      const [, height, width] = depth.dims('1 H W') as [number, number, number];
      return { data, width, height, kind, networkSize };
    },
  };
  const pixels = await readPixels(gpu, photo.texture, part);
  goOn();
  const map = await predictTiled(predictor, pixels, {
    ...{ tiles, flip, output: 'network' },
    onRun(done, total) {
      runs = total;
      onRun(done, total);
    },
  });
  const { data, width, height, networkSize: network } = map;
  const depth = gpu.context.empty([1, height, width], 'f32', 'depth');
  depth.write(data);
  return { depth, ...endsOf(data), network, runs, modelTime };
}

/** As `minMax` has them. */
function endsOf(data: Float32Array): Pick<MadeMap, 'min' | 'max' | 'finite'> {
  let [min, max, finite] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const value of data) {
    if (!Number.isFinite(value)) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    finite++;
  }
  return { min, max, finite };
}

/** Throws where a map is not to be shown: something went wrong on the device, or values are not numbers. */
export function expectSound({ gpu, info }: OpenModel, { depth, finite }: MadeMap): void {
  expectHealthy(gpu);
  if (finite < depth.size) throw notFinite(info.dtype, depth.size - finite, depth.size);
}

/** What the device reported without being asked, such as a lack of memory: results are worthless then. */
export function expectHealthy({ reported }: Gpu): void {
  const [first] = reported.splice(0);
  if (first !== undefined) throw new Error(`The GPU reported: ${first}`);
}
