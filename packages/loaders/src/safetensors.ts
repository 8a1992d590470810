import type { StateDict, StoredDtype, StoredTensor } from '@dpt-webgpu/tensor';
import type { ByteSource, ReadOptions } from './byte_source.ts';
import { CheckpointError, quoted, reasonOf } from './checkpoint_error.ts';
import { whileOpening } from './opening.ts';
import { type Header, type HeaderEntry, parseHeader } from './safetensors_header.ts';
import { aligned } from './stored_bytes.ts';

/** The reference reader's limit on the header, in bytes. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Bits per element of every dtype a safetensors header may name. */
const DTYPE_BITS: ReadonlyMap<string, number> = new Map([
  ...['F64', 'I64', 'U64', 'C64'].map((name) => [name, 64] as const),
  ...['F32', 'I32', 'U32'].map((name) => [name, 32] as const),
  ...['F16', 'BF16', 'I16', 'U16'].map((name) => [name, 16] as const),
  ...['BOOL', 'U8', 'I8', 'F8_E5M2', 'F8_E4M3', 'F8_E8M0', 'F8_E4M3FNUZ', 'F8_E5M2FNUZ'].map(
    (name) => [name, 8] as const,
  ),
  ...['F6_E2M3', 'F6_E3M2'].map((name) => [name, 6] as const),
  ['F4', 4],
]);

/** The dtypes that a StoredTensor can have. */
export const SAFETENSORS_DTYPES: Readonly<Record<StoredDtype, string>> = {
  f64: 'F64',
  f32: 'F32',
  f16: 'F16',
  bf16: 'BF16',
  i64: 'I64',
  u64: 'U64',
  i32: 'I32',
  u32: 'U32',
  i16: 'I16',
  u16: 'U16',
  i8: 'I8',
  u8: 'U8',
  bool: 'BOOL',
};

const STORED_DTYPES: ReadonlyMap<string, StoredDtype> = new Map(
  Object.entries(SAFETENSORS_DTYPES).map(([stored, name]) => [name, stored as StoredDtype]),
);

/**
 * Opens a safetensors file. The header is read and checked whole; each tensor's bytes are read when asked for. Names
 * are kept as the file has them. The state dict owns the source from here on; when this rejects, also by an abort, the
 * caller does. The signal is for the header; tensors take one of their own.
 */
export async function readSafetensors(
  source: ByteSource,
  options: ReadOptions = {},
): Promise<StateDict> {
  return whileOpening(source, options, read);
}

async function read(source: ByteSource): Promise<StateDict> {
  const { header, dataStart } = await readHeader(source);
  checkLayout(source, header.tensors, source.size - dataStart);

  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of header.tensors) {
    tensors.set(name, storedTensor(source, name, entry, dataStart));
  }
  return { name: source.name, metadata: header.metadata, tensors, close: () => source.close() };
}

async function readHeader(source: ByteSource): Promise<{ header: Header; dataStart: number }> {
  if (source.size < 8) {
    throw corrupt(
      source,
      `is ${source.size} bytes; a safetensors file begins with 8 bytes that give its header's length.`,
    );
  }
  const prefix = await source.read(0, 8);
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) {
    throw corrupt(
      source,
      `its header claims ${length} bytes; at most ${MAX_HEADER_BYTES} are allowed.`,
    );
  }
  const dataStart = 8 + Number(length);
  if (dataStart > source.size) {
    throw corrupt(
      source,
      `its header claims ${length} bytes, but the file is only ${source.size} bytes.`,
    );
  }
  const bytes = await source.read(8, Number(length));
  if (bytes[0] !== 0x7b) throw corrupt(source, 'its header does not begin with "{".');

  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw corrupt(source, 'its header is not valid UTF-8.', cause);
  }
  try {
    return { header: parseHeader(text), dataStart };
  } catch (cause) {
    throw corrupt(source, `its header is malformed: ${reasonOf(cause)}.`, cause);
  }
}

/** Tensors must cover the data exactly: no hole, no overlap, no byte left over, so that nothing can hide in a file. */
function checkLayout(
  source: ByteSource,
  tensors: Map<string, HeaderEntry>,
  dataSize: number,
): void {
  const sorted = [...tensors].sort(
    ([, { offsets: a }], [, { offsets: b }]) => a[0] - b[0] || a[1] - b[1],
  );
  let position = 0;
  for (const [name, { dtype, shape, offsets }] of sorted) {
    const [begin, end] = offsets;
    const tensor = `tensor ${quoted(name)}`;
    const bits = DTYPE_BITS.get(dtype);
    if (bits === undefined)
      throw corrupt(source, `${tensor} has the unknown dtype ${quoted(dtype)}.`);
    if (begin > end)
      throw corrupt(source, `${tensor} begins at ${begin}, after its end at ${end}.`);
    if (begin !== position) {
      const what = begin > position ? 'a hole before it' : 'an overlap with the one before it';
      throw corrupt(source, `${tensor} begins at ${begin}, expected ${position}: ${what}.`);
    }
    let count = 1;
    for (const size of shape) {
      count *= size;
      if (!Number.isSafeInteger(count * bits))
        throw corrupt(source, `${tensor} has the impossible shape [${shape.join(', ')}].`);
    }
    if (count * bits !== (end - begin) * 8) {
      throw corrupt(
        source,
        `${tensor} is ${dtype} [${shape.join(', ')}], which takes ${(count * bits) / 8} bytes, but ${end - begin} are given to it.`,
      );
    }
    position = end;
  }
  if (position > dataSize) {
    throw new CheckpointError(
      'short-read',
      source.name,
      `its tensors take ${position} bytes, but only ${dataSize} follow the header.`,
      { remedy: 'It is cut short: copy or download it again.' },
    );
  }
  if (position < dataSize) {
    throw corrupt(
      source,
      `${dataSize - position} bytes follow the last tensor; there must be none.`,
    );
  }
}

function storedTensor(
  source: ByteSource,
  name: string,
  entry: HeaderEntry,
  dataStart: number,
): StoredTensor {
  const { shape, offsets } = entry;
  const [begin, end] = offsets;
  const dtype = STORED_DTYPES.get(entry.dtype);
  const unsupported = () =>
    new CheckpointError(
      'unsupported',
      source.name,
      `tensor ${quoted(name)} is ${entry.dtype}, which is not supported.`,
      {
        remedy: 'Convert it to F32, F16 or BF16.',
      },
    );
  return {
    // Such a file opens all the same: only asking for this tensor is an error.
    get dtype() {
      if (dtype === undefined) throw unsupported();
      return dtype;
    },
    shape,
    async read({ signal } = {}) {
      if (dtype === undefined) throw unsupported();
      return aligned(await source.read(dataStart + begin, end - begin, { signal }));
    },
  };
}

function corrupt(source: ByteSource, problem: string, cause?: unknown): CheckpointError {
  return new CheckpointError('corrupt', source.name, problem, {
    remedy: 'It is not a valid safetensors file: copy or download it again.',
    cause,
  });
}
