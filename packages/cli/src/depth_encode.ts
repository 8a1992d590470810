import { basename } from 'node:path';
import { type Mesh, meshOf, normalise, type Photo, type Size } from '@dpt-webgpu/dpt';
import {
  encodeExr,
  encodeGlb,
  encodeMtl,
  encodeNpy,
  encodeObj,
  encodePfm,
  encodePly,
  vertexColours,
} from '@dpt-webgpu/loaders';
import { encodeJpeg, encodePng8, encodePng16 } from '@dpt-webgpu/loaders/node';
import type { FinishedDepth } from './depth_chain.ts';
import type { ImageOptions } from './image_flags.ts';
import type { FileKind, PlannedFile } from './output_files.ts';
import { thinned } from './thin_grid.ts';

type EncodeOptions = Pick<
  ImageOptions,
  'values' | 'levelsPerMetre' | 'sideBySide' | 'points' | 'edge' | 'fov' | 'faces'
>;

/** The files of one picture, encoded one after the other; what several share is made once. */
export class DepthFiles {
  readonly #depth: FinishedDepth;
  readonly #photo: Photo;
  readonly #options: EncodeOptions;
  /** As they were planned: an OBJ names its material and its picture. */
  readonly #names: ReadonlyMap<FileKind, string>;
  #mesh: Mesh | undefined;
  #texture: Uint8Array | undefined;

  constructor(
    depth: FinishedDepth,
    photo: Photo,
    files: readonly PlannedFile[],
    options: EncodeOptions,
  ) {
    this.#depth = depth;
    this.#photo = photo;
    this.#options = options;
    this.#names = new Map(files.map(({ kind, file }) => [kind, basename(file)]));
  }

  encode(kind: Exclude<FileKind, 'settings'>): Uint8Array {
    const { width, height, mask, cutout, normals } = this.#depth;
    const { points } = this.#options;
    switch (kind) {
      case 'png':
      case 'jpg': {
        const picture = this.#coloured();
        const encodePicture = kind === 'png' ? encodePng8 : encodeJpeg;
        return encodePicture(picture.data, picture.width, picture.height);
      }
      case 'png16':
        return encodePng16(this.#levels(), width, height);
      case 'npy':
        return encodeNpy(this.#floats(), [height, width]);
      case 'pfm':
        return encodePfm(this.#floats(), width, height);
      case 'exr':
        return encodeExr(this.#floats(), width, height);
      case 'glb':
        return encodeGlb(this.#surface(), {
          texture: { bytes: this.#textureFile(), type: 'image/jpeg' },
          mode: points ? 'points' : 'triangles',
        });
      case 'ply': {
        const mesh = this.#surface();
        return encodePly(mesh, { points, colours: vertexColours(mesh.uvs, this.#photoBytes()) });
      }
      case 'obj': {
        const mesh = this.#surface();
        const triangles = points ? new Uint32Array() : mesh.triangles;
        return encodeObj({ ...mesh, triangles }, { material: this.#names.get('mtl')! });
      }
      case 'mtl':
        return encodeMtl(this.#names.get('texture')!);
      case 'texture':
        return this.#textureFile();
      case 'mask':
        return encodePng8(mask!, width, height);
      case 'cutout':
        return encodePng8(cutout!, width, height);
      case 'normals':
        return encodePng8(normals!, width, height);
    }
  }

  #floats(): Float32Array {
    const { data, values, metres } = this.#depth;
    switch (this.#options.values) {
      case 'network':
        return data;
      case 'shown':
        return values!;
      case 'metres':
        return metres!;
    }
  }

  #levels(): Uint16Array {
    const { values, levelsPerMetre } = this.#options;
    const floats = this.#floats();
    if (values === 'metres') {
      return Uint16Array.from(floats, (m) => Math.min(Math.round(m * levelsPerMetre), 65_535));
    }
    const shares = values === 'network' ? normalise(floats) : floats;
    return Uint16Array.from(shares, (share) => Math.round(share * 65_535));
  }

  #coloured(): { data: Uint8Array; width: number; height: number } {
    const { width, height, rgba } = this.#depth;
    if (!this.#options.sideBySide) return { data: rgba!, width, height };
    return { data: beside(this.#photoBytes().data, rgba!, width), width: 2 * width, height };
  }

  #surface(): Mesh {
    if (this.#mesh) return this.#mesh;
    const { width, height, metres } = this.#depth;
    const { fov, edge, faces } = this.#options;
    const grid = thinned({ width, height, data: metres! }, faces);
    const mesh = meshOf(grid, {
      fovDegrees: fov,
      ...(edge === undefined ? {} : { depthRatio: edge }),
    });
    reshape(mesh.positions, grid, this.#photo);
    if (mesh.triangles.length === 0) {
      throw new Error(
        width < 2 || height < 2
          ? `A map of ${width}×${height} has no surface.`
          : 'No surface is left: every pixel is cut from its neighbours, or infinitely far. Raise --edge.',
      );
    }
    this.#mesh = mesh;
    return mesh;
  }

  #textureFile(): Uint8Array {
    const { data, width, height } = this.#photoBytes();
    this.#texture ??= encodeJpeg(data, width, height);
    return this.#texture;
  }

  #photoBytes(): { data: Uint8Array; width: number; height: number } {
    const { data, width, height } = this.#photo;
    return { data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), width, height };
  }
}

/** Gives a mesh the shape of the photo: its grid may be a square that the network saw, or rounded by thinning. */
function reshape(positions: Float32Array, grid: Size, photo: Size): void {
  const share = (side: number, { width, height }: Size): number => side / Math.max(width, height);
  const across = share(photo.width, photo) / share(grid.width, grid);
  const down = share(photo.height, photo) / share(grid.height, grid);
  for (let i = 0; i < positions.length; i += 3) {
    positions[i]! *= across;
    positions[i + 1]! *= down;
  }
}

/** Two pictures of one size next to each other, RGBA. */
function beside(left: Uint8Array, right: Uint8Array, width: number): Uint8Array {
  const row = 4 * width;
  const both = new Uint8Array(2 * left.length);
  for (let from = 0, to = 0; from < left.length; from += row, to += 2 * row) {
    both.set(left.subarray(from, from + row), to);
    both.set(right.subarray(from, from + row), to + row);
  }
  return both;
}
