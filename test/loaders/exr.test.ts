// OpenEXR files, read back by a parser written from the layout: attributes, offsets, every value to the bit; errors.
import { describe, expect, test } from 'vitest';
import { encodeExr } from '../../packages/loaders/src/index.ts';

interface Exr {
  readonly attributes: ReadonlyMap<string, { readonly type: string; readonly value: DataView }>;
  readonly lines: readonly { readonly y: number; readonly bytes: Uint8Array }[];
}

describe.each([
  [1, 1],
  [5, 3],
  [640, 2],
])('%i × %i', (width, height) => {
  test.each([undefined, 'Z'] as const)('channel %s', (channel) => {
    const data = Float32Array.from({ length: width * height }, (_, i) => i / 7 - 3);
    data[0] = Number.POSITIVE_INFINITY;
    data[data.length - 1] = Number.NaN;
    const { attributes, lines } = parse(encodeExr(data, width, height, channel ? { channel } : {}));
    const types = Object.fromEntries([...attributes].map(([name, { type }]) => [name, type]));
    expect(types).toEqual({
      channels: 'chlist',
      compression: 'compression',
      dataWindow: 'box2i',
      displayWindow: 'box2i',
      lineOrder: 'lineOrder',
      pixelAspectRatio: 'float',
      screenWindowCenter: 'v2f',
      screenWindowWidth: 'float',
    });
    const list = attributes.get('channels')!.value;
    expect(list.byteLength).toBe(2 + 16 + 1);
    expect(String.fromCharCode(list.getUint8(0))).toBe(channel ?? 'Y');
    expect([2, 6, 10, 14].map((at) => list.getInt32(at, true))).toEqual([2, 0, 1, 1]);
    for (const name of ['dataWindow', 'displayWindow']) {
      const box = attributes.get(name)!.value;
      expect([0, 4, 8, 12].map((at) => box.getInt32(at, true))).toEqual([
        0,
        0,
        width - 1,
        height - 1,
      ]);
    }
    expect(attributes.get('compression')!.value.getUint8(0)).toBe(0);
    expect(lines.map(({ y }) => y)).toEqual(Array.from({ length: height }, (_, y) => y));
    const bytes = lines.flatMap((line) => [...line.bytes]);
    expect(new Uint8Array(bytes)).toEqual(new Uint8Array(data.buffer));
  });
});

test('errors', () => {
  expect(() => encodeExr(new Float32Array(5), 2, 3)).toThrowErrorMatchingInlineSnapshot(
    `[DptError: encodeExr: 2×3 pixels with 5 values.]`,
  );
});

function parse(file: Uint8Array): Exr {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  expect([...file.subarray(0, 8)]).toEqual([0x76, 0x2f, 0x31, 0x01, 2, 0, 0, 0]);
  let at = 8;
  const text = (): string => {
    const end = file.indexOf(0, at);
    const found = new TextDecoder().decode(file.subarray(at, end));
    at = end + 1;
    return found;
  };
  const attributes = new Map<string, { type: string; value: DataView }>();
  for (let name = text(); name !== ''; name = text()) {
    const type = text();
    const size = view.getInt32(at, true);
    attributes.set(name, { type, value: new DataView(file.buffer, at + 4, size) });
    at += 4 + size;
  }
  const box = attributes.get('dataWindow')!.value;
  const height = box.getInt32(12, true) - box.getInt32(4, true) + 1;
  const lines = Array.from({ length: height }, (_, i) => {
    const line = Number(view.getBigUint64(at + 8 * i, true));
    const size = view.getInt32(line + 4, true);
    return { y: view.getInt32(line, true), bytes: file.subarray(line + 8, line + 8 + size) };
  });
  const last = lines.at(-1)!.bytes;
  expect(last.byteOffset + last.byteLength).toBe(file.byteOffset + file.byteLength);
  return { attributes, lines };
}
