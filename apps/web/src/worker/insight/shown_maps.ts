import type { ColourMap } from '@dpt-webgpu/dpt';
import type { Gpu } from '../gpu.ts';
import type { OpenModel } from '../model_host.ts';
import { EngineError, type Job } from '../protocol.ts';
import type { ComparedMaps, MappedRun } from './compare_models.ts';
import { DepthPainter, painted } from './depth_painter.ts';
import type { PlacedTensor } from './difference.ts';
import type { ScaledDepth } from './fusion_scaling.ts';
import type {
  ComparedRun,
  DepthShades,
  FusionResult,
  InsightCalls,
  ModelComparison,
  NumberMap,
  Shown,
  TensorSlice,
} from './insight_calls.ts';
import { rangeOf, signedRange } from './map_colours.ts';
import { type HostTensor, sliceOf } from './tensor_maps.ts';
import type { BrowsedTensor } from './tensor_reference.ts';

type Slicing = InsightCalls['insight.slice'];
type Compared = InsightCalls['insight.comparePictures']['result'];

/** Maps of many pixels, as pictures for the page: it shows them, and other colours need no other numbers. */
export class ShownMaps {
  #painter: DepthPainter | undefined;
  #compared: ComparedMaps | undefined;
  /** The last map of the last tensor. */
  #sliced:
    | { readonly key: string; readonly of: HostTensor['data']; readonly slice: TensorSlice }
    | undefined;

  /** What is on the device is given back. */
  forget(): void {
    this.#painter?.dispose();
    this.#painter = undefined;
  }

  /** The reference is another. */
  forgetSlice(): void {
    this.#sliced = undefined;
  }

  #painterOn(gpu: Gpu): DepthPainter {
    this.#painter ??= new DepthPainter(gpu);
    return this.#painter;
  }

  async fusion(
    { gpu, info }: OpenModel,
    { plain, scaled, time }: ScaledDepth,
    shades: DepthShades,
    job: Job<never>,
  ): Promise<FusionResult> {
    const painter = this.#painterOn(gpu);
    const before = await painter.paint(plain, info.depth, shades, job);
    const after = await painter.paint(scaled, info.depth, shades, job);
    const { values } = plain;
    const sum = values.reduce((all, value, i) => all + Math.abs(scaled.values[i]! - value), 0);
    const range = before.high - before.low;
    return { before, after, change: range > 0 ? sum / values.length / range : 0, time };
  }

  async slice(
    chosen: BrowsedTensor,
    tensorOf: (shown: Shown) => PlacedTensor,
    { channel, shown, map }: Slicing['params'],
    job: Job<never>,
  ): Promise<Slicing['result']> {
    const key = `${channel} ${shown}`;
    if (this.#sliced?.key !== key || this.#sliced.of !== chosen.data) {
      const tensor = tensorOf(shown);
      const slice = sliceOf(tensor, tensor.grid, tensor.tokens, channel);
      this.#sliced = { key, of: chosen.data, slice };
    }
    const { slice } = this.#sliced;
    const range = rangeOf(slice.values);
    const signed = shown === 'difference' && range.low < 0;
    const ends = signed ? signedRange(slice.values) : range;
    const { width, height, readout } = slice;
    return { ...(await painted(slice, map, ends, job)), width, height, readout };
  }

  /** Keeps the maps of a comparison, and says the rest. */
  keep(compared: ComparedMaps): ModelComparison {
    this.#compared = compared;
    const { runs, agreement, fit, range } = compared;
    return { runs: [factsOf(runs[0]), factsOf(runs[1])], agreement, fit, range };
  }

  get difference(): NumberMap | undefined {
    const compared = this.#compared;
    return compared && { ...compared.runs[0], values: compared.difference };
  }

  async compared({ gpu }: OpenModel, map: ColourMap, job: Job<never>): Promise<Compared> {
    const [first, second] = this.#compared?.runs ?? [];
    const { difference } = this;
    if (!first || !second || !difference) {
      throw new EngineError({ code: 'failed', message: 'Nothing has been compared yet.' });
    }
    const painter = this.#painterOn(gpu);
    const shades = { map, reverse: false, contrast: false };
    return [
      await painter.paint(first, first.depth, shades, job),
      await painter.paint(second, second.depth, shades, job),
      await painted(difference, map, signedRange(difference.values), job),
    ];
  }
}

/** What the page is told of a run; its map stays here. */
const factsOf = ({ values: _, ...run }: MappedRun): ComparedRun => run;
