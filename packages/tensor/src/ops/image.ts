import { disposeSymbol } from '../dispose_symbol.ts';
import { EdgePass, isTexture } from '../edge_pass.ts';
import { DptError, invalidArgument } from '../errors.ts';
import { defineKernel } from '../kernel.ts';
import { expectSides, shapeText } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import type { Size } from './resize.ts';
import { type Filter, type Taps, tapsOf, uploadTaps } from './taps.ts';
import { expectTexture } from './texture.ts';

const params = {
  h: 'u32',
  w: 'u32',
  H: 'u32',
  W: 'u32',
  taps_y: 'u32',
  taps_x: 'u32',
  mean_r: 'f32',
  mean_g: 'f32',
  mean_b: 'f32',
  std_r: 'f32',
  std_g: 'f32',
  std_b: 'f32',
} as const;
const kernel = defineKernel('image_to_tensor', {
  reads: ['pixels', 'rows', 'columns'],
  writes: ['y'],
  params,
});
const textureKernel = defineKernel('texture_to_tensor', {
  reads: ['rows', 'columns'],
  writes: ['y'],
  params,
  textures: ['picture'],
});
const frameKernel = defineKernel('external_texture_to_tensor', {
  reads: ['rows', 'columns'],
  writes: ['y'],
  params,
  textures: ['frame'],
});

/** One number each for red, green and blue. */
export type Rgb = readonly [r: number, g: number, b: number];

/** How a picture is resized and normalised. */
export interface ImageToTensorOptions {
  /** Of the result. */
  readonly size: Size;
  /**
   * `cubic`: as the original repositories prepare pictures (OpenCV INTER_CUBIC, no antialiasing, overshoot kept).
   * `antialiased`: as muggled_dpt does (PyTorch's antialiased bilinear).
   */
  readonly filter: Filter;
  /** Of a picture with values 0 to 1. */
  readonly mean: Rgb;
  /** What (value − mean) is divided by, above 0. */
  readonly std: Rgb;
}

/**
 * A picture as the network takes it: resized, then (rgb / 255 − mean) / std.   pixels [h, w] → [1, H, W, 3]
 *
 * A pixel is a `u32` with red in the lowest byte, then green, blue and alpha: the bytes of `ImageData` as they are.
 */
export function imageToTensor(
  pixels: Tensor,
  { size, filter, mean, std }: ImageToTensorOptions,
): Tensor {
  const { context } = pixels;
  const [h, w] = pixels.dims('h w') as [number, number];
  const [H, W] = size;
  if (pixels.dtype !== 'u32') {
    throw invalidArgument(
      `imageToTensor: ${pixels.name} is ${pixels.dtype}; pixels are u32, four bytes RGBA.`,
    );
  }
  expectSides('imageToTensor', pixels.name, [h, w], 1);
  expectSides('imageToTensor', 'size', size, 1);
  // The tables are freed after the dispatch, or belong to the open recording.
  return context.scope(() => {
    const y = context.empty([1, H, W, 3], 'f32', pixels.name);
    const tapsY = tapsOf(filter, h, H);
    const tapsX = tapsOf(filter, w, W);
    kernel.dispatch(
      {
        pixels,
        rows: uploadTaps(context, tapsY, `${pixels.name} rows`),
        columns: uploadTaps(context, tapsX, `${pixels.name} columns`),
        y,
      },
      {
        params: {
          ...{ h, w, H, W, taps_y: tapsY.count, taps_x: tapsX.count },
          ...{ mean_r: mean[0], mean_g: mean[1], mean_b: mean[2] },
          ...{ std_r: std[0], std_g: std[1], std_b: std[2] },
        },
        workgroups: Math.ceil((H * W) / 64),
        label: `image_to_tensor ${pixels.name}`,
      },
    );
    return y;
  });
}

/**
 * A picture on the GPU: a texture of a float format with TEXTURE_BINDING; an external texture, which is a frame of a film
 * until the task ends; or pixels [h, w] u32, red lowest, in a buffer (`Tensor.fromBuffer`).
 */
export type GpuPicture = GPUTexture | GPUExternalTexture | Tensor;
/** How a picture on the GPU is read: a texture, a frame of a film, or a tensor of RGBA words. */
export type GpuPictureKind = 'texture' | 'frame' | 'pixels';

/** How a picture on the GPU is to be read. */
export const kindOfPicture = (picture: GpuPicture): GpuPictureKind =>
  picture instanceof Tensor ? 'pixels' : isTexture(picture) ? 'texture' : 'frame';

/** How a picture on the GPU is resized and normalised. */
export interface PictureToTensorOptions extends Omit<ImageToTensorOptions, 'size'> {
  /** Height and width of the pictures that come. */
  readonly from: Size;
  /**
   * Textures hold linear light, as render targets do that are `*-srgb` or float, and are encoded as sRGB on the way; the
   * networks have seen photos, which are. Default false: the values are taken as they are.
   */
  readonly linear?: boolean;
}

