import type { Dtype } from '../dtype.ts';
import { invalidArgument } from '../errors.ts';
import type { Tensor } from '../tensor.ts';
import { activationCode } from './activation.ts';
import type { Epilogue } from './linear.ts';

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

const { ACTIVATION: _, ...rest } = epilogueParams;
/** The same for kernels that have a pipeline for each activation: one that chooses is a twentieth slower on SwiftShader. */
export const paramsBehindActivation = rest;

/** Those of a kernel's choices that it does not read as it runs. */
export const overridesOf = (
  { layout }: { readonly layout: { readonly params: object } },
  choices: Readonly<Record<string, number>>,
): Record<string, number> =>
  Object.fromEntries(Object.entries(choices).filter(([name]) => !(name in layout.params)));

/** What a kernel is told of an epilogue, as numbers. */
export const epilogueChoices = (
  bias: Tensor | undefined,
  { activation = 'none', scaledBy, addTo }: Epilogue,
): { readonly [K in keyof typeof epilogueParams]: number } => ({
  ACTIVATION: activationCode[activation],
  HAS_BIAS: Number(bias !== undefined),
  SCALE: scaledBy === undefined ? 0 : scaledBy.size === 1 ? 1 : 2,
  HAS_RESIDUAL: Number(addTo !== undefined),
});

/** Storage of bias and scale, which kernels read as one type. */
export function vectorDtype(op: string, bias?: Tensor, scaledBy?: Tensor): Dtype {
  if (bias && scaledBy && bias.dtype !== scaledBy.dtype) {
    throw invalidArgument(
      `${op}: ${bias.name} is ${bias.dtype} and ${scaledBy.name} ${scaledBy.dtype}; both must have the same dtype.`,
    );
  }
  return (bias ?? scaledBy)?.dtype ?? 'f32';
}
