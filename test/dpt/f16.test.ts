// Models whose weights are f16 against the same models in f32: the depth map of every family's fixture, and of the
// demonstration model; runs where the device has shader-f16. Which tensors are f16, by plans. Not here: f16 against PyTorch
// (parity).
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  buildDpt,
  type DPTModel,
  families,
  makeDptFromStateDict,
  planPrediction,
  recognise,
} from '../../packages/dpt/src/index.ts';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import { Context } from '../../packages/tensor/src/context.ts';
import { stateDictOfShapes } from '../../scripts/state_dict_shapes.ts';
import {
  channelsLast,
  fixtures,
  ioFiles,
  type Nd32,
  readTensors,
  tinyModel,
} from '../support/models.ts';
import { depthOf } from '../support/run_model.ts';
import { compare, dtypesOf, random, testContext } from '../support/tensors.ts';

const context = await testContext();
const hasF16 = dtypesOf(context).includes('f16');

const cases = [
  { family: 'depth_anything_v2' },
  { family: 'depth_anything_v1' },
  { family: 'depth_anything_v2_giant' },
  { family: 'depth_anything_v2_metric', weights: 'depth_anything_v2', maxDepth: 20 },
  { family: 'midas_beit' },
  { family: 'midas_swinv2' },
  { family: 'midas_vit' },
].map(({ family, weights = family, maxDepth }) => ({
  name: family,
  file: join(fixtures, weights, 'model.safetensors'),
  options: { family: families.get(family), maxDepth, preset: 'muggled' as const },
  image: async () => {
    const io = join(fixtures, family, ioFiles(join(fixtures, family))[0]!);
    return channelsLast((await readTensors(io)).get('pixel_values')!);
  },
}));
const trained = {
  name: 'the demonstration model',
  file: tinyModel,
  options: {},
  image: async (): Promise<Nd32> => {
    const next = random(3);
    const [H, W] = [112, 140];
    // Smooth, so that the map has depth, with noise.
    const data = Float32Array.from({ length: H * W * 3 }, (_, i) => {
      const x = Math.floor(i / 3) % W;
      const y = Math.floor(i / 3 / W);
      return Math.sin(x / 17) + Math.cos(y / 11) + 0.3 * next();
    });
    return { shape: [1, H, W, 3], data };
  },
};

async function load(
  on: Context,
  { file, options }: Pick<(typeof cases)[number], 'file'> & { readonly options: object },
  dtype: 'f32' | 'f16',
): Promise<DPTModel> {
  const opened = await openCheckpointFile(file);
  try {
    return (await makeDptFromStateDict(on, opened, { ...options, dtype })).model;
  } finally {
    await opened.close();
  }
}

const references = new Map<string, Promise<Float32Array>>();
afterAll(() => references.clear());

/** The map of the f32 model, computed once. */
function referenceOf(problem: (typeof cases)[number] | typeof trained): Promise<Float32Array> {
  const make = async (): Promise<Float32Array> => {
    using model = await load(context, problem, 'f32');
    return depthOf(model, await problem.image());
  };
  const known = references.get(problem.name) ?? make();
  references.set(problem.name, known);
  return known;
}

function correlation(a: Float32Array, b: Float32Array): number {
  const mean = (values: Float32Array): number => values.reduce((x, y) => x + y, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, i) => {
    ab += (value - ma) * (b[i]! - mb);
    aa += (value - ma) ** 2;
    bb += (b[i]! - mb) ** 2;
  });
  return ab / Math.sqrt(aa * bb);
}

describe.skipIf(!hasF16)('f16', () => {
  test.each([...cases, trained])('$name', async (problem) => {
    const expected = await referenceOf(problem);
    using model = await load(context, problem, 'f16');
    const depth = await depthOf(model, await problem.image());
    // What is asked of f16: not a number that is not finite, no pixel off by more than a fiftieth of the deviation.
    const { worst, std } = compare(depth, expected);
    expect(worst / std).toBeLessThan(2e-2);
    expect(correlation(depth, expected)).toBeGreaterThan(0.9999);
  });
});

