import {
  type Calibration,
  type ColourMap,
  calibrate,
  colourWords,
  cutOut,
  type DepthKind,
  type DepthLine,
  type DepthMap,
  type DepthSettings,
  depthMask,
  depthPipeline,
  depthSettings,
  guidedUpsample,
  inverseToDepth,
  lineValues,
  normals,
  normalsToRgba,
  type Photo,
  resizeMap,
  type Size,
  viewValues,
} from '@dpt-webgpu/dpt';
import { type Context, type Recording, record, type Tensor } from '@dpt-webgpu/tensor';

/**
 * How a map comes to the size of its photo. `model`: as the preset does, before everything else; `bilinear` and `guided`
 * by the photo: after the plane; `none`: it stays at the size of the network.
 */
export type Upsample = 'model' | 'bilinear' | 'guided' | 'none';

/** What of the chain is wanted; what nobody wants is not computed. */
export type Part = 'nearness' | 'values' | 'rgba' | 'metres' | 'mask' | 'cutout' | 'normals';

export interface ChainOptions {
  readonly kind: DepthKind;
  readonly settings: DepthSettings;
  readonly equalise: boolean;
  readonly colours: ColourMap;
  readonly upsample: Upsample;
  /** Metres of a relative map, where no calibration gives them. */
  readonly line: DepthLine;
  /** Of the longer side, in degrees. */
  readonly fov: number;
  readonly parts: ReadonlySet<Part>;
}

/** A pixel of the photo whose distance is known. */
export interface KnownPixel {
  readonly x: number;
  readonly y: number;
  readonly metres: number;
}

/** Everything that may be written of a picture, at one size. */
export interface FinishedDepth extends Size {
  readonly kind: DepthKind;
  readonly networkSize: Size;
  /** In the numbers of the network. */
  readonly data: Float32Array;
  readonly nearness?: Float32Array;
  readonly values?: Float32Array;
  readonly metres?: Float32Array;
  /** RGBA. */
  readonly rgba?: Uint8Array;
  readonly cutout?: Uint8Array;
  readonly normals?: Uint8Array;
  /** One byte per pixel, 0 or 255. */
  readonly mask?: Uint8Array;
  readonly line: DepthLine;
  readonly calibration?: Calibration;
}

type Input = 'map' | 'settings' | 'colours' | 'line' | 'view' | 'pixels';
type ChainRecording = Recording<Input, Part | 'data'>;

/** As many as the predictor keeps; the outputs of each are several photos large. */
const RECORDINGS = 4;

/** From a depth map to what is written of it, on the GPU: `depthPipeline` and what follows it, recorded once per size. */
export class DepthChain {
  readonly #context: Context;
  readonly #options: ChainOptions;
  readonly #recordings = new Map<string, ChainRecording>();

  constructor(context: Context, options: ChainOptions) {
    this.#context = context;
    // A metric map is in metres as it is.
    const parts = new Set(options.parts);
    if (options.kind === 'metric') parts.delete('metres');
    this.#options = { ...options, parts };
  }

