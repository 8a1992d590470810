import { DptError, type StateDict, type StoredTensor } from '@dpt-webgpu/tensor';

/**
 * A rule for one kind of key. Parts in braces stand for a number or a word and are carried over:
 * `['pretrained.blocks.{i}.norm1.{leaf}', 'encoder.blocks.{i}.norm1.{leaf}']`. Several names on the left are joined
 * along their first axis (separate q, k and v), and null after the first stands for zeros of its shape (there is no
 * bias of k); null on the right drops the key, with the reason.
 */
export type RenameRule =
  | readonly [from: string | readonly (string | null)[], to: string]
  | readonly [from: string, to: null, reason: string];

/** A state dict under other names, which remembers where each key came from. */
export interface RenamedStateDict extends StateDict {
  /** The name in the file of a key; also of one that is missing, as far as the rules tell. */
  originOf(key: string): string | undefined;
  /** Keys the rules left out, with the reason. */
  readonly dropped: ReadonlyMap<string, string>;
}

/**
 * The rules the other way round, for files that were saved under our names. What was joined stays joined, so those
 * rules have no inverse and their keys keep our name.
 */
export const inverse = (rules: readonly RenameRule[]): readonly RenameRule[] =>
  rules.flatMap(([from, to]): RenameRule[] =>
    typeof from === 'string' && to !== null ? [[to, from]] : [],
  );

/** Applies the rules. Keys that no rule knows keep their name, so that a strict load reports them as unused. */
export function rename(stateDict: StateDict, rules: readonly RenameRule[]): RenamedStateDict {
  const tensors = new Map<string, StoredTensor>();
  const dropped = new Map<string, string>();
  const origins = new Map<string, string>();
  const compiled = rules.map(compile);
  for (const [key, tensor] of stateDict.tensors) {
    const rule = compiled.find(({ matches }) => matches(key) !== undefined);
    if (!rule) {
      tensors.set(key, tensor);
    } else if (rule.to === null) {
      dropped.set(key, rule.reason);
    } else {
      const parts = rule.matches(key)!;
      const to = fill(rule.to, parts.values);
      if (rule.from.length === 1) {
        tensors.set(to, tensor);
        origins.set(to, key);
      } else if (parts.index === 0) {
        const members = rule.from.map((template) =>
          template === null ? null : stateDict.tensors.get(fill(template, parts.values)),
        );
        // An incomplete set stays as it is: the load then says what is missing and what is left over.
        if (members.every((member) => member !== undefined)) {
          tensors.set(to, join(members));
          origins.set(to, namesOf(rule, parts.values).join(' + '));
        } else tensors.set(key, tensor);
      } else if (!namesOf(rule, parts.values).every((name) => stateDict.tensors.has(name))) {
        tensors.set(key, tensor);
      }
    }
  }
  return {
    name: stateDict.name,
    metadata: stateDict.metadata,
    tensors,
    dropped,
    close: () => stateDict.close(),
    originOf: (key) => origins.get(key) ?? originByRules(compiled, key),
  };
}

interface CompiledRule {
  readonly from: readonly (string | null)[];
  readonly to: string | null;
  readonly reason: string;
  /** Which of the names on the left a key matches, and what its braces hold. */
  readonly matches: (key: string) => { index: number; values: Record<string, string> } | undefined;
}

function compile([from, to, reason = '']: RenameRule): CompiledRule {
  const names = typeof from === 'string' ? [from] : from;
  const patterns = names.map((name) => (name === null ? null : toPattern(name)));
  return {
    from: names,
    to,
    reason,
    matches: (key) => {
      for (const [index, pattern] of patterns.entries()) {
        const match = pattern?.exec(key);
        if (match) return { index, values: match.groups ?? {} };
      }
      return undefined;
    },
  };
}

/** `{i}` and other single letters match digits, longer words a part without dots; `*` matches anything. */
function toPattern(template: string): RegExp {
  const source = template
    .replace(/[.+?^$()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replace(/\{(\w+)\}/g, (_, name: string) =>
      name.length === 1 ? `(?<${name}>\\d+)` : `(?<${name}>[^.]+)`,
    );
  return new RegExp(`^${source}$`);
}

const fill = (template: string, values: Record<string, string>): string =>
  template.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '');

/** The keys that a rule takes together, without its zeros. */
const namesOf = ({ from }: CompiledRule, values: Record<string, string>): string[] =>
  from.flatMap((template) => (template === null ? [] : [fill(template, values)]));

function originByRules(rules: readonly CompiledRule[], key: string): string | undefined {
  for (const rule of rules) {
    const match = rule.to === null ? null : toPattern(rule.to).exec(key);
    if (match) return namesOf(rule, match.groups ?? {}).join(' + ');
  }
  return undefined;
}

/** Tensors stacked along their first axis; null is zeros of the first one's shape. */
function join(members: readonly (StoredTensor | null)[]): StoredTensor {
  const first = members.find((member) => member !== null)!;
  const parts = members.map((member) => member ?? zerosLike(first));
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
  const sameRows = parts.every(({ dtype }) => dtype === first.dtype);
  return {
    dtype: first.dtype,
    shape: [rows, ...first.shape.slice(1)],
    async read(options) {
      if (!sameRows) {
        throw new DptError(
          'state-dict',
          `The parts of a joined tensor are ${parts.map((p) => p.dtype).join(', ')}.`,
        );
      }
      const bytes = await Promise.all(parts.map((part) => part.read(options)));
      const all = new Uint8Array(bytes.reduce((sum, { length }) => sum + length, 0));
      let offset = 0;
      for (const part of bytes) {
        all.set(part, offset);
        offset += part.length;
      }
      return all;
    },
  };
}

/** Zero is the same bits in every storage type: bytes that are zero. */
function zerosLike(tensor: StoredTensor): StoredTensor {
  return {
    dtype: tensor.dtype,
    shape: tensor.shape,
    read: async (options) => new Uint8Array((await tensor.read(options)).length),
  };
}
