import { type Shape, sizeOf } from '../../packages/tensor/src/shape.ts';

/** An array in f64 with its last axis innermost: what the naive references work on. */
export interface Nd {
  readonly shape: Shape;
  readonly data: Float64Array;
}

export const zeros = (shape: Shape): Nd => ({ shape, data: new Float64Array(sizeOf(shape)) });
