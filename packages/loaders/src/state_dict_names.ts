import type { StoredTensor } from '@dpt-webgpu/tensor';
import { Dict, type PickleValue } from './pickle_values.ts';
import { TensorRef } from './pytorch_globals.ts';

/** Where training scripts put the state dict inside their checkpoint, in the order they are tried. */
const WRAPPERS = ['model', 'state_dict', 'model_state_dict', 'ema'];

/** What wrapping a model in DataParallel, in another module, or in torch.compile puts before every name. */
const PREFIXES = ['module.', 'model.', '_orig_mod.'];

/**
 * The dict that holds the tensors: the root itself, or what lies under `model`, `state_dict`, `model_state_dict` or
 * `ema`, any of them nested. Undefined when there are no tensors to be found.
 */
export function findStateDict(root: PickleValue, seen = new Set<PickleValue>()): Dict | undefined {
  // A pickle can contain itself.
  if (!(root instanceof Dict) || seen.has(root)) return undefined;
  seen.add(root);
  for (const wrapper of WRAPPERS) {
    const inner = findStateDict(root.entries.get(wrapper) ?? null, seen);
    if (inner) return inner;
  }
  for (const value of root.entries.values()) if (value instanceof TensorRef) return root;
  return undefined;
}

/** The same tensors without a prefix that all names share: `module.`, `model.` or `_orig_mod.`, also several of them. */
export function withoutCommonPrefix(
  tensors: ReadonlyMap<string, StoredTensor>,
): ReadonlyMap<string, StoredTensor> {
  const names = [...tensors.keys()];
  let length = 0;
  for (;;) {
    const prefix = PREFIXES.find((candidate) =>
      names.every(
        (name) => name.startsWith(candidate, length) && name.length > length + candidate.length,
      ),
    );
    if (prefix === undefined || names.length === 0) break;
    length += prefix.length;
  }
  if (length === 0) return tensors;
  return new Map([...tensors].map(([name, tensor]) => [name.slice(length), tensor]));
}
