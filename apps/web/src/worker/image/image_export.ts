import { cutOut, meshOf, resizeMap } from '@dpt-webgpu/dpt';
import {
  encodeExr,
  encodeGlb,
  encodeNpy,
  encodeObj,
  encodePfm,
  encodePly,
  vertexColours,
} from '@dpt-webgpu/loaders';
import type { Tensor } from '@dpt-webgpu/tensor';
import type { OpenModel } from '../model_host.ts';
import type { Look, SaveFormat, SaveSize } from './image_calls.ts';
import { type LookRecording, type LookShape, recordLook, runLook } from './looks.ts';
import { type Part, type Photo, readPixels, writePixels } from './photo.ts';
import { encodePng, type PngPixels } from './png.ts';

/** What files are made of: a photo, the map of it, and how it is shown. */
export interface Exported {
  readonly opened: OpenModel;
  readonly photo: Photo;
  readonly part: Part;
  /** [1, H, W], as it left the network. */
  readonly depth: Tensor;
  readonly look: Look;
}

/** Vertices along the longer side of a mesh: a file that other programs still open. */
const MESH_SIDE = 640;

/**
 * A file of the map, computed anew at its size in 32 bits: nothing is taken from the screen. `map` is the size of the
 * network's output, `source` that of the photo or of what was cropped from it.
 */
export async function exportFile(
  from: Exported,
  format: SaveFormat,
  size: SaveSize,
): Promise<Blob> {
  const { depth, part } = from;
  const [, H, W] = depth.dims('1 H W') as [number, number, number];
  const shown = size === 'map' ? ([H, W] as const) : ([part.height, part.width] as const);
  switch (format) {
    case 'npy':
      return blobOf(encodeNpy(await rawValues(from, shown), shown));
    case 'pfm':
      return blobOf(encodePfm(await rawValues(from, shown), shown[1], shown[0]));
    case 'exr':
      return blobOf(encodeExr(await rawValues(from, shown), shown[1], shown[0]));
    case 'png':
      return withLook(from, shown, false, async ({ outputs }) =>
        pngOf(shown, 3, withoutAlpha(await outputs.rgba.readBytes())),
      );
    case 'normals':
      return withLook(from, [H, W], true, async ({ outputs }) =>
        pngOf([H, W], 3, withoutAlpha(await outputs.normals.readBytes())),
      );
    case 'png16':
      return withLook(from, shown, false, async ({ outputs }) => {
        const values = await outputs.values.read();
        return pngOf(
          shown,
          1,
          Uint16Array.from(values, (value) => Math.round(65_535 * value)),
        );
      });
    case 'mask':
      return withLook(from, shown, false, async ({ outputs }) => {
        const mask = new Uint32Array((await outputs.mask.readBytes()).buffer);
        return pngOf(shown, 1, Uint8Array.from(mask));
      });
    case 'cutout':
      return withLook(from, [part.height, part.width], false, (recording) =>
        cutOutPng(from, recording),
      );
    case 'glb':
    case 'ply':
    case 'obj':
      return meshFile(from, format);
  }
}

/** The map as the network gave it, resized as `dpt image` does. */
async function rawValues(
  { opened, depth }: Exported,
  shown: readonly [number, number],
): Promise<Float32Array> {
  const [, H, W] = depth.dims('1 H W') as [number, number, number];
  if (shown[0] === H && shown[1] === W) return depth.read();
  const resized = resizeMap(depth, shown, opened.model.config.image.depthFilter);
  try {
    return await resized.read();
  } finally {
    resized.dispose();
  }
}

async function withLook<T>(
  { opened, depth, look }: Exported,
  shown: readonly [number, number],
  normals: boolean,
  read: (recording: LookRecording) => Promise<T>,
): Promise<T> {
  const { gpu, model } = opened;
  const [, H, W] = depth.dims('1 H W') as [number, number, number];
  const shape: LookShape = {
    map: [H, W],
    shown,
    kind: model.config.depth,
    method: model.config.image.depthFilter,
  };
  const wanted = { ...look, normals, showPlane: false };
  using recording = await recordLook(gpu, wanted, shape);
  runLook(gpu, recording, wanted, depth);
  return await read(recording);
}

async function cutOutPng(
  { opened, photo, part }: Exported,
  { outputs }: LookRecording,
): Promise<Blob> {
  const { gpu } = opened;
  const { context } = gpu;
  const shape = [part.height, part.width] as const;
  using pixels = context.empty(shape, 'u32', 'pixels');
  writePixels(gpu, photo.texture, part, pixels.buffer);
  using cut = cutOut(pixels, outputs.mask.reshape(shape));
  return pngOf(shape, 4, await cut.readBytes());
}

async function meshFile(from: Exported, format: 'glb' | 'ply' | 'obj'): Promise<Blob> {
  const { depth, part, opened, photo } = from;
  const [, H, W] = depth.dims('1 H W') as [number, number, number];
  // The photo's shape, at no more points than the network saw.
  const longer = Math.min(MESH_SIDE, Math.max(H, W));
  const scale = longer / Math.max(part.width, part.height);
  const height = Math.max(2, Math.round(part.height * scale));
  const width = Math.max(2, Math.round(part.width * scale));
  const metres = await withLook(from, [height, width], false, ({ outputs }) =>
    outputs.metres.read(),
  );
  const mesh = meshOf({ width, height, data: metres }, { depthRatio: 1.25 });
  if (format === 'obj') return blobOf(encodeObj(mesh));
  const picture = await readPixels(opened.gpu, photo.texture, part);
  if (format === 'ply')
    return blobOf(encodePly(mesh, { colours: vertexColours(mesh.uvs, picture) }));
  const bytes = await encodePng({ ...picture, channels: 3, data: withoutAlpha(picture.data) });
  return blobOf(encodeGlb(mesh, { texture: { bytes, type: 'image/png' } }));
}

function withoutAlpha(rgba: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let i = 0, at = 0; i < rgba.length; i += 4) {
    rgb[at++] = rgba[i]!;
    rgb[at++] = rgba[i + 1]!;
    rgb[at++] = rgba[i + 2]!;
  }
  return rgb;
}

async function pngOf(
  [height, width]: readonly [number, number],
  channels: PngPixels['channels'],
  data: PngPixels['data'],
): Promise<Blob> {
  return new Blob([await encodePng({ width, height, channels, data })], { type: 'image/png' });
}

const blobOf = (bytes: Uint8Array): Blob => new Blob([bytes as Uint8Array<ArrayBuffer>]);
