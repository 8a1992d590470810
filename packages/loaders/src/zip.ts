import type { ByteSource } from './byte_source.ts';
import { CheckpointError, quoted } from './checkpoint_error.ts';

/** What the central directory says of one member. */
export interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly flags: number;
  readonly crc32: number;
  readonly compressedSize: number;
  readonly size: number;
  /** Where its local header begins. */
  readonly headerOffset: number;
  /** Where the next member (or the central directory) begins: its data must end before. */
  readonly limit: number;
}

export interface ZipDirectory {
  /** In the order of the central directory. */
  readonly entries: ReadonlyMap<string, ZipEntry>;
}

export const STORED = 0;
export const DEFLATED = 8;

const MAX_ENTRIES = 100_000;
const MAX_DIRECTORY_BYTES = 64 * 2 ** 20;
const END_SIZE = 22;
const MAX_COMMENT = 65_535;
const LOCATOR_SIZE = 20;
const ZIP64_END_SIZE = 56;
const ALL_ONES_16 = 0xffff;
const ALL_ONES_32 = 0xffffffff;

/** The most that deflate can expand is 1032 to 1; weights stay far below, a bomb does not. */
const MAX_RATIO = 200;
/** Small members may have any ratio: a bias of zeros does. */
const RATIO_FREE_BYTES = 2 ** 20;

/**
 * Reads the central directory of a zip file. Nothing is taken from local headers here: PyTorch leaves their sizes at
 * zero. Refused, because no checkpoint needs them and an attack may: encryption, several disks, equal names, names
 * that climb out of the folder, members that overlap, bytes between the directory and the end.
 */
export async function readZipDirectory(source: ByteSource): Promise<ZipDirectory> {
  const { count, size, offset } = await findDirectory(source);
  if (count > MAX_ENTRIES)
    throw unsafe(source, `has ${count} members; at most ${MAX_ENTRIES} are allowed.`);
  if (size > MAX_DIRECTORY_BYTES) throw unsafe(source, `its zip directory claims ${size} bytes.`);
  const bytes = await source.read(offset, size);
  const entries = parseDirectory(source, bytes, count, offset);
  return { entries: withLimits(source, entries, offset) };
}

interface DirectoryPlace {
  readonly count: number;
  readonly size: number;
  readonly offset: number;
}

async function findDirectory(source: ByteSource): Promise<DirectoryPlace> {
  if (source.size < END_SIZE) throw truncated(source);
  const tailSize = Math.min(source.size, END_SIZE + MAX_COMMENT);
  const tailStart = source.size - tailSize;
  const tail = view(await source.read(tailStart, tailSize));

  let at = tailSize - END_SIZE;
  // The comment must reach exactly to the end, so that a signature inside a comment is not taken for the record.
  while (
    at >= 0 &&
    !(
      tail.getUint32(at, true) === 0x06054b50 &&
      tail.getUint16(at + 20, true) === tailSize - at - END_SIZE
    )
  )
    at--;
  if (at < 0) throw truncated(source);

  const disk = tail.getUint16(at + 4, true);
  const directoryDisk = tail.getUint16(at + 6, true);
  const count = tail.getUint16(at + 10, true);
  const size = tail.getUint32(at + 12, true);
  const offset = tail.getUint32(at + 16, true);
  const end = tailStart + at;
  const needsZip64 =
    disk === ALL_ONES_16 || count === ALL_ONES_16 || size === ALL_ONES_32 || offset === ALL_ONES_32;
  const locatorAt = end - LOCATOR_SIZE;
  if (locatorAt >= 0) {
    const locator = view(await source.read(locatorAt, LOCATOR_SIZE));
    if (locator.getUint32(0, true) === 0x07064b50) {
      return zip64Directory(source, locator, locatorAt);
    }
  }
  if (needsZip64)
    throw corrupt(source, 'its zip end record points to a Zip64 record that is not there.');
  if (disk !== 0 || directoryDisk !== 0 || tail.getUint16(at + 8, true) !== count) {
    throw corrupt(source, 'is one part of a zip of several disks.');
  }
  if (offset + size !== end)
    throw corrupt(source, 'its zip directory does not end where the end record begins.');
  return { count, size, offset };
}

