import { type WriteOptions, writeChunksAtomic } from './atomic_file.ts';
import {
  type LazySafetensorsEntry,
  type SafetensorsMetadata,
  safetensorsChunks,
} from './safetensors_write.ts';

/**
 * Writes a safetensors file one tensor at a time. It appears under `path` only once it is complete and on disk; an abort
 * ends it within a tensor and leaves nothing.
 */
export async function writeSafetensorsFile(
  path: string,
  tensors: ReadonlyMap<string, LazySafetensorsEntry>,
  metadata?: SafetensorsMetadata,
  options: WriteOptions = {},
): Promise<void> {
  const { signal } = options;
  await writeChunksAtomic(path, safetensorsChunks(tensors, metadata, { signal }), options);
}
