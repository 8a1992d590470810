import type { DPTModel, Size } from '@dpt-webgpu/dpt';
import {
  imageToTensor,
  minMax,
  plan,
  type Recording,
  record,
  type Tensor,
  type Trace,
} from '@dpt-webgpu/tensor';
import type { OpenModel } from '../model_host.ts';

/** Recordings kept for the last sizes: going back and forth with a slider is then instant. */
const KEPT = 3;

export type DepthRecording = Recording<'pixels', 'depth' | 'ends'>;

/** Recordings of the model, one per size of photo and network. The map stays on the device, as it left the network. */
export class DepthRuns {
  readonly #opened: OpenModel;
  readonly #recordings = new Map<string, Promise<DepthRecording>>();

  constructor(opened: OpenModel) {
    this.#opened = opened;
  }

  /** pixels [h, w] → depth [1, H, W] and its smallest and largest finite value and how many are finite [3] */
  async recordingFor(
    photo: Size,
    network: Size,
    options: { onProgress?: (done: number, total: number) => void },
  ): Promise<DepthRecording> {
    const key = [photo.width, photo.height, network.width, network.height].join();
    const known = this.#recordings.get(key);
    this.#recordings.delete(key);
    const recording = known ?? this.#record(photo, network, options);
    // The Map keeps the order of use: the first was used least recently.
    this.#recordings.set(key, recording);
    for (const [oldest, unused] of this.#recordings) {
      if (this.#recordings.size <= KEPT) break;
      this.#recordings.delete(oldest);
      dispose(unused);
    }
    try {
      return await recording;
    } catch (error) {
      if (this.#recordings.get(key) === recording) this.#recordings.delete(key);
      throw error;
    }
  }

  #record(
    photo: Size,
    network: Size,
    options: { onProgress?: (done: number, total: number) => void },
  ): Promise<DepthRecording> {
    const { model, gpu } = this.#opened;
    return record(gpu.context, inputsOf(photo), forwardOf(model, network), options);
  }

  dispose(): void {
    for (const recording of this.#recordings.values()) dispose(recording);
    this.#recordings.clear();
  }
}

/** What a recording would run. */
export const planDepth = (planned: DPTModel, photo: Size, network: Size): Trace =>
  plan(planned.weights.context, inputsOf(photo), forwardOf(planned, network));

const inputsOf = ({ width, height }: Size) =>
  ({ pixels: { shape: [height, width], dtype: 'u32' } }) as const;

const forwardOf =
  (model: DPTModel, { width, height }: Size) =>
  ({ pixels }: { readonly pixels: Tensor }) => {
    const { mean, std, filter } = model.config.image;
    const depth = model.forward(
      imageToTensor(pixels, { size: [height, width], filter, mean, std }),
    );
    return { depth, ends: minMax(depth) };
  };

function dispose(recording: Promise<DepthRecording>): void {
  recording.then(
    (made) => made.dispose(),
    () => {},
  );
}