async function zip64Directory(
  source: ByteSource,
  locator: DataView,
  locatorAt: number,
): Promise<DirectoryPlace> {
  const recordAt = number64(source, locator, 8);
  if (recordAt + ZIP64_END_SIZE > locatorAt)
    throw corrupt(source, 'its Zip64 end record is out of place.');
  const record = view(await source.read(recordAt, ZIP64_END_SIZE));
  if (
    record.getUint32(0, true) !== 0x06064b50 ||
    recordAt + 12 + number64(source, record, 4) !== locatorAt
  ) {
    throw corrupt(source, 'its Zip64 end record is malformed.');
  }
  const count = number64(source, record, 32);
  if (
    record.getUint32(16, true) !== 0 ||
    record.getUint32(20, true) !== 0 ||
    number64(source, record, 24) !== count
  ) {
    throw corrupt(source, 'is one part of a zip of several disks.');
  }
  const size = number64(source, record, 40);
  const offset = number64(source, record, 48);
  if (offset + size !== recordAt)
    throw corrupt(source, 'its zip directory does not end where the Zip64 end record begins.');
  return { count, size, offset };
}

type EntryWithoutLimit = Omit<ZipEntry, 'limit'>;

function parseDirectory(
  source: ByteSource,
  bytes: Uint8Array,
  count: number,
  directoryAt: number,
): EntryWithoutLimit[] {
  const directory = view(bytes);
  const entries: EntryWithoutLimit[] = [];
  const names = new Set<string>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.byteLength || directory.getUint32(at, true) !== 0x02014b50) {
      throw corrupt(source, `its zip directory breaks off at member ${i + 1} of ${count}.`);
    }
    const nameLength = directory.getUint16(at + 28, true);
    const extraLength = directory.getUint16(at + 30, true);
    const next = at + 46 + nameLength + extraLength + directory.getUint16(at + 32, true);
    if (next > bytes.byteLength) {
      throw corrupt(source, `its zip directory breaks off at member ${i + 1} of ${count}.`);
    }
    const name = memberName(source, bytes.subarray(at + 46, at + 46 + nameLength));
    if (names.has(name)) throw unsafe(source, `has two members named ${quoted(name)}.`);
    names.add(name);

    const extra = bytes.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const { size, compressedSize, headerOffset, disk } = zip64Fields(source, name, extra, {
      size: directory.getUint32(at + 24, true),
      compressedSize: directory.getUint32(at + 20, true),
      headerOffset: directory.getUint32(at + 42, true),
      disk: directory.getUint16(at + 34, true),
    });
    const method = directory.getUint16(at + 10, true);
    const flags = directory.getUint16(at + 8, true);
    const member = `its member ${quoted(name)}`;
    if (disk !== 0) throw corrupt(source, `${member} lies on another disk.`);
    // Bits 0, 6 and 13: encrypted, strongly encrypted, headers masked.
    if (flags & 0x2041) throw unsafe(source, `${member} is encrypted.`);
    if (method !== STORED && method !== DEFLATED) {
      throw corrupt(
        source,
        `${member} is compressed by method ${method}; only stored and deflated are read.`,
      );
    }
    if (method === STORED && compressedSize !== size) {
      throw corrupt(source, `${member} is stored, yet claims ${size} bytes in ${compressedSize}.`);
    }
    if (size > RATIO_FREE_BYTES && size > compressedSize * MAX_RATIO) {
      throw unsafe(
        source,
        `${member} claims to grow from ${compressedSize} to ${size} bytes, like a zip bomb.`,
      );
    }
    if (headerOffset + 30 + nameLength + compressedSize > directoryAt) {
      throw corrupt(
        source,
        `${member} (${compressedSize} bytes at ${headerOffset}) reaches beyond the data of the file.`,
      );
    }
    entries.push({
      name,
      method,
      flags,
      crc32: directory.getUint32(at + 16, true),
      compressedSize,
      size,
      headerOffset,
    });
    at = next;
  }
  if (at !== bytes.byteLength)
    throw corrupt(source, 'its zip directory is longer than its members.');
  return entries;
}

