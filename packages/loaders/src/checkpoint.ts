import type { StateDict } from '@dpt-webgpu/tensor';
import type { ByteSource } from './byte_source.ts';
import { CheckpointError, type CheckpointErrorCode } from './checkpoint_error.ts';
import { whileOpening } from './opening.ts';
import { readPytorch } from './pytorch.ts';
import type { PytorchOptions } from './pytorch_contents.ts';
import { LEGACY_MAGIC } from './pytorch_legacy.ts';
import { readSafetensors } from './safetensors.ts';
import { withoutCommonPrefix } from './state_dict_names.ts';

/** How strictly a checkpoint is read, and how to stop while it is opened. Tensors take a signal of their own. */
export interface OpenOptions extends PytorchOptions {}

/** Enough to see the `ustar` of a tar file at byte 257. */
const SNIFFED_BYTES = 512;

/**
 * Opens a checkpoint of any kind that is supported. Its first bytes decide which it is; its name decides nothing. A
 * prefix that all names share (`module.`, `model.`, `_orig_mod.`) is dropped. The state dict owns the source from here
 * on; when this rejects, also by an abort, the caller does.
 */
export async function openCheckpoint(
  source: ByteSource,
  options: OpenOptions = {},
): Promise<StateDict> {
  return whileOpening(source, options, (interruptible) => open(interruptible, options));
}

async function open(
  source: ByteSource,
  { signal: _, ...options }: OpenOptions,
): Promise<StateDict> {
  const start = await source.read(0, Math.min(source.size, SNIFFED_BYTES));
  if (begins(start, 'PK\x03\x04') || begins(start, LEGACY_MAGIC))
    return readPytorch(source, options);
  // The length of a header is far below 2³², so a text that has "{" there is no safetensors file.
  if (begins(start.subarray(4), '\0\0\0\0{')) return openSafetensors(source);
  const foreign = recogniseForeign(start);
  if (foreign) {
    const [code, problem, remedy] = foreign;
    throw new CheckpointError(code, source.name, problem, { remedy });
  }
  // Its length is impossible, which readSafetensors explains.
  if (start[8] === 0x7b) return openSafetensors(source);
  const bytes = [...start.subarray(0, 8)]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join(' ');
  throw new CheckpointError(
    'not-a-checkpoint',
    source.name,
    `is neither a PyTorch nor a safetensors file; it begins with the bytes ${bytes}.`,
    { remedy: 'Check that it is the right file and that its download is complete.' },
  );
}

async function openSafetensors(source: ByteSource): Promise<StateDict> {
  const stateDict = await readSafetensors(source);
  return { ...stateDict, tensors: withoutCommonPrefix(stateDict.tensors) };
}

type Foreign = readonly [code: CheckpointErrorCode, problem: string, remedy?: string];

/** Files that people take for checkpoints, and what to do about each. */
function recogniseForeign(start: Uint8Array): Foreign | undefined {
  if (start.byteLength === 0) {
    return ['empty', 'is empty (0 bytes).', 'Download it again.'];
  }
  const text = new TextDecoder('latin1').decode(start).trimStart().toLowerCase();
  if (text.startsWith('version https://git-lfs.github.com/spec/')) {
    const size = /\nsize (\d+)/.exec(text)?.[1];
    return [
      'lfs-pointer',
      `is a Git LFS pointer, the text that stands for the real file${size ? ` of ${size} bytes` : ''}.`,
      'Fetch the file itself: run "git lfs pull" in its repository, or download it with its "resolve" (not "raw") link.',
    ];
  }
  if (/^(<!doctype|<html|<head|<\?xml|<!--)/.test(text)) {
    return [
      'web-page',
      'is a web page, not a checkpoint.',
      'The link led to a page about the file, or to an error: download the file itself.',
    ];
  }
  // A JSON answer or index. (In a safetensors file the "{" comes after 8 bytes of length.)
  if (/^[{[]\s*["{}\]]/.test(text)) {
    return [
      'web-page',
      'is JSON text, not a checkpoint.',
      'It may be an error message of the server, or an index: download the model file itself.',
    ];
  }
  if (
    /^(entry not found|invalid username|access to model|not found|repository not found|unauthorized)/.test(
      text,
    )
  ) {
    return [
      'web-page',
      `is the text of an error message (${JSON.stringify(text.slice(0, 40))}), not a checkpoint.`,
      'Check the link and download it again.',
    ];
  }
  if (begins(start, 'PYTORCH1')) {
    return [
      'unsupported',
      'has the container of a preview release of PyTorch 1.0.',
      'Load it with PyTorch and save its state dict again.',
    ];
  }
  if (begins(start.subarray(257), 'ustar')) {
    return [
      'unsupported',
      'is a tar file: the format of PyTorch 0.1, or an archive of other files.',
      'Unpack an archive and open the file inside. Load a PyTorch 0.1 file with PyTorch and save its state dict again.',
    ];
  }
  if (
    start[0] === 0x80 &&
    start[1]! >= 2 &&
    start[1]! <= 5 &&
    !begins(start, LEGACY_MAGIC) &&
    start[8] !== 0x7b
  ) {
    return [
      'unsupported',
      'is a bare pickle, not a file of torch.save.',
      'Load it with Python and save the state dict with torch.save or safetensors.',
    ];
  }
  const other = OTHERS.find(([magic]) => begins(start, magic));
  return (
    other && ['not-a-checkpoint', `is ${other[1]}, not a PyTorch or safetensors file.`, other[2]]
  );
}

const OTHERS: readonly (readonly [
  magic: string | readonly number[],
  kind: string,
  remedy?: string,
])[] = [
  ['PK\x05\x06', 'an empty zip file', 'Download it again.'],
  ['\x1f\x8b', 'a gzip file', 'Unpack it first.'],
  ['7z\xbc\xaf', 'a 7-Zip file', 'Unpack it first.'],
  ['Rar!', 'a RAR file', 'Unpack it first.'],
  ['\x28\xb5\x2f\xfd', 'a Zstandard file', 'Unpack it first.'],
  ['\xfd7zXZ', 'an xz file', 'Unpack it first.'],
  ['GGUF', 'a GGUF file', 'Use the .pth or .safetensors file of the model.'],
  ['\x89HDF', 'an HDF5 file', 'Use the .pth or .safetensors file of the model.'],
  ['\x93NUMPY', 'a NumPy array', 'Use the .pth or .safetensors file of the model.'],
  ['\x08\x03\x12', 'an ONNX file', 'Use the .pth or .safetensors file of the model.'],
  ['\x89PNG', 'a PNG picture', 'Did a picture and a model change places?'],
  ['\xff\xd8\xff', 'a JPEG picture', 'Did a picture and a model change places?'],
];

function begins(bytes: Uint8Array, magic: string | readonly number[]): boolean {
  const wanted =
    typeof magic === 'string' ? [...magic].map((character) => character.charCodeAt(0)) : magic;
  return wanted.every((byte, i) => bytes[i] === byte);
}
