import type { FeatureMaps } from '@dpt-webgpu/dpt';
import { multiply, type Recording, record, type Tensor } from '@dpt-webgpu/tensor';
import type { NumberMap } from './insight_calls.ts';
import { type PreparedRun, recordModel } from './prepared_run.ts';

const levels = [1, 2, 3, 4] as const;
const nameOf = (level: number): string => `reassembled_${level}`;
type Scale = 'scale1' | 'scale2' | 'scale3' | 'scale4';

interface TimedMap {
  readonly map: NumberMap;
  readonly time: number;
}

/** The depth map as it is and with each level scaled, and how long the last took. */
export interface ScaledDepth {
  readonly plain: NumberMap;
  readonly scaled: NumberMap;
  readonly time: number;
}

/** Fusion and head on the maps of one photo, each multiplied by a number. The encoder has run once, before. */
export class FusionScaling {
  readonly #maps: Recording<'image', 'last'>;
  readonly #rest: Recording<string, 'depth'>;
  #plain: TimedMap | undefined;
  #last: (ScaledDepth & { readonly key: string }) | undefined;

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

  /** What ran last, for files and other colours. */
  get last(): ScaledDepth | undefined {
    return this.#last;
  }

  async run(scales: readonly number[]): Promise<ScaledDepth> {
    const key = scales.join();
    if (this.#last?.key === key) return this.#last;
    this.#plain ??= await this.#depth([1, 1, 1, 1]);
    const same = scales.every((scale) => scale === 1);
    const { map: scaled, time } = same ? this.#plain : await this.#depth(scales);
    this.#last = { key, plain: this.#plain.map, scaled, time };
    return this.#last;
  }

  async #depth(scales: readonly number[]): Promise<TimedMap> {
    const begun = performance.now();
    const values: Partial<Record<Scale, Float32Array>> = {};
    for (const level of levels) values[`scale${level}`] = Float32Array.of(scales[level - 1] ?? 1);
    const { depth } = this.#rest.run(values);
    const [, height, width] = depth.dims('1 H W') as [number, number, number];
    const read = Float32Array.from(await depth.read());
    return { map: { values: read, width, height }, time: performance.now() - begun };
  }

  dispose(): void {
    this.#rest.dispose();
    this.#maps.dispose();
  }
}
