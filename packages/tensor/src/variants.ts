import type { Capabilities } from './capabilities.ts';
import type { Context } from './context.ts';

/** One way to compute an op. A list of them goes best first; the last always fits. */
export interface Variant<Case> {
  /** The name of its shader. */
  readonly name: string;
  readonly fits: (problem: Case & { readonly device: Capabilities }) => boolean;
}

/** The first variant that fits, or the one that `ContextOptions.variants` asks for where that fits. */
export function chooseVariant<Case extends object>(
  context: Context,
  op: string,
  variants: readonly Variant<Case>[],
  problem: Case,
): string {
  const fitting = variants.filter(({ fits }) => fits({ ...problem, device: context.capabilities }));
  const wanted = context.variants[op];
  const chosen = fitting.find(({ name }) => name === wanted) ?? fitting[0];
  if (!chosen) throw new Error(`${op}: no kernel fits ${JSON.stringify(problem)}.`);
  return chosen.name;
}
