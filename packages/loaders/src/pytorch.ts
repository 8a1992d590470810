import type { StateDict, StoredTensor } from '@dpt-webgpu/tensor';
import type { ByteSource } from './byte_source.ts';
import { CheckpointError, quoted } from './checkpoint_error.ts';
import { whileOpening } from './opening.ts';
import { Dict, describe, type PickleValue } from './pickle_values.ts';
import type { PytorchOptions } from './pytorch_contents.ts';
import { TensorRef } from './pytorch_globals.ts';
import { isLegacyStream, openLegacyStream } from './pytorch_legacy.ts';
import { openZip } from './pytorch_zip.ts';
import { findStateDict, withoutCommonPrefix } from './state_dict_names.ts';
import { stridedProblem, stridedTensor } from './strided_tensor.ts';

/**
 * Opens a file of torch.save: the zip container (since 1.6) or the older stream. No code of the file is run. Tensors
 * under `model`, `state_dict`, `model_state_dict` or `ema` are found, and a prefix that all names share (`module.`) is
 * dropped. The state dict owns the source from here on; when this rejects, also by an abort, the caller does.
 */
export async function readPytorch(
  source: ByteSource,
  options: PytorchOptions = {},
): Promise<StateDict> {
  return whileOpening(source, options, (interruptible) => read(interruptible, options));
}

async function read(source: ByteSource, options: PytorchOptions): Promise<StateDict> {
  const legacy = await isLegacyStream(source);
  const { root, openStorage } = await (legacy ? openLegacyStream : openZip)(source, options);
  const stateDict = findStateDict(root);
  if (!stateDict) throw noTensors(source, root);

  const tensors = new Map<string, StoredTensor>();
  for (const [name, value] of stateDict.entries) {
    if (!(value instanceof TensorRef)) continue;
    if (typeof name !== 'string') {
      throw new CheckpointError(
        'corrupt',
        source.name,
        `names a tensor by ${describe(name)} instead of a string.`,
      );
    }
    const { storage, view } = value;
    const problem = stridedProblem(view, storage.count, storage.dtype);
    if (problem)
      throw new CheckpointError('corrupt', source.name, `tensor ${quoted(name)} ${problem}.`);
    tensors.set(name, stridedTensor(openStorage(storage, name), view));
  }
  return {
    name: source.name,
    metadata: new Map(),
    tensors: withoutCommonPrefix(tensors),
    close: () => source.close(),
  };
}

function noTensors(source: ByteSource, root: PickleValue): CheckpointError {
  const keys =
    root instanceof Dict ? [...root.entries.keys()].filter((key) => typeof key === 'string') : [];
  const what =
    root instanceof Dict
      ? `has no tensors at its top level${keys.length ? ` (keys: ${keys.slice(0, 8).map(quoted).join(', ')}${keys.length > 8 ? ', …' : ''})` : ''}.`
      : `holds ${describe(root)} instead of a state dict.`;
  return new CheckpointError('unsupported', source.name, what, {
    remedy: 'Save the state dict alone: torch.save(model.state_dict(), path).',
  });
}
