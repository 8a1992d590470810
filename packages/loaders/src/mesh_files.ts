import { invalidArgument } from '@dpt-webgpu/tensor/errors';

/** Vertices, where they lie in a picture, and triangles. What `meshOf` of @dpt-webgpu/dpt makes is one. */
export interface SurfaceMesh {
  /** Three numbers per vertex. */
  readonly positions: Float32Array;
  /** Two numbers per vertex, 0…1 from the top left of the picture. */
  readonly uvs: Float32Array;
  /** Three vertices each, counter-clockwise seen from the front. */
  readonly triangles: Uint32Array;
}

/** A picture file as it is, to be laid over a mesh. */
export interface Texture {
  /** The file, as it is. */
  readonly bytes: Uint8Array;
  /** What kind of file. */
  readonly type: 'image/png' | 'image/jpeg';
}

/** How a mesh is drawn by viewers of glTF. */
export interface GlbOptions {
  /** Laid over the mesh by its `uvs`. Default: none, white. */
  readonly texture?: Texture;
  /** What is drawn: the surface, its edges, or its vertices alone. Default `triangles`. */
  readonly mode?: 'triangles' | 'lines' | 'points';
}

interface View {
  readonly bytes: Uint8Array;
  /** ARRAY_BUFFER or ELEMENT_ARRAY_BUFFER; images have none. */
  readonly target?: 34962 | 34963;
}

/** A binary glTF 2.0 file: one mesh, unlit, so that the picture looks as it does. Viewers, Blender and phones read it. */
export function encodeGlb(
  mesh: SurfaceMesh,
  { texture, mode = 'triangles' }: GlbOptions = {},
): Uint8Array {
  const { positions, uvs } = mesh;
  const vertices = expectMesh('encodeGlb', mesh);
  const indices =
    mode === 'triangles' ? mesh.triangles : mode === 'lines' ? edgesOf(mesh.triangles) : undefined;
  if (vertices === 0 || indices?.length === 0) {
    throw invalidArgument(
      `encodeGlb: the mesh has nothing to draw as ${mode}; glTF has no empty meshes.`,
    );
  }
  const FLOAT = 5126;
  const UNSIGNED_INT = 5125;
  const views: View[] = [];
  const accessors: object[] = [];
  const accessor = (view: View, contents: object): number => {
    accessors.push({ bufferView: views.push(view) - 1, ...contents });
    return accessors.length - 1;
  };
  const attributes = {
    POSITION: accessor(
      { bytes: bytesOf(positions), target: 34962 },
      { componentType: FLOAT, count: vertices, type: 'VEC3', ...boundsOf(positions) },
    ),
    // Of no use without a picture.
    ...(texture && {
      TEXCOORD_0: accessor(
        { bytes: bytesOf(uvs), target: 34962 },
        { componentType: FLOAT, count: vertices, type: 'VEC2' },
      ),
    }),
  };
  const primitive = {
    attributes,
    ...(indices && {
      indices: accessor(
        { bytes: bytesOf(indices), target: 34963 },
        { componentType: UNSIGNED_INT, count: indices.length, type: 'SCALAR' },
      ),
    }),
    material: 0,
    mode: { points: 0, lines: 1, triangles: 4 }[mode],
  };
  const image = texture && {
    bufferView: views.push({ bytes: texture.bytes }) - 1,
    mimeType: texture.type,
  };

  const offsets: number[] = [];
  let length = 0;
  for (const { bytes } of views) {
    offsets.push(length);
    length += padded(bytes.length);
  }
  const json = {
    asset: { version: '2.0', generator: 'dpt-webgpu' },
    extensionsUsed: ['KHR_materials_unlit'],
    scene: 0,
    scenes: [{ nodes: [0] }],
    nodes: [{ mesh: 0, name: 'depth' }],
    meshes: [{ primitives: [primitive] }],
    materials: [
      {
        name: 'picture',
        doubleSided: true,
        extensions: { KHR_materials_unlit: {} },
        pbrMetallicRoughness: {
          ...(image && { baseColorTexture: { index: 0 } }),
          metallicFactor: 0,
        },
      },
    ],
    ...(image && {
      textures: [{ source: 0, sampler: 0 }],
      // Linear, and clamped: depth maps do not repeat.
      samplers: [{ magFilter: 9729, minFilter: 9729, wrapS: 33071, wrapT: 33071 }],
      images: [image],
    }),
    accessors,
    bufferViews: views.map(({ bytes, target }, i) => ({
      buffer: 0,
      byteOffset: offsets[i],
      byteLength: bytes.length,
      ...(target && { target }),
    })),
    buffers: [{ byteLength: length }],
  };
  const text = new TextEncoder().encode(JSON.stringify(json));

  // Header, then two chunks, each with its length, its name and a filling up to four bytes: spaces, and zeros.
  const binaryAt = 20 + padded(text.length);
  const file = new Uint8Array(binaryAt + 8 + length);
  const view = new DataView(file.buffer);
  [0x46546c67, 2, file.length, padded(text.length), 0x4e4f534a].forEach((word, i) => {
    view.setUint32(4 * i, word, true);
  });
  file.set(text, 20);
  file.fill(0x20, 20 + text.length, binaryAt);
  view.setUint32(binaryAt, length, true);
  view.setUint32(binaryAt + 4, 0x004e4942, true);
  views.forEach(({ bytes }, i) => {
    file.set(bytes, binaryAt + 8 + offsets[i]!);
  });
  return file;
}

