import type { ByteSource } from './byte_source.ts';
import { CheckpointError, quoted } from './checkpoint_error.ts';
import { unpickle } from './pickle.ts';
import {
  MAX_PICKLE_BYTES,
  type PytorchContents,
  type PytorchOptions,
  storageOf,
  torchHooks,
} from './pytorch_contents.ts';
import type { StorageRef } from './pytorch_globals.ts';
import { sizeOfDtype } from './stored_bytes.ts';
import { readZipDirectory, type ZipDirectory } from './zip.ts';
import { ZipMember } from './zip_member.ts';

/** The container of torch.save since 1.6: a zip with `X/data.pkl` and one member `X/data/KEY` per storage. */
export async function openZip(
  source: ByteSource,
  options: PytorchOptions,
): Promise<PytorchContents> {
  const directory = await readZipDirectory(source);
  const folder = torchFolder(source, directory);
  const checkCrc = options.checkCrc ?? true;
  const member = (name: string) => {
    const entry = directory.entries.get(`${folder}${name}`);
    return entry && new ZipMember(source, entry, { checkCrc });
  };

  const pickle = member('data.pkl')!;
  if (pickle.size > MAX_PICKLE_BYTES) {
    throw new CheckpointError(
      'unsafe',
      source.name,
      `its data.pkl is ${pickle.size} bytes; at most ${MAX_PICKLE_BYTES} are read.`,
    );
  }
  const bigEndian = await isBigEndian(source, member('byteorder'));
  const known = new Map<string, StorageRef>();
  const hooks = torchHooks(source.name, options, (id) => storageOf(id, known, source.name));
  const { value: root } = unpickle(await pickle.read(0, pickle.size), hooks);

  const members = new Map<string, ZipMember>();
  return {
    root,
    openStorage({ key, dtype, stored }, tensor) {
      const data = members.get(key) ?? (/^\d+$/.test(key) ? member(`data/${key}`) : undefined);
      const where = `tensor ${quoted(tensor)} lies in ${quoted(`data/${key}`)}`;
      if (!data) throw new CheckpointError('corrupt', source.name, `${where}, which is missing.`);
      members.set(key, data);
      const size = sizeOfDtype(dtype);
      if (data.size < stored * size) {
        throw new CheckpointError(
          'corrupt',
          source.name,
          `${where}, which has ${data.size} bytes instead of ${stored * size}.`,
        );
      }
      return {
        dtype,
        async read(offset, count, readOptions) {
          const bytes = await data.read(offset * size, count * size, readOptions);
          return bigEndian ? swapBytes(bytes, size) : bytes;
        },
      };
    },
  };
}

/** The top folder, with its slash. Exactly one `data.pkl` may be in the file: a second one could be the one that another reader sees. */
function torchFolder(source: ByteSource, { entries }: ZipDirectory): string {
  const names = [...entries.keys()];
  const has = (pattern: RegExp) => names.some((name) => pattern.test(name));
  if (has(/^[^/]+\/constants\.pkl$/) || has(/^[^/]+\/code\//)) {
    throw new CheckpointError(
      'unsupported',
      source.name,
      'is a TorchScript archive (torch.jit.save), which carries a program.',
      {
        remedy: 'Save the weights alone: torch.save(torch.jit.load(path).state_dict(), other).',
      },
    );
  }
  const pickles = names.filter((name) => /(^|\/)data\.pkl$/.test(name));
  if (pickles.length > 1) {
    throw new CheckpointError(
      'unsafe',
      source.name,
      `has ${pickles.length} members named data.pkl; a checkpoint has one.`,
    );
  }
  const folder = /^([^/]+\/)data\.pkl$/.exec(pickles[0] ?? '')?.[1];
  if (folder !== undefined) return folder;
  const listed = names.slice(0, 3).map(quoted).join(', ');
  throw new CheckpointError(
    'not-a-checkpoint',
    source.name,
    `is a zip file without a checkpoint in it (${listed || 'it is empty'}${names.length > 3 ? ', …' : ''}).`,
    {
      remedy: has(/\.(pth|pt|safetensors)$/i) ? 'Unpack it and open the file inside.' : undefined,
    },
  );
}

async function isBigEndian(source: ByteSource, member: ZipMember | undefined): Promise<boolean> {
  if (!member) return false;
  const text = new TextDecoder().decode(await member.read(0, Math.min(member.size, 16))).trim();
  if (text !== 'little' && text !== 'big') {
    throw new CheckpointError(
      'corrupt',
      source.name,
      `has the unknown byte order ${quoted(text)}.`,
    );
  }
  return text === 'big';
}

function swapBytes(bytes: Uint8Array, size: number): Uint8Array {
  for (let at = 0; at + size <= bytes.byteLength; at += size)
    bytes.subarray(at, at + size).reverse();
  return bytes;
}
