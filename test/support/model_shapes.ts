/**
 * Shapes that the released models give their ops, for tests of every variant of an op on every one of them. Sides that are
 * only repeated work are cut down to what leaves the same remainder in every tile, so that processors can run them all.
 */

/** [K, N] of a linear map: K features in, N out. */
export type LinearShape = readonly [K: number, N: number];

function transformer(F: number): LinearShape[] {
  return [
    [F, 3 * F],
    [F, F],
    [F, 4 * F],
    [4 * F, F],
  ];
}

/** Projections of reassemble, its transposed convolutions (×4, ×2), and the 1×1 of fusion. */
function reassembly(F: number, D: readonly number[], C: number): LinearShape[] {
  const projections = D.map((hidden): LinearShape => [F, hidden]);
  return [...projections, [D[0]!, 16 * D[0]!], [D[1]!, 4 * D[1]!], [C, C], [2 * F, F]];
}

function swin(F: number): LinearShape[] {
  const widths = [F, 2 * F, 4 * F, 8 * F];
  return [
    [48, F],
    ...widths.flatMap(transformer),
    ...widths.map((w): LinearShape => [4 * w, 2 * w]),
  ];
}

const released: LinearShape[] = [
  // DINOv2 S, B, L, G: patches of 14 × 14 × 3
  ...[384, 768, 1024, 1536].map((F): LinearShape => [588, F]),
  ...[384, 768, 1024, 1536].flatMap(transformer),
  [1536, 8192],
  [4096, 1536],
  ...reassembly(384, [48, 96, 192, 384], 64),
  ...reassembly(768, [96, 192, 384, 768], 128),
  ...reassembly(1024, [256, 512, 1024, 1024], 256),
  ...reassembly(1536, [1536, 1536, 1536, 1536], 384),
  // MiDaS: patches of 16 × 16 × 3, SwinV2 tiny, base and large
  [768, 768],
  [768, 1024],
  ...[96, 128, 192].flatMap(swin),
];

/** Every linear map of every model, long sides cut down to the same remainder in tiles of 128 columns and steps of 32. */
export const linearShapes: readonly LinearShape[] = unique(
  released.map(([K, N]): LinearShape => [shorten(K, 192, 32), shorten(N, 256, 128)]),
);

/** The 3 × 3 convolutions: channels in and out, and the stride. */
export type ConvShape = readonly [I: number, O: number, stride: 1 | 2];

/** Of every model: to fusion, residual units, the two of the head, and the one that halves a map. */
export const convShapes: readonly ConvShape[] = unique([
  ...decoder([48, 96, 192, 384], 64),
  ...decoder([96, 192, 384, 768], 128),
  ...decoder([256, 512, 1024, 1024], 256),
  ...decoder([1536, 1536, 1536, 1536], 384),
  ...decoder([96, 192, 384, 768], 256),
  ...decoder([128, 256, 512, 1024], 256),
  ...decoder([192, 384, 768, 1536], 256),
]);

function decoder(D: readonly number[], C: number): ConvShape[] {
  const shapes: ConvShape[] = [
    ...D.map((hidden): ConvShape => [hidden, C, 1]),
    [D[3]!, D[3]!, 2],
    [C, C, 1],
    [C, C / 2, 1],
    [C / 2, 32, 1],
  ];
  return shapes.map(
    ([I, O, stride]): ConvShape => [shorten(I, 48, 16), shorten(O, 64, 64), stride],
  );
}

/** The smallest side above `least` that leaves the same remainder. */
function shorten(side: number, least: number, tile: number): number {
  return side <= least ? side : least + (side % tile);
}

function unique<T extends readonly number[]>(shapes: readonly T[]): T[] {
  return [...new Map(shapes.map((shape) => [shape.join(), shape])).values()];
}
