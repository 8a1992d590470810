// The weights that all peers get: random, of the shapes of the authors' files, the same numbers every time.
import { basename, extname, join } from 'node:path';
import { writeSafetensorsFile } from '@dpt-webgpu/loaders/node';
import { sizeOf } from '@dpt-webgpu/tensor';
import { publishedFiles } from '../../scripts/state_dict_shapes.ts';

export interface Weight {
  readonly shape: readonly number[];
  readonly read: () => Float32Array;
}

export type Weights = ReadonlyMap<string, Weight>;

/** Names of scripts/state_dict_shapes.ts that are Depth-Anything's, whose graph onnx_graph.ts knows. */
export const modelNames: readonly string[] = [...publishedFiles.keys()].filter((name) =>
  /^v2-(small|base|large)$/.test(name),
);

/**
 * Uniform numbers with the deviation that keeps a layer's output as large as its input; norms and γ about one. The last
 * bias lifts the depth above zero, where the ReLU would hide what came before.
 */
export function randomWeights(model: string): Weights {
  const shapes = publishedFiles.get(model)!.shapes();
  return new Map(
    [...shapes].map(([key, { shape }]) => [key, { shape, read: () => values(key, shape) }]),
  );
}

function values(key: string, shape: readonly number[]): Float32Array {
  if (key === 'depth_head.scratch.output_conv2.2.bias') return Float32Array.of(2);
  const isAroundOne = /norm\d?\.weight$|gamma$/.test(key);
  // Weights have their outputs first, except those of transposed convolutions.
  const inputs = /resize_layers\.[01]\.weight$/.test(key) ? shape[0]! : sizeOf(shape.slice(1));
  const isMatrix = shape.length > 1 && key.endsWith('.weight');
  const bound = isMatrix ? Math.sqrt(3 / inputs) : 0.05;
  return random(sizeOf(shape), seedOf(key)).map((value) => (isAroundOne ? 1 : 0) + value * bound);
}

/** Uniform in −1 … 1 (Numerical Recipes' generator). */
export function random(count: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

const seedOf = (key: string): number =>
  [...key].reduce((seed, letter) => (Math.imul(seed, 31) + letter.charCodeAt(0)) >>> 0, 1);

/** As a file that is named and laid out as the authors' is. */
export async function writeWeights(
  folder: string,
  model: string,
  weights: Weights,
): Promise<string> {
  const { file } = publishedFiles.get(model)!;
  const path = join(folder, `${basename(file, extname(file))}.safetensors`);
  const entries = [...weights].map(([key, { shape, read }]) => {
    const bytes = async (): Promise<Uint8Array> => new Uint8Array(read().buffer);
    return [key, { shape, dtype: 'f32' as const, read: bytes }] as const;
  });
  await writeSafetensorsFile(path, new Map(entries), new Map());
  return path;
}