/**
 * A way into a recording for pictures that are on the GPU: resized and normalised by one kernel.   [h, w] → y [1, H, W, 3]
 *
 * Made once, used each frame; gives what `imageToTensor` gives of the same pixels. Holds `y`, an input of a recording for
 * example, until `dispose`.
 */
export class PictureToTensor {
  readonly #y: Tensor;
  readonly #options: PictureToTensorOptions;
  readonly #rows: Tensor;
  readonly #columns: Tensor;
  /** Weights in a line of each table. */
  readonly #counts: readonly number[];
  readonly #passes = new Map<GpuPictureKind, EdgePass>();
  #disposed = false;

  constructor(y: Tensor, options: PictureToTensorOptions) {
    const [, H, W] = y.dims('1 H W 3') as [number, number, number, number];
    const { from, filter } = options;
    expectSides('PictureToTensor', 'from', from, 1);
    if (y.dtype !== 'f32') {
      throw new DptError('invalid-argument', `PictureToTensor: ${y.name} is ${y.dtype}, not f32.`);
    }
    this.#y = y;
    this.#options = options;
    const taps = [tapsOf(filter, from[0], H), tapsOf(filter, from[1], W)];
    this.#counts = taps.map(({ count }) => count);
    const [rows, columns] = taps as [Taps, Taps];
    this.#rows = tableOf(y, rows, 'rows');
    try {
      this.#columns = tableOf(y, columns, 'columns');
    } catch (error) {
      this.#rows.dispose();
      throw error;
    }
  }

  /** Compiles, so that the first `encode` of a kind of picture does not wait. */
  async compile(...kinds: readonly GpuPictureKind[]): Promise<void> {
    await Promise.all(kinds.map((kind) => this.#passFor(kind).compile()));
  }

  /** Adds the pass to an encoder of the caller, who submits it. The picture stays the caller's. */
  encode(encoder: GPUCommandEncoder, picture: GpuPicture): void {
    if (this.#disposed) throw new DptError('disposed', 'This PictureToTensor was disposed.');
    const { from, linear = false } = this.#options;
    if (isTexture(picture)) {
      expectTexture('PictureToTensor', picture, from, 'textureBinding');
      if (/int|depth|stencil/.test(picture.format) || picture.sampleCount > 1) {
        throw new DptError(
          'unsupported',
          `PictureToTensor: ${picture.label || 'the texture'} is ${picture.format} with ${picture.sampleCount} samples; needed is a float format with one.`,
        );
      }
      if (picture.format.endsWith('-srgb') && !linear) {
        throw new DptError(
          'invalid-argument',
          `PictureToTensor: reading ${picture.format} gives linear light. Set linear: true.`,
        );
      }
    } else if (picture instanceof Tensor) {
      const [h, w] = from;
      if (picture.dtype !== 'u32' || picture.size !== h * w) {
        throw new DptError(
          'invalid-argument',
          `PictureToTensor: ${picture.name} is ${shapeText(picture.shape)} ${picture.dtype}; needed is [${h}, ${w}] u32.`,
        );
      }
    }
    this.#passFor(kindOfPicture(picture)).encode(encoder, picture);
  }

  #passFor(kind: GpuPictureKind): EdgePass {
    const known = this.#passes.get(kind);
    if (known) return known;
    const y = this.#y;
    const [, H, W] = y.dims('1 H W 3') as [number, number, number, number];
    const { from, mean, std, linear = false } = this.#options;
    const [rows, columns] = [this.#rows, this.#columns];
    const [taps_y, taps_x] = this.#counts as [number, number];
    const options = {
      params: {
        ...{ h: from[0], w: from[1], H, W, taps_y, taps_x },
        ...{ mean_r: mean[0], mean_g: mean[1], mean_b: mean[2] },
        ...{ std_r: std[0], std_g: std[1], std_b: std[2] },
      },
      workgroups: Math.ceil((H * W) / 64),
    };
    const step =
      kind === 'pixels'
        ? kernel.step({ pixels: undefined, rows, columns, y }, options)
        : kind === 'texture'
          ? textureKernel.step({ rows, columns, y }, { ...options, overrides: { LINEAR: linear } })
          : frameKernel.step({ rows, columns, y }, options);
    const pass = new EdgePass(y.context, step);
    this.#passes.set(kind, pass);
    return pass;
  }

  /** Idempotent. Neither `y` nor any picture is touched. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const pass of this.#passes.values()) pass.dispose();
    this.#rows.dispose();
    this.#columns.dispose();
  }

  [disposeSymbol](): void {
    this.dispose();
  }
}

/** Outside of a recording that may be open: it lives as long as its user. */
const tableOf = ({ context, name }: Tensor, taps: Taps, axis: string): Tensor =>
  context.constant(() => uploadTaps(context, taps, `${name} ${axis}`));
