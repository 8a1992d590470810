import type { Tensor } from '@dpt-webgpu/tensor';
import { type Call, type Emitter, equal, type Operand } from './emitter.ts';
import type { OnnxGraph } from './graph.ts';
import type { Side } from './sizes.ts';

export function linear(t: Emitter, call: Call): void {
  const [x, weight, bias, scale, residual] = call.reads as [
    Operand,
    Operand,
    ...(Operand | undefined)[],
  ];
  const { name } = call.write;
  const graph = t.graph;
  let y = graph.node('MatMul', [t.plain(x), t.plain(weight)], {}, name);
  if (bias) y = graph.node('Add', [y, t.plain(bias)], {}, name);
  y = t.activate(y, call.choice('ACTIVATION'), name);
  if (scale) y = graph.node('Mul', [y, t.plain(scale)], {}, name);
  if (residual) y = graph.node('Add', [y, t.plain(residual)], {}, name);
  t.write(call, y);
}

export function conv2d(t: Emitter, call: Call): void {
  const [x] = call.reads as [Operand];
  convolve(t, call, t.first(x), t.fixed(call.param('stride'), 'the stride'));
}

export function conv2d_resized(t: Emitter, call: Call): void {
  const [x] = call.reads as [Operand];
  const size = [call.param('Hr'), call.param('Wr')];
  const name = `${call.write.name}.resized`;
  convolve(t, call, bilinear(t, x, size, 'align_corners', name), 1);
}

/** [B, C, H, W] of an operand [B, h, w, C]. */
function bilinear(
  t: Emitter,
  x: Operand,
  size: readonly Side[],
  mode: 'align_corners' | 'pytorch_half_pixel',
  name: string,
): string {
  const sizes = t.sizes.list([x.sides[0]!, x.sides[3]!, ...size]);
  const attributes = { mode: 'linear', coordinate_transformation_mode: mode };
  return t.graph.node('Resize', [t.first(x), undefined, undefined, sizes], attributes, name);
}

function convolve(t: Emitter, call: Call, x: string, stride: number): void {
  const [, weight, bias, scale, residual] = call.reads as [
    Operand,
    Operand,
    ...(Operand | undefined)[],
  ];
  const { name } = call.write;
  const graph = t.graph;
  const padding = t.fixed(call.param('padding'), 'the padding');
  let input = x;
  if (call.choice('PRE_RELU')) {
    const raw = input;
    input = t.once(`${raw} relu`, () => graph.node('Relu', [raw], {}, `${name}.relu`));
  }
  const kernel = t.once(`kernel ${weight.name}`, () => kernelOf(graph, weight.tensor));
  let y = graph.node(
    'Conv',
    [input, kernel, bias && t.plain(bias)].slice(0, bias ? 3 : 2),
    { strides: [stride, stride], pads: [padding, padding, padding, padding] },
    name,
  );
  y = t.activate(y, call.choice('ACTIVATION'), name);
  if (scale) {
    y = graph.node('Mul', [y, perChannel(t, scale, `${name}.scale`)], {}, name);
  }
  if (residual) y = graph.node('Add', [y, t.first(residual)], {}, name);
  t.writeFirst(call, y);
}

/** [C] as [1, C, 1, 1], to be spread over a map that lies channels first. */
const perChannel = (t: Emitter, values: Operand, name: string): string =>
  t.reshape(t.plain(values), [t.always(1), values.sides[0]!, t.always(1), t.always(1)], name);

export function pixel_shuffle(t: Emitter, call: Call): void {
  const [x, bias] = call.reads as [Operand, Operand | undefined];
  const { name, sides } = call.write;
  const [B, H, W] = x.sides as [Side, Side, Side];
  const k = t.always(t.fixed(call.param('k'), 'the kernel'));
  const O = sides[3]!;
  // [B, H, W, k, k, O] → [B, O, H, k, W, k] → [B, O, kH, kW]
  const split = t.reshape(t.plain(x), [B, H, W, k, k, O], `${name}.spread`);
  const ordered = t.transpose(split, [0, 5, 1, 3, 2, 4], `${name}.spread`);
  const [, kH, kW] = sides as [Side, Side, Side];
  let y = t.reshape(ordered, [B, O, kH, kW], name);
  if (bias) {
    y = t.graph.node('Add', [y, perChannel(t, bias, `${name}.bias`)], {}, name);
  }
  t.writeFirst(call, y);
}

