import { DptError } from './errors.ts';
import { type Shape, sameShape, shapeText } from './shape.ts';
import type { StateDict } from './state_dict.ts';

/** Everything in which a checkpoint and a model disagree, reported together. */
export class StateDictError extends DptError {
  override readonly name = 'StateDictError';
  readonly missing: readonly string[];
  readonly unused: readonly string[];
  readonly misshapen: readonly string[];

  constructor(
    message: string,
    {
      missing = [],
      unused = [],
      misshapen = [],
    }: { missing?: string[]; unused?: string[]; misshapen?: string[] } = {},
  ) {
    super('state-dict', message);
    this.missing = missing;
    this.unused = unused;
    this.misshapen = misshapen;
  }
}

/** Throws a `StateDictError` with every difference between what was declared, by key, and what the file has. */
export function expectAlike(
  stateDict: StateDict,
  declared: ReadonlyMap<string, { readonly shape: Shape }>,
  {
    title = 'this model',
    originOf,
  }: { readonly title?: string; readonly originOf?: (key: string) => string | undefined },
): void {
  const missing: string[] = [];
  const misshapen: string[] = [];
  for (const [key, { shape }] of declared) {
    const stored = stateDict.tensors.get(key);
    if (!stored) missing.push(key);
    else if (!sameShape(stored.shape, shape)) misshapen.push(key);
  }
  const unused = [...stateDict.tensors.keys()].filter((key) => !declared.has(key));
  if (missing.length + misshapen.length + unused.length === 0) return;

  const origin = (key: string): string => originOf?.(key) ?? key;
  const width = Math.max(...[...missing, ...misshapen, ...unused].map((key) => origin(key).length));
  const arrow = (key: string): string =>
    origin(key) === key ? key : `${origin(key).padEnd(width)} → ${key}`;
  const lines = [
    ...missing.map((key) => `  missing    ${arrow(key)}`),
    ...unused.map((key) => `  unused     ${origin(key)}`),
    ...misshapen.map(
      (key) =>
        `  misshapen  ${origin(key).padEnd(width)} is ${shapeText(stateDict.tensors.get(key)!.shape)}, expected ${shapeText(declared.get(key)!.shape)}`,
    ),
  ];
  const shown =
    lines.length > 40 ? [...lines.slice(0, 40), `  … and ${lines.length - 40} more`] : lines;
  throw new StateDictError(
    `${stateDict.name}: ${missing.length} ${missing.length === 1 ? 'key' : 'keys'} missing, ${unused.length} unused, ${misshapen.length} misshapen for ${title}:\n${shown.join('\n')}`,
    {
      missing: missing.map(origin),
      unused: unused.map(origin),
      misshapen: misshapen.map(origin),
    },
  );
}
