/**
 * The epilogue as numbers that a kernel reads as it runs, where others have it as overrides: drivers that compile for the
 * processor take a tenth to half a second for every combination of those.
 */
export const epilogueParams = {
  ACTIVATION: 'u32',
  HAS_BIAS: 'u32',
  SCALE: 'u32',
  HAS_RESIDUAL: 'u32',
} as const;

/** Those of a kernel's choices that it does not read as it runs. */
export const overridesOf = (
  { layout }: { readonly layout: { readonly params: object } },
  choices: Readonly<Record<string, number>>,
): Record<string, number> =>
  Object.fromEntries(Object.entries(choices).filter(([name]) => !(name in layout.params)));
