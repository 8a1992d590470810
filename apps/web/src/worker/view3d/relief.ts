import { type DepthKind, depthPipeline, depthSettings, edgeMask } from '@dpt-webgpu/dpt';
import { type Recording, record, type Tensor } from '@dpt-webgpu/tensor';

export type ReliefRecording = Recording<'depth' | 'settings', 'nearness' | 'edges'>;

/** What a surface needs of a map that lies on the device: depth [1, H, W] → nearness and edges [1, H, W]. */
export async function recordRelief(depth: Tensor, kind: DepthKind): Promise<ReliefRecording> {
  const recording = await record(
    depth.context,
    { depth, settings: [8] },
    ({ depth: map, settings }) => {
      const { nearness } = depthPipeline(map, { settings, kind });
      return { nearness, edges: edgeMask(nearness) };
    },
  );
  recording.inputs.settings.write(depthSettings());
  return recording;
}
