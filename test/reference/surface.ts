import type { Nd } from './nd.ts';

/** What a surface is made of: a map of 0…1, a picture [h, w, 3] of 0…255 and a mask of 0…255. */
export interface SurfaceScene {
  readonly nearness: Nd;
  readonly picture: Nd;
  readonly mask: Nd;
  /** Left, top, right, bottom of the map in the picture, 0…1. */
  readonly crop: readonly [number, number, number, number];
  readonly metric: boolean;
  /** Of what is shown of the picture, in pixels. */
  readonly width: number;
  readonly height: number;
}

export interface SurfaceLook {
  readonly nearest: number;
  readonly farthest: number;
  readonly fov: number;
  readonly rays: boolean;
  readonly density: number;
  readonly jitter: number;
  readonly seed: number;
  readonly cut: number;
  readonly threshold: number;
  readonly drawAs: 'triangles' | 'points' | 'lines';
  readonly pointSize: number;
  /** 256 colours in place of the picture. */
  readonly colours?: readonly (readonly number[])[] | undefined;
}

export interface SurfaceEye {
  readonly rect: {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  };
  /** Column by column. */
  readonly matrix: ArrayLike<number>;
  readonly channels: 'all' | 'red' | 'cyan';
}

interface Vertex {
  readonly u: number;
  readonly v: number;
  readonly near: number;
  readonly depth: number;
  /** Pixels from the top left, and the depth there 0…1. */
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly w: number;
}

const mix = (a: number, b: number, share: number): number => a + (b - a) * share;

function bilinear({ shape, data }: Nd, x: number, y: number, channel = 0): number {
  const [H, W, C = 1] = shape as [number, number, number?];
  const at = (i: number, j: number): number =>
    data[(Math.min(Math.max(j, 0), H - 1) * W + Math.min(Math.max(i, 0), W - 1)) * C + channel]!;
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const above = mix(at(left, top), at(left + 1, top), x - left);
  const below = mix(at(left, top + 1), at(left + 1, top + 1), x - left);
  return mix(above, below, y - top);
}

function pcg(x: number): number {
  const state = (Math.imul(x, 747796405) + 2891336453) >>> 0;
  const word = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277803737) >>> 0;
  return ((word >>> 22) ^ word) >>> 0;
}

/** Vertices across and down, of 5 000 000 · density⁴ faces in cells that are about square. */
function gridOf({ width, height }: SurfaceScene, density: number): [number, number] {
  const cells = (5_000_000 * density ** 4) / 2;
  const across = Math.round(Math.sqrt((cells * width) / height));
  return [across + 1, Math.round(cells / across) + 1];
}

function verticesOf(
  scene: SurfaceScene,
  look: SurfaceLook,
  { rect, matrix }: SurfaceEye,
): Vertex[] {
  const [across, down] = gridOf(scene, look.density);
  const [mapH, mapW] = scene.nearness.shape as [number, number];
  const tangent = Math.tan((look.fov * Math.PI) / 360);
  const longer = Math.max(scene.width, scene.height);
  const vertices: Vertex[] = [];
  for (let j = 0; j < down; j++) {
    for (let i = 0; i < across; i++) {
      let [column, row] = [i, j];
      if (i > 0 && j > 0 && i < across - 1 && j < down - 1) {
        const bits = pcg(i ^ pcg(j ^ pcg(look.seed)));
        column += ((bits & 0xffff) / 65535 - 0.5) * 0.9 * look.jitter;
        row += ((bits >>> 16) / 65535 - 0.5) * 0.9 * look.jitter;
      }
      const [u, v] = [column / (across - 1), row / (down - 1)];
      const near = bilinear(scene.nearness, u * (mapW - 1), v * (mapH - 1));
      const depth = scene.metric
        ? mix(look.farthest, look.nearest, near)
        : 1 / mix(1 / look.farthest, 1 / look.nearest, near);
      const x = ((2 * u - 1) * tangent * scene.width) / longer;
      const y = ((1 - 2 * v) * tangent * scene.height) / longer;
      const planar = look.rays ? depth / Math.hypot(x, y, 1) : depth;
      const place = [x * planar, y * planar, -planar, 1];
      const clip = [0, 1, 2, 3].map((k) =>
        place.reduce((sum, value, column4) => sum + value * matrix[4 * column4 + k]!, 0),
      ) as [number, number, number, number];
      vertices.push({
        ...{ u, v, near, depth },
        x: rect.x + ((clip[0] / clip[3] + 1) / 2) * rect.width,
        y: rect.y + ((1 - clip[1] / clip[3]) / 2) * rect.height,
        z: clip[2] / clip[3],
        w: clip[3],
      });
    }
  }
  return vertices;
}

/** Two triangles a cell: top left, bottom left, bottom right; top left, bottom right, top right. */
function trianglesOf(across: number, down: number): [number, number, number][] {
  const triangles: [number, number, number][] = [];
  for (let j = 0; j + 1 < down; j++) {
    for (let i = 0; i + 1 < across; i++) {
      const at = j * across + i;
      triangles.push([at, at + across, at + across + 1], [at, at + across + 1, at + 1]);
    }
  }
  return triangles;
}

/** To the right, downwards and across each cell. */
function edgesOf(across: number, down: number): [number, number][] {
  const edges: [number, number][] = [];
  for (let j = 0; j < down; j++) {
    for (let i = 0; i < across; i++) {
      const at = j * across + i;
      if (i + 1 < across) edges.push([at, at + 1]);
      if (j + 1 < down) edges.push([at, at + across]);
      if (i + 1 < across && j + 1 < down) edges.push([at, at + across + 1]);
    }
  }
  return edges;
}

