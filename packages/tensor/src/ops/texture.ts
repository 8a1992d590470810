import type { Context } from '../context.ts';
import { disposeSymbol } from '../dispose_symbol.ts';
import { EdgePass } from '../edge_pass.ts';
import { DptError } from '../errors.ts';
import { defineKernel } from '../kernel.ts';
import { expectSides, shapeText } from '../shape.ts';
import type { OwnTexture } from '../storage.ts';
import type { Tensor } from '../tensor.ts';
import type { Size } from './resize.ts';

const pixelsKernel = defineKernel('texture_to_pixels', {
  reads: [],
  writes: ['pixels'],
  params: { x: 'u32', y: 'u32', w: 'u32', h: 'u32' },
  textures: ['picture'],
});
const textureKernel = defineKernel('tensor_to_texture', {
  reads: ['x', 'range'],
  writes: [],
  params: { H: 'u32', W: 'u32' },
  textures: ['picture'],
});
const halvesKernel = defineKernel('tensor_to_half_rows', {
  reads: ['x', 'range'],
  writes: ['y'],
  params: { H: 'u32', W: 'u32', pitch: 'u32' },
});

/** The numbers behind GPUTextureUsage. */
export const textureUsage = {
  copySrc: 0x01,
  copyDst: 0x02,
  textureBinding: 0x04,
  storageBinding: 0x08,
  renderAttachment: 0x10,
} as const;

/** Formats that a map can be written to. `r16float` is copied to, the others are stored to. */
export type MapFormat = 'r32float' | 'r16float' | 'rgba8unorm' | 'rgba16float' | 'rgba32float';

const bytesPerPixel: Readonly<Record<MapFormat, number>> = {
  r32float: 4,
  r16float: 2,
  rgba8unorm: 4,
  rgba16float: 8,
  rgba32float: 16,
};

/** What a texture needs so that a map can be written to it; add what you do with it. */
export const mapTextureUsage = (format: MapFormat): number =>
  format === 'r16float' ? textureUsage.copyDst : textureUsage.storageBinding;

/** Throws, naming what is missing, unless a texture can be used as wanted. */
export function expectTexture(
  op: string,
  texture: GPUTexture,
  [height, width]: Size,
  needed: keyof typeof textureUsage,
): void {
  const name = texture.label || 'the texture';
  if (!(texture.usage & textureUsage[needed])) {
    const flag = needed.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
    throw new DptError('unsupported', `${op}: ${name} was made without GPUTextureUsage.${flag}.`);
  }
  if (texture.width !== width || texture.height !== height) {
    throw new DptError(
      'invalid-argument',
      `${op}: ${name} is ${texture.width}×${texture.height}, needed is ${width}×${height}.`,
    );
  }
}

/** The upper left pixel and the sides of a part of a picture, in pixels. */
export interface Part {
  /** Pixels from the left, from 0. */
  readonly x: number;
  /** Pixels from the top, from 0. */
  readonly y: number;
  /** Pixels, from 1. */
  readonly width: number;
  /** Pixels, from 1. */
  readonly height: number;
}

/**
 * A texture, or part of it, as pixels on the GPU, in a submission of its own.   texture → [h, w] u32, red lowest
 *
 * The texture needs TEXTURE_BINDING and stays the caller's. The result is the caller's to dispose; with `into`, a tensor
 * of that shape, it is that.
 */
export function textureToPixels(
  context: Context,
  texture: GPUTexture,
  { part, into }: { readonly part?: Part; readonly into?: Tensor } = {},
): Tensor {
  const { x, y, width, height } = part ?? {
    ...{ x: 0, y: 0 },
    ...{ width: texture.width, height: texture.height },
  };
  expectTexture('textureToPixels', texture, [texture.height, texture.width], 'textureBinding');
  expectSides('textureToPixels', 'part', [height, width], 1);
  if (x < 0 || y < 0 || x + width > texture.width || y + height > texture.height) {
    throw new DptError(
      'invalid-argument',
      `textureToPixels: ${width}×${height} at ${x}, ${y} is not inside of ${texture.width}×${texture.height}.`,
    );
  }
  if (into && (into.dtype !== 'u32' || into.size !== width * height)) {
    throw new DptError(
      'invalid-argument',
      `textureToPixels: ${into.name} is ${shapeText(into.shape)} ${into.dtype}; needed is [${height}, ${width}] u32.`,
    );
  }
  const pixels = into ?? context.constant(() => context.empty([height, width], 'u32', 'pixels'));
  const step = pixelsKernel.step(
    { pixels },
    {
      params: { x, y, w: width, h: height },
      workgroups: Math.ceil(pixels.size / 64),
      label: `texture_to_pixels ${pixels.name}`,
    },
  );
  const pass = new EdgePass(context, step);
  try {
    const encoder = context.device.createCommandEncoder({ label: step.label });
    pass.encode(encoder, texture);
    context.device.queue.submit([encoder.finish()]);
  } catch (error) {
    if (!into) pixels.dispose();
    throw error;
  } finally {
    pass.dispose();
  }
  return pixels;
}