/** Replaces the fields whose 32 (or 16) bits are all ones by their values in extra record 1, which come in this order. */
function zip64Fields(
  source: ByteSource,
  name: string,
  extra: Uint8Array,
  fields: { size: number; compressedSize: number; headerOffset: number; disk: number },
): typeof fields {
  const missing = {
    size: fields.size === ALL_ONES_32,
    compressedSize: fields.compressedSize === ALL_ONES_32,
    headerOffset: fields.headerOffset === ALL_ONES_32,
    disk: fields.disk === ALL_ONES_16,
  };
  if (!Object.values(missing).includes(true)) return fields;
  const records = view(extra);
  for (let at = 0; at + 4 <= extra.byteLength; ) {
    const start = at + 4;
    const end = start + records.getUint16(at + 2, true);
    if (end > extra.byteLength) break;
    if (records.getUint16(at, true) === 1) {
      let position = start;
      const take = (bytes: 4 | 8): number => {
        if (position + bytes > end)
          throw corrupt(source, `its member ${quoted(name)} has a cut Zip64 record.`);
        const value =
          bytes === 8 ? number64(source, records, position) : records.getUint32(position, true);
        position += bytes;
        return value;
      };
      return {
        size: missing.size ? take(8) : fields.size,
        compressedSize: missing.compressedSize ? take(8) : fields.compressedSize,
        headerOffset: missing.headerOffset ? take(8) : fields.headerOffset,
        disk: missing.disk ? take(4) : fields.disk,
      };
    }
    at = end;
  }
  throw corrupt(source, `its member ${quoted(name)} lacks the Zip64 record that it refers to.`);
}

function withLimits(
  source: ByteSource,
  entries: EntryWithoutLimit[],
  directoryAt: number,
): Map<string, ZipEntry> {
  const byOffset = [...entries].sort((a, b) => a.headerOffset - b.headerOffset);
  const limits = new Map<string, number>();
  for (const [i, { name, headerOffset, compressedSize }] of byOffset.entries()) {
    const limit = byOffset[i + 1]?.headerOffset ?? directoryAt;
    if (headerOffset + 30 + compressedSize > limit) {
      throw unsafe(
        source,
        `its members ${quoted(name)} and ${quoted(byOffset[i + 1]?.name ?? '')} overlap.`,
      );
    }
    limits.set(name, limit);
  }
  return new Map(
    entries.map((entry) => [entry.name, { ...entry, limit: limits.get(entry.name)! }]),
  );
}

function memberName(source: ByteSource, bytes: Uint8Array): string {
  let name: string;
  try {
    name = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new CheckpointError(
      'corrupt',
      source.name,
      'has a zip member whose name is not valid UTF-8.',
      { cause },
    );
  }
  if (
    name === '' ||
    name.startsWith('/') ||
    /[\\\0]/.test(name) ||
    name.split('/').includes('..')
  ) {
    throw unsafe(source, `has a zip member with the unsafe name ${quoted(name)}.`);
  }
  return name;
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function number64(source: ByteSource, record: DataView, at: number): number {
  const value = record.getBigUint64(at, true);
  // No offset or size can exceed the file, deflated sizes apart, and 2⁵³ is beyond either.
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw corrupt(source, `its zip directory names the impossible number ${value}.`);
  return Number(value);
}

function truncated(source: ByteSource): CheckpointError {
  return new CheckpointError(
    'short-read',
    source.name,
    `begins as a zip file but its end record is missing; the file is ${source.size} bytes.`,
    { remedy: 'The download or copy is probably incomplete: fetch it again.' },
  );
}

function corrupt(source: ByteSource, problem: string): CheckpointError {
  return new CheckpointError('corrupt', source.name, problem, {
    remedy: 'Copy or download it again.',
  });
}

function unsafe(source: ByteSource, problem: string): CheckpointError {
  return new CheckpointError('unsafe', source.name, problem, { remedy: 'Do not trust this file.' });
}
