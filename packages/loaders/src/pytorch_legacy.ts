import type { ByteSource } from './byte_source.ts';
import { CheckpointError, quoted } from './checkpoint_error.ts';
import { unpickle } from './pickle.ts';
import { PickleEndError } from './pickle_reader.ts';
import { Dict, type PickleValue, Tuple } from './pickle_values.ts';
import {
  MAX_PICKLE_BYTES,
  type PytorchContents,
  type PytorchOptions,
  storageOf,
  torchHooks,
} from './pytorch_contents.ts';
import { StorageRef } from './pytorch_globals.ts';
import { sizeOfDtype } from './stored_bytes.ts';

/** A pickle of the integer 0x1950a86a20f9469cfc6c: how every file of torch.save before 1.6 begins. */
export const LEGACY_MAGIC = [
  0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e,
];

const FIRST_READ = 2 ** 20;

export async function isLegacyStream(source: ByteSource): Promise<boolean> {
  if (source.size < LEGACY_MAGIC.length) return false;
  const start = await source.read(0, LEGACY_MAGIC.length);
  return LEGACY_MAGIC.every((byte, i) => start[i] === byte);
}

/**
 * The stream before PyTorch 1.6: five pickles (magic, version, system, object, storage keys), then each storage as an
 * int64 count and its elements. Only the pickles say where they end, so they are read before any data can be found.
 */
export async function openLegacyStream(
  source: ByteSource,
  options: PytorchOptions,
): Promise<PytorchContents> {
  const { root, keys, known, end } = await readPickles(source, options);

  const offsets = new Map<string, number>();
  let position = end;
  for (const key of keys) {
    const storage = typeof key === 'string' ? known.get(key) : undefined;
    if (!storage || offsets.has(storage.key)) {
      throw corrupt(
        source,
        `lists the storage ${typeof key === 'string' ? quoted(key) : 'key'} that no tensor uses, or lists it twice.`,
      );
    }
    offsets.set(storage.key, position);
    position += 8 + storage.stored * sizeOfDtype(storage.dtype);
    if (position > source.size) {
      throw new CheckpointError(
        'short-read',
        source.name,
        `its storages need ${position} bytes, but the file is ${source.size}.`,
        {
          remedy: 'It is cut short: copy or download it again.',
        },
      );
    }
  }

  return {
    root,
    openStorage({ key, dtype, stored, first }, tensor) {
      const offset = offsets.get(key);
      if (offset === undefined)
        throw corrupt(
          source,
          `tensor ${quoted(tensor)} lies in storage ${quoted(key)}, which is missing.`,
        );
      const size = sizeOfDtype(dtype);
      return {
        dtype,
        async read(from, count, readOptions) {
          const prefix = await source.read(offset, 8, readOptions);
          const written = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigInt64(0, true);
          if (written !== BigInt(stored)) {
            throw corrupt(
              source,
              `storage ${quoted(key)} has ${written} elements, expected ${stored}.`,
            );
          }
          return source.read(offset + 8 + (first + from) * size, count * size, readOptions);
        },
      };
    },
  };
}

interface Pickles {
  readonly root: PickleValue;
  readonly keys: readonly PickleValue[];
  readonly known: ReadonlyMap<string, StorageRef>;
  readonly end: number;
}

async function readPickles(source: ByteSource, options: PytorchOptions): Promise<Pickles> {
  for (let length = FIRST_READ; ; length *= 4) {
    const bytes = await source.read(0, Math.min(length, source.size));
    try {
      return parsePickles(source, bytes, options);
    } catch (error) {
      // The pickles of usual models fit the first read; whole files are not read to find out.
      if (!(error instanceof PickleEndError) || length >= Math.min(source.size, MAX_PICKLE_BYTES))
        throw error;
    }
  }
}

function parsePickles(source: ByteSource, bytes: Uint8Array, options: PytorchOptions): Pickles {
  const known = new Map<string, StorageRef>();
  const hooks = torchHooks(source.name, options, (id) => legacyStorage(id, known, source));
  let end = 0;
  const next = (): PickleValue => {
    const result = unpickle(bytes, hooks, end);
    end = result.end;
    return result.value;
  };

  next(); // The magic number, compared already.
  if (next() !== 1001)
    throw corrupt(source, 'has an unknown version of the format before PyTorch 1.6.');
  const system = next();
  if (system instanceof Dict && system.entries.get('little_endian') === false) {
    throw new CheckpointError('unsupported', source.name, 'was saved on a big-endian machine.', {
      remedy: 'Load it with PyTorch and save it again.',
    });
  }
  const root = next();
  const keys = next();
  if (!Array.isArray(keys)) throw corrupt(source, 'lacks the list of its storages.');
  return { root, keys, known, end };
}

/** As in zip files, plus a sixth item: None, or (view key, offset, numel) for a storage that is a slice of another. */
function legacyStorage(
  id: readonly PickleValue[],
  known: Map<string, StorageRef>,
  source: ByteSource,
): StorageRef {
  const storage = storageOf(id, known, source.name);
  const view = id[5] ?? null;
  if (view === null) return storage;
  const [, first, count] = view instanceof Tuple ? view.items : [];
  if (
    typeof first !== 'number' ||
    typeof count !== 'number' ||
    !Number.isSafeInteger(first) ||
    !Number.isSafeInteger(count) ||
    first < 0 ||
    count < 0 ||
    first + count > storage.stored
  ) {
    throw corrupt(source, `has a slice that reaches beyond storage ${quoted(storage.key)}.`);
  }
  return new StorageRef(storage.key, storage.dtype, storage.stored, first, count);
}

function corrupt(source: ByteSource, problem: string): CheckpointError {
  return new CheckpointError('corrupt', source.name, problem, {
    remedy: 'Copy or download it again.',
  });
}
