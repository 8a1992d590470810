/**
 * CRC-32 as zip uses it (polynomial 0xEDB88320), continued from `crc`.
 *
 * Eight bytes per step through eight tables, because checkpoints are gigabytes: table k holds the effect of a byte
 * that is followed by k zero bytes, so the eight look-ups are independent of each other.
 */
export function crc32(bytes: Uint8Array, crc = 0): number {
  let state = ~crc;
  const length = bytes.byteLength;
  let i = 0;
  for (; i + 8 <= length; i += 8) {
    state ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    state =
      T7[state & 0xff]! ^
      T6[(state >>> 8) & 0xff]! ^
      T5[(state >>> 16) & 0xff]! ^
      T4[state >>> 24]! ^
      T3[bytes[i + 4]!]! ^
      T2[bytes[i + 5]!]! ^
      T1[bytes[i + 6]!]! ^
      T0[bytes[i + 7]!]!;
  }
  for (; i < length; i++) state = (state >>> 8) ^ T0[(state ^ bytes[i]!) & 0xff]!;
  return ~state >>> 0;
}

const T0 = new Int32Array(256).map((_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});
const T1 = followedByZero(T0);
const T2 = followedByZero(T1);
const T3 = followedByZero(T2);
const T4 = followedByZero(T3);
const T5 = followedByZero(T4);
const T6 = followedByZero(T5);
const T7 = followedByZero(T6);

function followedByZero(table: Int32Array): Int32Array {
  return table.map((value) => (value >>> 8) ^ T0[value & 0xff]!);
}
