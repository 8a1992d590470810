// Files of the published sizes with random weights, for load tests: keys, shapes and types are those of the authors'
// files, also what no module uses.
//
//   node --import tsx scripts/random_state_dict.ts NAME... [--folder DIR] [--format safetensors|pth] [--dtype f32|f16]

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { crc32 } from 'node:zlib';
import type { LazySafetensorsEntry } from '@dpt-webgpu/loaders';
import { writeSafetensorsFile } from '@dpt-webgpu/loaders/node';
import { f16FromArray, sizeOf } from '@dpt-webgpu/tensor';
import { pickle, proto, stop } from '../test/support/write_pickle.ts';
import { stateDictPickle } from '../test/support/write_pth.ts';
import { publishedFiles, type Shapes } from './state_dict_shapes.ts';

const usage = `usage: node --import tsx scripts/random_state_dict.ts NAME... [options]
  --folder DIR    where to write, default output/random
  --format NAME   safetensors (default) or pth
  --dtype TYPE    f32 (default) or f16, of the floats
names: ${[...publishedFiles.keys()].join(' ')}`;

type FloatType = 'f32' | 'f16';

/** The same numbers every time. Small, and around one for what multiplies, so that a forward stays finite. */
function values(key: string, count: number): Float32Array {
  const around = /(norm\d?|norm)\.weight$|gamma/.test(key) ? 1 : 0;
  const isScale = key.endsWith('logit_scale');
  const isMask = key.endsWith('attn_mask');
  const result = new Float32Array(count);
  if (isMask) return result;
  let state = 1;
  for (const letter of key) state = (Math.imul(state, 31) + letter.charCodeAt(0)) >>> 0;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    result[i] = isScale ? Math.log(10) : around + (state / 2 ** 31 - 1) * 0.03;
  }
  return result;
}

function bytesOf(key: string, shape: readonly number[], dtype: FloatType | 'i64'): Uint8Array {
  const count = sizeOf(shape);
  if (dtype === 'i64') return new Uint8Array(8 * count);
  const floats = values(key, count);
  const stored = dtype === 'f16' ? f16FromArray(floats) : floats;
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
}

async function writeSafetensors(path: string, shapes: Shapes, dtype: FloatType): Promise<void> {
  const entries = [...shapes].map(([key, entry]): [string, LazySafetensorsEntry] => {
    const type = entry.dtype === 'i64' ? 'i64' : dtype;
    return [key, { ...entry, dtype: type, read: async () => bytesOf(key, entry.shape, type) }];
  });
  await writeSafetensorsFile(path, new Map(entries), new Map([['format', 'pt']]));
}

/** A zip of stored members, as torch.save writes it, one tensor in memory at a time. Below 4 GiB. */
async function writePth(path: string, shapes: Shapes, dtype: FloatType): Promise<void> {
  const keys = [...shapes];
  const type = { f32: 'FloatStorage', f16: 'HalfStorage', i64: 'LongStorage' };
  const storages = Object.fromEntries(
    keys.map(([, { shape, dtype: own }], i) => [
      String(i),
      { type: type[own === 'i64' ? own : dtype], count: sizeOf(shape), data: new Uint8Array(0) },
    ]),
  );
  const tensors = Object.fromEntries(
    keys.map(([key, { shape }], i) => [key, { storage: String(i), shape: [...shape] }]),
  );
  const part = `${path}.part`;
  const stream = createWriteStream(part);
  let position = 0;
  const directory: Uint8Array[] = [];
  const put = async (bytes: Uint8Array): Promise<void> => {
    position += bytes.length;
    if (!stream.write(bytes)) await once(stream, 'drain');
  };
  const member = async (name: string, data: Uint8Array): Promise<void> => {
    const file = new TextEncoder().encode(`archive/${name}`);
    const start = position;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(file.length, 22);
    // Padding that puts the data at a multiple of 64, as PyTorch has it.
    const padding = (64 - ((start + 34 + file.length) % 64)) % 64;
    const extra = Buffer.alloc(4 + padding);
    extra.write('FB', 'latin1');
    extra.writeUInt16LE(padding, 2);
    const local = Buffer.from(common);
    local.writeUInt16LE(extra.length, 24);
    await put(Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), local, file, extra]));
    await put(data);
    const central = Buffer.alloc(14);
    central.writeUInt32LE(start, 10);
    const made = Buffer.from('PK\x01\x02\x14\x00', 'latin1');
    directory.push(Buffer.concat([made, common, central, file]));
  };
  await member('data.pkl', pickle(proto, stateDictPickle(tensors, storages), stop));
  for (const [i, [key, entry]] of keys.entries()) {
    await member(`data/${i}`, bytesOf(key, entry.shape, entry.dtype === 'i64' ? 'i64' : dtype));
  }
  await member('version', new TextEncoder().encode('3\n'));
  const start = position;
  for (const entry of directory) await put(entry);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(position - start, 12);
  end.writeUInt32LE(start, 16);
  await put(end);
  stream.end();
  await once(stream, 'finish');
  await rename(part, path);
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    folder: { type: 'string', default: join('output', 'random') },
    format: { type: 'string', default: 'safetensors' },
    dtype: { type: 'string', default: 'f32' },
    help: { type: 'boolean', short: 'h' },
  },
});
const { folder, format, dtype } = flags;
const unknown = positionals.find((name) => !publishedFiles.has(name));
const isRight =
  positionals.length > 0 &&
  unknown === undefined &&
  (dtype === 'f32' || dtype === 'f16') &&
  (format === 'safetensors' || format === 'pth');
if (flags.help || !isRight) {
  console.log(usage);
  process.exit(flags.help ? 0 : 2);
}
await mkdir(folder, { recursive: true });
for (const name of positionals) {
  const { file, shapes } = publishedFiles.get(name)!;
  const path = join(folder, `${file}.${format}`);
  const write = format === 'pth' ? writePth : writeSafetensors;
  await write(path, shapes(), dtype === 'f16' ? 'f16' : 'f32');
  console.log(path);
}
