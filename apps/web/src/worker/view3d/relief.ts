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

export interface ReliefOptions {
  readonly film?: ReliefOverTime | undefined;
  /** Of the picture whose pixels say where edges are, of a still one; the map is as large as it then. */
  readonly guide?: readonly [height: number, width: number] | undefined;
}

/**
 * What a surface needs of a map that lies on the device; `pixels` and `pace` are read of films, and `pixels` of guides.
 *   depth [1, H, W]; pace [3] → nearness and edges [1, H, W]; the range that became 0…1 [2 or 3], its ends first
 */
export async function recordRelief(
  depth: Tensor,
  kind: DepthKind,
  { film, guide }: ReliefOptions = {},
): Promise<ReliefRecording> {
  const guided = guide && ({ shape: guide, dtype: 'u32' } as const);
  const recording = await record(
    depth.context,
    { depth, settings: [8], pixels: film?.pixels ?? guided ?? [1], pace: [3] },
    ({ depth: map, settings, pixels, pace }) => {
      const { nearness, range } = depthPipeline(map, {
        settings,
        kind,
        ...(film && { overTime: { ...film, pixels, pace, follow: kind === 'relative' } }),
        ...(guide && { resize: { guide: pixels } }),
      });
      return { nearness, edges: edgeMask(nearness), range };
    },
  );
  recording.inputs.settings.write(depthSettings());
  return recording;
}
