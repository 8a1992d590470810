import type { ImageConfig, Size } from '@dpt-webgpu/dpt';
import { type Dtype, imageToTensor, type Recording, record } from '@dpt-webgpu/tensor';
import type { Gpu } from '../gpu.ts';
import { type Photo, writePixels } from '../image/photo.ts';
import type { OpenModel } from '../model_host.ts';
import type { InsightFacts } from './insight_calls.ts';
import type { HostTensor } from './tensor_maps.ts';

/** What a run is made from. */
export interface ModelRun {
  readonly opened: Pick<OpenModel, 'model' | 'gpu'>;
  readonly facts: Size;
  /** [1, height, width, 3], normalised. */
  readonly image: Float32Array;
}

/** One model at one size, with the photo as the network takes it, and all that is known beforehand. */
export interface PreparedRun extends ModelRun {
  readonly opened: OpenModel;
  readonly facts: InsightFacts;
}

export interface RunParts {
  /** Fusion and head as well. Default: the encoder alone, as far as tokens go. */
  readonly whole?: boolean;
  readonly attentionWeights?: boolean;
  readonly keep?: readonly string[];
}

export interface ReadTensor extends HostTensor {
  readonly name: string;
  readonly dtype: Dtype;
}

/** The model at the size of the photo: `last` is depth, or the tokens of the last stage. */
export function recordModel(
  { opened, facts }: ModelRun,
  { whole = true, attentionWeights = false, keep = [] }: RunParts,
): Promise<Recording<'image', 'last'>> {
  const { model, gpu } = opened;
  return record(
    gpu.context,
    { image: [1, facts.height, facts.width, 3] },
    ({ image }) => {
      if (whole) return { last: model.forward(image) };
      const { tokens, grid } = model.patchEmbed.forward(image);
      return { last: model.encoder.forward(tokens, grid)[3].tokens };
    },
    { keep, attentionWeights },
  );
}

/** A photo as the network takes it: resized and normalised.   → [1, height, width, 3] */
export async function networkImage(
  gpu: Gpu,
  { mean, std, filter }: ImageConfig,
  photo: Photo,
  network: Size,
): Promise<Float32Array> {
  const { width, height } = photo;
  const resize = await record(
    gpu.context,
    { pixels: { shape: [height, width], dtype: 'u32' } },
    ({ pixels }) => ({
      image: imageToTensor(pixels, { size: [network.height, network.width], filter, mean, std }),
    }),
  );
  try {
    writePixels(gpu, photo.texture, { x: 0, y: 0, width, height }, resize.inputs.pixels.buffer);
    return await resize.run().image.read();
  } finally {
    resize.dispose();
  }
}

/** Runs once, reads the named tensors, and gives everything back. */
export async function readTensors(
  prepared: PreparedRun,
  names: readonly string[],
  { whole = false, attentionWeights = false }: Omit<RunParts, 'keep'>,
): Promise<ReadTensor[]> {
  const recording = await recordModel(prepared, { whole, attentionWeights, keep: names });
  try {
    recording.run({ image: prepared.image });
    const read: ReadTensor[] = [];
    for (const name of names) {
      const { shape, dtype } = recording.kept[name]!;
      read.push({ name, shape: [...shape], dtype, data: await recording.kept[name]!.read() });
    }
    return read;
  } finally {
    recording.dispose();
  }
}
