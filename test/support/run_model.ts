import {
  type DPTModel,
  type DptOptions,
  makeDptFromStateDict,
} from '../../packages/dpt/src/index.ts';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import type { Context } from '../../packages/tensor/src/context.ts';
import { record } from '../../packages/tensor/src/recording.ts';
import type { Nd32 } from './models.ts';
import { random } from './tensors.ts';

/** A model from a file, which nothing had to be guessed for. */
export async function loadModel(
  context: Context,
  path: string,
  options: DptOptions = {},
): Promise<DPTModel> {
  const file = await openCheckpointFile(path);
  try {
    const { model, warnings } = await makeDptFromStateDict(context, file, options);
    if (warnings.length > 0) throw new Error(warnings.join('\n'));
    return model;
  } finally {
    await file.close();
  }
}

/** What a recording of the model computes: depth, and whatever is to be kept. */
export async function runModel(
  model: DPTModel,
  image: Nd32,
  keep: readonly string[] = [],
): Promise<Readonly<Record<string, Float32Array>>> {
  using recording = await record(
    model.weights.context,
    { image: image.shape },
    (inputs) => ({ depth: model.forward(inputs.image) }),
    { keep },
  );
  const { depth } = recording.run({ image: image.data });
  const read: Record<string, Float32Array> = { depth: await depth.read() };
  for (const name of keep) read[name] = await recording.kept[name]!.read();
  return read;
}

export const depthOf = async (model: DPTModel, image: Nd32): Promise<Float32Array> =>
  (await runModel(model, image)).depth!;

/** [B, H, W, 3] of numbers from −1 to 1. */
export function randomImage([B, H, W]: readonly [number, number, number], seed: number): Nd32 {
  const next = random(seed);
  const data = Float32Array.from({ length: B * H * W * 3 }, () => 2 * next() - 1);
  return { shape: [B, H, W, 3], data };
}

/** The message of the error that something fails with, with a file's path cut to its name. */
export async function failure(attempt: () => unknown): Promise<string> {
  try {
    await attempt();
  } catch (error) {
    return (error as Error).message.replaceAll(/\S*[\\/](?=[^\\/\s]+\.\w+: )/g, '');
  }
  throw new Error('It did not fail.');
}
