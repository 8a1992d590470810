// One matrix product and one convolution in each engine. Every function uploads its operands once and returns what runs.
import { Context, conv2d, linear, record, type Tensor } from '@dpt-webgpu/tensor';
import { requestDevice } from '@dpt-webgpu/tensor/node';
import { installNavigatorGpu } from './navigator_gpu.ts';
import { peer } from './peer_module.ts';

/** a [M, K] · b [K, N], or a convolution with a 3 × 3 window and zeros around: x [side, side, I], weight [3, 3, I, O]. */
export type OpTask =
  | { readonly op: 'matmul'; readonly M: number; readonly N: number; readonly K: number }
  | { readonly op: 'conv2d'; readonly side: number; readonly I: number; readonly O: number };

export interface Prepared {
  /** Computes, and waits until the device is done. */
  readonly run: () => Promise<void>;
  /** Of the last run, rows or pixels first. */
  readonly read: () => Promise<Float32Array>;
}

export type OpEngine = (task: OpTask, x: Float32Array, weight: Float32Array) => Promise<Prepared>;

export const shapesOf = (task: OpTask): { x: number[]; weight: number[] } =>
  task.op === 'matmul'
    ? { x: [task.M, task.K], weight: [task.K, task.N] }
    : { x: [1, task.side, task.side, task.I], weight: [3, 3, task.I, task.O] };

async function ours(task: OpTask, x: Float32Array, weight: Float32Array): Promise<Prepared> {
  const { device } = await requestDevice({
    describe: ({ features }) => ({
      requiredFeatures: features.has('subgroups') ? ['subgroups'] : [],
    }),
  });
  const shapes = shapesOf(task);
  const recording = await record(new Context(device), shapes, (inputs) => ({
    y:
      task.op === 'matmul'
        ? linear(inputs.x!, inputs.weight!)
        : conv2d(inputs.x!, inputs.weight!, undefined, { padding: 1 }),
  }));
  recording.inputs.x!.write(x);
  recording.inputs.weight!.write(weight);
  const y = recording.outputs.y as Tensor;
  return {
    async run() {
      recording.run();
      await device.queue.onSubmittedWorkDone();
    },
    read: async () => (await y.read()) as Float32Array,
  };
}

/** As much of each peer as is used; their types are there only where they are installed. */
interface TfTensor {
  data(): Promise<Float32Array>;
  dispose(): void;
}
interface Tf {
  tensor(values: Float32Array, shape: readonly number[]): TfTensor;
  matMul(a: TfTensor, b: TfTensor): TfTensor;
  conv2d(x: TfTensor, weight: TfTensor, stride: number, padding: 'same'): TfTensor;
  setBackend(name: string): Promise<boolean>;
  env(): { set(flag: string, value: number): void };
  backend(): { readonly device: GPUDevice };
}

async function tfjs(task: OpTask, x: Float32Array, weight: Float32Array): Promise<Prepared> {
  await installNavigatorGpu();
  const tf = await peer<Tf>('@tensorflow/tfjs-core');
  await peer('@tensorflow/tfjs-backend-webgpu');
  tf.env().set('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE', 1); // submits every dispatch, so that waiting for the queue is enough
  await tf.setBackend('webgpu');
  const shapes = shapesOf(task);
  const [a, b] = [tf.tensor(x, shapes.x), tf.tensor(weight, shapes.weight)];
  let y: TfTensor | undefined;
  return {
    async run() {
      y?.dispose();
      y = task.op === 'matmul' ? tf.matMul(a, b) : tf.conv2d(a, b, 1, 'same');
      await tf.backend().device.queue.onSubmittedWorkDone();
    },
    read: () => y!.data(),
  };
}

interface JaxArray {
  /** Functions consume what they are given; this keeps it. */
  readonly ref: JaxArray;
  data(): Promise<Float32Array>;
  dispose(): void;
}
interface Jax {
  init(device: string): Promise<unknown>;
  defaultDevice(device: string): void;
  blockUntilReady(value: unknown): Promise<void>;
  readonly numpy: {
    array(values: Float32Array, options: { shape: readonly number[] }): JaxArray;
    dot(a: JaxArray, b: JaxArray): JaxArray;
  };
}

async function jax(task: OpTask, x: Float32Array, weight: Float32Array): Promise<Prepared> {
  if (task.op === 'conv2d') throw new Error('not compared: its convolutions have other layouts');
  await installNavigatorGpu();
  const { init, defaultDevice, blockUntilReady, numpy } = await peer<Jax>('@jax-js/jax');
  await init('webgpu');
  defaultDevice('webgpu');
  const shapes = shapesOf(task);
  const [a, b] = [
    numpy.array(x, { shape: shapes.x }),
    numpy.array(weight, { shape: shapes.weight }),
  ];
  await blockUntilReady([a, b]);
  let y: JaxArray | undefined;
  return {
    async run() {
      y?.dispose();
      y = numpy.dot(a.ref, b.ref);
      await blockUntilReady(y);
    },
    read: () => y!.ref.data(),
  };
}

export const opEngines: Readonly<Record<string, OpEngine>> = { ours, tfjs, jax };
