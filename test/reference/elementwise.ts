import type { Activation } from '../../packages/tensor/src/ops/activation.ts';
import { activations } from './activation.ts';
import { type Nd, zeros } from './nd.ts';

export const operations = {
  add: (a: number, b: number): number => a + b,
  subtract: (a: number, b: number): number => a - b,
  multiply: (a: number, b: number): number => a * b,
  divide: (a: number, b: number): number => a / b,
  maximum: Math.max,
  minimum: Math.min,
};

/** activation(a ∘ b), b spread over a along sides of 1 and missing outer axes. */
export function elementwise(
  operation: keyof typeof operations,
  a: Nd,
  b: Nd,
  activation: Activation = 'none',
): Nd {
  const y = zeros(a.shape);
  const missing = a.shape.length - b.shape.length;
  for (let i = 0; i < y.data.length; i++) {
    let rest = i;
    let at = 0;
    let step = 1;
    for (let axis = a.shape.length - 1; axis >= missing; axis--) {
      const place = rest % a.shape[axis]!;
      rest = (rest - place) / a.shape[axis]!;
      const side = b.shape[axis - missing]!;
      if (side !== 1) at += place * step;
      step *= side;
    }
    y.data[i] = activations[activation](operations[operation](a.data[i]!, b.data[at]!));
  }
  return y;
}

/** silu(gate) · value, the two halves of the last axis. */
export function swiglu(x: Nd): Nd {
  const m = x.shape.at(-1)! / 2;
  const y = zeros([...x.shape.slice(0, -1), m]);
  for (let row = 0; row < y.data.length / m; row++) {
    for (let c = 0; c < m; c++) {
      const gate = activations.silu(x.data[row * 2 * m + c]!);
      y.data[row * m + c] = gate * x.data[row * 2 * m + m + c]!;
    }
  }
  return y;
}
