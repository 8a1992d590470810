// Whole models against PyTorch at every box of figure 1, so that a failure names the box: tokens, stages, reassembled and fused maps,
// depth. Square grids at the trained size, wide ones, odd ones. Then what must not change a result: recording, the grid cache, a batch.
// Not here: photos and their resizing (predictor), damaged checkpoints. Where the larger set of fixtures lies beside the checkout, all its
// families, sizes and file formats are run as well.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  type DPTModel,
  type DptOptions,
  families,
  makeDptFromStateDict,
} from '../../packages/dpt/src/index.ts';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import type { Context } from '../../packages/tensor/src/context.ts';
import { record } from '../../packages/tensor/src/recording.ts';
import {
  channelsLast,
  fixtures,
  ioFiles,
  moreFixtures,
  type Nd32,
  readTensors,
} from '../support/models.ts';
import { dtypesOf, expectValuesClose, random, testContext } from '../support/tensors.ts';

const context = await testContext();
/** The same device, taken for a GPU: ops choose the kernels that a processor never gets. */
const asGpu = await testContext({ capabilities: { software: false } });
/** The same device with matrix units, where it has them, for all that they can do. */
const asMatrices = await testContext({
  variants: {
    linear: 'linear_subgroup_matrix',
    attention: 'attention_subgroup_matrix',
    attention_relative: 'attention_relative_subgroup_matrix',
    conv2d: 'conv2d_subgroup_matrix',
  },
});
const hasMatrices = context.capabilities.subgroupMatrix > 0;

/**
 * max|error| / std(reference). f32: two implementations in PyTorch differ by 1e-5, and so do ours on SwiftShader; the
 * rest is for GPUs, whose exp and tanh are less exact. f16: 11 significant bits, 5e-4 per rounding; what is f16 and what
 * stays f32 is told in packages/dpt/src/precision.ts. On lavapipe the depth maps are off by up to 3e-3.
 */
const tolerances = {
  f32: { tokens: 1e-4, maps: 1e-4, depth: 2e-4 },
  f16: { tokens: 1e-2, maps: 1e-2, depth: 2e-2 },
} as const;

const models = new Map<string, Promise<DPTModel>>();
afterAll(async () => {
  for (const model of models.values()) (await model).dispose();
});

/** A model loaded once for all the tests that use it. */
function load(
  path: string,
  options: DptOptions,
  changes?: string,
  on: Context = context,
): Promise<DPTModel> {
  const key = JSON.stringify([path, options, [context, asGpu, asMatrices].indexOf(on)]);
  const known = models.get(key) ?? loadNow(on, path, options, changes);
  models.set(key, known);
  return known;
}

async function loadNow(
  on: Context,
  path: string,
  options: DptOptions,
  changes?: string,
): Promise<DPTModel> {
  const file = await openCheckpointFile(path);
  const changed = changes === undefined ? undefined : await openCheckpointFile(changes);
  const tensors = new Map([...file.tensors, ...(changed?.tensors ?? [])]);
  try {
    return (await makeDptFromStateDict(on, { ...file, tensors }, options)).model;
  } finally {
    await file.close();
    await changed?.close();
  }
}

/** `boxes`: all that the file has, or the depth alone, which a GPU gets without storing some of them. */
async function expectParity(
  model: DPTModel,
  io: string,
  dtype: 'f32' | 'f16',
  boxes: 'all' | 'depth' = 'all',
): Promise<void> {
  const expected = await readTensors(io);
  const pixels = channelsLast(expected.get('pixel_values')!);
  const names = boxes === 'all' ? [...expected.keys()] : [];
  const keep = names.filter((name) => name !== 'pixel_values' && name !== 'depth');
  const recording = await record(
    model.weights.context,
    { image: pixels.shape },
    ({ image }) => ({ depth: model.forward(image) }),
    { keep },
  );
  const { depth } = recording.run({ image: pixels.data });
  const allowed = tolerances[dtype];
  const wrong: string[] = [];
  for (const [name, tensor] of Object.entries({ ...recording.kept, depth })) {
    const reference = channelsLast(expected.get(name)!);
    const actual = await tensor.read();
    const box = name === 'depth' ? 'depth' : /tokens|stage/.test(name) ? 'tokens' : 'maps';
    try {
      expect(tensor.shape, name).toEqual(reference.shape);
      expectValuesClose(actual, reference.data, allowed[box]);
    } catch (error) {
      wrong.push(`${name} ${(error as Error).message}`);
    }
  }
  recording.dispose();
  expect(wrong).toEqual([]);
}

const shipped = [
  { family: 'depth_anything_v2' },
  { family: 'depth_anything_v1' },
  { family: 'depth_anything_v2_giant' },
  { family: 'midas_beit' },
  { family: 'midas_vit' },
  // The same weights but for the last convolution: metres come out.
  { family: 'depth_anything_v2_metric', weights: 'depth_anything_v2', maxDepth: 20 },
].flatMap(({ family, weights = family, maxDepth }) =>
  ioFiles(join(fixtures, family)).map((io) => ({ family, weights, maxDepth, io })),
);

const dtypes = (['f32', 'f16'] as const).filter((dtype) => dtypesOf(context).includes(dtype));

