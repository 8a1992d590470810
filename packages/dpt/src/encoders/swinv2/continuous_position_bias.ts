import { linear, type Tensor, type Weights } from '@dpt-webgpu/tensor';
import type { Grid } from '../../grid.ts';
import type { GridCache } from '../../grid_cache.ts';

interface ContinuousPositionBiasConfig {
  readonly heads: number;
  /** Side of the windows that offsets are measured by; 0: of the windows in use. */
  readonly pretrainedWindow: number;
}

/** Width of the small network, the same in every SwinV2. */
const HIDDEN = 512;

/**
 * One block's bias for every offset between two tokens of a window: a small network of the offset, so that it has a
 * value for windows of any size.
 *
 *   bias = 16 · sigmoid(fc2(ReLU(fc1(φ(dy), φ(dx)))))
 *
 * Its table is made once per window size and kept: (2h − 1)(2w − 1) numbers per head. timm and muggled_dpt go on to
 * gather (h·w)² of them for all pairs; here attention finds the row for a pair itself.
 */
export class ContinuousPositionBias {
  readonly config: ContinuousPositionBiasConfig;
  readonly cache: GridCache;
  // All f32: a score is f32 as well, and the table is made once.
  readonly fc1: { readonly weight: Tensor; readonly bias: Tensor };
  readonly fc2: { readonly weight: Tensor };

  constructor(config: ContinuousPositionBiasConfig, weights: Weights, cache: GridCache) {
    const [fc1, fc2] = [weights.at('fc1'), weights.at('fc2')];
    this.config = config;
    this.cache = cache;
    this.fc1 = {
      weight: fc1.tensor('weight', [HIDDEN, 2], { permute: [1, 0], dtype: 'f32' }),
      bias: fc1.tensor('bias', [HIDDEN], { dtype: 'f32' }),
    };
    this.fc2 = {
      weight: fc2.tensor('weight', [config.heads, HIDDEN], { permute: [1, 0], dtype: 'f32' }),
    };
  }

  /** [(2h − 1)(2w − 1), heads] for a window */
  forward(window: Grid): Tensor {
    // A window is a grid of tokens, and each block has a table of its own, named by its key.
    return this.cache.get(this.fc1.weight.name, window, () => this.make(window));
  }

  private make(window: Grid): Tensor {
    const { fc1, fc2 } = this;
    const { context } = fc1.weight;
    const values = offsetsOf(window, this.config.pretrainedWindow);
    const offsets = context.tensor(values, [values.length / 2, 2], 'f32', 'offsets'); // [rows, 2]
    const sixteen = context.tensor(Float32Array.of(16), [1], 'f32', '16');
    const hidden = linear(offsets, fc1.weight, fc1.bias, { activation: 'relu' }); // [rows, 512]
    return linear(hidden, fc2.weight, undefined, { activation: 'sigmoid', scaledBy: sixteen }); // [rows, heads]
  }
}

/**
 * (φ(dy), φ(dx)) of every offset, row by row from −(h − 1), −(w − 1). Offsets are measured by the windows of
 * pretraining, so that larger windows go on where smaller ones ended: 23 / 11 gives 1.38, not 1.06.
 */
export function offsetsOf([h, w]: Grid, pretrainedWindow: number): Float32Array {
  const values = new Float32Array(2 * (2 * h - 1) * (2 * w - 1));
  const along = (offset: number, window: number): number =>
    logSpaced(offset / Math.max((pretrainedWindow || window) - 1, 1));
  let at = 0;
  for (let dy = 1 - h; dy < h; dy++) {
    for (let dx = 1 - w; dx < w; dx++) {
      values[at++] = along(dy, h);
      values[at++] = along(dx, w);
    }
  }
  return values;
}

/** φ(t) = sign(t) · log₂(8|t| + 1) / log₂ 8: far offsets closer together. φ(1) is 1.0566, as the authors have it. */
const logSpaced = (t: number): number => (Math.sign(t) * Math.log2(8 * Math.abs(t) + 1)) / 3;
