import {
  add,
  attention,
  bilinearResize,
  concat,
  conv2d,
  convTranspose2d,
  layerNorm,
  linear,
  patchify,
  type Shape,
  sizeOf,
  type Tensor,
} from '@dpt-webgpu/tensor';

/** One op at one size of Depth-Anything V2 Small. */
export interface OpCase {
  /** As `ContextOptions.variants` calls it. */
  readonly op: string;
  /** Where the model uses it. */
  readonly place: string;
  readonly inputs: Readonly<Record<string, Shape>>;
  readonly run: (inputs: Readonly<Record<string, Tensor>>) => Tensor;
  /** A multiply-add counts as two; norms, resizes and copies are bound by memory and count as none. */
  readonly flop: number;
}

/** The ops of one forward over a picture of size × size pixels, each kind and shape once. */
export function opCases(size: number): OpCase[] {
  const [P, F, C, heads] = [14, 384, 64, 6]; // patch, width of the encoder, of the fusion
  const g = Math.floor(size / P); // patches along a side
  const N = g * g + 1;
  const half = Math.ceil(g / 2);
  return [
    {
      op: 'patchify',
      place: 'patch embed',
      inputs: { x: [1, g * P, g * P, 3] },
      run: ({ x }) => patchify(x!, P),
      flop: 0,
    },
    mapping('patch embed', [1, g * g, P * P * 3], F),
    {
      op: 'layer_norm',
      place: 'block norm',
      inputs: { x: [1, N, F], weight: [F], bias: [F] },
      run: ({ x, weight, bias }) => layerNorm(x!, weight!, bias!),
      flop: 0,
    },
    mapping('qkv', [1, N, F], 3 * F),
    {
      op: 'attention',
      place: 'block',
      inputs: { qkv: [1, N, 3 * F] },
      run: ({ qkv }) => attention(qkv!, { heads }),
      flop: 4 * N * N * F,
    },
    mapping('proj · γ + x', [1, N, F], F, { residual: true }),
    mapping('fc1, GELU', [1, N, F], 4 * F, { gelu: true }),
    mapping('fc2 · γ + x', [1, N, 4 * F], F, { residual: true }),
    {
      op: 'concat',
      place: 'readout token',
      inputs: { token: [1, 1, F], x: [1, g * g, F] },
      run: ({ token, x }) => concat([token!, x!], 1),
      flop: 0,
    },
    {
      op: 'elementwise',
      place: 'position encoding',
      inputs: { x: [1, N, F], y: [1, N, F] },
      run: ({ x, y }) => add(x!, y!),
      flop: 0,
    },
    spreading('resample ×4', g, 48, 4),
    spreading('resample ×2', g, 96, 2),
    convolution('resample ×½', g, 384, 384, { stride: 2 }),
    convolution('to fusion, ×4', 4 * g, 48, C),
    convolution('to fusion, ×½', half, 384, C),
    ...[4 * g, 2 * g, g, half].map((side) =>
      convolution('residual unit', side, C, C, { residual: true }),
    ),
    resize('fusion', 4 * g, 8 * g, C),
    mapping('fusion 1×1', [1, 16 * g * g, C], C),
    convolution('head 1', 8 * g, C, C / 2),
    resize('head', 8 * g, g * P, C / 2),
    convolution('head 2', g * P, C / 2, 32),
    mapping('head 3', [1, g * P * g * P, 32], 1),
  ];
}

function mapping(
  place: string,
  x: Shape,
  N: number,
  { gelu = false, residual = false } = {},
): OpCase {
  const K = x.at(-1)!;
  const result = [...x.slice(0, -1), N];
  return {
    op: 'linear',
    place,
    inputs: { x, weight: [K, N], bias: [N], ...(residual ? { gamma: [N], skip: result } : {}) },
    run: ({ x, weight, bias, gamma, skip }) =>
      linear(x!, weight!, bias, {
        activation: gelu ? 'gelu' : 'none',
        scaledBy: gamma,
        addTo: skip,
      }),
    flop: 2 * K * sizeOf(result),
  };
}

function convolution(
  place: string,
  side: number,
  I: number,
  O: number,
  { stride = 1, residual = false } = {},
): OpCase {
  const result = [1, Math.ceil(side / stride), Math.ceil(side / stride), O];
  return {
    op: 'conv2d',
    place,
    inputs: {
      x: [1, side, side, I],
      weight: [3, 3, I, O],
      bias: [O],
      ...(residual ? { skip: result } : {}),
    },
    run: ({ x, weight, bias, skip }) =>
      conv2d(x!, weight!, bias, { stride, padding: 1, preRelu: residual, addTo: skip }),
    flop: 2 * 9 * I * sizeOf(result),
  };
}

function spreading(place: string, side: number, C: number, k: number): OpCase {
  return {
    op: 'conv_transpose2d',
    place,
    inputs: { x: [1, side, side, C], weight: [C, k, k, C], bias: [C] },
    run: ({ x, weight, bias }) => convTranspose2d(x!, weight!, bias),
    flop: 2 * side * side * C * k * k * C,
  };
}

function resize(place: string, from: number, to: number, C: number): OpCase {
  return {
    op: 'bilinear_resize',
    place,
    inputs: { x: [1, from, from, C] },
    run: ({ x }) => bilinearResize(x!, [to, to], { alignCorners: true }),
    flop: 0,
  };
}
