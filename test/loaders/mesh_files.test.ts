// Meshes as files. GLB: the validator of Khronos has nothing to say, in every mode, with and without a picture, and the buffers hold the
// mesh. PLY and OBJ with its MTL: read back by parsers written from their formats. Colours of vertices; errors.
import { validateBytes } from 'gltf-validator';
import { describe, expect, test } from 'vitest';
import { meshOf } from '../../packages/dpt/src/index.ts';
import {
  encodeGlb,
  encodeMtl,
  encodeObj,
  encodePly,
  type SurfaceMesh,
  type Texture,
  vertexColours,
} from '../../packages/loaders/src/index.ts';
import { encodePng8 } from '../../packages/loaders/src/node.ts';

const [width, height] = [7, 5];
const data = Float32Array.from({ length: width * height }, (_, i) => 2 + Math.sin(i) / 3);
const mesh = meshOf({ width, height, data });
const picture = Uint8Array.from({ length: 4 * width * height }, (_, i) => (i % 4 === 3 ? 255 : i));
const texture: Texture = { bytes: encodePng8(picture, width, height), type: 'image/png' };

describe('GLB', () => {
  describe.each(['triangles', 'lines', 'points'] as const)('%s', (mode) => {
    test.each([undefined, texture])('is valid', async (texture) => {
      const file = encodeGlb(mesh, { mode, ...(texture && { texture }) });
      const { issues, info } = await validateBytes(file);
      // Sides that are no powers of two mattered to WebGL 1.
      const remarks = issues.messages.filter(({ code }) => code !== 'IMAGE_NPOT_DIMENSIONS');
      expect(remarks).toEqual([]);
      expect([issues.numErrors, issues.numWarnings]).toEqual([0, 0]);
      expect(info.totalVertexCount).toBe(width * height);
      expect(info.totalTriangleCount).toBe(
        mode === 'triangles' ? 2 * (width - 1) * (height - 1) : 0,
      );
    });
  });

  test('the buffers hold the mesh and the picture', () => {
    const { json, binary } = parseGlb(encodeGlb(mesh, { texture }));
    const bytes = json.bufferViews.map(({ byteOffset, byteLength }) =>
      binary.slice(byteOffset, byteOffset + byteLength),
    );
    expect(new Float32Array(bytes[0]!.buffer)).toEqual(mesh.positions);
    expect(new Float32Array(bytes[1]!.buffer)).toEqual(mesh.uvs);
    expect(new Uint32Array(bytes[2]!.buffer)).toEqual(mesh.triangles);
    expect(bytes[3]).toEqual(new Uint8Array(texture.bytes));
  });

  test('lines are every edge once', () => {
    const { json, binary } = parseGlb(encodeGlb(mesh, { mode: 'lines' }));
    const { byteOffset, byteLength } = json.bufferViews[1]!;
    const pairs = new Uint32Array(binary.slice(byteOffset, byteOffset + byteLength).buffer);
    const edges = new Set<string>();
    for (let i = 0; i < pairs.length; i += 2) edges.add(`${pairs[i]}-${pairs[i + 1]}`);
    // Along rows, along columns, and a diagonal per cell.
    const all = (width - 1) * height + width * (height - 1) + (width - 1) * (height - 1);
    expect([edges.size, pairs.length / 2]).toEqual([all, all]);
  });
});

describe('PLY', () => {
  const colours = vertexColours(mesh.uvs, { data: picture, width, height });
  test.each([{ colours, points: false }, { colours, points: true }, { points: false }])(
    'with colours $colours.length, points $points',
    (options) => {
      const file = encodePly(mesh, options);
      const { vertices, faces, properties } = parsePly(file);
      expect(properties).toEqual(
        ['x', 'y', 'z', 's', 't'].concat(options.colours ? ['red', 'green', 'blue'] : []),
      );
      expect(vertices.flatMap((v) => v.slice(0, 3))).toEqual([...mesh.positions]);
      expect(vertices.flatMap((v) => v.slice(3, 5))).toEqual([...mesh.uvs]);
      expect(vertices.flatMap((v) => v.slice(5))).toEqual([...(options.colours ?? [])]);
      expect(faces.flat()).toEqual(options.points ? [] : [...mesh.triangles]);
    },
  );
});

