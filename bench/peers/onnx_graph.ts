// Depth-Anything V2 as an ONNX graph, in the shape that exports from PyTorch have: channels first, q, k and v apart, the
// matrix of attention weights between two products, GELU spelt out with Erf. `fused` writes attention and GELU as the
// operators of com.microsoft that stand for them, the best case for ONNX Runtime.
import { f16FromArray } from '@dpt-webgpu/tensor';
import { float, int, ints, joined, message, text } from '../../packages/cli/src/onnx/protobuf.ts';
import type { Weights } from './weights.ts';

export interface GraphOptions {
  /** Of the picture, in pixels; multiples of 14. */
  readonly height: number;
  readonly width: number;
  readonly fused?: boolean;
  readonly f16?: boolean;
}

type Attribute = number | string | readonly number[] | { readonly float: number };

const elementTypes = { f32: 1, i64: 7, f16: 10 } as const;

class Graph {
  readonly parts: Uint8Array[] = [];
  readonly #type: 'f32' | 'f16';
  #count = 0;

  constructor(type: 'f32' | 'f16') {
    this.#type = type;
  }

  node(
    op: string,
    inputs: readonly string[],
    attributes: Record<string, Attribute> = {},
    domain = '',
  ): string {
    const output = `${op.toLowerCase()}_${this.#count++}`;
    this.parts.push(
      message(
        1,
        ...inputs.map((input) => text(1, input)),
        text(2, output),
        text(3, output),
        text(4, op),
        ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
        text(7, domain),
      ),
    );
    return output;
  }

