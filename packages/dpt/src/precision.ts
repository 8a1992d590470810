import type { Dtype } from '@dpt-webgpu/tensor';

/**
 * Storage of what flows inside a block: what its norms, its map to q, k and v, attention and the hidden layer write. The
 * residual stream, stages and maps are f32 in every model, sums and softmax in every kernel.
 *
 * A token of DINOv2 may be close to becoming one of those with very large values; what is rounded in an early block then
 * decides it, and pixels near it jump. So it is the first two thirds of the blocks that are f32, where weights are f16. Of
 * Depth-Anything-V2-Small's maps of five photos at 252 × 252, rounded in PyTorch as matrix units would, max |error| / std
 * against f32 was:
 *
 *   everything f16, pixels too       0.051  0.031  0.024  0.030  0.026
 *   the first half f32               0.008  0.010  0.009  0.015  0.008
 *   the first two thirds             0.005  0.009  0.008  0.006  0.010
 *   and what maps are made of        0.005  0.005  0.003  0.004  0.005
 *
 * The last is how it is: up to 0.008 on ten photos.
 */
export const tokenDtype = (block: number, blocks: number, weights: Dtype): Dtype =>
  3 * block < 2 * blocks ? 'f32' : weights;
