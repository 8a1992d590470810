import type { Capabilities } from './capabilities.ts';
import type { Context } from './context.ts';
import { invalidArgument } from './errors.ts';

type Problem<Case> = Case & { readonly device: Capabilities };

/** One way to compute an op. A list of them goes best first; the last fits and pays always. */
export interface Variant<Case> {
  /** The name of its shader, and of the tile where one shader has several. */
  readonly name: string;
  /** Whether its results would be right. */
  readonly fits: (problem: Problem<Case>) => boolean;
  /** Whether it is worth it. Default: wherever it fits. One that is asked for by name need not pay. */
  readonly pays?: (problem: Problem<Case>) => boolean;
}

/** The first variant that fits and pays, or the one that `ContextOptions.variants` asks for where that fits. */
export function chooseVariant<Case extends object>(
  context: Context,
  op: string,
  variants: readonly Variant<Case>[],
  problem: Case,
): string {
  const asked = { ...problem, device: context.capabilities };
  const fitting = variants.filter(({ fits }) => fits(asked));
  const wanted = context.variants[op];
  const chosen =
    fitting.find(({ name }) => name === wanted) ??
    fitting.find(({ pays }) => pays?.(asked) ?? true);
  if (!chosen) throw invalidArgument(`${op}: no kernel fits ${JSON.stringify(problem)}.`);
  return chosen.name;
}
