import { cutOut, guidedUpsample, meshOf, resizeMap } from '@dpt-webgpu/dpt';
import {
  encodeExr,
  encodeGlb,
  encodeNpy,
  encodeObj,
  encodePfm,
  encodePly,
  vertexColours,
} from '@dpt-webgpu/loaders';
import { type Tensor, textureToPixels } from '@dpt-webgpu/tensor';
import type { OpenModel } from '../model_host.ts';
import type { Look, SaveFormat, SaveSize, Upsampling } from './image_calls.ts';
import { type LookRecording, type LookShape, lookShape, recordLook, runLook } from './looks.ts';
import { type Part, type Photo, readPixels } from './photo.ts';
import { encodePng, type PngPixels } from './png.ts';
import { writeShrunkPixels } from './shrunk_pixels.ts';

/** What files are made of: a photo, the map of it, and how it is shown. */
export interface Exported {
  readonly opened: OpenModel;
  readonly photo: Photo;
  readonly part: Part;
  /** [1, H, W], as it left the network. */
  readonly depth: Tensor;
  readonly look: Look;
  /** Asked between the steps. */
  readonly signal: AbortSignal;
}

/** Vertices along the longer side of a mesh: a file that other programs still open. */
const MESH_SIDE = 640;

/**
 * A file of the map, computed anew at its size in 32 bits: nothing is taken from the screen. `map` is the size of the
 * network's output, `source` that of the photo or of what was cropped from it, unless the look leaves maps as they are.
 */
export async function exportFile(
  from: Exported,
  format: SaveFormat,
  size: SaveSize,
): Promise<Blob> {
  const own = shapeOf(from);
  const shape = size === 'map' ? own : shapeOf(from, from.look.upsample);
  const { shown } = shape;
  switch (format) {
    case 'npy':
      return blobOf(encodeNpy(await rawValues(from, shape), shown));
    case 'pfm':
      return blobOf(encodePfm(await rawValues(from, shape), shown[1], shown[0]));
    case 'exr':
      return blobOf(encodeExr(await rawValues(from, shape), shown[1], shown[0]));
    case 'png':
      return withLook(from, shape, false, async ({ outputs }) =>
        pngOf(shown, 3, withoutAlpha(await outputs.rgba.readBytes())),
      );
    case 'normals':
      return withLook(from, shape, true, async ({ outputs }) =>
        pngOf(shown, 3, withoutAlpha(await outputs.normals.readBytes())),
      );
    case 'png16':
      return withLook(from, shape, false, async ({ outputs }) => {
        const values = await outputs.values.read();
        return pngOf(
          shown,
          1,
          Uint16Array.from(values, (value) => Math.round(65_535 * value)),
        );
      });
    case 'mask':
      return withLook(from, shape, false, async ({ outputs }) => {
        const mask = new Uint32Array((await outputs.mask.readBytes()).buffer);
        return pngOf(shown, 1, Uint8Array.from(mask));
      });
    case 'cutout':
      return cutOutPng(from);
    case 'glb':
    case 'ply':
    case 'obj':
      return meshFile(from, format);
  }
}

/** At the size of the photo in one of the ways; without, at that of the map. */
function shapeOf({ opened, depth, part, look }: Exported, upsample?: Upsampling): LookShape {
  const { config } = opened.model;
  if (!upsample) return lookShape(config, depth, look);
  return lookShape(config, depth, { ...look, upsample }, [part.height, part.width]);
}

/** The map as the network gave it, resized as `dpt image` does. */
async function rawValues(
  { opened, depth, photo, part, signal }: Exported,
  { shown, map, method, guided }: LookShape,
): Promise<Float32Array> {
  const read = async (values: Tensor): Promise<Float32Array> => {
    const data = await values.read();
    signal.throwIfAborted();
    return data;
  };
  if (!guided && shown[0] === map[0] && shown[1] === map[1]) return read(depth);
  if (!guided) {
    using resized = resizeMap(depth, shown, method);
    return await read(resized);
  }
  using pixels = textureToPixels(opened.gpu.context, photo.texture, { part });
  using resized = guidedUpsample(depth, pixels);
  return await read(resized);
}

async function withLook<T>(
  { opened, photo, part, depth, look, signal }: Exported,
  shape: LookShape,
  normals: boolean,
  read: (recording: LookRecording) => Promise<T>,
): Promise<T> {
  const { gpu } = opened;
  const wanted = { ...look, normals, showPlane: false };
  using recording = await recordLook(gpu, wanted, shape);
  signal.throwIfAborted();
  if (shape.guided) {
    writeShrunkPixels(gpu, photo, part, shape.shown, recording.inputs.pixels.buffer);
  }
  runLook(gpu, recording, wanted, depth);
  return await read(recording);
}

/** The photo itself, whatever size maps are left at. */
function cutOutPng(from: Exported): Promise<Blob> {
  const { opened, photo, part, look } = from;
  const upsample = look.upsample === 'none' ? 'model' : look.upsample;
  return withLook(from, shapeOf(from, upsample), false, async ({ outputs }) => {
    const { gpu } = opened;
    const size = [part.height, part.width] as const;
    using pixels = textureToPixels(gpu.context, photo.texture, { part });
    using cut = cutOut(pixels, outputs.mask.reshape(size));
    return pngOf(size, 4, await cut.readBytes());
  });
}

async function meshFile(from: Exported, format: 'glb' | 'ply' | 'obj'): Promise<Blob> {
  const { depth, part, opened, photo, look, signal } = from;
  const [, H, W] = depth.dims('1 H W') as [number, number, number];
  // The photo's shape, at no more points than the network saw, or the photo has where it guides.
  const isGuided = look.upsample === 'guided';
  const most = isGuided ? Math.max(part.width, part.height) : Math.max(H, W);
  const longer = Math.min(MESH_SIDE, most);
  const scale = longer / Math.max(part.width, part.height);
  const height = Math.max(2, Math.round(part.height * scale));
  const width = Math.max(2, Math.round(part.width * scale));
  const upsample = isGuided ? 'guided' : 'model';
  const shape = lookShape(opened.model.config, depth, { ...look, upsample }, [height, width]);
  const metres = await withLook(from, shape, false, ({ outputs }) => outputs.metres.read());
  signal.throwIfAborted();
  const mesh = meshOf({ width, height, data: metres }, { depthRatio: 1.25 });
  if (format === 'obj') return blobOf(encodeObj(mesh));
  const picture = await readPixels(opened.gpu, photo.texture, part);
  signal.throwIfAborted();
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
