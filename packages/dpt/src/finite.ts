import { DptError, type Magnitude, type Recording } from '@dpt-webgpu/tensor';
import { rangeOf } from './inverse_depth.ts';

/** Throws where a map holds NaN or infinities, and says which step was the first to write any. */
export async function expectFiniteMap(
  values: Float32Array,
  dtype: string,
  recording?: Recording<string, string>,
): Promise<void> {
  const { nonFinite } = rangeOf(values);
  if (nonFinite === 0) return;
  // Runs once more, with what the inputs hold now: where calls overlap, it may find nothing.
  const steps = await recording?.magnitudes().catch(() => undefined);
  const first = steps?.find((step) => step.nonFinite > 0);
  throw new DptError(
    'not-finite',
    `The depth map has ${nonFinite} of ${values.length} values that are NaN or infinite${first ? `; the first are in the result of ${first.label}, which is ${first.dtype}` : ''}${remedy(dtype)}`,
  );
}

/** Throws where any step of a recording wrote NaN or infinities, also where a later one made finite values of them. */
export function expectFiniteSteps(steps: readonly Magnitude[], dtype: string): void {
  const first = steps.find(({ nonFinite }) => nonFinite > 0);
  if (!first) return;
  throw new DptError(
    'not-finite',
    `The result of ${first.label}, which is ${first.dtype}, has ${first.nonFinite} values that are NaN or infinite${remedy(dtype)}`,
  );
}

const remedy = (dtype: string): string =>
  dtype === 'f16'
    ? ': this model leaves the range of f16. Use dtype f32.'
    : '. The weights or the GPU driver are at fault.';