  floats(shape: readonly number[], values: Float32Array): string {
    const data = this.#type === 'f16' ? f16FromArray(values) : values;
    return this.#constant(
      this.#type,
      shape,
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    );
  }

  scalar = (value: number): string => this.floats([], Float32Array.of(value));

  integers(...values: number[]): string {
    return this.#constant(
      'i64',
      [values.length],
      new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
    );
  }

  #constant(type: keyof typeof elementTypes, shape: readonly number[], data: Uint8Array): string {
    const name = `constant_${this.#count++}`;
    const packed = shape.length > 0 ? [ints(1, shape)] : [];
    this.parts.push(
      message(5, ...packed, int(2, elementTypes[type]), text(8, name), message(9, data)),
    );
    return name;
  }

  value(field: 11 | 12, name: string, shape: readonly number[]): void {
    const sides = shape.map((side) => message(1, int(1, side)));
    const tensor = message(1, int(1, elementTypes[this.#type]), message(2, ...sides));
    this.parts.push(message(field, text(1, name), message(2, tensor)));
  }

  bytes(): Uint8Array {
    const opsets = [
      message(8, text(1, ''), int(2, 17)),
      message(8, text(1, 'com.microsoft'), int(2, 1)),
    ];
    return joined([int(1, 8), ...opsets, message(7, ...this.parts, text(2, 'depth'))]);
  }
}

function attribute(name: string, value: Attribute): Uint8Array {
  if (typeof value === 'number') return message(5, text(1, name), int(3, value), int(20, 2));
  if (typeof value === 'string') return message(5, text(1, name), text(4, value), int(20, 3));
  if ('float' in value) return message(5, text(1, name), float(2, value.float), int(20, 1));
  return message(5, text(1, name), ...value.map((each) => int(8, each)), int(20, 7));
}

/** pixel_values [1, 3, height, width] → depth [1, 1, height, width] */
export function onnxGraph(weights: Weights, options: GraphOptions): Uint8Array {
  const { height, width, fused = false, f16 = false } = options;
  const graph = new Graph(f16 ? 'f16' : 'f32');
  const { scalar, integers } = { scalar: graph.scalar, integers: graph.integers.bind(graph) };
  const node = graph.node.bind(graph);
  const shapeOf = (key: string): readonly number[] => weights.get(key)!.shape;
  const weight = (key: string, shape = shapeOf(key)): string =>
    graph.floats(shape, weights.get(key)!.read());

  const [H, W] = [height / 14, width / 14];
  const C = shapeOf('pretrained.cls_token')[2]!;
  const heads = C / 64;
  const blocks = [...weights.keys()].filter((key) => key.endsWith('attn.qkv.weight')).length;
  const stages = blocks === 24 ? [4, 11, 17, 23] : [2, 5, 8, 11];
  const N = 1 + H * W;

  const norm = (x: string, key: string): string =>
    node('LayerNormalization', [x, weight(`${key}.weight`), weight(`${key}.bias`)], {
      axis: -1,
      epsilon: { float: 1e-6 },
    });
  /** Outputs `from` to `to` of a linear map, as PyTorch stores it, transposed. */
  const linear = (x: string, key: string, from = 0, to = shapeOf(`${key}.weight`)[0]!): string => {
    const inputs = shapeOf(`${key}.weight`)[1]!;
    const stored = weights.get(`${key}.weight`)!.read();
    const rows = to - from;
    const transposed = new Float32Array(inputs * rows);
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < inputs; i++)
        transposed[i * rows + row] = stored[(from + row) * inputs + i]!;
    }
    const bias = weights.get(`${key}.bias`)!.read().slice(from, to);
    const product = node('MatMul', [x, graph.floats([inputs, rows], transposed)]);
    return node('Add', [product, graph.floats([rows], bias)]);
  };
  const convolution = (
    x: string,
    key: string,
    { stride = 1, padding = 1, bias = true } = {},
  ): string => {
    const side = shapeOf(`${key}.weight`)[2]!;
    return node('Conv', [x, weight(`${key}.weight`), ...(bias ? [weight(`${key}.bias`)] : [])], {
      kernel_shape: [side, side],
      pads: Array<number>(4).fill(padding),
      strides: [stride, stride],
    });
  };
  const spread = (x: string, key: string): string => {
    const side = shapeOf(`${key}.weight`)[2]!;
    const square = { kernel_shape: [side, side], strides: [side, side] };
    return node('ConvTranspose', [x, weight(`${key}.weight`), weight(`${key}.bias`)], square);
  };
  const gelu = (x: string): string => {
    if (fused) return node('Gelu', [x], {}, 'com.microsoft');
    const erf = node('Erf', [node('Div', [x, scalar(Math.SQRT2)])]);
    return node('Mul', [node('Mul', [x, node('Add', [erf, scalar(1)])]), scalar(0.5)]);
  };
  const attention = (x: string, key: string): string => {
    const [q, k, v] = [0, 1, 2].map((i) => linear(x, key, i * C, (i + 1) * C)) as [
      string,
      string,
      string,
    ];
    if (fused) return node('MultiHeadAttention', [q, k, v], { num_heads: heads }, 'com.microsoft');
    const split = (part: string, perm: number[]): string =>
      node('Transpose', [node('Reshape', [part, integers(1, N, heads, C / heads)])], { perm });
    const product = node('MatMul', [split(q, [0, 2, 1, 3]), split(k, [0, 2, 3, 1])]);
    const shares = node('Softmax', [node('Div', [product, scalar(Math.sqrt(C / heads))])], {
      axis: -1,
    });
    const sum = node('MatMul', [shares, split(v, [0, 2, 1, 3])]);
    const joined = node('Transpose', [sum], { perm: [0, 2, 1, 3] });
    return node('Reshape', [joined, integers(1, N, C)]);
  };
  const resize = (
    x: string,
    channels: number,
    [rows, columns]: readonly [number, number],
  ): string =>
    node('Resize', [x, '', '', integers(1, channels, rows, columns)], {
      mode: 'linear',
      coordinate_transformation_mode: 'align_corners',
    });

  graph.value(11, 'pixel_values', [1, 3, height, width]);
  const patches = node(
    'Conv',
    [
      'pixel_values',
      weight('pretrained.patch_embed.proj.weight'),
      weight('pretrained.patch_embed.proj.bias'),
    ],
    {
      kernel_shape: [14, 14],
      strides: [14, 14],
    },
  );
  let x = node('Transpose', [node('Reshape', [patches, integers(1, C, H * W)])], {
    perm: [0, 2, 1],
  });
  x = node('Concat', [weight('pretrained.cls_token'), x], { axis: 1 });
  x = node('Add', [x, graph.floats([1, N, C], positions(weights, [H, W]))]);
  const tokens: string[] = [];
  for (let i = 0; i < blocks; i++) {
    const block = `pretrained.blocks.${i}`;
    const attended = linear(
      attention(norm(x, `${block}.norm1`), `${block}.attn.qkv`),
      `${block}.attn.proj`,
    );
    x = node('Add', [node('Mul', [attended, weight(`${block}.ls1.gamma`)]), x]);
    const wide = gelu(linear(norm(x, `${block}.norm2`), `${block}.mlp.fc1`));
    x = node('Add', [
      node('Mul', [linear(wide, `${block}.mlp.fc2`), weight(`${block}.ls2.gamma`)]),
      x,
    ]);
    if (stages.includes(i)) tokens.push(x);
  }

  const sizes = [
    [4 * H, 4 * W],
    [2 * H, 2 * W],
    [H, W],
    [Math.ceil(H / 2), Math.ceil(W / 2)],
  ] as const;
  const maps = tokens.map((stage, s) => {
    const head = 'depth_head';
    const kept = node('Slice', [
      norm(stage, 'pretrained.norm'),
      integers(1),
      integers(N),
      integers(1),
    ]);
    const rows = node('Transpose', [kept], { perm: [0, 2, 1] });
    const grid = node('Reshape', [rows, integers(1, C, H, W)]);
    let map = convolution(grid, `${head}.projects.${s}`, { padding: 0 });
    if (s < 2) map = spread(map, `${head}.resize_layers.${s}`);
    if (s === 3) map = convolution(map, `${head}.resize_layers.3`, { stride: 2 });
    return convolution(map, `${head}.scratch.layer${s + 1}_rn`, { bias: false });
  });

  const F = shapeOf('depth_head.scratch.layer1_rn.weight')[0]!;
  const unit = (map: string, key: string): string => {
    const once = convolution(node('Relu', [map]), `${key}.conv1`);
    return node('Add', [convolution(node('Relu', [once]), `${key}.conv2`), map]);
  };
  let path: string | undefined;
  for (const s of [3, 2, 1, 0]) {
    const block = `depth_head.scratch.refinenet${s + 1}`;
    const own = maps[s]!;
    const sum = path === undefined ? own : node('Add', [path, unit(own, `${block}.resConfUnit1`)]);
    const next = s > 0 ? sizes[s - 1]! : ([8 * H, 8 * W] as const);
    path = convolution(resize(unit(sum, `${block}.resConfUnit2`), F, next), `${block}.out_conv`, {
      padding: 0,
    });
  }
  const scratch = 'depth_head.scratch';
  const reduced = resize(convolution(path!, `${scratch}.output_conv1`), F / 2, [height, width]);
  const refined = node('Relu', [convolution(reduced, `${scratch}.output_conv2.0`)]);
  const depth = node('Relu', [convolution(refined, `${scratch}.output_conv2.2`, { padding: 0 })]);
  graph.value(12, depth, [1, 1, height, width]);
  return graph.bytes();
}

