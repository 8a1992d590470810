import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import type { StateDict } from '../../packages/tensor/src/state_dict.ts';

const root = join(import.meta.dirname, '..', '..');

export const fixtures = join(root, 'test', 'fixtures', 'models');
export const tinyModel = join(root, 'models', 'dpt_tiny.safetensors');

/** A larger set of the same kind, with every family, size and file format, may lie beside the checkout. */
export const moreFixtures = ((): string | undefined => {
  const folder = process.env.DPT_FIXTURES ?? join(root, '..', 'shared', 'fixtures');
  return existsSync(folder) ? folder : undefined;
})();

/** Inputs and results of a family, by file. */
export function ioFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /^io_\d+x\d+\.safetensors$/.test(name))
    .sort();
}

export interface Nd32 {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** All tensors of a file whose tensors are f32. */
export async function readTensors(path: string): Promise<Map<string, Nd32>> {
  const file = await openCheckpointFile(path);
  try {
    return await tensorsOf(file);
  } finally {
    await file.close();
  }
}

async function tensorsOf({ tensors }: StateDict): Promise<Map<string, Nd32>> {
  const read = new Map<string, Nd32>();
  for (const [name, stored] of tensors) {
    if (stored.dtype !== 'f32') throw new Error(`${name} is ${stored.dtype}`);
    const bytes = await stored.read();
    read.set(name, { shape: stored.shape, data: new Float32Array(bytes.slice().buffer) });
  }
  return read;
}

/** [B, C, H, W] → [B, H, W, C]; other ranks are left alone. */
export function channelsLast({ shape, data }: Nd32): Nd32 {
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
