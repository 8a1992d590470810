import { DptError, type DptErrorCode, invalidArgument } from '@dpt-webgpu/tensor/errors';

/** The typed arrays that an .npy file can hold. */
export type NpyData =
  | Float32Array
  | Float64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Int8Array
  | Int16Array
  | Int32Array;

const NPY_MAGIC = '\x93NUMPY';

const NPY_TYPES: Readonly<Record<string, new (buffer: ArrayBuffer) => NpyData>> = {
  '<f4': Float32Array,
  '<f8': Float64Array,
  '|u1': Uint8Array,
  '<u2': Uint16Array,
  '<u4': Uint32Array,
  '|i1': Int8Array,
  '<i2': Int16Array,
  '<i4': Int32Array,
};

/** An .npy file (NumPy's array format, version 1.0) of float32 in C order. `numpy.load` reads it. */
export function encodeNpy(data: Float32Array, shape: readonly number[]): Uint8Array {
  expectCount('encodeNpy', data.length, shape);
  // Python writes a tuple of one as (n,).
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  // Magic, version and length take 10 bytes; spaces and a newline bring the data to a multiple of 64.
  const start = Math.ceil((10 + text.length + 1) / 64) * 64;
  const header = `${NPY_MAGIC}\x01\0${' '.repeat(2)}${text}`.padEnd(start - 1, ' ');
  const file = new Uint8Array(start + 4 * data.length);
  for (let i = 0; i < header.length; i++) file[i] = header.charCodeAt(i);
  file[start - 1] = 0x0a;
  const view = new DataView(file.buffer);
  view.setUint16(8, start - 10, true);
  for (let i = 0; i < data.length; i++) view.setFloat32(start + 4 * i, data[i]!, true);
  return file;
}

/** Reads an .npy file of real numbers, little-endian, in C order. `name` is for messages. Throws `corrupt` or `unsupported`. */
export function decodeNpy(bytes: Uint8Array, name = 'npy'): { data: NpyData; shape: number[] } {
  const fail = (problem: string, code: DptErrorCode = 'corrupt') =>
    new DptError(code, `${name}: ${problem}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = String.fromCharCode(...bytes.subarray(0, 6));
  if (magic !== NPY_MAGIC || bytes.byteLength < 10) throw fail('is not an .npy file.');
  const version = bytes[6]!;
  if (version < 1 || version > 3) throw fail(`has the unknown .npy version ${version}.`);
  const prefix = version === 1 ? 10 : 12;
  if (bytes.byteLength < prefix) throw fail('is cut short.');
  const start = prefix + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (start > bytes.byteLength) throw fail('is cut short.');
  const header = new TextDecoder().decode(bytes.subarray(prefix, Math.min(start, prefix + 10_000)));

  const descr = /'descr':\s*'([^']{1,20})'/.exec(header)?.[1];
  const fortran = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const tuple = /'shape':\s*\(([\d, ]*)\)/.exec(header)?.[1];
  if (descr === undefined || fortran === undefined || tuple === undefined)
    throw fail('has a malformed .npy header.');
  const shape = tuple
    .split(',')
    .filter((size) => size.trim() !== '')
    .map(Number);
  const NpyArray = Object.hasOwn(NPY_TYPES, descr) ? NPY_TYPES[descr] : undefined;
  if (!NpyArray)
    throw fail(
      `holds elements of type ${descr}; read are ${Object.keys(NPY_TYPES).join(' ')}.`,
      'unsupported',
    );
  if (fortran === 'True' && shape.length > 1)
    throw fail('is in Fortran order; save numpy.ascontiguousarray(x).', 'unsupported');

  const size = shape.reduce((product, length) => product * length, Number(descr.slice(2)));
  if (!Number.isSafeInteger(size) || bytes.byteLength - start !== size) {
    throw fail(
      `holds ${bytes.byteLength - start} bytes of data; [${shape.join(', ')}] of ${descr} takes ${size}.`,
    );
  }
  // A copy, because typed arrays need an aligned start.
  return { data: new NpyArray(new Uint8Array(bytes.subarray(start)).buffer), shape };
}

/** A PFM file: one float per pixel. Its rows run from the bottom up; scale −1 says little-endian. */
export function encodePfm(data: Float32Array, width: number, height: number): Uint8Array {
  expectCount('encodePfm', data.length, [height, width]);
  const header = new TextEncoder().encode(`Pf\n${width} ${height}\n-1.0\n`);
  const file = new Uint8Array(header.byteLength + 4 * data.length);
  file.set(header);
  const view = new DataView(file.buffer, header.byteLength);
  for (let y = 0, at = 0; y < height; y++) {
    const row = (height - 1 - y) * width;
    for (let x = 0; x < width; x++, at += 4) view.setFloat32(at, data[row + x]!, true);
  }
  return file;
}

function expectCount(operation: string, count: number, shape: readonly number[]): void {
  const expected = shape.reduce((product, size) => product * size, 1);
  const valid = shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (!valid || expected !== count) {
    throw invalidArgument(
      `${operation}: [${shape.join(', ')}] takes ${expected} values, but ${count} were given.`,
    );
  }
}