/** What a PLY file holds beside the vertices. */
export interface PlyOptions {
  /** Red, green and blue of each vertex; see `vertexColours`. Default: none. */
  readonly colours?: Uint8Array;
  /** Leave the triangles out. Default false. */
  readonly points?: boolean;
}

/** A PLY file, binary and little-endian: vertices with texture coordinates and colours, and triangles. */
export function encodePly(mesh: SurfaceMesh, { colours, points }: PlyOptions = {}): Uint8Array {
  const { positions, uvs } = mesh;
  const vertices = expectMesh('encodePly', mesh);
  if (colours && colours.length !== 3 * vertices) {
    throw invalidArgument(`encodePly: ${colours.length} bytes of colour for ${vertices} vertices.`);
  }
  const triangles = points ? new Uint32Array() : mesh.triangles;
  const properties = [
    ...['x', 'y', 'z', 's', 't'].map((name) => `property float ${name}\n`),
    ...(colours ? ['red', 'green', 'blue'].map((name) => `property uchar ${name}\n`) : []),
  ];
  const header = new TextEncoder().encode(
    `ply\nformat binary_little_endian 1.0\ncomment dpt-webgpu\nelement vertex ${vertices}\n${properties.join('')}` +
      `element face ${triangles.length / 3}\nproperty list uchar int vertex_indices\nend_header\n`,
  );
  const stride = colours ? 23 : 20;
  const facesAt = header.length + stride * vertices;
  const file = new Uint8Array(facesAt + (13 * triangles.length) / 3);
  const view = new DataView(file.buffer);
  file.set(header);
  for (let i = 0, at = header.length; i < vertices; i++, at += stride) {
    for (let k = 0; k < 3; k++) view.setFloat32(at + 4 * k, positions[3 * i + k]!, true);
    for (let k = 0; k < 2; k++) view.setFloat32(at + 12 + 4 * k, uvs[2 * i + k]!, true);
    if (colours) file.set(colours.subarray(3 * i, 3 * i + 3), at + 20);
  }
  for (let i = 0, at = facesAt; i < triangles.length; i += 3, at += 13) {
    view.setUint8(at, 3);
    for (let k = 0; k < 3; k++) view.setInt32(at + 1 + 4 * k, triangles[i + k]!, true);
  }
  return file;
}

/** What an OBJ file refers to. */
export interface ObjOptions {
  /** File name of the material, as the OBJ will refer to it: `room.mtl`. Without it there is no material. Default: none. */
  readonly material?: string;
}

/** An OBJ file: text, seven digits. Its v runs upwards, ours downwards. */
export function encodeObj(mesh: SurfaceMesh, { material }: ObjOptions = {}): Uint8Array {
  const { positions, uvs, triangles } = mesh;
  const vertices = expectMesh('encodeObj', mesh);
  const lines = ['# dpt-webgpu'];
  if (material !== undefined) lines.push(`mtllib ${lineOf('encodeObj', material)}`);
  const number = (value: number): string => String(Number(value.toPrecision(7)));
  for (let i = 0; i < vertices; i++) {
    const [x, y, z] = [positions[3 * i]!, positions[3 * i + 1]!, positions[3 * i + 2]!];
    lines.push(`v ${number(x)} ${number(y)} ${number(z)}`);
  }
  for (let i = 0; i < vertices; i++) {
    lines.push(`vt ${number(uvs[2 * i]!)} ${number(1 - uvs[2 * i + 1]!)}`);
  }
  if (material !== undefined) lines.push('usemtl picture');
  for (let i = 0; i < triangles.length; i += 3) {
    // Counted from 1.
    const [a, b, c] = [triangles[i]! + 1, triangles[i + 1]! + 1, triangles[i + 2]! + 1];
    lines.push(`f ${a}/${a} ${b}/${b} ${c}/${c}`);
  }
  return new TextEncoder().encode(`${lines.join('\n')}\n`);
}

