import {
  colourWords,
  type DepthKind,
  depthPipeline,
  depthSettings,
  type RangeOverTime,
  type ResizeMethod,
} from '@dpt-webgpu/dpt';
import { type Recording, record, type Tensor } from '@dpt-webgpu/tensor';
import { histogram } from '../image/looks.ts';
import type { FilmOptions } from './film_calls.ts';

export type FilmLook = Recording<
  'depth' | 'pixels' | 'settings' | 'colours' | 'pace',
  'rgba' | 'nearness' | 'values' | 'histogram'
>;

/** The tensors of the model's recording, read where they are: a frame is copied nowhere. */
export interface FilmMap {
  readonly depth: Tensor;
  readonly pixels: Tensor;
  readonly kind: DepthKind;
  readonly method: ResizeMethod;
  readonly shown: readonly [height: number, width: number];
}

const stepsOf = ({ look }: FilmOptions) => ({
  percentiles: look.percentile > 0,
  plane: look.plane !== 0,
  equalise: look.contrast,
});

/** What of a film is smoothed: the range of another look has nothing to do with what it remembers, nor has another part of the frame. */
export const smoothedKey = ({ look, steady, crop }: FilmOptions): string =>
  JSON.stringify([steady.kind, look.percentile, crop]);

/** What needs another recording; all else are values in tensors. */
export const filmLookKey = (options: FilmOptions, { shown }: FilmMap): string =>
  JSON.stringify([stepsOf(options), options.steady.kind, shown]);

export function recordFilmLook(
  map: FilmMap,
  options: FilmOptions,
  range: RangeOverTime,
): Promise<FilmLook> {
  const { depth, pixels, kind, method, shown } = map;
  const [, H, W] = depth.dims('1 H W') as [number, number, number];
  const resized = shown[0] !== H || shown[1] !== W;
  const film = { range, follow: kind === 'relative', filter: options.steady.kind === 'motion' };
  return record(
    depth.context,
    { depth, pixels, settings: [8], colours: { shape: [256], dtype: 'u32' }, pace: [3] },
    (inputs) => {
      const { rgba, nearness, values } = depthPipeline(inputs.depth, {
        settings: inputs.settings,
        colours: inputs.colours,
        kind,
        ...stepsOf(options),
        ...(resized ? { resize: { size: shown, method } } : {}),
        ...(options.steady.kind === 'off'
          ? {}
          : { overTime: { ...film, pixels: inputs.pixels, pace: inputs.pace } }),
      });
      return { rgba, nearness, values, histogram: histogram(nearness) };
    },
  );
}

export function runFilmLook(recording: FilmLook, { look }: FilmOptions, pace: Float32Array): void {
  const { settings, colours, pace: paceInput } = recording.inputs;
  settings.write(
    depthSettings({
      percentiles: [look.percentile, 100 - look.percentile],
      planeStrength: look.plane,
      thresholds: [look.low, look.high],
      gamma: look.gamma,
      reverse: look.reverse,
    }),
  );
  colours.write(colourWords(look.colourMap));
  paceInput.write(pace);
  recording.run();
}
