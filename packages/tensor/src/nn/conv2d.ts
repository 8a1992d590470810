import { invalidArgument } from '../errors.ts';
import { type ConvTranspose2dOptions, convTranspose2d } from '../ops/conv_transpose2d.ts';
import { type Conv2dOptions, conv2d } from '../ops/conv2d.ts';
import { type ResizedConv2dOptions, resizedConv2d } from '../ops/conv2d_resized.ts';
import type { Size } from '../ops/resize.ts';
import type { Tensor } from '../tensor.ts';
import type { WeightPart, Weights } from '../weights.ts';

/** Sizes of a convolution, in channels and pixels. */
export interface Conv2dConfig {
  /** C of what comes. */
  readonly in: number;
  /** C of the result. */
  readonly out: number;
  /** Side of the square kernel. */
  readonly kernel: number;
  /** Default 1. */
  readonly stride?: number;
  /** Default (kernel − 1) / 2, rounded down: the size stays at stride 1 and an odd kernel. */
  readonly padding?: number;
  /** Default true. */
  readonly bias?: boolean;
  /**
   * The equal part of the channels that come which this one takes: the sum over the parts is the convolution. Without
   * bias. Default: all.
   */
  readonly part?: WeightPart | undefined;
}

/** A convolution with its weight [out, in, ky, kx] as PyTorch stores it, and its bias. */
export class Conv2d {
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  readonly stride: number;
  readonly padding: number;

  constructor(config: Conv2dConfig, weights: Weights) {
    const { kernel, part } = config;
    const shape = [config.out, config.in, kernel, kernel];
    this.weight = weights.tensor('weight', shape, {
      permute: [2, 3, 1, 0],
      ...(part && { part: { ...part, axis: 1 } }),
    });
    this.bias = config.bias === false ? undefined : weights.tensor('bias', [config.out]);
    this.stride = config.stride ?? 1;
    this.padding = config.padding ?? Math.floor((kernel - 1) / 2);
  }

  /** x [B, H, W, in] → [B, H / stride, W / stride, out], rounded up with the default padding */
  forward(x: Tensor, options?: Omit<Conv2dOptions, 'stride' | 'padding'>): Tensor {
    const { stride, padding } = this;
    return conv2d(x, this.weight, this.bias, { ...options, stride, padding });
  }

  /** The same after a bilinear resize with corners aligned, which is not stored where that pays. Stride 1 only. */
  forwardResized(x: Tensor, size: Size, options?: Omit<ResizedConv2dOptions, 'padding'>): Tensor {
    if (this.stride !== 1)
      throw invalidArgument(`resizedConv2d: ${this.weight.name} has stride ${this.stride}, not 1.`);
    return resizedConv2d(x, size, this.weight, this.bias, { ...options, padding: this.padding });
  }
}

/** Sizes of a transposed convolution, in channels and pixels. */
export interface ConvTranspose2dConfig {
  /** C of what comes. */
  readonly in: number;
  /** C of the result. */
  readonly out: number;
  /** Side of the kernel, which is also the stride: contributions never overlap. */
  readonly kernel: number;
  /** The equal part of the channels of the result which this one makes. Default: all. */
  readonly part?: WeightPart | undefined;
}

/** A transposed convolution whose kernel is its stride, with its weight [in, out, ky, kx] as PyTorch stores it. */
export class ConvTranspose2d {
  readonly weight: Tensor;
  readonly bias: Tensor;

  constructor(config: ConvTranspose2dConfig, weights: Weights) {
    const { kernel, part } = config;
    const shape = [config.in, config.out, kernel, kernel];
    this.weight = weights.tensor('weight', shape, {
      permute: [0, 2, 3, 1],
      ...(part && { part: { ...part, axis: 1 } }),
    });
    this.bias = weights.tensor('bias', [config.out], part && { part: { ...part, axis: 0 } });
  }

  /** x [B, H, W, in] → [B, kernel · H, kernel · W, out], or a part of `out` */
  forward(x: Tensor, options?: ConvTranspose2dOptions): Tensor {
    return convTranspose2d(x, this.weight, this.bias, options);
  }
}
