import {
  add,
  type Context,
  concat,
  type Dtype,
  gelu,
  layerNorm,
  linear,
  slice,
  softmax,
  type Tensor,
} from '../../packages/tensor/src/index.ts';
import { randomNd, upload } from './tensors.ts';

/** A small net of several ops, with a residual stream, views and copies: what a block of a model is made of. */
export interface Net {
  readonly forward: (x: Tensor) => Tensor;
  readonly weights: readonly Tensor[];
  readonly dispose: () => void;
}

export const tokens = [1, 6, 8] as const;

/** x [B, N, 8] → [B, N, 8] */
export function makeNet(context: Context, seed = 1, dtype: Dtype = 'f32'): Net {
  const weights: Tensor[] = [];
  const weight = (name: string, shape: readonly number[], std = 0.5): Tensor => {
    const values = randomNd(shape, { seed: seed * 100 + weights.length, std });
    const tensor = upload(context, values, dtype, name);
    weights.push(tensor);
    return tensor;
  };
  const blocks = [0, 1].map((i) => ({
    gamma: weight(`blocks.${i}.norm.weight`, [8]),
    beta: weight(`blocks.${i}.norm.bias`, [8]),
    fc1: weight(`blocks.${i}.mlp.fc1.weight`, [8, 16]),
    bias1: weight(`blocks.${i}.mlp.fc1.bias`, [16]),
    fc2: weight(`blocks.${i}.mlp.fc2.weight`, [16, 8]),
  }));
  const forward = (x: Tensor): Tensor => {
    let stream = x;
    for (const { gamma, beta, fc1, bias1, fc2 } of blocks) {
      const hidden = gelu(linear(layerNorm(stream, gamma, beta), fc1, bias1));
      stream = linear(hidden, fc2, undefined, { addTo: stream });
    }
    stream = stream.named('stage_1');
    const readout = slice(stream, { axis: 1, from: 0, to: 1 });
    const rest = slice(stream, { axis: 1, from: 1 });
    const turned = concat([rest, readout], 1);
    return softmax(add(turned, x.reshape([-1, 8]).reshape(x.shape))).named('head');
  };
  return {
    forward,
    weights,
    dispose: () => {
      for (const tensor of weights) tensor.dispose();
    },
  };
}
