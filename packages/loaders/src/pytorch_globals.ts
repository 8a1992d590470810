import type { StoredDtype } from '@dpt-webgpu/tensor';
import { CheckpointError, quoted } from './checkpoint_error.ts';
import type { GlobalPlace } from './pickle.ts';
import {
  Dict,
  describe,
  Opaque,
  PickleFunction,
  type PickleValue,
  Tuple,
} from './pickle_values.ts';
import type { Strided } from './strided_tensor.ts';

/** A class such as torch.FloatStorage: it says what the elements are. */
export class StorageClass extends Opaque {
  readonly dtype: StoredDtype;

  constructor(name: string, dtype: StoredDtype) {
    super(name);
    this.dtype = dtype;
  }
}

/** A storage that a persistent id names. */
export class StorageRef extends Opaque {
  readonly key: string;
  readonly dtype: StoredDtype;
  /** Elements that the file holds for this key. */
  readonly stored: number;
  /** The part of them that is visible, [first, first + count): all, unless the storage is itself a view (legacy files). */
  readonly first: number;
  readonly count: number;

  constructor(key: string, dtype: StoredDtype, stored: number, first: number, count: number) {
    super('a storage');
    this.key = key;
    this.dtype = dtype;
    this.stored = stored;
    this.first = first;
    this.count = count;
  }
}

/** A tensor as the pickle describes it; nothing is checked against the storage yet. */
export class TensorRef extends Opaque {
  readonly storage: StorageRef;
  readonly view: Strided;

  constructor(storage: StorageRef, view: Strided) {
    super('a tensor');
    this.storage = storage;
    this.view = view;
  }
}

export interface GlobalOptions {
  readonly file: string;
  /** Replace unknown globals by placeholders instead of refusing the file. */
  readonly lenient: boolean;
}

const STORAGE_DTYPES: Readonly<Record<string, StoredDtype>> = {
  DoubleStorage: 'f64',
  FloatStorage: 'f32',
  HalfStorage: 'f16',
  BFloat16Storage: 'bf16',
  LongStorage: 'i64',
  IntStorage: 'i32',
  ShortStorage: 'i16',
  CharStorage: 'i8',
  ByteStorage: 'u8',
  BoolStorage: 'bool',
};

/** Tags that occur in metadata; nobody calls them. */
const TAGS = new Set(
  'torch.nn.parameter.Parameter torch.float32 torch.float torch.float64 torch.double torch.float16 torch.half torch.bfloat16 torch.int64 torch.long torch.int32 torch.int torch.int16 torch.short torch.int8 torch.uint8 torch.bool'.split(
    ' ',
  ),
);

/** Modules that only an attack would name. They are refused even when unknown globals are skipped. */
const HOSTILE_MODULES =
  /^(os|posix|nt|sys|subprocess|socket|shutil|runpy|importlib|ctypes|pty|commands|code|webbrowser|platform|asyncio|multiprocessing|pip|pickle|_pickle|marshal|types|operator|functools|bdb|pdb|timeit|cProfile|urllib|requests|http|tempfile|io)(\.|$)/;
const HOSTILE_BUILTINS =
  /^(__builtin__|builtins)\.(eval|exec|execfile|compile|open|file|input|getattr|setattr|delattr|__import__|apply|globals|locals|vars|breakpoint|map|filter)$/;

/**
 * What a Python name means to this loader. A closed table: nothing is ever looked up anywhere else, so a name can at
 * most be unknown.
 */