describe.each(dtypes)('%s as in PyTorch', (dtype) => {
  test.each(shipped)('$family $io', async ({ family, weights, maxDepth, io }) => {
    const changes = join(fixtures, family, 'changes.safetensors');
    const model = await load(
      join(fixtures, weights, 'model.safetensors'),
      { dtype, family: families.get(family), maxDepth },
      existsSync(changes) ? changes : undefined,
    );
    await expectParity(model, join(fixtures, family, io), dtype);
  });
});

// Every family once: tests of the ops have the shapes, and processors take long to compile what is meant for GPUs.
test.each(shipped.filter(({ family }, i) => shipped.findIndex((io) => io.family === family) === i))(
  '$family with the kernels of a GPU',
  async ({ family, weights, maxDepth, io }) => {
    const changes = join(fixtures, family, 'changes.safetensors');
    const model = await load(
      join(fixtures, weights, 'model.safetensors'),
      { family: families.get(family), maxDepth },
      existsSync(changes) ? changes : undefined,
      asGpu,
    );
    await expectParity(model, join(fixtures, family, io), 'f32');
    await expectParity(model, join(fixtures, family, io), 'f32', 'depth');
  },
  180_000,
);

describe.skipIf(!hasMatrices)('f16 on matrix units (chromium-experimental-subgroup-matrix)', () => {
  test.each(shipped)('$family $io', async ({ family, weights, maxDepth, io }) => {
    const changes = join(fixtures, family, 'changes.safetensors');
    const model = await load(
      join(fixtures, weights, 'model.safetensors'),
      { dtype: 'f16', family: families.get(family), maxDepth },
      existsSync(changes) ? changes : undefined,
      asMatrices,
    );
    await expectParity(model, join(fixtures, family, io), 'f16');
  });
});

describe.skipIf(!moreFixtures)('f32 as in PyTorch, the larger set', () => {
  const folders = moreFixtures
    ? readdirSync(moreFixtures, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    : [];
  const cases = folders.flatMap(({ name }) => {
    const folder = join(moreFixtures!, name);
    const { family, max_depth } = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as {
      family: string;
      max_depth?: number | null;
    };
    const io = ioFiles(folder);
    const files = readdirSync(folder).filter((file) => /^model.*\.(safetensors|pth)$/.test(file));
    // Every size with one of the formats, and one size with each of the others.
    return files.flatMap((file) =>
      (file === 'model.safetensors' ? io : io.slice(-1)).map((io) => ({
        folder,
        name,
        file,
        io,
        family,
        maxDepth: max_depth ?? undefined,
      })),
    );
  });
  const known = cases.filter(({ family }) => families.has(family));
  test.each(known)('$name $file $io', async ({ folder, file, io, family, maxDepth }) => {
    // MiDaS runs SwinV2 at one size only; at the others it is muggled_dpt that computed what is expected.
    const preset = family === 'midas_swinv2' ? 'muggled' : 'official';
    const options = { family: families.get(family), maxDepth, preset } as const;
    await expectParity(await load(join(folder, file), options), join(folder, io), 'f32');
  });
});

describe('the same result', () => {
  const path = join(fixtures, 'depth_anything_v2', 'model.safetensors');
  const family = 'depth_anything_v2';

  /** Pixels [B, H, W, 3] around 0, the same for the same seed. */
  function pixels([B, H, W]: readonly [number, number, number], seed: number): Nd32 {
    const next = random(seed);
    const shape = [B, H, W, 3];
    return { shape, data: Float32Array.from({ length: B * H * W * 3 }, () => 4 * next() - 2) };
  }

  async function recorded(model: DPTModel, { shape, data }: Nd32): Promise<Float32Array> {
    const recording = await record(context, { image: shape }, ({ image }) => ({
      depth: model.forward(image),
    }));
    const values = await recording.run({ image: data }).depth.read();
    recording.dispose();
    return values;
  }

  // One patch, one row, odd and even sides.
  test.each([
    { H: 14, W: 14 },
    { H: 14, W: 70 },
    { H: 98, W: 42 },
  ])('recorded and at once, bit for bit: $H × $W', async ({ H, W }) => {
    const model = await load(path, { family });
    const { shape, data } = pixels([1, H, W], 1);
    const image = context.tensor(data, shape);
    const depth = context.scope(() => model.forward(image));
    const atOnce = await depth.read();
    depth.dispose();
    image.dispose();
    expect(atOnce.every(Number.isFinite)).toBe(true);
    expect(await recorded(model, { shape, data })).toEqual(atOnce);
  });

  test('with and without the cache, bit for bit', async () => {
    const image = pixels([1, 70, 98], 2);
    const cached = await load(path, { family });
    const uncached = await load(path, { family, gridCache: { enabled: false } });
    const first = await recorded(cached, image);
    expect(await recorded(cached, image)).toEqual(first);
    expect(await recorded(uncached, image)).toEqual(first);
    // The test means something only if the two do differ in what they do.
    expect(cached.gridCache.enabled).toBe(true);
    expect(uncached.gridCache.enabled).toBe(false);
  });

  test('in a batch and alone', async () => {
    const model = await load(path, { family });
    const [a, b] = [pixels([1, 56, 70], 3), pixels([1, 56, 70], 4)];
    const both = { shape: [2, 56, 70, 3], data: Float32Array.from([...a.data, ...b.data]) };
    const together = await recorded(model, both);
    const alone = [...(await recorded(model, a)), ...(await recorded(model, b))];
    // Nothing mixes pictures; a kernel may still share out its sums differently.
    expectValuesClose(together, alone, 1e-6);
  });
});
