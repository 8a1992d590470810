import { invalidArgument } from './errors.ts';

/** Sizes of the axes, outermost first. `[]` is a scalar. */
export type Shape = readonly number[];

/** How many elements a shape has; 1 for []. */
export const sizeOf = (shape: Shape): number => shape.reduce((product, side) => product * side, 1);
/** A shape as messages write it: `[1, 1370, 384]`. */
export const shapeText = (shape: Shape): string => `[${shape.join(', ')}]`;
/** Whether two shapes have equal sides. */
export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((side, i) => side === b[i]);

/** What the shape checks need of a tensor. */
export interface Shaped {
  readonly shape: Shape;
  readonly name: string;
}

/** Throws unless the tensor has exactly this shape: `layerNorm: encoder.norm.bias is [384], expected [768].` */
export function expectShape(op: string, tensor: Shaped, shape: Shape): void {
  if (sameShape(tensor.shape, shape)) return;
  throw invalidArgument(
    `${op}: ${tensor.name} is ${shapeText(tensor.shape)}, expected ${shapeText(shape)}.`,
  );
}

/** Throws unless every side is a whole number of at least `least`. */
export function expectSides(op: string, what: string, shape: Shape, least = 0): void {
  if (shape.every((side) => Number.isSafeInteger(side) && side >= least)) return;
  throw invalidArgument(
    `${op}: ${what} is ${shapeText(shape)}; sides are whole numbers ≥ ${least}.`,
  );
}

/** Binds letters to sizes: `dims(x, 'B N F')` checks the rank and returns [B, N, F]. A number must be met. */
export function dims(tensor: Shaped, letters: string): number[] {
  const names = letters === '' ? [] : letters.split(' ');
  const fits =
    names.length === tensor.shape.length &&
    names.every((name, i) => !/^\d+$/.test(name) || Number(name) === tensor.shape[i]);
  if (!fits) {
    throw invalidArgument(
      `${tensor.name} is ${shapeText(tensor.shape)}, expected ${names.length} axes [${names.join(', ')}].`,
    );
  }
  return [...tensor.shape];
}