export function resolveTorchGlobal(
  module: string,
  name: string,
  place: GlobalPlace,
  options: GlobalOptions,
): PickleValue {
  const { file, lenient } = options;
  const full = `${module}.${name}`;
  switch (full) {
    case 'collections.OrderedDict':
      return new PickleFunction(full, (args) => orderedDict(args, file));
    case 'torch._utils._rebuild_tensor_v2':
      return new PickleFunction(full, (args) => rebuildTensor(args, full, [6, 7], file));
    case 'torch._utils._rebuild_tensor':
      return new PickleFunction(full, (args) => rebuildTensor(args, full, [4], file));
    case 'torch._utils._rebuild_parameter':
      return new PickleFunction(full, (args) => {
        const [tensor] = args;
        const usable = tensor instanceof TensorRef || (tensor instanceof Opaque && tensor.skipped);
        if (args.length !== 3 || !usable) throw misused(full, args, file);
        return tensor;
      });
    case 'torch.Size':
      return new PickleFunction(full, (args) => {
        const [sizes = new Tuple([])] = args;
        if (sizes instanceof Tuple) return sizes;
        if (Array.isArray(sizes)) return new Tuple([...sizes]);
        throw misused(full, args, file);
      });
    case 'torch.device':
      return new PickleFunction(full, () => new Opaque('a device'));
  }
  if (module === 'torch' && Object.hasOwn(STORAGE_DTYPES, name)) {
    return new StorageClass(full, STORAGE_DTYPES[name]!);
  }
  if (TAGS.has(full)) return new Opaque(full);

  if (HOSTILE_MODULES.test(full) || HOSTILE_BUILTINS.test(full)) {
    throw new CheckpointError(
      'unsafe',
      file,
      `the pickle asks for ${quoted(full)}, which runs code.`,
      {
        remedy: 'Nothing was run. Do not open this file with torch.load.',
      },
    );
  }
  if (lenient) return new Opaque(full, true);
  if (full === 'torch.storage.UntypedStorage' || full === 'torch._utils._rebuild_tensor_v3') {
    throw new CheckpointError(
      'unsupported',
      file,
      `has tensors of a newer dtype (${full}), such as uint16 or float8.`,
      {
        remedy: 'Convert the state dict to float32 and save it again.',
      },
    );
  }
  if (/^torch\.(Complex\w+|QU?Int\w+)Storage$/.test(full)) {
    throw new CheckpointError('unsupported', file, `has complex or quantised tensors (${full}).`, {
      remedy: 'Convert the state dict to float32 and save it again.',
    });
  }
  if (place.atRoot || module.startsWith('torch.nn.modules.')) throw wholeModel(full, file);
  throw new CheckpointError(
    'unsafe',
    file,
    `the pickle asks for ${quoted(full)}, which no state dict needs.`,
    {
      remedy:
        'If it is a training checkpoint that you trust, read it with { lenient: true }, which skips such objects without running them.',
    },
  );
}

/** The error for torch.save(model) in place of torch.save(model.state_dict()). */
export function wholeModel(what: string, file: string): CheckpointError {
  return new CheckpointError(
    'unsupported',
    file,
    `is a whole pickled object (${quoted(what)}), not a state dict.`,
    {
      remedy: 'Save model.state_dict() instead: torch.save(model.state_dict(), path).',
    },
  );
}

function orderedDict(args: readonly PickleValue[], file: string): Dict {
  const dict = new Dict(true);
  if (args.length === 0) return dict;
  const [pairs] = args;
  if (args.length !== 1 || !Array.isArray(pairs)) throw misused('OrderedDict', args, file);
  for (const pair of pairs) {
    const [key, value] = pair instanceof Tuple ? pair.items : Array.isArray(pair) ? pair : [];
    if (key === undefined || value === undefined) throw misused('OrderedDict', args, file);
    if (dict.entries.has(key)) {
      throw new CheckpointError(
        'corrupt',
        file,
        `the pickle has the key ${typeof key === 'string' ? quoted(key) : describe(key)} twice.`,
      );
    }
    dict.entries.set(key, value);
  }
  return dict;
}

function rebuildTensor(
  args: readonly PickleValue[],
  name: string,
  counts: readonly number[],
  file: string,
): Opaque {
  const [storage, offset, sizes, strides] = args;
  if (storage instanceof Opaque && storage.skipped) return storage;
  if (
    !counts.includes(args.length) ||
    !(storage instanceof StorageRef) ||
    typeof offset !== 'number' ||
    !(sizes instanceof Tuple) ||
    !(strides instanceof Tuple)
  ) {
    throw misused(name, args, file);
  }
  return new TensorRef(storage, { offset, shape: numbers(sizes), strides: numbers(strides) });
}

/** NaN stands for anything that is no number; the check of the view refuses it together with negative sizes. */
function numbers(tuple: Tuple): number[] {
  // More than a handful is refused later; copying a million of them here would be work for nothing.
  return tuple.items.slice(0, 100).map((value) => (typeof value === 'number' ? value : Number.NaN));
}

function misused(name: string, args: readonly PickleValue[], file: string): CheckpointError {
  const given = args.slice(0, 10).map(describe).join(', ');
  return new CheckpointError('corrupt', file, `the pickle calls ${name} with (${given}).`);
}