/** Which texels, and which values in them. */
export interface TensorToTextureOptions {
  /** Of the textures that come. float32 formats cannot be filtered without `float32-filterable`. */
  readonly format: MapFormat;
  /**
   * Two values or more, of which the first two are lo and hi: the texture holds (x − lo) / (hi − lo), cut to 0…1. What
   * `minMax` gives fits. Without it the values are stored as they are, and rgba8unorm cuts them to 0…1. Default: none.
   */
  readonly range?: Tensor | undefined;
}

/**
 * A way out of a recording into textures: x [H, W] (or [1, H, W]) → a texture of W×H, the value in red, green and blue.
 *
 * Made once, used each frame. Holds `x` and `range` until `dispose`; the textures stay the caller's.
 */
export class TensorToTexture {
  readonly format: MapFormat;
  readonly #context: Context;
  readonly #size: Size;
  readonly #pass: EdgePass;
  /** For r16float: rows of halves, copied to the texture. */
  readonly #rows: { readonly tensor: Tensor; readonly bytesPerRow: number } | undefined;
  #disposed = false;

  constructor(x: Tensor, { format, range }: TensorToTextureOptions) {
    const { context } = x;
    const [H = 0, W = 0] = x.shape.slice(-2);
    if (x.dtype === 'u32' || x.size !== H * W || x.size === 0) {
      throw new DptError(
        'invalid-argument',
        `TensorToTexture: ${x.name} is ${shapeText(x.shape)} ${x.dtype}; needed is one map [H, W] of f32 or f16.`,
      );
    }
    this.#context = context;
    this.#size = [H, W];
    this.format = format;
    const label = `tensor_to_texture ${x.name}`;
    const common = { x, range: range ?? x };
    const overrides = { NORMALISE: range !== undefined };
    if (format === 'r16float') {
      const pitch = Math.ceil(W / 128) * 64; // copies take rows of multiples of 256 bytes
      const tensor = context.constant(() => context.empty([H, pitch], 'u32', `${x.name}.halves`));
      this.#rows = { tensor, bytesPerRow: pitch * 4 };
      const step = halvesKernel.step(
        { ...common, y: tensor },
        {
          types: { T: x.dtype },
          overrides,
          params: { H, W, pitch },
          workgroups: Math.ceil((H * pitch) / 64),
          label,
        },
      );
      this.#pass = new EdgePass(context, step);
    } else {
      const step = textureKernel.step(
        common,
        {
          types: { T: x.dtype, Picture: `texture_storage_2d<${format}, write>` },
          overrides,
          params: { H, W },
          workgroups: Math.ceil(x.size / 64),
          label,
        },
        context,
      );
      this.#pass = new EdgePass(context, step);
    }
  }

  /** Compiles, so that the first `encode` does not wait. */
  compile(): Promise<void> {
    return this.#pass.compile();
  }

  /**
   * Adds the passes to an encoder of the caller, who submits it. The texture is of this format and of the map's size, with
   * STORAGE_BINDING (r16float: COPY_DST), and stays the caller's.
   */
  encode(encoder: GPUCommandEncoder, texture: GPUTexture): void {
    if (texture.format !== this.format) {
      throw new DptError(
        'invalid-argument',
        `TensorToTexture: the texture is ${texture.format}, made for was ${this.format}.`,
      );
    }
    const [height, width] = this.#size;
    expectTexture(
      'TensorToTexture',
      texture,
      this.#size,
      this.#rows ? 'copyDst' : 'storageBinding',
    );
    if (!this.#rows) {
      this.#pass.encode(encoder, texture);
      return;
    }
    const { tensor, bytesPerRow } = this.#rows;
    this.#pass.encode(encoder);
    encoder.copyBufferToTexture({ buffer: tensor.buffer, bytesPerRow }, { texture }, [
      width,
      height,
    ]);
  }

  /** A texture that fits, counted in `memory()` until its `dispose`. `more` is what else it is to be used for. */
  createTexture(more: number = textureUsage.textureBinding | textureUsage.copySrc): OwnTexture {
    const [height, width] = this.#size;
    return this.#context.createTexture(
      {
        label: 'map',
        size: [width, height],
        format: this.format,
        usage: mapTextureUsage(this.format) | more,
      },
      width * height * bytesPerPixel[this.format],
    );
  }

  /** Idempotent. Textures are not touched. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#pass.dispose();
    this.#rows?.tensor.dispose();
  }

  [disposeSymbol](): void {
    this.dispose();
  }
}
