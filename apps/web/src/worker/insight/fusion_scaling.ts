import type { FeatureMaps } from '@dpt-webgpu/dpt';
import { multiply, type Recording, record, type Tensor } from '@dpt-webgpu/tensor';
import type { FusionResult } from './insight_calls.ts';
import { type PreparedRun, recordModel } from './prepared_run.ts';

const levels = [1, 2, 3, 4] as const;
const nameOf = (level: number): string => `reassembled_${level}`;
type Scale = 'scale1' | 'scale2' | 'scale3' | 'scale4';

/** Fusion and head on the maps of one photo, each multiplied by a number. The encoder has run once, before. */
export class FusionScaling {
  readonly #maps: Recording<'image', 'last'>;
  readonly #rest: Recording<string, 'depth'>;

  private constructor(maps: Recording<'image', 'last'>, rest: Recording<string, 'depth'>) {
    this.#maps = maps;
    this.#rest = rest;
  }

  static async make(prepared: PreparedRun): Promise<FusionScaling> {
    const { model, gpu } = prepared.opened;
    const { width, height } = prepared.facts;
    const maps = await recordModel(prepared, { keep: levels.map(nameOf) });
    maps.run({ image: prepared.image });
    try {
      const kept = (level: number): Tensor => maps.kept[nameOf(level)]!;
      const rest = await record(
        gpu.context,
        {
          map1: kept(1),
          map2: kept(2),
          map3: kept(3),
          map4: kept(4),
          scale1: [1],
          scale2: [1],
          scale3: [1],
          scale4: [1],
        },
        (inputs) => {
          const scaled = levels.map((level) => {
            const map = inputs[`map${level}`];
            return multiply(map, inputs[`scale${level}`], { dtype: map.dtype });
          });
          const features = model.fusion.forward(scaled as unknown as FeatureMaps);
          return { depth: model.head.forward(features, [height, width]) };
        },
      );
      return new FusionScaling(maps, rest);
    } catch (error) {
      maps.dispose();
      throw error;
    }
  }

  async run(scales: readonly number[]): Promise<FusionResult> {
    const begun = performance.now();
    const values: Partial<Record<Scale, Float32Array>> = {};
    for (const level of levels) values[`scale${level}`] = Float32Array.of(scales[level - 1] ?? 1);
    const { depth } = this.#rest.run(values);
    const [, height, width] = depth.dims('1 H W') as [number, number, number];
    const read = await depth.read();
    return { values: Float32Array.from(read), width, height, time: performance.now() - begun };
  }

  dispose(): void {
    this.#rest.dispose();
    this.#maps.dispose();
  }
}
