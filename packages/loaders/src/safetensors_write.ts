import type { StoredDtype } from '@dpt-webgpu/tensor';
import { invalidArgument } from '@dpt-webgpu/tensor/errors';
import type { ReadOptions } from './byte_source.ts';
import { MAX_HEADER_BYTES, SAFETENSORS_DTYPES } from './safetensors.ts';
import { elementCount, sizeOfDtype } from './stored_bytes.ts';

/** A tensor in memory. `data` is row-major and little-endian. */
export interface SafetensorsEntry {
  /** Of the elements. */
  readonly dtype: StoredDtype;
  /** Outermost axis first; [] is a scalar. */
  readonly shape: readonly number[];
  /** As many bytes as dtype and shape say. */
  readonly data: ArrayBufferView;
}

/** A tensor whose bytes are fetched when it is its turn to be written. A StoredTensor is one. */
export interface LazySafetensorsEntry {
  /** Of the elements. */
  readonly dtype: StoredDtype;
  /** Outermost axis first; [] is a scalar. */
  readonly shape: readonly number[];
  /** Gives as many bytes as dtype and shape say. Called once, with the signal of the writer. */
  read(options?: ReadOptions): Promise<Uint8Array>;
}

/** The `__metadata__` of a safetensors file: text by text. */
export type SafetensorsMetadata = ReadonlyMap<string, string>;

/** A whole safetensors file in memory. The same tensors give the same bytes, whatever their order in the map. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, SafetensorsEntry>,
  metadata?: SafetensorsMetadata,
): Uint8Array {
  const { header, order, dataBytes } = layOut(tensors, metadata);
  const file = new Uint8Array(header.byteLength + dataBytes);
  file.set(header);
  let position = header.byteLength;
  for (const [name, entry] of order) {
    const { data } = entry;
    const bytes = checked(
      name,
      entry,
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    );
    file.set(bytes, position);
    position += bytes.byteLength;
  }
  return file;
}

/**
 * The same file piece by piece: the header, then one tensor at a time, so that memory holds only one. An abort ends it with
 * the signal's reason before the next piece.
 */
export async function* safetensorsChunks(
  tensors: ReadonlyMap<string, LazySafetensorsEntry>,
  metadata?: SafetensorsMetadata,
  options: ReadOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  options.signal?.throwIfAborted();
  const { header, order } = layOut(tensors, metadata);
  yield header;
  for (const [name, entry] of order) {
    options.signal?.throwIfAborted();
    yield checked(name, entry, await entry.read(options));
  }
}

interface Layout<Entry> {
  /** The length prefix and the JSON, padded so that the data starts at a multiple of 8. */
  header: Uint8Array;
  /** In the order of the data. */
  order: [string, Entry][];
  dataBytes: number;
}

function layOut<Entry extends { dtype: StoredDtype; shape: readonly number[] }>(
  tensors: ReadonlyMap<string, Entry>,
  metadata: SafetensorsMetadata = new Map(),
): Layout<Entry> {
  // Wide elements first, then by name: every tensor is then aligned to its element size without padding.
  const order = [...tensors].sort(
    ([nameA, a], [nameB, b]) =>
      sizeOfDtype(b.dtype) - sizeOfDtype(a.dtype) || (nameA < nameB ? -1 : nameA > nameB ? 1 : 0),
  );
  const items: string[] = [];
  if (metadata.size > 0) {
    const pairs = [...metadata].map(([key, value]) => `${jsonText(key)}:${jsonText(value)}`);
    items.push(`"__metadata__":{${pairs.join(',')}}`);
  }
  let position = 0;
  for (const [name, { dtype, shape }] of order) {
    if (name === '__metadata__')
      throw invalidArgument('writeSafetensors: no tensor can be named "__metadata__".');
    if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
      throw invalidArgument(
        `writeSafetensors: ${jsonText(name)} has the impossible shape [${shape.join(', ')}].`,
      );
    }
    const end = position + elementCount(shape) * sizeOfDtype(dtype);
    items.push(
      `${jsonText(name)}:{"dtype":"${SAFETENSORS_DTYPES[dtype]}","shape":[${shape.join(',')}],"data_offsets":[${position},${end}]}`,
    );
    position = end;
  }
  if (!Number.isSafeInteger(position))
    throw invalidArgument('writeSafetensors: the tensors are too large for one file.');

  const json = new TextEncoder().encode(`{${items.join(',')}}`);
  const padded = Math.ceil(json.byteLength / 8) * 8;
  if (padded > MAX_HEADER_BYTES) {
    throw invalidArgument(
      `writeSafetensors: the header is ${padded} bytes; readers allow ${MAX_HEADER_BYTES}.`,
    );
  }
  const header = new Uint8Array(8 + padded).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(json, 8);
  return { header, order, dataBytes: position };
}

function checked(
  name: string,
  { dtype, shape }: { dtype: StoredDtype; shape: readonly number[] },
  bytes: Uint8Array,
): Uint8Array {
  const expected = elementCount(shape) * sizeOfDtype(dtype);
  if (bytes.byteLength === expected) return bytes;
  throw invalidArgument(
    `writeSafetensors: ${jsonText(name)} is ${dtype} [${shape.join(', ')}], which takes ${expected} bytes, but its data is ${bytes.byteLength}.`,
  );
}

function jsonText(text: string): string {
  if (/\p{Surrogate}/u.test(text)) {
    throw invalidArgument(`writeSafetensors: ${JSON.stringify(text)} is not well-formed text.`);
  }
  return JSON.stringify(text);
}
