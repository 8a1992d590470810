// What the largest released models bind at the size they were trained at, with shapes alone: within the 128 MiB that every
// device has, so that browsers need not be asked for more.
import { expect, test } from 'vitest';
import { buildDpt, recognise } from '../../packages/dpt/src/index.ts';
import { Context, plan, type StateDict } from '../../packages/tensor/src/index.ts';
import { publishedFiles } from '../../scripts/state_dict_shapes.ts';

const MiB = 2 ** 20;

function modelOf(name: string) {
  const { file, shapes } = publishedFiles.get(name)!;
  const stateDict: StateDict = {
    name: `${file}.pth`,
    metadata: new Map(),
    tensors: new Map(
      [...shapes()].map(([key, entry]) => [key, { ...entry, read: async () => new Uint8Array(0) }]),
    ),
    close: async () => {},
  };
  return buildDpt(Context.planning(), recognise(stateDict));
}

test.each([
  // The fused map: 8 · 37 squared × 256 channels of f32.
  { name: 'v2-large', side: 518, largest: (296 * 296 * 256 * 4) / MiB },
  { name: 'beit-large-512', side: 512, largest: (256 * 256 * 256 * 4) / MiB },
])('$name at $side: $largest MiB', ({ name, side, largest }) => {
  const model = modelOf(name);
  const { largestBinding } = plan(
    model.weights.context,
    { image: [1, side, side, 3] },
    ({ image }) => ({ depth: model.forward(image) }),
  );
  expect(largestBinding / MiB).toBe(largest);
  expect(largest).toBeLessThan(128);
});
