import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { LazySafetensorsEntry } from '@dpt-webgpu/loaders';
import { openCheckpointFile, writeSafetensorsFile } from '@dpt-webgpu/loaders/node';
import {
  f16FromArray,
  f32FromF16,
  f32FromStored,
  type StoredDtype,
  type StoredTensor,
  sizeOf,
} from '@dpt-webgpu/tensor';

export type TargetDtype = 'f32' | 'f16' | 'keep';

/** What f16 changed. */
export interface Rounding {
  /** The largest relative change of a value in f16's normal range, and where. At most 2⁻¹¹. */
  largest: number;
  tensor: string;
  /** Values below that range (6.1e-5), which keep fewer digits, and those of them that became zero. */
  small: number;
  zeroed: number;
}

export interface ConvertOptions {
  readonly dtype: TargetDtype;
  readonly metadata: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
  readonly onProgress?: (what: string, done: number, total: number) => void;
}

export interface Converted {
  readonly tensors: number;
  readonly bytes: number;
  /** Undefined where nothing was rounded to f16. */
  readonly rounding: Rounding | undefined;
}

const floats: ReadonlySet<StoredDtype> = new Set(['f64', 'f32', 'f16', 'bf16']);

/**
 * Writes tensors to a safetensors file, one at a time, and reads the file back before it gets its name: it is whole and
 * compared, or not there.
 */
export async function convert(
  tensors: ReadonlyMap<string, StoredTensor>,
  path: string,
  { dtype, metadata, signal, onProgress }: ConvertOptions,
): Promise<Converted> {
  const rounding: Rounding = { largest: 0, tensor: '', small: 0, zeroed: 0 };
  const entries = [...tensors].map(([name, tensor]): [string, LazySafetensorsEntry] => {
    const to = dtype === 'keep' || !floats.has(tensor.dtype) ? tensor.dtype : dtype;
    return [
      name,
      {
        ...{ dtype: to, shape: tensor.shape },
        read: (options) => stored(name, tensor, to, { rounding, ...options }),
      },
    ];
  });
  const total = entries.length;
  let written = 0;
  const counted = entries.map(([name, entry]): [string, LazySafetensorsEntry] => [
    name,
    {
      ...entry,
      async read(options) {
        onProgress?.('Writing', ++written, total);
        return await entry.read(options);
      },
    },
  ]);
  const unchecked = join(dirname(path), `.${basename(path)}.${randomUUID().slice(0, 8)}.unchecked`);
  try {
    await writeSafetensorsFile(unchecked, new Map(counted), metadata, { signal });
    const seen = { ...rounding };
    const bytes = await compare(new Map(entries), unchecked, { signal, onProgress });
    await rename(unchecked, path);
    const isRounded = entries.some(
      ([name, to]) => to.dtype === 'f16' && tensors.get(name)!.dtype !== 'f16',
    );
    return { tensors: total, bytes, rounding: isRounded ? seen : undefined };
  } catch (error) {
    await rm(unchecked, { force: true });
    throw error;
  }
}

/** The bytes of a tensor in another type. */
async function stored(
  name: string,
  tensor: StoredTensor,
  to: StoredDtype,
  { rounding, signal }: { rounding: Rounding; signal?: AbortSignal | undefined },
): Promise<Uint8Array> {
  const bytes = await tensor.read({ signal });
  if (to === tensor.dtype) return bytes;
  const values = f32FromStored(bytes, tensor.dtype, sizeOf(tensor.shape));
  const result = to === 'f16' ? halved(name, values, rounding) : values;
  return new Uint8Array(result.buffer, result.byteOffset, result.byteLength);
}

/** 2⁻¹⁴: below it f16 has fewer than eleven digits. */
const SMALLEST_NORMAL = 2 ** -14;

function halved(name: string, values: Float32Array, rounding: Rounding): Uint16Array {
  const half = f16FromArray(values);
  const back = f32FromF16(half);
  let over = 0;
  for (let i = 0; i < values.length; i++) {
    const value = Math.abs(values[i]!);
    if (value === Number.POSITIVE_INFINITY || Number.isNaN(value)) continue;
    const rounded = Math.abs(back[i]!);
    if (rounded === Number.POSITIVE_INFINITY) over++;
    else if (value >= SMALLEST_NORMAL) {
      const change = Math.abs(rounded - value) / value;
      if (change > rounding.largest) Object.assign(rounding, { largest: change, tensor: name });
    } else if (value > 0) {
      rounding.small++;
      if (rounded === 0) rounding.zeroed++;
    }
  }
  if (over === 0) return half;
  throw new Error(
    `${name} holds ${over} values beyond ±65504, which f16 cannot store. Use --dtype f32.`,
  );
}

/** Throws unless the file has exactly these tensors. Returns their bytes. */
async function compare(
  expected: ReadonlyMap<string, LazySafetensorsEntry>,
  path: string,
  { signal, onProgress }: Pick<ConvertOptions, 'signal' | 'onProgress'>,
): Promise<number> {
  const file = await openCheckpointFile(path, { signal });
  let bytes = 0;
  try {
    // The reader drops a prefix that all keys share, so order and number tell, not the names alone.
    if (file.tensors.size !== expected.size) {
      throw new Error(`wrote ${expected.size} tensors and read ${file.tensors.size} back.`);
    }
    let done = 0;
    for (const [name, entry] of expected) {
      signal.throwIfAborted();
      const found = file.tensors.get(name);
      const came = await found?.read({ signal });
      const wanted = await entry.read({ signal });
      if (!came || found!.dtype !== entry.dtype || Buffer.compare(came, wanted) !== 0) {
        throw new Error(
          `${name} was read back different from what was written. Is the disk sound?`,
        );
      }
      bytes += came.byteLength;
      onProgress?.('Comparing', ++done, expected.size);
    }
    return bytes;
  } finally {
    await file.close();
  }
}
