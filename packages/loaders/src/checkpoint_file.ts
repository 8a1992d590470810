import type { StateDict } from '@dpt-webgpu/tensor';
import { type OpenOptions, openCheckpoint } from './checkpoint.ts';
import { fileSource } from './file_source.ts';

/** Opens a checkpoint on the local disk. Close the state dict when its tensors have been read. */
export async function openCheckpointFile(
  path: string,
  options: OpenOptions = {},
): Promise<StateDict> {
  const source = await fileSource(path);
  try {
    return await openCheckpoint(source, options);
  } catch (error) {
    await source.close();
    throw error;
  }
}
