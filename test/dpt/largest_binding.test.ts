// What the largest released models bind at the size they were trained at, with shapes alone: within the 128 MiB that every
// device has, so that browsers need not be asked for more. The giant is beyond, by a weight.
import { expect, test } from 'vitest';
import { buildDpt, recognise } from '../../packages/dpt/src/index.ts';
import { Context, plan, type StateDict } from '../../packages/tensor/src/index.ts';
import { publishedFiles } from '../../scripts/state_dict_shapes.ts';

const MiB = 2 ** 20;

function modelOf(name: string, dtype: 'f32' | 'f16') {
  const { file, shapes } = publishedFiles.get(name)!;
  const stateDict: StateDict = {
    name: `${file}.pth`,
    metadata: new Map(),
    tensors: new Map(
      [...shapes()].map(([key, entry]) => [key, { ...entry, read: async () => new Uint8Array(0) }]),
    ),
    close: async () => {},
  };
  return buildDpt(Context.planning({ f16: dtype === 'f16' }), recognise(stateDict), { dtype });
}

test.each([
  // The head's first map: 8 · 37 squared × 128 channels of f32. The fused map before it is twice that, and not stored.
  { name: 'v2-large', side: 518, largest: (296 * 296 * 128 * 4) / MiB },
  // Its largest weight, by which stage 4 is halved, is larger.
  { name: 'beit-large-512', side: 512, largest: (3 * 3 * 1024 * 1024 * 4) / MiB },
])('$name at $side: $largest MiB', ({ name, side, largest }) => {
  expect(largestOf(name, side)).toBe(largest);
  expect(largest).toBeLessThan(128);
});

test('v2-giant at 518: the transposed convolution of its finest map', () => {
  expect(largestOf('v2-giant', 518)).toBe((4 * 4 * 1536 * 1536 * 4) / MiB);
  expect(largestOf('v2-giant', 518, 'f16')).toBeLessThan(128);
});

function largestOf(name: string, side: number, dtype: 'f32' | 'f16' = 'f32'): number {
  const model = modelOf(name, dtype);
  const { largestBinding } = plan(
    model.weights.context,
    { image: [1, side, side, 3] },
    ({ image }) => ({ depth: model.forward(image) }),
  );
  return largestBinding / MiB;
}
