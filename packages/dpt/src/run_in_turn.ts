import { inTurn, type Recording } from '@dpt-webgpu/tensor';
import { expectFiniteSteps } from './finite.ts';

export interface RunOptions {
  readonly signal: AbortSignal | undefined;
  /** Look at what every step wrote, and throw at the first that is not finite. */
  readonly checkFinite?: boolean;
  /** Of the weights, for that message. */
  readonly dtype?: string;
}

/**
 * Upload, replay and copy, so that overlapping calls cannot mix: queued in one stretch, or, on a device that would take
 * seconds, part by part and one call after the other. There an abort ends the run after the part under way.
 */
export async function runInTurn(
  recording: Recording<string, 'depth'>,
  inputs: Readonly<Record<string, Uint8Array>>,
  { signal, checkFinite = false, dtype = 'f32' }: RunOptions,
): Promise<Float32Array> {
  const { context } = recording;
  const atOnce = context.partMilliseconds === Number.POSITIVE_INFINITY;
  if (checkFinite) {
    const look = async (): Promise<Float32Array> => {
      for (const [name, values] of Object.entries(inputs)) recording.inputs[name]!.write(values);
      const looking = recording.magnitudes({ signal });
      if (!atOnce) await looking;
      const [steps, values] = await Promise.all([looking, recording.outputs.depth.read()]);
      expectFiniteSteps(steps, dtype);
      return values;
    };
    return atOnce ? look() : inTurn(context, look);
  }
  if (atOnce) return recording.run(inputs).depth.read();
  return inTurn(context, async () => {
    const { depth } = await recording.runInParts(inputs, { signal });
    return depth.read();
  });
}