export function layer_norm(t: Emitter, call: Call): void {
  const [x, weight, bias, residual] = call.reads as [
    Operand,
    Operand,
    Operand,
    Operand | undefined,
  ];
  const { name } = call.write;
  const epsilon = { float: t.fixed(call.param('eps'), 'eps') };
  const inputs = [x, weight, bias].map((operand) => t.plain(operand));
  let y = t.graph.node('LayerNormalization', inputs, { axis: -1, epsilon }, name);
  if (residual) y = t.graph.node('Add', [y, t.plain(residual)], {}, name);
  t.write(call, y);
}

export function elementwise(t: Emitter, call: Call): void {
  const [a, b] = call.reads as [Operand, Operand | undefined];
  const { name } = call.write;
  const operation = ['Identity', 'Add', 'Sub', 'Mul', 'Div', 'Max', 'Min'][
    Number(call.choice('OPERATION') ?? 0)
  ]!;
  // Two maps that lie channels first are added as they lie.
  const isFirst = t.isFirst(a) && (!b || t.isFirst(b));
  const form = (operand: Operand): string => (isFirst ? t.first(operand) : t.plain(operand));
  let y = form(a);
  if (b) y = t.graph.node(operation, [y, form(b)], {}, name);
  y = t.activate(y, call.choice('ACTIVATION'), name);
  if (isFirst) t.writeFirst(call, y);
  else t.write(call, y);
}

export function swiglu(t: Emitter, call: Call): void {
  const [x] = call.reads as [Operand];
  const { name } = call.write;
  const [a, b] = t.graph.nodes('Split', [t.plain(x)], [`${name}.gate`, `${name}.value`], {
    axis: -1,
  }) as [string, string];
  t.write(call, t.graph.node('Mul', [t.activate(a, 3, name), b], {}, name));
}

/** A slice writes its result at once, a concatenation in several steps. */
export function copy_rows(t: Emitter, call: Call): void {
  const [x] = call.reads as [Operand];
  const { write } = call;
  if (call.step.label.startsWith('slice')) {
    const differing = x.sides.findIndex((side, i) => !equal(side, write.sides[i]!));
    const axis = Math.max(differing, 0);
    const from = call.param('x_from');
    const to = from.map((start, i) => start + write.sides[axis]![i]!);
    const isEnd = equal(to, x.sides[axis]!);
    const end = isEnd ? undefined : to;
    t.write(call, t.slice(t.plain(x), axis, from, end, write.name));
    return;
  }
  // The first axis of a part differs where it is repeated for every picture of a batch.
  const isRepeated = !equal(call.param('x_outer'), call.param('outer'));
  const axis = x.sides.findIndex(
    (side, i) => !(isRepeated && i === 0) && !equal(side, write.sides[i]!),
  );
  let part = t.plain(x);
  if (isRepeated) {
    const spread = [write.sides[0]!, ...x.sides.slice(1)];
    part = t.graph.node(
      'Expand',
      [part, t.sizes.shape(spread, { open: false })],
      {},
      `${x.name}.repeated`,
    );
  }
  t.writePart(call, axis, part);
}

export function patchify(t: Emitter, call: Call): void {
  const [x] = call.reads as [Operand];
  const { name, sides } = call.write;
  const [B] = x.sides as [Side];
  const P = t.always(t.fixed(call.param('P'), 'the patch'));
  const split = [B, call.param('H'), P, call.param('W'), P, t.always(3)];
  const cells = t.reshape(t.plain(x), split, name);
  t.write(call, t.reshape(t.transpose(cells, [0, 1, 3, 2, 4, 5], name), sides, name));
}

export function patch_merge(t: Emitter, call: Call): void {
  const [x] = call.reads as [Operand];
  const { name, sides } = call.write;
  const two = t.always(2);
  const [B, , C] = x.sides as [Side, Side, Side];
  const split = [B, call.param('H'), two, call.param('W'), two, C];
  const cells = t.reshape(t.plain(x), split, name);
  // The four of a cell in the order (0, 0), (1, 0), (0, 1), (1, 1): columns outside of rows.
  t.write(call, t.reshape(t.transpose(cells, [0, 1, 3, 4, 2, 5], name), sides, name));
}

