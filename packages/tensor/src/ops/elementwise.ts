import type { Dtype } from '../dtype.ts';
import { invalidArgument } from '../errors.ts';
import { defineKernel } from '../kernel.ts';
import { shapeText, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { type Activation, activationCode } from './activation.ts';
import { vectorTypes } from './vectors.ts';

const kernel = defineKernel('elementwise', {
  reads: ['a', 'b'],
  writes: ['y'],
  params: {
    size: 'u32',
    s1: 'u32',
    s2: 'u32',
    s3: 'u32',
    t0: 'u32',
    t1: 'u32',
    t2: 'u32',
    t3: 'u32',
  },
});

const operationCode = {
  none: 0,
  add: 1,
  subtract: 2,
  multiply: 3,
  divide: 4,
  maximum: 5,
  minimum: 6,
};
type Operation = keyof typeof operationCode;

/** What is done to the result. */
export interface ElementwiseOptions {
  /** Applied to the result. Default: none. */
  readonly activation?: Activation;
  /** Storage type of the result. Default: f32 where either input is f32. */
  readonly dtype?: Dtype;
}

/** a + b; b is spread over a as NumPy broadcasts.   a [...], b with equal sides or 1 → [...] */
export const add = (a: Tensor, b: Tensor, options?: ElementwiseOptions): Tensor =>
  elementwise('add', a, b, options);
/** a − b, b spread over a. */
export const subtract = (a: Tensor, b: Tensor, options?: ElementwiseOptions): Tensor =>
  elementwise('subtract', a, b, options);
/** a · b, b spread over a. */
export const multiply = (a: Tensor, b: Tensor, options?: ElementwiseOptions): Tensor =>
  elementwise('multiply', a, b, options);
/** a / b, b spread over a. WGSL division may be off by 2.5 units in the last place. */
export const divide = (a: Tensor, b: Tensor, options?: ElementwiseOptions): Tensor =>
  elementwise('divide', a, b, options);
/** The larger of a and b, b spread over a. */
export const maximum = (a: Tensor, b: Tensor, options?: ElementwiseOptions): Tensor =>
  elementwise('maximum', a, b, options);
/** The smaller of a and b, b spread over a. */
export const minimum = (a: Tensor, b: Tensor, options?: ElementwiseOptions): Tensor =>
  elementwise('minimum', a, b, options);
/** max(x, 0) */
export const relu = (x: Tensor): Tensor =>
  elementwise('none', x, undefined, { activation: 'relu' });
/** ½x(1 + erf(x/√2)): the exact GELU, never the tanh form. */
export const gelu = (x: Tensor): Tensor =>
  elementwise('none', x, undefined, { activation: 'gelu' });
/** x · sigmoid(x) */
export const silu = (x: Tensor): Tensor =>
  elementwise('none', x, undefined, { activation: 'silu' });
/** 1 / (1 + e⁻ˣ) */
export const sigmoid = (x: Tensor): Tensor =>
  elementwise('none', x, undefined, { activation: 'sigmoid' });
/** The same values in another storage type. */
export const cast = (x: Tensor, dtype: Dtype): Tensor =>
  x.dtype === dtype ? x : elementwise('none', x, undefined, { dtype });

function elementwise(
  operation: Operation,
  a: Tensor,
  b: Tensor | undefined,
  { activation = 'none', dtype }: ElementwiseOptions = {},
): Tensor {
  const type = dtype ?? (a.dtype === 'f16' && b && b.dtype !== 'f16' ? b.dtype : a.dtype);
  const { sides, steps } = broadcast(operation, a, b);
  const spreadInside = b !== undefined && steps[3] === 0 && sides[3] !== 1;
  const { types, lanes } = vectorTypes(
    { A: a.dtype, B: b?.dtype ?? a.dtype, Y: type },
    spreadInside ? 1 : sides[3]!,
  );
  // In units of vec4 the innermost steps of one stay one; the outer ones shrink.
  const t = steps.map((step, i) => (i === 3 ? step : step / lanes));
  const y = a.context.empty(a.shape, type, a.name);
  kernel.dispatch(
    { a, b, y },
    {
      types,
      overrides: {
        OPERATION: operationCode[operation],
        ACTIVATION: activationCode[activation],
      },
      params: {
        size: a.size / lanes,
        s1: sides[1]!,
        s2: sides[2]!,
        s3: sides[3]! / lanes,
        t0: t[0]!,
        t1: t[1]!,
        t2: t[2]!,
        t3: t[3]!,
      },
      workgroups: Math.ceil(a.size / lanes / 64),
      label: `${operation === 'none' ? activation : operation} ${a.name}`,
    },
  );
  return y;
}

/** The sides of a as four axes, and how far a step along each goes in b. */
function broadcast(
  op: string,
  a: Tensor,
  b: Tensor | undefined,
): { sides: number[]; steps: number[] } {
  if (!b) return { sides: [1, 1, 1, a.size], steps: [0, 0, 0, 0] };
  const rank = a.shape.length;
  const padded = [...new Array<number>(Math.max(rank - b.shape.length, 0)).fill(1), ...b.shape];
  if (padded.length !== rank || !padded.every((side, i) => side === 1 || side === a.shape[i])) {
    throw invalidArgument(
      `${op}: ${b.name} ${shapeText(b.shape)} cannot be spread over ${a.name} ${shapeText(a.shape)}; sides must be equal or 1.`,
    );
  }
  // Neighbouring axes that are spread alike are one axis.
  const axes: { side: number; spread: boolean }[] = [];
  a.shape.forEach((side, i) => {
    if (side === 1) return;
    const spread = padded[i] === 1;
    const last = axes.at(-1);
    if (last && last.spread === spread) last.side *= side;
    else axes.push({ side, spread });
  });
  if (axes.length > 4) {
    throw invalidArgument(
      `${op}: ${shapeText(b.shape)} over ${shapeText(a.shape)} needs more than four axes.`,
    );
  }
  const sides = [...new Array<number>(4 - axes.length).fill(1), ...axes.map(({ side }) => side)];
  const kept = [
    ...new Array<number>(4 - axes.length).fill(1),
    ...axes.map(({ side, spread }) => (spread ? 1 : side)),
  ];
  const steps = kept.map((side, i) => (side === 1 ? 0 : sizeOf(kept.slice(i + 1))));
  return { sides, steps };
}

const gate = defineKernel('swiglu', {
  reads: ['x'],
  writes: ['y'],
  params: { rows: 'u32', m: 'u32' },
});

/** The gate of a SwiGLU feed-forward: silu(a) · b for x = [a ; b] along the last axis.   x [..., 2m] → [..., m] */
export function swiglu(x: Tensor): Tensor {
  const m = x.shape.at(-1)! / 2;
  if (!Number.isInteger(m)) {
    throw invalidArgument(
      `swiglu: ${x.name} is ${shapeText(x.shape)}; the last side must be even.`,
    );
  }
  const rows = x.size / (2 * m);
  const y = x.context.empty([...x.shape.slice(0, -1), m], x.dtype, x.name);
  gate.dispatch(
    { x, y },
    {
      types: { X: x.dtype, Y: x.dtype },
      params: { rows, m },
      workgroups: Math.ceil((rows * m) / 64),
      label: `swiglu ${x.name}`,
    },
  );
  return y;
}
