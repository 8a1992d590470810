// Files as torch.save writes them, small, from TypeScript.
import {
  dict,
  global,
  int,
  list,
  orderedDict,
  pickle,
  proto,
  stop,
  text,
  tuple,
} from './write_pickle.ts';
import type { ZipMemberSpec, ZipOptions } from './write_zip.ts';
import { writeZip } from './write_zip.ts';

export interface StorageSpec {
  /** For example FloatStorage. */
  type: string;
  /** Elements. */
  count: number;
  data: Uint8Array;
}

export interface TensorSpec {
  storage: string;
  shape: number[];
  strides?: number[];
  offset?: number | bigint;
}

/** The pickle of one tensor. */
export function tensorPickle(tensor: TensorSpec, storage: StorageSpec, legacy = false): string {
  const { shape, strides = contiguous(shape), offset = 0 } = tensor;
  const id = [
    text('storage'),
    global('torch', storage.type),
    text(tensor.storage),
    text('cpu'),
    int(storage.count),
    ...(legacy ? ['N'] : []),
  ];
  return (
    global('torch._utils', '_rebuild_tensor_v2') +
    tuple(
      `${tuple(...id)}Q`,
      int(offset),
      tuple(...shape.map(int)),
      tuple(...strides.map(int)),
      '\x89',
      orderedDict(),
    ) +
    'R'
  );
}

export type Storages = Record<string, StorageSpec>;
export type Tensors = Record<string, TensorSpec>;

/** The pickle of an OrderedDict of tensors, without PROTO and STOP. */
export function stateDictPickle(tensors: Tensors, storages: Storages, legacy = false): string {
  return orderedDict(
    ...Object.entries(tensors).map(
      ([name, tensor]) =>
        [text(name), tensorPickle(tensor, storages[tensor.storage]!, legacy)] as [string, string],
    ),
  );
}

/** Members of the zip container around a pickle. */
export function torchMembers(
  body: string,
  storages: Storages,
  folder = 'archive',
): ZipMemberSpec[] {
  return [
    { name: `${folder}/data.pkl`, data: pickle(proto, body, stop) },
    ...Object.entries(storages).map(([key, { data }]) => ({ name: `${folder}/data/${key}`, data })),
    { name: `${folder}/version`, data: new TextEncoder().encode('3\n') },
  ];
}

export function writePth(
  tensors: Tensors,
  storages: Storages,
  options: ZipOptions = {},
): Uint8Array {
  return writeZip(torchMembers(stateDictPickle(tensors, storages), storages), options);
}

/** A zip container around any pickle. */
export function writePthOf(body: string, storages: Storages = {}): Uint8Array {
  return writeZip(torchMembers(body, storages));
}

/** The stream from before PyTorch 1.6. */
export function writeLegacyPth(body: string, storages: Storages, littleEndian = true): Uint8Array {
  const keys = Object.keys(storages);
  return pickle(
    '\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.',
    pickle(proto, int(1001), stop),
    pickle(proto, dict([text('little_endian'), littleEndian ? '\x88' : '\x89']), stop),
    pickle(proto, body, stop),
    pickle(proto, list(...keys.map(text)), stop),
    ...keys.flatMap((key) => {
      const count = Buffer.alloc(8);
      count.writeBigInt64LE(BigInt(storages[key]!.count));
      return [new Uint8Array(count), storages[key]!.data];
    }),
  );
}

export function floats(...values: number[]): StorageSpec {
  return {
    type: 'FloatStorage',
    count: values.length,
    data: new Uint8Array(new Float32Array(values).buffer),
  };
}

function contiguous(shape: number[]): number[] {
  const strides: number[] = [];
  for (let i = shape.length - 1, stride = 1; i >= 0; stride *= shape[i]!, i--)
    strides.unshift(stride);
  return strides;
}
