// One engine each: how it loads the model and how it runs it. `runner.ts` gives each a process of its own.
import { readFile } from 'node:fs/promises';
import { buildDpt, recognise } from '@dpt-webgpu/dpt';
import { openCheckpointFile } from '@dpt-webgpu/loaders/node';
import { Context, deviceRequest, f16FromArray, f32FromF16, plan, record } from '@dpt-webgpu/tensor';
import { requestDevice } from '@dpt-webgpu/tensor/node';
import { type Counts, countCalls, installNavigatorGpu } from './navigator_gpu.ts';
import { channelsFirst } from './onnx_graph.ts';
import { peer } from './peer_module.ts';
import { pytorch } from './pytorch.ts';

export interface Task {
  /** The weights as the authors publish them, or the graph for ONNX Runtime. */
  readonly file: string;
  readonly height: number;
  readonly width: number;
  readonly f16: boolean;
}

export interface Engine {
  readonly adapter: string;
  /** [1, height, width, 3] → depth [height · width], upload and reading included. */
  run(image: Float32Array): Promise<Float32Array>;
  /** Milliseconds of processor time so far of a process that does the work in place of this one. */
  readonly cpuElsewhere?: () => number;
  /** Of WebGPU, where this engine goes through the Dawn of this process. */
  readonly counts?: Counts;
}

type Load = (task: Task) => Promise<Engine>;

async function ours({ file, height, width, f16 }: Task): Promise<Engine> {
  const dtype = f16 ? 'f16' : 'f32';
  const recognised = recognise(await openCheckpointFile(file));
  const inputs = { image: [1, height, width, 3] } as const;
  const planned = buildDpt(Context.planning({ f16 }), recognised, { dtype });
  const needs = plan(planned.weights.context, inputs, ({ image }) => ({
    depth: planned.forward(image!),
  }));
  const largestBinding = Math.max(needs.largestBinding, planned.weights.largestBinding);
  const { device, description } = await requestDevice({
    describe: (adapter) => deviceRequest(adapter, { largestBinding, f16 }),
  });
  const counts = countCalls();
  const context = new Context(device);
  const model = buildDpt(context, recognised, { dtype });
  await model.weights.load();
  const recording = await record(context, inputs, ({ image }) => ({
    depth: model.forward(image!),
  }));
  return {
    adapter: description,
    counts,
    async run(image) {
      return (await recording.run({ image }).depth.read()) as Float32Array;
    },
  };
}

/** As much of ONNX Runtime as is used; its types are there only where it is installed. */
interface OnnxRuntime {
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: object,
    ): Promise<{
      readonly inputNames: readonly string[];
      readonly outputNames: readonly string[];
      run(inputs: object): Promise<Record<string, { readonly data: Float32Array | Uint16Array }>>;
    }>;
  };
  readonly Tensor: new (
    type: string,
    data: Float32Array | Uint16Array,
    shape: readonly number[],
  ) => object;
  readonly env: { readonly wasm: { numThreads: number } };
}

async function onnxRuntime(ort: OnnxRuntime, provider: string, task: Task): Promise<Engine> {
  const { height, width, f16, file } = task;
  const session = await ort.InferenceSession.create(await readFile(file), {
    executionProviders: [provider],
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  });
  const [input, output] = [session.inputNames[0]!, session.outputNames[0]!];
  const shape = [1, 3, height, width];
  return {
    adapter: `${provider} of ONNX Runtime`,
    async run(image) {
      const pixels = channelsFirst(image);
      const tensor = f16
        ? new ort.Tensor('float16', f16FromArray(pixels), shape)
        : new ort.Tensor('float32', pixels, shape);
      const { data } = (await session.run({ [input]: tensor }))[output]!;
      if (!f16) return Float32Array.from(data);
      return f32FromF16(new Uint16Array(data.buffer, data.byteOffset, data.length));
    },
  };
}

const native =
  (provider: string): Load =>
  async (task) =>
    onnxRuntime(await peer<OnnxRuntime>('onnxruntime-node'), provider, task);

async function web(task: Task): Promise<Engine> {
  const counts = await installNavigatorGpu();
  const ort = await peer<OnnxRuntime>('onnxruntime-web/webgpu');
  ort.env.wasm.numThreads = 1;
  return { ...(await onnxRuntime(ort, 'webgpu', task)), counts };
}

export interface EngineChoice {
  readonly load: Load;
  readonly fused?: boolean;
  readonly f16?: boolean;
  /** For Node. */
  readonly flags?: readonly string[];
}

/** V8 takes a minute to optimise ONNX Runtime's WASM before its first session; its baseline compiler takes a second. */
const liftoff = ['--liftoff-only'];

export const engines: Readonly<Record<string, EngineChoice>> = {
  ours: { load: ours },
  'ours-f16': { load: ours, f16: true },
  'ort-cpu': { load: native('cpu') },
  'ort-web': { load: web, flags: liftoff },
  'ort-web-fused': { load: web, fused: true, flags: liftoff },
  'ort-node': { load: native('webgpu') },
  'ort-node-fused': { load: native('webgpu'), fused: true },
  'ort-node-f16': { load: native('webgpu'), f16: true },
  'ort-node-fused-f16': { load: native('webgpu'), fused: true, f16: true },
  torch: { load: (task) => pytorch(task, false) },
  'torch-compiled': { load: (task) => pytorch(task, true) },
  'torch-f16': { load: (task) => pytorch(task, false), f16: true },
  'torch-compiled-f16': { load: (task) => pytorch(task, true), f16: true },
};
