import type { Dtype } from '@dpt-webgpu/tensor';

/**
 * Storage of what a block's norms and its map to q, k and v write. The residual stream, stages and maps are f32 in every
 * model, sums and softmax in every kernel; where weights are f16 this is the next that the depth map feels. Of
 * Depth-Anything-V2-Small's maps of three photos at 252 × 252 on lavapipe, max |error| / std against f32 was:
 *
 *   everything but the residual stream f16        0.024  0.019  0.016    correlation ≥ 0.9999986
 *   stages and maps f32                           0.023  0.019  0.012                ≥ 0.9999998
 *   and norms, q, k and v                         0.013  0.006  0.007                ≥ 0.9999999
 *
 * So they are f32, on matrix units as well: those take f16 only, and a tile becomes it as it is copied.
 */
export const tokenDtype: Dtype = 'f32';
