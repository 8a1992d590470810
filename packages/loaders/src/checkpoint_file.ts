import type { StateDict } from '@dpt-webgpu/tensor';
import { openCheckpoint } from './checkpoint.ts';
import { fileSource } from './file_source.ts';
import type { PytorchOptions } from './pytorch_contents.ts';

/** Opens a checkpoint on the local disk. Close the state dict when its tensors have been read. */
export async function openCheckpointFile(
  path: string,
  options: PytorchOptions = {},
): Promise<StateDict> {
  const source = await fileSource(path);
  try {
    return await openCheckpoint(source, options);
  } catch (error) {
    await source.close();
    throw error;
  }
}
