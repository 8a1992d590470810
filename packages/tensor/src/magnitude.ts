import type { Dtype } from './dtype.ts';
import { minMax } from './ops/min_max.ts';
import type { Tensor } from './tensor.ts';

/** How large the values are that a step wrote. */
export interface Magnitude {
  /** `linear encoder.blocks.3.mlp.fc1`: the op and the module it worked for. */
  readonly label: string;
  /** Of the tensor that was written. */
  readonly dtype: Dtype;
  /** The largest |value| of those that are finite. f16 ends at 65504. */
  readonly largest: number;
  /** How many are NaN or infinite. */
  readonly nonFinite: number;
}

/** Looks at a tensor now: what is queued after the call does not change what is seen. */
export async function magnitudeOf(written: Tensor, label: string): Promise<Magnitude> {
  const range = minMax(written);
  try {
    const [low = 0, high = 0, finite = 0] = await range.read();
    // The count is an f32: of more than 2²⁴ values it is rounded.
    const nonFinite = written.size - finite;
    return {
      label,
      dtype: written.dtype,
      largest: Math.max(Math.abs(low), Math.abs(high)),
      nonFinite: nonFinite > written.size * 2 ** -23 ? nonFinite : 0,
    };
  } finally {
    range.dispose();
  }
}