test.each(['depth_anything_v2', 'depth_anything_v2_giant', 'midas_beit', 'midas_vit'])(
  '%s is f32 but for what flows inside the last third of its blocks',
  async (family) => {
    const file = await openCheckpointFile(join(fixtures, family, 'model.safetensors'));
    const context = Context.planning({ f16: true });
    const model = buildDpt(context, recognise(file), { dtype: 'f16' });
    await file.close();
    const { encoder } = model.config;
    const blocks = 'blocks' in encoder ? encoder.blocks : 0;
    const { steps } = planPrediction(model, { width: 640, height: 480 });
    const f16 = steps
      .filter(({ writes }) => writes.some(({ dtype }) => dtype === 'f16'))
      .map(({ label }) => label.replace(/^\w+ /, ''));
    // Of SwiGLU's hidden values none: nothing bounds them.
    const hidden = family.endsWith('giant') ? [] : ['mlp.fc1'];
    const inside = ['norm1', 'attention.qkv', 'attention', 'norm2', ...hidden];
    const late = Array.from({ length: blocks }, (_, i) => i).filter((i) => 3 * i >= 2 * blocks);
    expect(late.length).toBeGreaterThan(0);
    expect(f16).toEqual(late.flatMap((i) => inside.map((part) => `encoder.blocks.${i}.${part}`)));
  },
);

test.each([
  'depth_anything_v2',
  'depth_anything_v2_giant',
  'midas_beit',
  'midas_swinv2',
  'midas_vit',
])(
  '%s has matrices of f16; what is f32 are vectors, patch embed, positions and the readout token',
  async (family) => {
    const file = await openCheckpointFile(join(fixtures, family, 'model.safetensors'));
    const options = { dtype: 'f16', preset: 'muggled' } as const;
    const model = buildDpt(Context.planning({ f16: true }), recognise(file, options), options);
    await file.close();
    const { steps } = planPrediction(model, { width: 640, height: 480 });
    const dtypes = new Map(steps.flatMap(({ reads }) => reads).map((x) => [x?.name, x?.dtype]));
    const used = model.weights.declarations().filter(({ key }) => dtypes.has(key));
    expect(used.length).toBeGreaterThan(50);
    const f32 = used.filter(({ key }) => dtypes.get(key) === 'f32');
    const others = f32.filter(({ shape }) => shape.length > 1).map(({ key }) => key);
    for (const key of others) {
      expect(key).toMatch(/^patch_embed\.project\.weight$|readout_token|position|logit_scale/);
    }
    expect(others).toContain('patch_embed.project.weight');
    expect(used.filter(({ shape }) => shape.length === 1).every((x) => f32.includes(x))).toBe(true);
  },
);

// The fixtures are too small for some kernels; their shapes at the size of photos are not.
test.each([
  { family: 'depth_anything_v2', op: 'attention' },
  { family: 'midas_vit', op: 'attention' },
  { family: 'midas_beit', op: 'attention_relative' },
])(
  '$family has its attention on matrix units where its weights are f16',
  async ({ family, op }) => {
    const file = await openCheckpointFile(join(fixtures, family, 'model.safetensors'));
    const shaders = (dtype: 'f32' | 'f16') => {
      const on = Context.planning({ f16: true, subgroupMatrix: 16 });
      const model = buildDpt(on, recognise(file), { dtype });
      const { steps } = planPrediction(model, { width: 640, height: 480 }, { size: 336 });
      return new Set(steps.map(({ kernel }) => kernel.shader));
    };
    const [f16, f32] = [shaders('f16'), shaders('f32')];
    await file.close();
    const ways = [`${op}_subgroup_matrix`, `${op}_tiled`];
    expect(ways.map((shader) => f16.has(shader))).toEqual([true, false]);
    expect(ways.map((shader) => f32.has(shader))).toEqual([false, true]);
  },
);

test.each([
  // Both convolutions of the head have 32 channels.
  {
    name: 'v2-small',
    f16: { conv2d_subgroup_matrix: 19, conv2d_resized_tiled: 2 },
  },
  {
    name: 'v2-large',
    f16: { conv2d_subgroup_matrix_128: 6, conv2d_subgroup_matrix: 14, conv2d_resized_tiled: 1 },
  },
])('$name has its convolutions of many channels on matrix units', ({ name, f16 }) => {
  const convolutions = (dtype: 'f32' | 'f16') => {
    const on = Context.planning({ f16: true, subgroupMatrix: 16 });
    const model = buildDpt(on, recognise(stateDictOfShapes(name)), { dtype });
    const counts: Record<string, number> = {};
    for (const { kernel, overrides } of planPrediction(model, { width: 518, height: 518 }).steps) {
      if (!kernel.shader.startsWith('conv2d')) continue;
      const kind = kernel.shader + (overrides.SIDE === 128 ? '_128' : '');
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
    return counts;
  };
  expect(convolutions('f16')).toEqual(f16);
  const f32 = { conv2d_tiled: 18, conv2d_registers: 1, conv2d_resized_tiled: 2 };
  expect(convolutions('f32')).toEqual(f32);
});