describe('OBJ', () => {
  test('vertices, places in the picture, faces', () => {
    const text = new TextDecoder().decode(encodeObj(mesh, { material: 'a room.mtl' }));
    const numbersOf = (word: string): number[] =>
      text
        .split('\n')
        .filter((line) => line.startsWith(`${word} `))
        .flatMap((line) => line.split(' ').slice(1).map(Number.parseFloat));
    numbersOf('v').forEach((value, i) => {
      expect(value).toBeCloseTo(mesh.positions[i]!, 5);
    });
    numbersOf('vt').forEach((value, i) => {
      expect(i % 2 ? 1 - value : value).toBeCloseTo(mesh.uvs[i]!, 5);
    });
    expect(numbersOf('f')).toEqual([...mesh.triangles].map((vertex) => vertex + 1));
    expect(text).toContain('mtllib a room.mtl\n');
    expect(text).toContain('usemtl picture\n');
    expect(text).toContain('f 1/1 8/8 9/9\n');
  });

  test('without a material it names none', () => {
    expect(new TextDecoder().decode(encodeObj(mesh))).not.toMatch(/mtl/);
  });

  test('MTL', () => {
    expect(new TextDecoder().decode(encodeMtl('room.jpg'))).toMatchInlineSnapshot(`
      "# dpt-webgpu
      newmtl picture
      Ka 1 1 1
      Kd 1 1 1
      illum 0
      map_Kd room.jpg
      "
    `);
  });
});

test('colours of vertices are those of the pixels under them', () => {
  const colours = vertexColours(mesh.uvs, { data: picture, width, height });
  expect([...colours]).toEqual([...picture.filter((_, i) => i % 4 !== 3)]);
});

test('errors', () => {
  const bad = (change: Partial<SurfaceMesh>): SurfaceMesh => ({ ...mesh, ...change });
  expect(() => encodeGlb(bad({ triangles: new Uint32Array() }))).toThrowErrorMatchingInlineSnapshot(
    `[DptError: encodeGlb: the mesh has nothing to draw as triangles; glTF has no empty meshes.]`,
  );
  expect(() =>
    encodeGlb(bad({ triangles: Uint32Array.of(0, 1, 35) })),
  ).toThrowErrorMatchingInlineSnapshot(
    `[DptError: encodeGlb: a triangle has the vertex 35; there are 35.]`,
  );
  expect(() => encodePly(bad({ uvs: new Float32Array(3) }))).toThrowErrorMatchingInlineSnapshot(
    `[DptError: encodePly: 105 coordinates, 3 texture coordinates and 144 corners; vertices take 3 and 2, triangles 3.]`,
  );
  expect(() =>
    encodeObj(bad({ positions: new Float32Array(3 * width * height).fill(Number.NaN) })),
  ).toThrowErrorMatchingInlineSnapshot(`[DptError: encodeObj: vertex 0 is at NaN.]`);
  expect(() => encodePly(mesh, { colours: new Uint8Array(4) })).toThrowErrorMatchingInlineSnapshot(
    `[DptError: encodePly: 4 bytes of colour for 35 vertices.]`,
  );
  expect(() => encodeMtl('two\nlines')).toThrowErrorMatchingInlineSnapshot(
    `[DptError: encodeMtl: "two\\nlines" cannot be a file name.]`,
  );
});

interface GlbJson {
  readonly bufferViews: readonly { readonly byteOffset: number; readonly byteLength: number }[];
}

function parseGlb(file: Uint8Array): { json: GlbJson; binary: Uint8Array } {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const jsonLength = view.getUint32(12, true);
  const json = JSON.parse(new TextDecoder().decode(file.subarray(20, 20 + jsonLength))) as GlbJson;
  return { json, binary: file.slice(20 + jsonLength + 8) };
}

function parsePly(file: Uint8Array): {
  vertices: number[][];
  faces: number[][];
  properties: string[];
} {
  const end = 'end_header\n';
  const start = Buffer.from(file).indexOf(end) + end.length;
  const header = new TextDecoder().decode(file.subarray(0, start));
  expect(header.startsWith('ply\nformat binary_little_endian 1.0\n')).toBe(true);
  const count = (element: string): number =>
    Number(new RegExp(`element ${element} (\\d+)`).exec(header)![1]);
  const typed = [...header.matchAll(/property (float|uchar) (\w+)/g)];
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let at = start;
  const vertices = Array.from({ length: count('vertex') }, () =>
    typed.map(([, type]) => {
      at += type === 'float' ? 4 : 1;
      return type === 'float' ? view.getFloat32(at - 4, true) : view.getUint8(at - 1);
    }),
  );
  const faces = Array.from({ length: count('face') }, () => {
    const corners = view.getUint8(at);
    at += 1 + 4 * corners;
    return Array.from({ length: corners }, (_, i) => view.getInt32(at - 4 * (corners - i), true));
  });
  expect(at).toBe(file.length);
  return { vertices, faces, properties: typed.map(([, , name]) => name!) };
}
