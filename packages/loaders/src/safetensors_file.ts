import { writeChunksAtomic } from './atomic_file.ts';
import {
  type LazySafetensorsEntry,
  type SafetensorsMetadata,
  safetensorsChunks,
} from './safetensors_write.ts';

/** Writes a safetensors file one tensor at a time. It appears under `path` only once it is complete and on disk. */
export async function writeSafetensorsFile(
  path: string,
  tensors: ReadonlyMap<string, LazySafetensorsEntry>,
  metadata?: SafetensorsMetadata,
): Promise<void> {
  await writeChunksAtomic(path, safetensorsChunks(tensors, metadata));
}