export function bilinear_resize(t: Emitter, call: Call): void {
  const [x] = call.reads as [Operand];
  const mode = call.choice('ALIGN_CORNERS') ? 'align_corners' : 'pytorch_half_pixel';
  const { name, sides } = call.write;
  t.writeFirst(call, bilinear(t, x, sides.slice(1, 3), mode, name));
}

/** By size, or by a factor that is a little larger: what is given then are the factors. */
export function bicubic_resize(t: Emitter, call: Call): void {
  const [x] = call.reads as [Operand];
  const graph = t.graph;
  const { name, sides } = call.write;
  const attributes = {
    mode: 'cubic',
    coordinate_transformation_mode: 'half_pixel',
    cubic_coeff_a: { float: -0.75 },
  };
  const factors = (['y', 'x'] as const).map((axis, i) => {
    const from = t.fixed(x.sides[i + 1]!, 'the trained grid');
    // step = from / (to + offset)
    const offsets = call.param(`step_${axis}`).map((step, at) => from / step - sides[i + 1]![at]!);
    const offset = Math.round(offsets[0]! * 1e4) / 1e4;
    if (offsets.some((other) => Math.abs(other - offset) > 1e-4)) {
      throw new Error(`${name}: the steps of a resize do not follow from its size`);
    }
    return { from, offset, to: sides[i + 1]! };
  }) as [Factor, Factor];
  if (factors.every(({ offset }) => offset === 0)) {
    const sizes = [x.sides[0]!, x.sides[3]!, sides[1]!, sides[2]!];
    const inputs = [t.first(x), undefined, undefined, t.sizes.list(sizes)];
    t.writeFirst(call, graph.node('Resize', inputs, attributes, name));
    return;
  }
  const isTrained = isTrainedOf(t, factors);
  const scales = factors.map(({ from, offset, to }) => {
    const length = graph.node('Cast', [t.sizes.length(to)], { to: 1 }, `${name}.length`);
    // The model leaves a grid of the trained size as it is, and so does a factor of 1.
    const more = isTrained
      ? graph.node(
          'Where',
          [isTrained, graph.scalar(0), graph.scalar(offset)],
          {},
          `${name}.offset`,
        )
      : graph.scalar(offset);
    const sum = graph.node('Add', [length, more], {}, `${name}.length`);
    return graph.node('Div', [sum, graph.scalar(from)], {}, `${name}.scale`);
  });
  const one = t.once('float list 1', () => graph.floats('ones', [2], Float32Array.of(1, 1)));
  const all = graph.node('Concat', [one, ...scales], { axis: 0 }, `${name}.scales`);
  t.writeFirst(call, graph.node('Resize', [t.first(x), undefined, all], attributes, name));
}

function isTrainedOf(t: Emitter, factors: readonly Factor[]): string | undefined {
  if (factors.every(({ to }) => t.sizes.known(to) !== undefined)) return undefined;
  const graph = t.graph;
  const [rows, columns] = factors.map(({ from, to }) =>
    graph.node('Equal', [t.sizes.length(to), graph.integers([from])], {}, 'is_trained_size'),
  ) as [string, string];
  return graph.node('And', [rows, columns], {}, 'is_trained_size');
}

interface Factor {
  readonly from: number;
  readonly offset: number;
  readonly to: Side;
}

/** [kH, kW, I, O], as our convolutions read it → [O, I, kH, kW] */
function kernelOf(graph: OnnxGraph, weight: Tensor): string {
  const [kH, kW, I, O] = weight.dims('kH kW I O') as [number, number, number, number];
  return graph.weight(weight.name, [O, I, kH, kW], async () => {
    const values = await weight.read();
    const moved = new Float32Array(values.length);
    const area = kH * kW;
    for (let place = 0; place < area; place++) {
      for (let i = 0; i < I; i++) {
        for (let o = 0; o < O; o++) {
          moved[(o * I + i) * area + place] = values[(place * I + i) * O + o]!;
        }
      }
    }
    return moved;
  });
}
