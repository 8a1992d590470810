import { type ByteSource, blobSource, memorySource } from '@dpt-webgpu/loaders';
import bundledAddress from '../../../../models/dpt_tiny.safetensors?url';
import { joined } from './joined.ts';
import { BUNDLED_BYTES, type Bytes, type ModelSource } from './model_calls.ts';
import { storedFile } from './model_store.ts';
import { EngineError } from './protocol.ts';

let bundled: Uint8Array | undefined;

/** The bytes of a model. Those that come with the page are fetched once, and kept. */
export async function sourceOf(
  source: ModelSource,
  signal: AbortSignal,
  progress?: (bytes: Bytes) => void,
): Promise<ByteSource> {
  const name = nameOf(source);
  if (source.kind === 'file') return blobSource(source.file, name);
  if (source.kind === 'stored') return blobSource(await storedFile(source.file), name);
  bundled ??= await fetchBytes(bundledAddress, BUNDLED_BYTES, signal, progress);
  return memorySource(bundled, name);
}

/** What the file of a model is called. */
export const nameOf = (source: ModelSource): string =>
  source.kind === 'bundled'
    ? 'dpt_tiny.safetensors'
    : source.kind === 'stored'
      ? source.file
      : source.file.name;

/** The whole file at an address of this site. */
async function fetchBytes(
  address: string,
  total: number,
  signal: AbortSignal,
  progress?: (bytes: Bytes) => void,
): Promise<Uint8Array> {
  let response: Response;
  try {
    response = await fetch(address, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new EngineError(
      { code: 'offline', message: 'The model could not be fetched.' },
      { cause },
    );
  }
  if (!response.ok || !response.body) {
    throw new EngineError({
      code: 'offline',
      message: `The model could not be fetched: the server answered ${response.status}.`,
    });
  }
  const chunks: Uint8Array[] = [];
  let done = 0;
  const reader = response.body.getReader();
  for (;;) {
    const read = await reader.read();
    if (read.done) break;
    chunks.push(read.value);
    done += read.value.byteLength;
    progress?.({ done, total });
  }
  return joined(chunks);
}
