import { type Nd, zeros } from './nd.ts';

const product = (sides: readonly number[]): number => sides.reduce((a, b) => a * b, 1);

export function slice(x: Nd, axis: number, from: number, to: number): Nd {
  const y = zeros(x.shape.map((side, i) => (i === axis ? to - from : side)));
  const [outer, inner] = [product(x.shape.slice(0, axis)), product(x.shape.slice(axis + 1))];
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (let n = from; n < to; n++) {
      for (let i = 0; i < inner; i++) y.data[at++] = x.data[(o * x.shape[axis]! + n) * inner + i]!;
    }
  }
  return y;
}

/** Parts whose first side is 1 are repeated to the first side of the others. */
export function concat(parts: readonly Nd[], axis: number): Nd {
  const B = axis === 0 ? 1 : Math.max(...parts.map(({ shape }) => shape[0]!));
  const first = parts[0]!;
  const total = parts.reduce((sum, { shape }) => sum + shape[axis]!, 0);
  const y = zeros(first.shape.map((side, i) => (i === axis ? total : i === 0 ? B : side)));
  const [outer, inner] = [product(y.shape.slice(0, axis)), product(y.shape.slice(axis + 1))];
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const { shape, data } of parts) {
      const rows = axis > 0 && shape[0] !== B ? o % (outer / B) : o;
      for (let n = 0; n < shape[axis]! * inner; n++)
        y.data[at++] = data[rows * shape[axis]! * inner + n]!;
    }
  }
  return y;
}