const isCut = (corners: readonly Vertex[], cut: number): boolean => {
  const depths = corners.map(({ depth }) => depth);
  return cut > 0 && Math.max(...depths) / Math.min(...depths) >= 1 + cut;
};

/** The picture [height, width, 4] of 0…255 without lines on the ground, drawn pixel by pixel; transparent where nothing is. */
export function drawSurface(
  scene: SurfaceScene,
  look: SurfaceLook,
  eyes: readonly SurfaceEye[],
  { width, height }: { width: number; height: number },
): Nd {
  const data = new Float64Array(4 * width * height);
  for (const eye of eyes) {
    const nearest = new Float64Array(width * height).fill(1);
    const { rect } = eye;
    const draw = (px: number, py: number, z: number, u: number, v: number, near: number): void => {
      const inside =
        px >= rect.x && py >= rect.y && px < rect.x + rect.width && py < rect.y + rect.height;
      const at = py * width + px;
      if (!inside || !(z >= 0 && z < nearest[at]!) || isMasked(scene, look, u, v)) return;
      nearest[at] = z;
      const colour = colourOf(scene, look, u, v, near);
      const channels = { all: [0, 1, 2], red: [0], cyan: [1, 2] }[eye.channels];
      for (const channel of channels) data[4 * at + channel] = colour[channel]!;
      data[4 * at + 3] = 255;
    };
    const [across, down] = gridOf(scene, look.density);
    const vertices = verticesOf(scene, look, eye);
    if (look.drawAs === 'points') {
      const half = look.pointSize / 2;
      for (const { x, y, z, u, v, near } of vertices) {
        for (let py = Math.ceil(y - half - 0.5); py + 0.5 < y + half; py++) {
          for (let px = Math.ceil(x - half - 0.5); px + 0.5 < x + half; px++) {
            draw(px, py, z, u, v, near);
          }
        }
      }
    }
    if (look.drawAs === 'triangles') {
      for (const corners of trianglesOf(across, down)) {
        const [a, b, c] = corners.map((i) => vertices[i]!) as [Vertex, Vertex, Vertex];
        if (!isCut([a, b, c], look.cut)) fill(a, b, c, draw);
      }
    }
    if (look.drawAs === 'lines') {
      for (const ends of edgesOf(across, down)) {
        const [a, b] = ends.map((i) => vertices[i]!) as [Vertex, Vertex];
        if (!isCut([a, b], look.cut)) trace(a, b, draw);
      }
    }
  }
  return { shape: [height, width, 4], data };
}

type Draw = (px: number, py: number, z: number, u: number, v: number, near: number) => void;

/** Every pixel whose centre lies in the triangle, seen from whichever side. */
function fill(a: Vertex, b: Vertex, c: Vertex, draw: Draw): void {
  const area = (b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y);
  if (area === 0) return;
  const xs = [a.x, b.x, c.x];
  const ys = [a.y, b.y, c.y];
  for (let py = Math.floor(Math.min(...ys)); py <= Math.max(...ys); py++) {
    for (let px = Math.floor(Math.min(...xs)); px <= Math.max(...xs); px++) {
      const [x, y] = [px + 0.5, py + 0.5];
      const second = ((x - a.x) * (c.y - a.y) - (c.x - a.x) * (y - a.y)) / area;
      const third = ((b.x - a.x) * (y - a.y) - (x - a.x) * (b.y - a.y)) / area;
      const shares = [1 - second - third, second, third] as const;
      if (Math.min(...shares) >= 0) between([a, b, c], shares, px, py, draw);
    }
  }
}

/** One pixel at each step along the longer side. */
function trace(a: Vertex, b: Vertex, draw: Draw): void {
  const steps = Math.max(1, Math.ceil(Math.max(Math.abs(b.x - a.x), Math.abs(b.y - a.y))));
  for (let i = 0; i <= steps; i++) {
    const share = i / steps;
    const [x, y] = [mix(a.x, b.x, share), mix(a.y, b.y, share)];
    between([a, b], [1 - share, share], Math.floor(x), Math.floor(y), draw);
  }
}

/** Values across a slanting plane: each counts by its share over its distance. */
function between(
  corners: readonly Vertex[],
  shares: readonly number[],
  px: number,
  py: number,
  draw: Draw,
): void {
  const sum = (of: (corner: Vertex) => number): number =>
    corners.reduce((total, corner, i) => total + shares[i]! * of(corner), 0);
  const whole = sum(({ w }) => 1 / w);
  const across = (of: (corner: Vertex) => number): number =>
    sum((corner) => of(corner) / corner.w) / whole;
  draw(
    px,
    py,
    sum(({ z }) => z),
    across(({ u }) => u),
    across(({ v }) => v),
    across(({ near }) => near),
  );
}

function isMasked(
  { mask }: SurfaceScene,
  { threshold }: SurfaceLook,
  u: number,
  v: number,
): boolean {
  if (threshold === 0) return false;
  const [H, W] = mask.shape as [number, number];
  const row = Math.min(Math.floor(v * H), H - 1);
  const column = Math.min(Math.floor(u * W), W - 1);
  return mask.data[row * W + column]! / 255 < threshold;
}

function colourOf(
  { picture, crop }: SurfaceScene,
  { colours }: SurfaceLook,
  u: number,
  v: number,
  near: number,
): readonly number[] {
  if (colours) return colours[Math.round(255 * near)]!;
  const [h, w] = picture.shape as [number, number];
  const x = mix(crop[0], crop[2], u) * w - 0.5;
  const y = mix(crop[1], crop[3], v) * h - 0.5;
  return [0, 1, 2].map((channel) => bilinear(picture, x, y, channel));
}