  /** `known` are pixels of the photo, two or more, or none. */
  async run(
    depth: DepthMap,
    photo: Photo,
    known: readonly KnownPixel[] = [],
  ): Promise<FinishedDepth> {
    const { kind, settings, colours, fov, parts, upsample } = this.#options;
    const isResized = upsample === 'bilinear' || upsample === 'guided';
    const { width, height } = isResized ? photo : depth;
    const { networkSize } = depth;
    const common = { kind, networkSize, width, height };
    if (parts.size === 0 && !isResized) {
      const { data } = depth;
      const metres = kind === 'metric' ? data : undefined;
      return { ...common, data, metres, line: this.#options.line };
    }
    const recording = await this.#recordingFor(depth, photo);
    const inputs: Partial<Record<Input, Float32Array | Uint32Array | Uint8Array>> = {
      map: depth.data,
      settings: depthSettings(settings),
      colours: colourWords(colours),
      line: lineValues(this.#options.line),
      view: viewValues(fov),
      pixels: bytesOf(photo),
    };
    const run = (values: typeof inputs): ChainRecording['outputs'] =>
      recording.run(
        Object.fromEntries(Object.entries(values).filter(([name]) => name in recording.inputs)),
      );
    let outputs = run(inputs);

    // The line follows from what the chain says about the known pixels, so the rest is run again with it.
    let calibration: Calibration | undefined;
    if (known.length > 0) {
      const nearness = await outputs.nearness.read();
      calibration = calibrate(
        known.map(({ x, y, metres }) => {
          const column = Math.floor((x * width) / photo.width);
          const row = Math.floor((y * height) / photo.height);
          return { value: nearness[row * width + column]!, metres };
        }),
      );
      outputs = run({ ...inputs, line: lineValues(calibration) });
    }

    const floats = async (name: Part | 'data'): Promise<Float32Array | undefined> =>
      name in outputs ? await outputs[name].read() : undefined;
    const bytes = async (name: Part): Promise<Uint8Array | undefined> =>
      name in outputs ? await outputs[name].readBytes() : undefined;
    const mask = await bytes('mask');
    const data = (await floats('data')) ?? depth.data;
    return {
      ...common,
      data,
      nearness: await floats('nearness'),
      values: await floats('values'),
      metres: kind === 'metric' ? data : await floats('metres'),
      rgba: await bytes('rgba'),
      cutout: await bytes('cutout'),
      normals: await bytes('normals'),
      mask: mask?.filter((_, i) => i % 4 === 0),
      line: calibration ?? this.#options.line,
      calibration,
    };
  }

  dispose(): void {
    for (const recording of this.#recordings.values()) recording.dispose();
    this.#recordings.clear();
  }

  async #recordingFor(map: Size, photo: Size): Promise<ChainRecording> {
    const key = JSON.stringify([map.width, map.height, photo.width, photo.height]);
    const recording = this.#recordings.get(key) ?? (await this.#record(map, photo));
    // The Map keeps the order of use.
    this.#recordings.delete(key);
    this.#recordings.set(key, recording);
    if (this.#recordings.size > RECORDINGS) {
      const [oldest, unused] = this.#recordings.entries().next().value!;
      this.#recordings.delete(oldest);
      unused.dispose();
    }
    return recording;
  }

  #record(map: Size, photo: Size): Promise<ChainRecording> {
    const { upsample, parts } = this.#options;
    const needsPixels = upsample === 'guided' || parts.has('cutout');
    return record(
      this.#context,
      {
        map: [map.height, map.width],
        settings: [8],
        colours: { shape: [256], dtype: 'u32' },
        line: [4],
        view: [1],
        ...(needsPixels ? { pixels: { shape: [photo.height, photo.width], dtype: 'u32' } } : {}),
      } as Parameters<typeof record<Input, Part | 'data'>>[1],
      (inputs) => this.#forward(inputs, photo) as Record<Part | 'data', Tensor>,
    );
  }

  /** map [H, W] → the parts, each [H2, W2] */
  #forward(
    { map, settings, colours, line, view, pixels }: Readonly<Record<Input, Tensor>>,
    photo: Size,
  ): Partial<Record<Part | 'data', Tensor>> {
    const { kind, equalise, upsample, parts } = this.#options;
    const { percentiles, planeStrength = 0 } = this.#options.settings;
    const size = [photo.height, photo.width] as const;
    const resize =
      upsample === 'guided' ? { guide: pixels } : upsample === 'bilinear' ? { size } : undefined;
    const done = depthPipeline(map, {
      settings,
      kind,
      percentiles: percentiles !== undefined,
      plane: planeStrength !== 0,
      resize,
      equalise,
      colours,
    });
    const { clean, nearness, values, rgba } = done;
    const data =
      upsample === 'guided'
        ? guidedUpsample(clean, pixels)
        : upsample === 'bilinear'
          ? resizeMap(clean, size)
          : undefined;
    const needsMetres = parts.has('normals') || parts.has('metres');
    const metres = needsMetres
      ? kind === 'metric'
        ? (data ?? clean)
        : inverseToDepth(nearness, line)
      : undefined;
    const mask =
      parts.has('mask') || parts.has('cutout') ? depthMask(nearness, settings) : undefined;
    const made: Partial<Record<Part | 'data', Tensor | undefined>> = {
      data,
      nearness,
      values,
      rgba,
      metres,
      mask,
      cutout: mask && parts.has('cutout') ? cutOut(pixels, mask) : undefined,
      normals: metres && parts.has('normals') ? normalsToRgba(normals(metres, view)) : undefined,
    };
    const wanted = Object.entries(made).filter(
      ([name, tensor]) => tensor && (name === 'data' || parts.has(name as Part)),
    );
    return Object.fromEntries(wanted) as Partial<Record<Part | 'data', Tensor>>;
  }
}

function bytesOf({ data }: Photo): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
