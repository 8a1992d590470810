import {
  type DepthKind,
  depthPipeline,
  depthSettings,
  edgeMask,
  type RangeOverTime,
} from '@dpt-webgpu/dpt';
import { type Recording, record, type Tensor } from '@dpt-webgpu/tensor';

export type ReliefRecording = Recording<
  'depth' | 'settings' | 'pixels' | 'pace',
  'nearness' | 'edges' | 'range'
>;

/** What keeps a film steady: its frame [h, w] u32, read where it is, and what is remembered. */
export interface ReliefOverTime {
  readonly range: RangeOverTime;
  readonly pixels: Tensor;
  /** Each pixel as well. */
  readonly filter: boolean;
}

/**
 * What a surface needs of a map that lies on the device; of a picture `pixels` and `pace` are not read.
 *   depth [1, H, W]; pace [3] → nearness and edges [1, H, W]; the range that became 0…1 [2 or 3], its ends first
 */
export async function recordRelief(
  depth: Tensor,
  kind: DepthKind,
  film?: ReliefOverTime,
): Promise<ReliefRecording> {
  const recording = await record(
    depth.context,
    { depth, settings: [8], pixels: film?.pixels ?? [1], pace: [3] },
    ({ depth: map, settings, pixels, pace }) => {
      const { nearness, range } = depthPipeline(map, {
        settings,
        kind,
        ...(film && { overTime: { ...film, pixels, pace, follow: kind === 'relative' } }),
      });
      return { nearness, edges: edgeMask(nearness), range };
    },
  );
  recording.inputs.settings.write(depthSettings());
  return recording;
}