/** The MTL file that goes with an OBJ: a picture, unlit. `texture` is the picture's file name. */
export function encodeMtl(texture: string): Uint8Array {
  const lines = [
    '# dpt-webgpu',
    'newmtl picture',
    'Ka 1 1 1',
    'Kd 1 1 1',
    'illum 0',
    `map_Kd ${lineOf('encodeMtl', texture)}`,
  ];
  return new TextEncoder().encode(`${lines.join('\n')}\n`);
}

/** Red, green and blue of each vertex: the picture's pixel nearest to its place. `data` is R G B A. */
export function vertexColours(
  uvs: Float32Array,
  { data, width, height }: { data: Uint8Array | Uint8ClampedArray; width: number; height: number },
): Uint8Array {
  const colours = new Uint8Array((3 * uvs.length) / 2);
  for (let i = 0; i < uvs.length / 2; i++) {
    const x = Math.min(Math.max(Math.round(uvs[2 * i]! * (width - 1)), 0), width - 1);
    const y = Math.min(Math.max(Math.round(uvs[2 * i + 1]! * (height - 1)), 0), height - 1);
    const at = 4 * (y * width + x);
    for (let k = 0; k < 3; k++) colours[3 * i + k] = data[at + k]!;
  }
  return colours;
}

/** Every edge of the triangles once, as pairs of vertices. */
function edgesOf(triangles: Uint32Array): Uint32Array {
  const vertices = triangles.reduce((most, vertex) => Math.max(most, vertex), 0) + 1;
  const keys = new Float64Array(triangles.length);
  for (let i = 0; i < triangles.length; i++) {
    const [a, b] = [triangles[i]!, triangles[i % 3 === 2 ? i - 2 : i + 1]!];
    keys[i] = Math.min(a, b) * vertices + Math.max(a, b);
  }
  keys.sort();
  const edges = keys.filter((key, i) => key !== keys[i - 1]);
  return Uint32Array.from({ length: 2 * edges.length }, (_, i) => {
    const key = edges[i >> 1]!;
    return i % 2 ? key % vertices : Math.floor(key / vertices);
  });
}

/** Checks a mesh and returns the number of its vertices. */
function expectMesh(op: string, { positions, uvs, triangles }: SurfaceMesh): number {
  const vertices = positions.length / 3;
  if (!Number.isInteger(vertices) || uvs.length !== 2 * vertices || triangles.length % 3) {
    throw invalidArgument(
      `${op}: ${positions.length} coordinates, ${uvs.length} texture coordinates and ${triangles.length} corners; vertices take 3 and 2, triangles 3.`,
    );
  }
  const outside = triangles.find((vertex) => vertex >= vertices);
  if (outside !== undefined) {
    throw invalidArgument(`${op}: a triangle has the vertex ${outside}; there are ${vertices}.`);
  }
  const bad = positions.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw invalidArgument(`${op}: vertex ${Math.floor(bad / 3)} is at ${positions[bad]}.`);
  }
  return vertices;
}

/** Smallest and largest corner of the box around the vertices; glTF asks for it, in the numbers as they are stored. */
function boundsOf(positions: Float32Array): { min: number[]; max: number[] } {
  const min = [...positions.subarray(0, 3)];
  const max = [...min];
  for (let i = 0; i < positions.length; i++) {
    min[i % 3] = Math.min(min[i % 3]!, positions[i]!);
    max[i % 3] = Math.max(max[i % 3]!, positions[i]!);
  }
  return { min, max };
}

/** A file name inside a line of text. */
function lineOf(op: string, name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be there
  if (name === '' || /[\u0000-\u001f]/.test(name)) {
    throw invalidArgument(`${op}: ${JSON.stringify(name)} cannot be a file name.`);
  }
  return name;
}

const padded = (length: number): number => Math.ceil(length / 4) * 4;

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
