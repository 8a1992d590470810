// Zip files as PyTorch and others write them, and as nobody should.
import { deflateRawSync, crc32 as nodeCrc32 } from 'node:zlib';

export interface ZipMemberSpec {
  name: string;
  data: Uint8Array;
  deflate?: boolean;
  /** Fields of the central directory that lie. */
  central?: Partial<{
    crc: number;
    size: number;
    compressedSize: number;
    offset: number;
    method: number;
    flags: number;
    extra: Uint8Array;
  }>;
  /** Fields of the local header that lie. */
  local?: Partial<{
    name: string;
    method: number;
    flags: number;
    size: number;
    compressedSize: number;
  }>;
}

export interface ZipOptions {
  /** Offsets and counts in Zip64 records, as for files above 4 GiB. */
  zip64?: boolean;
  /** Multiple at which data begins, by filler in the local extra field; PyTorch uses 64. */
  alignment?: number;
  comment?: string;
  /** Between the directory and the end record. */
  gap?: Uint8Array;
  count?: number;
}

/** Local headers without sizes (flag bit 3) and padded data, like PyTorch. */
export function writeZip(members: readonly ZipMemberSpec[], options: ZipOptions = {}): Uint8Array {
  const { zip64 = false, alignment = 64, comment = '', gap = new Uint8Array(0) } = options;
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let position = 0;
  const add = (part: Buffer) => {
    parts.push(part);
    position += part.length;
  };
  for (const { name, data, deflate = false, central = {}, local = {} } of members) {
    const packed = deflate ? deflateRawSync(data) : Buffer.from(data);
    const method = deflate ? 8 : 0;
    const flags = 0x0808;
    const offset = position;
    const localName = Buffer.from(local.name ?? name);
    const start = offset + 30 + localName.length + 4;
    const padding = Buffer.alloc(4 + ((alignment - (start % alignment)) % alignment), 'Z');
    padding.write('FB', 0, 'latin1');
    padding.writeUInt16LE(padding.length - 4, 2);

    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    header.writeUInt16LE(local.flags ?? flags, 6);
    header.writeUInt16LE(local.method ?? method, 8);
    header.writeUInt32LE(local.compressedSize ?? 0, 18);
    header.writeUInt32LE(local.size ?? 0, 22);
    header.writeUInt16LE(localName.length, 26);
    header.writeUInt16LE(padding.length, 28);
    add(Buffer.concat([header, localName, padding, packed]));

    const realOffset = central.offset ?? offset;
    let extra = Buffer.from(central.extra ?? []);
    if (zip64) {
      extra = Buffer.alloc(12);
      extra.writeUInt16LE(1, 0);
      extra.writeUInt16LE(8, 2);
      extra.writeBigUInt64LE(BigInt(realOffset), 4);
    }
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(central.flags ?? flags, 8);
    entry.writeUInt16LE(central.method ?? method, 10);
    entry.writeUInt32LE(central.crc ?? nodeCrc32(data), 16);
    entry.writeUInt32LE(central.compressedSize ?? packed.length, 20);
    entry.writeUInt32LE(central.size ?? data.length, 24);
    entry.writeUInt16LE(Buffer.byteLength(name), 28);
    entry.writeUInt16LE(extra.length, 30);
    entry.writeUInt32LE(zip64 ? 0xffffffff : realOffset, 42);
    directory.push(Buffer.concat([entry, Buffer.from(name), extra]));
  }
  const directoryAt = position;
  const directoryBytes = Buffer.concat(directory);
  add(directoryBytes);
  add(Buffer.from(gap));
  const count = options.count ?? members.length;
  if (zip64) {
    const record = Buffer.alloc(56);
    record.writeUInt32LE(0x06064b50, 0);
    record.writeBigUInt64LE(44n, 4);
    record.writeBigUInt64LE(BigInt(count), 24);
    record.writeBigUInt64LE(BigInt(count), 32);
    record.writeBigUInt64LE(BigInt(directoryBytes.length), 40);
    record.writeBigUInt64LE(BigInt(directoryAt), 48);
    const locator = Buffer.alloc(20);
    locator.writeUInt32LE(0x07064b50, 0);
    locator.writeBigUInt64LE(BigInt(position), 8);
    locator.writeUInt32LE(1, 16);
    add(record);
    add(locator);
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Math.min(count, 0xffff), 8);
  end.writeUInt16LE(Math.min(count, 0xffff), 10);
  end.writeUInt32LE(directoryBytes.length, 12);
  end.writeUInt32LE(zip64 ? 0xffffffff : directoryAt, 16);
  end.writeUInt16LE(Buffer.byteLength(comment), 20);
  add(end);
  add(Buffer.from(comment));
  return new Uint8Array(Buffer.concat(parts));
}
