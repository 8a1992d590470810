import { type ByteSource, memorySource, openCheckpoint } from '../../packages/loaders/src/index.ts';
import type { StateDict } from '../../packages/tensor/src/state_dict.ts';

/** As in Node, for files of the repository: fetched whole. */
export async function fileSource(path: string): Promise<ByteSource> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return memorySource(await response.arrayBuffer(), path);
}

/** As in Node. */
export async function openCheckpointFile(path: string): Promise<StateDict> {
  return openCheckpoint(await fileSource(path));
}
