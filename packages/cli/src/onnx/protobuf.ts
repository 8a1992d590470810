/**
 * As much of the protocol buffers' wire format as writing takes (protobuf.dev/programming-guides/encoding): a message is a
 * run of fields, each a number, a wire type and a value.
 */

const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;

/** A whole number, seven bits a byte, the lowest first. */
export function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  // Negative numbers are written as 64 bits of two's complement.
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

export const joined = (parts: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(Buffer.concat(parts));

const tag = (field: number, wire: number): Uint8Array => varint(field * 8 + wire);

export const int = (field: number, value: number | bigint): Uint8Array =>
  joined([tag(field, VARINT), varint(value)]);

export function float(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return joined([tag(field, FIXED32), bytes]);
}

/** What stands before the bytes of a field: they may follow later, from elsewhere. */
export const headerOf = (field: number, length: number): Uint8Array =>
  joined([tag(field, BYTES), varint(length)]);

/** A message inside a message, or bytes. */
export const message = (field: number, ...parts: readonly Uint8Array[]): Uint8Array => {
  const body = joined(parts);
  return joined([headerOf(field, body.length), body]);
};

export const text = (field: number, value: string): Uint8Array =>
  message(field, new TextEncoder().encode(value));

/** Numbers of one field, packed into one run. */
export const ints = (field: number, values: readonly (number | bigint)[]): Uint8Array =>
  message(field, ...values.map(varint));
