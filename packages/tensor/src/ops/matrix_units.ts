import type { Capabilities } from '../capabilities.ts';
import type { Dtype } from '../dtype.ts';
import type { Variant } from '../variants.ts';

/** What is to be set in a kernel for matrix units. */
export interface MatrixUnits {
  readonly types?: Readonly<Record<string, string>>;
  readonly overrides?: Readonly<Record<string, number>>;
}

/**
 * For matrices of a side (`Capabilities.subgroupMatrix`) and the dtype of what weights are multiplied with, of which an f32
 * is the sum of two f16. As they are written, kernels have matrices of 16 × 16.
 */
export function matrixUnits(side: Capabilities['subgroupMatrix'], dtype: Dtype): MatrixUnits {
  const PARTS = dtype === 'f16' ? 1 : 2;
  if (side === 16) return { overrides: { PARTS } };
  return {
    types: {
      Left: `subgroup_matrix_left<f16, ${side}, ${side}>`,
      Right: `subgroup_matrix_right<f16, ${side}, ${side}>`,
      Sums: `subgroup_matrix_result<f32, ${side}, ${side}>`,
    },
    overrides: { PARTS, MATRIX: side },
  };
}

/** The same for kernels of attention, whose arrays are twice as long where matrices are half as wide. */
export function attentionUnits(side: Capabilities['subgroupMatrix'], dtype: Dtype): MatrixUnits {
  const { types, overrides } = matrixUnits(side, dtype);
  const arrays = { Queries: 'array<Left, 16>', Outputs: 'array<Sums, 8>' };
  return { ...(overrides && { overrides }), ...(types && { types: { ...types, ...arrays } }) };
}

/** Which problems kernels of attention take on matrix units, and when that pays. */
export const attentionOnUnits: Pick<
  Variant<{ readonly N: number; readonly d: number; readonly products: Dtype }>,
  'fits' | 'pays'
> = {
  fits: ({ d, products, device }) =>
    device.subgroupMatrix > 0 && products === 'f16' && d % device.subgroupMatrix === 0 && d <= 64,
  pays: ({ N, device }) => !device.software && N >= 32,
};
