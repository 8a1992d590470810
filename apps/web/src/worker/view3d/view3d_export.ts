import { type Mesh, meshOf } from '@dpt-webgpu/dpt';
import { encodeGlb, encodeMtl, encodeObj, encodePly, vertexColours } from '@dpt-webgpu/loaders';
import { ZipWriter } from '../../zip_writer.ts';
import type { Gpu } from '../gpu.ts';
import type { Part } from '../image/photo.ts';
import { writePixels } from '../image/photo.ts';
import { encodePng } from '../image/png.ts';
import { gridOf, halfSides } from './grid.ts';
import type { Scene } from './renderer.ts';
import type { Save3dFormat, Surface } from './view3d_calls.ts';

/** Vertices of a file: more than this and other programs take minutes to open it. */
const MOST_VERTICES = 1_000_000;

/** A file of the surface as it is shown, but for the jitter, which is there against moiré on a screen. */
export async function exportSurface(
  gpu: Gpu,
  scene: Scene,
  format: Exclude<Save3dFormat, 'view'>,
  surface: Surface,
  name: string,
): Promise<Blob> {
  const [H = 1, W = 1] = scene.nearness.shape.slice(-2);
  if (format === 'depth') {
    const values = await scene.nearness.read();
    const data = Uint16Array.from(values, (value) => Math.round(65_535 * value));
    return pngBlob(await encodePng({ width: W, height: H, channels: 1, data }));
  }
  const mask = await maskValues(scene);
  if (format === 'mask') {
    const { width, height, data } = mask;
    return pngBlob(await encodePng({ width, height, channels: 1, data }));
  }
  const grid = fewer(gridOf(scene, surface.density));
  const nearness = await scene.nearness.read();
  const at = gridSampler(nearness, W, H);
  const distances = new Float32Array(grid.width * grid.height);
  const masked = new Uint8Array(distances.length);
  // The sides that `meshOf` gives the grid, which may be a little off those of the picture.
  const [halfX, halfY] = halfSides(grid, surface.fov);
  for (let y = 0, i = 0; y < grid.height; y++) {
    for (let x = 0; x < grid.width; x++, i++) {
      const [u, v] = [x / (grid.width - 1), y / (grid.height - 1)];
      const ray = surface.rays ? Math.hypot((2 * u - 1) * halfX, (2 * v - 1) * halfY, 1) : 1;
      distances[i] = distanceOf(surface, scene.metric, at(u, v)) / ray;
      const column = Math.min(Math.floor(u * mask.width), mask.width - 1);
      const row = Math.min(Math.floor(v * mask.height), mask.height - 1);
      masked[i] = mask.data[row * mask.width + column]!;
    }
  }
  const mesh = meshOf(
    { ...grid, data: distances },
    {
      fovDegrees: surface.fov,
      ...(surface.cut > 0 && { depthRatio: 1 + surface.cut }),
      ...(surface.threshold > 0 && { edges: { mask: masked, threshold: surface.threshold } }),
    },
  );
  return meshBlob(gpu, scene, format, surface, mesh, name);
}

async function meshBlob(
  gpu: Gpu,
  scene: Scene,
  format: 'glb' | 'ply' | 'obj',
  surface: Surface,
  mesh: Mesh,
  name: string,
): Promise<Blob> {
  const { texture, crop } = scene;
  const part: Part = {
    x: Math.round(crop.x * texture.width),
    y: Math.round(crop.y * texture.height),
    width: scene.width,
    height: scene.height,
  };
  using pixels = gpu.context.empty([part.height, part.width], 'u32', `${name} pixels`);
  writePixels(gpu, texture, part, pixels.buffer);
  const data = await pixels.readBytes();
  if (format === 'ply') {
    const colours = vertexColours(mesh.uvs, { ...part, data });
    return blobOf(encodePly(mesh, { colours, points: surface.drawAs === 'points' }));
  }
  const canvas = new OffscreenCanvas(part.width, part.height);
  const image = new ImageData(new Uint8ClampedArray(data), part.width, part.height);
  canvas.getContext('2d')!.putImageData(image, 0, 0);
  const jpeg = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.92 });
  if (format === 'obj') return objArchive(mesh, jpeg, name);
  const bytes = new Uint8Array(await jpeg.arrayBuffer());
  return blobOf(encodeGlb(mesh, { texture: { bytes, type: 'image/jpeg' }, mode: surface.drawAs }));
}

/** An OBJ is three files, which name each other. Programs stumble over spaces and umlauts in those names. */
async function objArchive(mesh: Mesh, jpeg: Blob, name: string): Promise<Blob> {
  const stem = name.replace(/[^\w.-]+/g, '_') || 'surface';
  const zip = new ZipWriter();
  await zip.add(`${stem}.obj`, blobOf(encodeObj(mesh, { material: `${stem}.mtl` })));
  await zip.add(`${stem}.mtl`, blobOf(encodeMtl(`${stem}.jpg`)));
  await zip.add(`${stem}.jpg`, jpeg);
  return zip.finish();
}

/** As the vertex shader has it. */
function distanceOf({ nearest, farthest }: Surface, metric: boolean, near: number): number {
  const value = Math.min(Math.max(near, 0), 1);
  if (metric) return farthest + (nearest - farthest) * value;
  return 1 / (1 / farthest + (1 / nearest - 1 / farthest) * value);
}

/** Between values, corners on corners. */
function gridSampler(values: Float32Array, W: number, H: number) {
  return (u: number, v: number): number => {
    const [x, y] = [u * (W - 1), v * (H - 1)];
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const [right, bottom] = [Math.min(left + 1, W - 1), Math.min(top + 1, H - 1)];
    const [across, down] = [x - left, y - top];
    const above = values[top * W + left]! * (1 - across) + values[top * W + right]! * across;
    const below = values[bottom * W + left]! * (1 - across) + values[bottom * W + right]! * across;
    return above * (1 - down) + below * down;
  };
}

interface Mask {
  readonly width: number;
  readonly height: number;
  /** 0…255 */
  readonly data: Uint8Array;
}

async function maskValues({ mask, maskIsPicture }: Scene): Promise<Mask> {
  const [height = 1, width = 1] = mask.shape.slice(-2);
  const bytes = await mask.readBytes();
  const data = new Uint8Array(width * height);
  for (let i = 0; i < data.length; i++) {
    // Pictures by their brightness; the mask of edges has its value in the lowest byte.
    const [r, g, b] = [bytes[4 * i]!, bytes[4 * i + 1]!, bytes[4 * i + 2]!];
    data[i] = maskIsPicture ? Math.round(0.299 * r + 0.587 * g + 0.114 * b) : r;
  }
  return { width, height, data };
}

function fewer(grid: { width: number; height: number }): { width: number; height: number } {
  const scale = Math.min(1, Math.sqrt(MOST_VERTICES / (grid.width * grid.height)));
  return {
    width: Math.max(2, Math.floor(grid.width * scale)),
    height: Math.max(2, Math.floor(grid.height * scale)),
  };
}

const blobOf = (bytes: Uint8Array): Blob => new Blob([bytes as Uint8Array<ArrayBuffer>]);
const pngBlob = (bytes: Uint8Array<ArrayBuffer>): Blob => new Blob([bytes], { type: 'image/png' });
