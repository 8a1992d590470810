import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DPTModel } from '@dpt-webgpu/dpt';
import { openCheckpointFile } from '@dpt-webgpu/loaders/node';
import { f32FromF16, record, type StoredTensor, shapeText, type Tensor } from '@dpt-webgpu/tensor';
import { UsageError } from './errors.ts';

// Golden files: what PyTorch computes with a model, as safetensors. `pixel_values` [B, 3, H, W] and `depth` [B, H, W];
// what else there is are intermediates by their names, feature maps [B, C, H, W], tokens [B, N, C].

/**
 * max |error| / std of what was expected, that may be. f32: two implementations in PyTorch differ by 1e-5, and so do
 * ours; the rest is for GPUs, whose exp and tanh are less exact. f16: 11 significant bits, 5e-4 per rounding; tokens
 * gather few of them, maps go through a dozen convolutions, each rounded. q8: int8 keeps two digits of every weight; the
 * small random models of the tests are off by up to 0.2.
 */
export const tolerances = {
  f32: { tokens: 1e-4, maps: 1e-4, depth: 2e-4 },
  f16: { tokens: 1e-2, maps: 2e-2, depth: 3e-2 },
  q8: { tokens: 0.2, maps: 0.2, depth: 0.3 },
} as const;

/** The boxes of figure 1, in its order, as columns of a table. */
export const boxes = ['tokens', 'stages', 'reassembled', 'fused', 'depth', 'other'] as const;
export type Box = (typeof boxes)[number];

export function boxOf(name: string): Box {
  if (name === 'depth') return 'depth';
  if (name === 'tokens_in') return 'tokens';
  const [, kind] = /^(stage|reassembled|fused)_\d$/.exec(name) ?? [];
  return kind === 'stage' ? 'stages' : ((kind as 'reassembled' | 'fused' | undefined) ?? 'other');
}

export function toleranceOf(box: Box, dtype: keyof typeof tolerances): number {
  const { tokens, maps, depth } = tolerances[dtype];
  if (box === 'depth') return depth;
  return box === 'tokens' || box === 'stages' ? tokens : maps;
}

export interface TensorError {
  readonly name: string;
  readonly box: Box;
  /** max |error| / std; infinite where a value is not finite or the shape is another. */
  readonly error: number;
}

/** A folder with a model and golden files of it. */
export interface GoldenFolder {
  readonly folder: string;
  /** Undefined: the folder has golden files only. */
  readonly model: string | undefined;
  readonly files: readonly string[];
}

/** The folder itself if it holds golden files, else those directly in it that do. */
export async function goldenFolders(folder: string): Promise<GoldenFolder[]> {
  const own = await goldenFolder(folder);
  if (own.files.length > 0) return [own];
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const inside = await Promise.all(names.sort().map((name) => goldenFolder(join(folder, name))));
  const found = inside.filter(({ files }) => files.length > 0);
  if (found.length > 0) return found;
  throw new UsageError(
    `${folder}: holds no io_*.safetensors, nor does a folder in it. See dpt parity --help.`,
  );
}

async function goldenFolder(folder: string): Promise<GoldenFolder> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw new UsageError(`${folder}: there is no such folder.`);
    if (error.code === 'ENOTDIR') throw new UsageError(`${folder}: is a file; a folder is needed.`);
    throw error;
  });
  const sorted = names.sort();
  const model = sorted.find((name) => /^model\.(safetensors|pth|pt)$/.test(name));
  const files = sorted.filter((name) => /^io_.+\.safetensors$/.test(name));
  return {
    folder,
    model: model && join(folder, model),
    files: files.map((name) => join(folder, name)),
  };
}

interface Values {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Runs the model on the pixels of a golden file and compares everything else that the file holds. */
export async function compareWithGolden(
  model: DPTModel,
  file: string,
  signal?: AbortSignal,
): Promise<TensorError[]> {
  const golden = await openCheckpointFile(file);
  try {
    const stored = golden.tensors.get('pixel_values');
    if (stored?.shape.length !== 4) {
      throw new Error(`${file}: holds no pixel_values [B, 3, H, W].`);
    }
    const names = [...golden.tensors.keys()].filter((name) => name !== 'pixel_values');
    const pixels = channelsLast(await read(stored, file));
    using recording = await record(
      model.weights.context,
      { image: pixels.shape },
      ({ image }) => ({ depth: model.forward(image) }),
      { keep: names.filter((name) => name !== 'depth'), ...(signal ? { signal } : {}) },
    );
    const { depth } = recording.run({ image: pixels.data });
    const made: Readonly<Record<string, Tensor>> = { ...recording.kept, depth };
    const errors: TensorError[] = [];
    for (const name of names) {
      const expected = channelsLast(await read(golden.tensors.get(name)!, file));
      const tensor = made[name]!;
      const isSame = shapeText(tensor.shape) === shapeText(expected.shape);
      const error = isSame
        ? relativeError(await tensor.read(), expected.data)
        : Number.POSITIVE_INFINITY;
      errors.push({ name, box: boxOf(name), error });
    }
    return errors;
  } finally {
    await golden.close();
  }
}

async function read(stored: StoredTensor, file: string): Promise<Values> {
  const { dtype, shape } = stored;
  if (dtype !== 'f32' && dtype !== 'f16') {
    throw new Error(`${file}: holds a tensor of ${dtype}; golden tensors are f32 or f16.`);
  }
  const bytes = (await stored.read()).slice().buffer;
  const data = dtype === 'f32' ? new Float32Array(bytes) : f32FromF16(new Uint16Array(bytes));
  return { shape, data };
}

/** [B, C, H, W] → [B, H, W, C]; other ranks are left alone. */
function channelsLast({ shape, data }: Values): Values {
  if (shape.length !== 4) return { shape, data };
  const [B, C, H, W] = shape as [number, number, number, number];
  const moved = new Float32Array(data.length);
  for (let b = 0; b < B; b++) {
    for (let c = 0; c < C; c++) {
      for (let i = 0; i < H * W; i++) {
        moved[(b * H * W + i) * C + c] = data[(b * C + c) * H * W + i]!;
      }
    }
  }
  return { shape: [B, H, W, C], data: moved };
}

/** max |actual − expected| / std(expected); of a constant the difference itself. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [worst, sum, squares] = [0, 0, 0];
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    // Not `>`: NaN counts as the worst of all.
    if (!(difference <= worst))
      worst = Number.isFinite(difference) ? difference : Number.POSITIVE_INFINITY;
    sum += expected[i]!;
  }
  const mean = sum / expected.length;
  for (let i = 0; i < expected.length; i++) squares += (expected[i]! - mean) ** 2;
  return worst / (Math.sqrt(squares / expected.length) || 1);
}
