import { invalidArgument } from '@dpt-webgpu/tensor';
import { tangentOf } from './normals.ts';

/** A depth map in space: one vertex per pixel. For files; what is drawn every frame comes from the map itself. */
export interface Mesh {
  /** x right, y up, z towards the camera, three numbers per vertex. */
  readonly positions: Float32Array;
  /** Place in the picture, 0…1 from the top left as in glTF, two numbers per vertex. */
  readonly uvs: Float32Array;
  /** Three vertices each, counter-clockwise as the camera sees them. */
  readonly triangles: Uint32Array;
}

/** Distances in rows from the top. */
export interface DepthGrid {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** width · height distances, in metres or any other unit. */
  readonly data: ArrayLike<number>;
}

/** The camera that a mesh is seen with, and where the surface is cut. */
export interface MeshOptions {
  /** Of the longer side, in degrees. Default 50. */
  readonly fovDegrees?: number;
  /** Leaves out triangles whose farthest corner is at least so many times as far as the nearest. Default: none. */
  readonly depthRatio?: number;
  /** Leaves out triangles with a corner whose mask (0…255, dark at edges) is below 255 · threshold. Default: none are left out. */
  readonly edges?: { readonly mask: ArrayLike<number>; readonly threshold: number };
}

/** The surface through the pixels of a depth map, cut where told. Vertices that no triangle needs are left out. */
export function meshOf(depth: DepthGrid, options: MeshOptions = {}): Mesh {
  const { width, height, data } = depth;
  const { fovDegrees = 50, depthRatio, edges } = options;
  expectGrid('meshOf', depth);
  let triangles = gridTriangles(width, height);
  // A vertex at infinity has no place.
  triangles = keep(triangles, (i) => Number.isFinite(data[i]!) && data[i]! > 0);
  if (depthRatio !== undefined) triangles = cutByDepthRatio(triangles, data, depthRatio);
  if (edges) triangles = cutByMask(triangles, edges.mask, edges.threshold);
  return compact({
    positions: gridPositions(depth, fovDegrees),
    uvs: gridUvs(width, height),
    triangles,
  });
}

/**
 * Where pixels lie in space. Depth is planar: Z = −depth, X = depth · vx · sx · tan(fov/2), Y likewise, with vx and vy
 * from −1 to 1 across the picture and s = 1 for its longer side.
 */
export function gridPositions(depth: DepthGrid, fovDegrees: number): Float32Array {
  const { width, height, data } = depth;
  expectGrid('gridPositions', depth);
  const t = tangentOf(fovDegrees);
  const longer = Math.max(width, height);
  const positions = new Float32Array(3 * width * height);
  for (let y = 0, i = 0; y < height; y++) {
    const vy = height > 1 ? 1 - (2 * y) / (height - 1) : 0;
    for (let x = 0; x < width; x++, i++) {
      const vx = width > 1 ? (2 * x) / (width - 1) - 1 : 0;
      positions[3 * i] = data[i]! * vx * (width / longer) * t;
      positions[3 * i + 1] = data[i]! * vy * (height / longer) * t;
      positions[3 * i + 2] = -data[i]!;
    }
  }
  return positions;
}

/** Two triangles per cell, row by row: top left, bottom left, bottom right; top left, bottom right, top right. */
export function gridTriangles(width: number, height: number): Uint32Array {
  const triangles = new Uint32Array(6 * Math.max(width - 1, 0) * Math.max(height - 1, 0));
  let at = 0;
  for (let y = 0; y + 1 < height; y++) {
    for (let x = 0; x + 1 < width; x++) {
      const topLeft = y * width + x;
      const bottomLeft = topLeft + width;
      triangles.set([topLeft, bottomLeft, bottomLeft + 1], at);
      triangles.set([topLeft, bottomLeft + 1, topLeft + 1], at + 3);
      at += 6;
    }
  }
  return triangles;
}

/** x/(w − 1), y/(h − 1): the corners of the picture are the corners of the mesh. */
export function gridUvs(width: number, height: number): Float32Array {
  const uvs = new Float32Array(2 * width * height);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      uvs[2 * i] = width > 1 ? x / (width - 1) : 0;
      uvs[2 * i + 1] = height > 1 ? y / (height - 1) : 0;
    }
  }
  return uvs;
}

/** Triangles with largest / smallest depth of their corners below the ratio. The others join what is not joined. */
export function cutByDepthRatio(
  triangles: Uint32Array,
  depth: ArrayLike<number>,
  ratio: number,
): Uint32Array {
  return filter(triangles, (a, b, c) => {
    const [p, q, r] = [depth[a]!, depth[b]!, depth[c]!];
    return Math.max(p, q, r) / Math.min(p, q, r) < ratio;
  });
}

/** Triangles whose three corners have mask ≥ 255 · threshold. */
export function cutByMask(
  triangles: Uint32Array,
  mask: ArrayLike<number>,
  threshold: number,
): Uint32Array {
  return keep(triangles, (i) => mask[i]! >= 255 * threshold);
}

/** Without the vertices that no triangle uses; the order of the others stays. */
export function compact({ positions, uvs, triangles }: Mesh): Mesh {
  const count = positions.length / 3;
  const place = new Uint32Array(count);
  for (const vertex of triangles) place[vertex] = 1;
  let used = 0;
  for (let i = 0; i < count; i++) place[i] = place[i] ? ++used : 0; // from 1, as 0 is unused
  const compacted = {
    positions: new Float32Array(3 * used),
    uvs: new Float32Array(2 * used),
    triangles: triangles.map((vertex) => place[vertex]! - 1),
  };
  for (let i = 0; i < count; i++) {
    if (!place[i]) continue;
    const to = place[i]! - 1;
    compacted.positions.set(positions.subarray(3 * i, 3 * i + 3), 3 * to);
    compacted.uvs.set(uvs.subarray(2 * i, 2 * i + 2), 2 * to);
  }
  return compacted;
}

function keep(triangles: Uint32Array, fits: (vertex: number) => boolean): Uint32Array {
  return filter(triangles, (a, b, c) => fits(a) && fits(b) && fits(c));
}

function filter(
  triangles: Uint32Array,
  fits: (a: number, b: number, c: number) => boolean,
): Uint32Array {
  const kept = new Uint32Array(triangles.length);
  let length = 0;
  for (let i = 0; i < triangles.length; i += 3) {
    const [a, b, c] = [triangles[i]!, triangles[i + 1]!, triangles[i + 2]!];
    if (!fits(a, b, c)) continue;
    kept[length++] = a;
    kept[length++] = b;
    kept[length++] = c;
  }
  return kept.slice(0, length);
}

function expectGrid(op: string, { width, height, data }: DepthGrid): void {
  const whole = [width, height].every((side) => Number.isSafeInteger(side) && side > 0);
  if (whole && data.length === width * height) return;
  throw invalidArgument(`${op}: ${width}×${height} pixels with ${data.length} depths.`);
}
