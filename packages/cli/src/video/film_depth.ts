import {
  colourWords,
  type DPTModel,
  depthPipeline,
  depthSettings,
  networkSize,
  pace,
  planPrediction,
  RangeOverTime,
  resizeMap,
  type Size,
  type SizeOptions,
  weightOver,
} from '@dpt-webgpu/dpt';
import {
  concat,
  imageToTensor,
  type Recording,
  type RecordOptions,
  record,
  type Tensor,
} from '@dpt-webgpu/tensor';
import type { Look } from '../look_flags.ts';

/** What becomes of a frame. What nobody wants is neither computed to the end nor read back. */
export interface Wanted {
  /** The coloured map, or the frame and the map beside it. */
  readonly picture: 'map' | 'side-by-side' | undefined;
  /** 0…1, as it looks in grey before equalising. */
  readonly values: boolean;
  /** In the numbers of the network, not smoothed. */
  readonly raw: boolean;
}

/** What is made of each frame. */
export interface FilmDepthOptions extends SizeOptions {
  readonly size?: number | undefined;
  readonly look: Look;
  readonly wanted: Wanted;
  /** Seconds over which the range follows the film; undefined: each frame has its own. */
  readonly smooth: number | undefined;
  /** Seconds over which pixels follow it where the picture stands still; undefined: at once. Needs `smooth`. */
  readonly smoothPixels?: number | undefined;
}

/** A frame's depth, on the host. */
export interface FrameDepth {
  /** RGBA. */
  readonly picture: Uint8Array | undefined;
  readonly values: Float32Array | undefined;
  readonly raw: Float32Array | undefined;
  /** Values of the network that became 0 and 1, or 1 and 0 where they are metres. */
  readonly range: readonly [lo: number, hi: number];
  /** Values of the network that are NaN or infinite. */
  readonly nonFinite: number;
}

type Input = 'pixels' | 'pace';
type Output = 'picture' | 'values' | 'raw' | 'range' | 'ends';

/**
 * The depth of a film: pixels → network → range over time → colours in one recording, so that a frame crosses the bus
 * once as it is and once as it is encoded.
 */
export class FilmDepth {
  readonly networkSize: Size;
  readonly #recording: Recording<Input, Output>;
  readonly #range: RangeOverTime | undefined;
  readonly #constants: readonly Tensor[];
  readonly #smooth: Pick<FilmDepthOptions, 'smooth' | 'smoothPixels'>;
  #before: number | undefined;

  private constructor(
    recording: Recording<Input, Output>,
    networkSize: Size,
    smooth: Pick<FilmDepthOptions, 'smooth' | 'smoothPixels'>,
    range: RangeOverTime | undefined,
    constants: readonly Tensor[],
  ) {
    this.networkSize = networkSize;
    this.#recording = recording;
    this.#smooth = smooth;
    this.#range = range;
    this.#constants = constants;
  }

  /** Bytes of the largest buffer that a kernel binds: what to ask the device for. */
  static largestBinding(model: DPTModel, frame: Size, { size, wanted }: FilmDepthOptions): number {
    const { largestBinding } = planPrediction(model, frame, { size });
    const pictures = wanted.picture === 'side-by-side' ? 2 : 1;
    return Math.max(largestBinding, 4 * pictures * frame.width * frame.height);
  }

  /** Compiles everything for frames of one size. */
  static async make(
    model: DPTModel,
    frame: Size,
    { look, wanted, smooth, smoothPixels, ...sizes }: FilmDepthOptions,
    options: RecordOptions = {},
  ): Promise<FilmDepth> {
    const { context } = model.weights;
    const { image: prepare, depth: kind } = model.config;
    const { width, height } = networkSize(frame, prepare, sizes);
    const settings = context.tensor(depthSettings(look.settings), [8], 'f32', 'settings');
    const colours = context.tensor(colourWords(look.colourMap), [256], 'u32', 'colours');
    const range = smooth === undefined ? undefined : new RangeOverTime(context);
    const film = { follow: kind === 'relative', filter: smoothPixels !== undefined };
    const full = [frame.height, frame.width] as const;
    const recording = await record(
      context,
      { pixels: { shape: full, dtype: 'u32' }, pace: [3] },
      (inputs) => {
        const { pixels } = inputs;
        const { filter, mean, std } = prepare;
        const image = imageToTensor(pixels, { size: [height, width], filter, mean, std });
        const depth = model.forward(image).reshape([height, width]);
        const done = depthPipeline(depth, {
          settings,
          kind,
          colours,
          percentiles: look.settings.percentiles !== undefined,
          plane: (look.settings.planeStrength ?? 0) !== 0,
          equalise: look.equalise,
          resize: { size: full, method: prepare.depthFilter },
          ...(range ? { overTime: { range, pixels, pace: inputs.pace, ...film } } : {}),
        });
        const picture = {
          map: () => done.rgba,
          'side-by-side': () => concat([pixels, done.rgba], 1),
        };
        const outputs = {
          ends: done.ends,
          range: done.range,
          ...(wanted.picture ? { picture: picture[wanted.picture]() } : {}),
          ...(wanted.values ? { values: done.values } : {}),
          ...(wanted.raw ? { raw: resizeMap(done.clean, full, prepare.depthFilter) } : {}),
        };
        return outputs as Record<Output, Tensor>;
      },
      options,
    );
    const smoothing = { smooth, smoothPixels };
    return new FilmDepth(recording, { width, height }, smoothing, range, [settings, colours]);
  }

  /** Calls may overlap: each frame is queued before the next, and what is read of it is copied before the next is run. */
  async next(pixels: Uint8Array, seconds: number): Promise<FrameDepth> {
    const passed = seconds - (this.#before ?? seconds);
    this.#before = seconds;
    const { smooth = 0, smoothPixels = 0 } = this.#smooth;
    const { inputs } = this.#recording;
    // Without smoothing nothing reads it.
    const outputs: Partial<Record<Output, Tensor>> = this.#recording.run({
      pixels,
      ...(inputs.pace
        ? {
            pace: pace({
              alpha: weightOver(smooth, passed),
              still: weightOver(smoothPixels, passed),
            }),
          }
        : {}),
    });
    const [picture, values, raw, range, ends] = await Promise.all([
      outputs.picture?.readBytes(),
      outputs.values?.read(),
      outputs.raw?.read(),
      outputs.range!.read(),
      outputs.ends!.read(),
    ]);
    const count = this.networkSize.width * this.networkSize.height;
    return {
      picture,
      values,
      raw,
      range: [range![0]!, range![1]!],
      nonFinite: count - ends![2]!,
    };
  }

  /** Frees the recording and the buffers; the model stays. Idempotent. */
  dispose(): void {
    this.#recording.dispose();
    this.#range?.dispose();
    for (const tensor of this.#constants) tensor.dispose();
  }
}