/** The trained position encoding at another grid: bicubic, A = −0.75, by DINOv2's factor (grid + 0.1) / trained grid. */
function positions(weights: Weights, [H, W]: readonly [number, number]): Float32Array {
  const { shape, read } = weights.get('pretrained.pos_embed')!;
  const C = shape[2]!;
  const g = Math.sqrt(shape[1]! - 1);
  const table = read();
  if (H === g && W === g) return table;
  const result = new Float32Array((1 + H * W) * C);
  result.set(table.subarray(0, C));
  const [rows, columns] = [H, W].map((side) =>
    Array.from({ length: side }, (_, i) => taps(i, g / (side + 0.1), g)),
  );
  for (let y = 0; y < H; y++) {
    for (let x = 0; x < W; x++) {
      for (const row of rows![y]!) {
        for (const column of columns![x]!) {
          const from = (1 + row.at * g + column.at) * C;
          const to = (1 + y * W + x) * C;
          const share = row.share * column.share;
          for (let c = 0; c < C; c++) result[to + c]! += share * table[from + c]!;
        }
      }
    }
  }
  return result;
}

function taps(i: number, step: number, side: number): { at: number; share: number }[] {
  const place = (i + 0.5) * step - 0.5;
  const first = Math.floor(place) - 1;
  return [0, 1, 2, 3].map((tap) => ({
    at: Math.min(Math.max(first + tap, 0), side - 1),
    share: cubic(Math.abs(place - (first + tap))),
  }));
}

/** Keys' kernel with A = −0.75, as PyTorch has it. */
function cubic(t: number): number {
  const A = -0.75;
  if (t <= 1) return ((A + 2) * t - (A + 3)) * t * t + 1;
  return t < 2 ? ((A * t - 5 * A) * t + 8 * A) * t - 4 * A : 0;
}

/** [1, H, W, 3] → [1, 3, H, W] */
export function channelsFirst(image: Float32Array): Float32Array {
  const count = image.length / 3;
  return Float32Array.from(
    { length: image.length },
    (_, i) => image[(i % count) * 3 + Math.floor(i / count)]!,
  );
}
