import type { ReadOptions } from './byte_source.ts';
import { CheckpointError, quoted } from './checkpoint_error.ts';
import type { PickleHooks } from './pickle.ts';
import { describe, Opaque, type PickleValue, Tuple } from './pickle_values.ts';
import { resolveTorchGlobal, StorageClass, StorageRef, wholeModel } from './pytorch_globals.ts';
import type { Storage } from './strided_tensor.ts';

/** How strictly a PyTorch file is read, and how to stop while it is opened. Tensors take a signal of their own. */
export interface PytorchOptions extends ReadOptions {
  /** Skip objects that are no tensors (argparse.Namespace, numpy scalars, …) instead of refusing the file. Default false. */
  readonly lenient?: boolean;
  /** Compare each member with its CRC-32; on by default. */
  readonly checkCrc?: boolean;
}

/** The root value of a file's pickle, and a way to the storages that it names. */
export interface PytorchContents {
  readonly root: PickleValue;
  openStorage(storage: StorageRef, tensor: string): Storage;
}

/** A state dict's pickle is some tens of kB. */
export const MAX_PICKLE_BYTES = 64 * 2 ** 20;

/** The pickle hooks that both containers share; they differ in `persistentLoad` only. */
export function torchHooks(
  file: string,
  options: PytorchOptions,
  persistentLoad: (id: readonly PickleValue[]) => PickleValue,
): PickleHooks {
  const lenient = options.lenient ?? false;
  return {
    file,
    resolveGlobal: (module, name, place) =>
      resolveTorchGlobal(module, name, place, { file, lenient }),
    persistentLoad(id) {
      const items = id instanceof Tuple ? id.items : [];
      if (items[0] === 'module') throw wholeModel('a model with its source code', file);
      // A storage of a skipped class: whatever is built on it is skipped too.
      if (items[1] instanceof Opaque && items[1].skipped) return items[1];
      return persistentLoad(items);
    },
  };
}

/** Checks a persistent id ("storage", class, key, location, numel) and remembers it: one key is one storage. */
export function storageOf(
  id: readonly PickleValue[],
  known: Map<string, StorageRef>,
  file: string,
): StorageRef {
  const [kind, type, key, , numel] = id;
  if (
    kind !== 'storage' ||
    !(type instanceof StorageClass) ||
    typeof key !== 'string' ||
    typeof numel !== 'number' ||
    !Number.isSafeInteger(numel) ||
    numel < 0
  ) {
    throw new CheckpointError(
      'corrupt',
      file,
      `has a malformed persistent id (${id.slice(0, 10).map(describe).join(', ')}).`,
    );
  }
  const storage = known.get(key) ?? new StorageRef(key, type.dtype, numel, 0, numel);
  if (storage.dtype !== type.dtype || storage.stored !== numel) {
    throw new CheckpointError('corrupt', file, `describes storage ${quoted(key)} in two ways.`);
  }
  known.set(key, storage);
  return storage;
}
