import bundled from '../../../../../models/dpt_tiny.safetensors?url';
import type { ModelSource } from '../model_calls.ts';
import { storedFile } from '../model_store.ts';
import { EngineError } from '../protocol.ts';
import type { NamedBlob } from './insight_calls.ts';

/** A file of this site, by its address. */
export async function fetched(address: string, signal: AbortSignal): Promise<NamedBlob> {
  const name = address.replace(/^.*\//, '').replace(/-[\w-]{8}(?=\.)/, '');
  const response = await fetch(address, { signal }).catch(() => undefined);
  signal.throwIfAborted();
  if (!response?.ok) {
    throw new EngineError({ code: 'offline', message: `${name} could not be fetched.` });
  }
  return { blob: await response.blob(), name };
}

/** The file of a model, wherever it is. */
export async function modelFile(source: ModelSource, signal: AbortSignal): Promise<NamedBlob> {
  if (source.kind === 'file') return { blob: source.file, name: source.file.name };
  if (source.kind === 'stored') {
    return { blob: await storedFile(source.file), name: source.file };
  }
  return fetched(bundled, signal);
}
