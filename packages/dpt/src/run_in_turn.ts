import { inTurn, type Recording } from '@dpt-webgpu/tensor';

/**
 * Upload, replay and copy, so that overlapping calls cannot mix: queued in one stretch, or, on a device that would take
 * seconds, part by part and one call after the other. There an abort ends the run after the part under way.
 */
export function runInTurn(
  recording: Recording<string, 'depth'>,
  inputs: Readonly<Record<string, Uint8Array>>,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const { context } = recording;
  if (context.partMilliseconds === Number.POSITIVE_INFINITY) {
    return recording.run(inputs).depth.read();
  }
  return inTurn(context, async () => {
    const { depth } = await recording.runInParts(inputs, { signal });
    return depth.read();
  });
}
