// MiDaS v3.1 SwinV2 from the file to the depth map: the configuration off the file, every box of figure 1 against
// PyTorch at the size of the model and at others (windows that are not square, shifts on one axis), a batch, the tables
// of the bias (kept, not kept, windows turned by a quarter), norms behind the branches (pitfall 21), Hugging Face names,
// where the window comes from, f16 storage, sizes of photos, errors. Not here: windows of 24 and all sizes of the larger
// set of fixtures (parity), the op (tensor/ops/window_attention), the rules of windows (window_size), the tables' values
// (continuous_position_bias).
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  type DPTModel,
  type DptOptions,
  families,
  makeDptFromStateDict,
  networkSize,
  recognise,
} from '../../packages/dpt/src/index.ts';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import { record } from '../../packages/tensor/src/recording.ts';
import type { StateDict, StoredTensor } from '../../packages/tensor/src/state_dict.ts';
import {
  channelsLast,
  fixtures,
  ioFiles,
  moreFixtures,
  type Nd32,
  readTensors,
} from '../support/models.ts';
import { compare, random, testContext } from '../support/tensors.ts';

// max|error| / std. On SwiftShader the largest are 7e-6 (stages) and 4e-6 (depth), as between two implementations in
// PyTorch; the rest is for GPUs, whose exp is less exact: a logit scale may be 100.
const tolerance = { tokens: 1e-4, maps: 1e-4, depth: 2e-4 };

const context = await testContext();
const folder = join(fixtures, 'midas_swinv2');
const file = await openCheckpointFile(join(folder, 'model.safetensors'));
// Under a name that is the same on every machine.
const stateDict: StateDict = { ...file, name: 'swin2.safetensors' };
const models = new Map<string, Promise<DPTModel>>();
afterAll(async () => {
  for (const model of models.values()) (await model).dispose();
  await file.close();
});

async function make(from: StateDict, options: DptOptions = {}): Promise<DPTModel> {
  const loaded = await makeDptFromStateDict(context, from, options);
  expect(loaded.warnings).toEqual([]);
  return loaded.model;
}

/** The fixture's model, loaded once per preset. */
function model(preset: 'official' | 'muggled'): Promise<DPTModel> {
  const made = models.get(preset) ?? make(stateDict, { preset });
  models.set(preset, made);
  return made;
}

/** Depth and whatever is to be kept, read back. */
async function run(
  dpt: DPTModel,
  image: Nd32,
  keep: readonly string[] = [],
): Promise<Map<string, Float32Array>> {
  using recording = await record(
    context,
    { image: image.shape },
    (inputs) => ({ depth: dpt.forward(inputs.image) }),
    { keep },
  );
  const { depth } = recording.run({ image: image.data });
  const read = new Map([['depth', await depth.read()]]);
  for (const name of keep) read.set(name, await recording.kept[name]!.read());
  return read;
}

const depthOf = async (dpt: DPTModel, image: Nd32): Promise<Float32Array> =>
  (await run(dpt, image)).get('depth')!;

function randomImage(B: number, H: number, W: number, seed: number): Nd32 {
  const next = random(seed);
  return {
    shape: [B, H, W, 3],
    data: Float32Array.from({ length: B * H * W * 3 }, () => 2 * next() - 1),
  };
}

async function expectParity(
  dpt: DPTModel,
  io: string,
  allowed: Readonly<Record<keyof typeof tolerance, number>> = tolerance,
): Promise<void> {
  const expected = await readTensors(io);
  const image = channelsLast(expected.get('pixel_values')!);
  expected.delete('pixel_values');
  const keep = [...expected.keys()].filter((name) => name !== 'depth');
  const actual = await run(dpt, image, keep);
  for (const [name, reference] of expected) {
    const kind = name === 'depth' ? 'depth' : /^(tokens|stage)/.test(name) ? 'tokens' : 'maps';
    const { worst, std } = compare(actual.get(name)!, channelsLast(reference).data);
    expect.soft(worst / std, `${name}: max|error| / std`).toBeLessThan(allowed[kind]);
  }
}

/** The same file with keys left out, changed or added. */
function changed(changes: Readonly<Record<string, StoredTensor | undefined>>): StateDict {
  const tensors = new Map(stateDict.tensors);
  for (const [key, tensor] of Object.entries(changes)) {
    if (tensor) tensors.set(key, tensor);
    else tensors.delete(key);
  }
  return { ...stateDict, tensors };
}

const zeros = (tensor: StoredTensor): StoredTensor => ({
  ...tensor,
  read: async () => new Uint8Array((await tensor.read()).length),
});

/** The message of the error that something fails with. */
async function failure(attempt: () => unknown): Promise<string> {
  try {
    await attempt();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('did not fail');
}

const maskOf = (layer: number): string => `pretrained.model.layers.${layer}.blocks.1.attn_mask`;

test('the configuration is read off the file', async () => {
  const { encoder, patchEmbed, ...rest } = (await model('official')).config;
  const stage = (level: number) => ({
    features: 16 * 2 ** level,
    blocks: 2,
    heads: 2 ** level,
    hidden: 64 * 2 ** level,
    pretrainedWindow: 0,
  });
  expect(encoder).toEqual({
    kind: 'swinv2',
    patch: 4,
    stages: [stage(0), stage(1), stage(2), stage(3)],
    window: 8,
    baseGrid: 16,
    adaptsWindows: false,
  });
  expect(patchEmbed).toEqual({ patch: 4, features: 16, norm: { eps: 1e-5 } });
  expect(rest).toEqual({
    family: 'midas_swinv2',
    preset: 'official',
    depth: 'relative',
    maxDepth: undefined,
    reassemble: { hidden: undefined },
    fusion: { channels: 16 },
    head: { hidden: [8, 32] },
    image: {
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      baseSize: 64,
      multiple: 32,
      sizing: 'exact',
      filter: 'cubic',
      depthFilter: 'bicubic',
    },
  });
});

describe('against PyTorch', () => {
  test('at the size of the model', async () => {
    for (const preset of ['official', 'muggled'] as const) {
      await expectParity(await model(preset), join(folder, 'io_64x64.safetensors'));
    }
  });

  // Windows of 8 become 10 × 12 and 10 × 6.
  test('at another size, as muggled_dpt adapts windows', async () => {
    await expectParity(await model('muggled'), join(folder, 'io_160x96.safetensors'));
  });

  test('with f16 storage', async ({ skip }) => {
    if (!context.capabilities.f16) return skip('shader-f16');
    const half = await make(stateDict, { preset: 'muggled', dtype: 'f16' });
    // 11 significant bits, 5e-4 per rounding, of q, k, v, of the MLP's inside and of every map. What is between blocks
    // and before norms is f32.
    const allowed = { tokens: 1e-2, maps: 2e-2, depth: 3e-2 };
    for (const io of ioFiles(folder)) await expectParity(half, join(folder, io), allowed);
    half.dispose();
  });
});

test('a batch of two gives what two batches of one give', async () => {
  const both = randomImage(2, 96, 64, 6);
  const half = both.data.length / 2;
  const dpt = await model('muggled');
  const depth = await depthOf(dpt, both);
  const separate: number[] = [];
  for (const from of [0, half]) {
    const data = both.data.slice(from, from + half);
    separate.push(...(await depthOf(dpt, { shape: [1, 96, 64, 3], data })));
  }
  // Tiles of a kernel may end in the middle of a picture, but no sum does.
  expect(compare(depth, separate).worst).toBe(0);
});

describe('the tables of the bias', () => {
  test('are kept per block and window: (2h − 1)(2w − 1) numbers per head', async () => {
    const dpt = await make(stateDict, { preset: 'muggled' });
    await depthOf(dpt, randomImage(1, 64, 64, 1));
    expect([...dpt.gridCache.grids].sort()).toEqual(['2×2', '4×4', '8×8']);
    const rows = (side: number) => (2 * side - 1) ** 2;
    // Two blocks a stage, with 1, 2, 4 and 8 heads.
    expect(dpt.gridCache.bytes).toBe(2 * 4 * (rows(8) * (1 + 2) + rows(4) * 4 + rows(2) * 8));
    dpt.dispose();
  });

  test('change no bit when nothing is kept, whatever ran before', async () => {
    const uncached = await make(stateDict, { preset: 'muggled', gridCache: { enabled: false } });
    // Windows of 12 × 8 and of 8 × 12 have as many offsets.
    for (const [H, W] of [
      [96, 64],
      [64, 96],
      [160, 96],
    ] as const) {
      const image = randomImage(1, H, W, 4);
      expect(await depthOf(uncached, image)).toEqual(await depthOf(await model('muggled'), image));
    }
    expect(uncached.gridCache.bytes).toBe(0);
    uncached.dispose();
  });
});

test('norms that are zero make a block nothing: they are behind the branches (pitfall 21)', async () => {
  const norms = [...stateDict.tensors].filter(([key]) => /layers\.0\.blocks\.\d\.norm/.test(key));
  expect(norms.length).toBe(8);
  const without = await make(
    changed(Object.fromEntries(norms.map(([key, tensor]) => [key, zeros(tensor)]))),
  );
  const read = await run(without, randomImage(1, 64, 64, 5), ['tokens_in', 'stage_1', 'stage_2']);
  expect(read.get('stage_1')).toEqual(read.get('tokens_in'));
  expect(read.get('stage_2')!.some((value) => value !== 0)).toBe(true);
  without.dispose();
});

describe('Hugging Face names', () => {
  const hf: StateDict = { ...inHuggingFaceNames(), metadata: new Map([['base_grid', '16']]) };

  test('give the same depth, bit for bit', async () => {
    const { architecture, config } = recognise(hf, { window: 8 });
    expect(architecture).toBe('MiDaS v3.1 SwinV2 (Hugging Face names)');
    expect(config).toEqual((await model('official')).config);
    const same = await make(hf, { window: 8 });
    const image = randomImage(1, 64, 64, 8);
    expect(await depthOf(same, image)).toEqual(await depthOf(await model('official'), image));
    same.dispose();
  });

  test('are the names of errors', async () => {
    const tensors = new Map(hf.tensors);
    tensors.delete('backbone.encoder.layers.2.blocks.1.attention.self.value.bias');
    tensors.delete('backbone.encoder.layers.0.blocks.0.attention.self.key.weight');
    expect(await failure(() => make({ ...hf, tensors }, { window: 8 }))).toMatchInlineSnapshot(`
      "swin2.safetensors: 2 keys missing, 3 unused, 0 misshapen for midas_swinv2 (SwinV2, 2 + 2 + 2 + 2 blocks of 16 + 32 + 64 + 128 features, 1 + 2 + 4 + 8 heads, windows of 8):
        missing    backbone.encoder.layers.0.blocks.0.attention.self.query.weight + backbone.encoder.layers.0.blocks.0.attention.self.key.weight + backbone.encoder.layers.0.blocks.0.attention.self.value.weight → encoder.stages.0.blocks.0.attention.qkv.weight
        missing    backbone.encoder.layers.2.blocks.1.attention.self.query.bias + backbone.encoder.layers.2.blocks.1.attention.self.value.bias                                                                    → encoder.stages.2.blocks.1.attention.qkv.bias
        unused     backbone.encoder.layers.0.blocks.0.attention.self.query.weight
        unused     backbone.encoder.layers.0.blocks.0.attention.self.value.weight
        unused     backbone.encoder.layers.2.blocks.1.attention.self.query.bias"
    `);
  });
});

describe('the window', () => {
  const without = changed({ [maskOf(0)]: undefined });
  const windowsOf = (from: StateDict, options: DptOptions = {}) => {
    const { encoder, image } = recognise(from, options).config;
    if (encoder.kind !== 'swinv2') throw new Error('not a SwinV2');
    const pretrained = encoder.stages.map(({ pretrainedWindow }) => pretrainedWindow).join();
    return `${encoder.window}, ${image.baseSize} pixels, pretrained ${pretrained}`;
  };
  const mask = (windows: number, area: number): StateDict =>
    changed({
      [maskOf(0)]: { ...stateDict.tensors.get(maskOf(0))!, shape: [windows, area, area] },
    });

  test('comes from the mask', () => {
    expect(windowsOf(stateDict)).toBe('8, 64 pixels, pretrained 0,0,0,0');
    expect(windowsOf(stateDict, { window: 8 })).toBe('8, 64 pixels, pretrained 0,0,0,0');
    expect(windowsOf(mask(16, 576))).toBe('24, 384 pixels, pretrained 12,12,12,6');
    expect(windowsOf(mask(16, 256))).toBe('16, 256 pixels, pretrained 0,0,0,0');
    expect(windowsOf(mask(16, 256), { preset: 'muggled' })).toBe(
      '16, 256 pixels, pretrained 16,16,16,8',
    );
  });

  test('else from the option, else from the metadata', () => {
    expect(windowsOf(without, { window: 24 })).toBe('24, 384 pixels, pretrained 12,12,12,6');
    const metadata = new Map([['window', '16']]);
    expect(windowsOf({ ...without, metadata })).toBe('16, 256 pixels, pretrained 0,0,0,0');
    metadata.set('base_grid', '32');
    expect(windowsOf({ ...without, metadata })).toBe('16, 128 pixels, pretrained 0,0,0,0');
  });

  test('else it has to be said', async () => {
    expect([
      await failure(() => windowsOf(without)),
      await failure(() => windowsOf(without, { window: 0 })),
      await failure(() => windowsOf(stateDict, { window: 16 })),
      await failure(() => windowsOf(mask(4, 60))),
    ]).toMatchInlineSnapshot(`
      [
        "swin2.safetensors: the file has no pretrained.model.layers.0.blocks.1.attn_mask, so it does not say how large its windows are. Give the option window (or metadata "window"): 16 for dpt-swinv2-tiny-256, 24 for dpt-swinv2-base-384 and dpt-swinv2-large-384.",
        "swin2.safetensors: the file has no pretrained.model.layers.0.blocks.1.attn_mask, so it does not say how large its windows are, and 0 is no size. Give the option window (or metadata "window"): 16 for dpt-swinv2-tiny-256, 24 for dpt-swinv2-base-384 and dpt-swinv2-large-384.",
        "swin2.safetensors: the window is to be 16, but pretrained.model.layers.0.blocks.1.attn_mask is for 8.",
        "swin2.safetensors: pretrained.model.layers.0.blocks.1.attn_mask is [4, 60, 60]; a square number of windows with a square number of tokens is needed, [16, 256, 256] for windows of 16 on a grid of 64.",
      ]
    `);
  });
});

describe('errors', () => {
  test('name the missing one of q_bias and v_bias', async () => {
    const key = 'pretrained.model.layers.1.blocks.0.attn.q_bias';
    expect(await failure(() => make(changed({ [key]: undefined })))).toMatchInlineSnapshot(`
      "swin2.safetensors: 1 key missing, 1 unused, 0 misshapen for midas_swinv2 (SwinV2, 2 + 2 + 2 + 2 blocks of 16 + 32 + 64 + 128 features, 1 + 2 + 4 + 8 heads, windows of 8):
        missing    pretrained.model.layers.1.blocks.0.attn.q_bias + pretrained.model.layers.1.blocks.0.attn.v_bias → encoder.stages.1.blocks.0.attention.qkv.bias
        unused     pretrained.model.layers.1.blocks.0.attn.v_bias"
    `);
  });

  test('name sizes that fit', async () => {
    const run = async (preset: 'official' | 'muggled', H: number, W: number) => {
      const dpt = await model(preset);
      return failure(() => context.scope(() => dpt.forward(context.empty([1, H, W, 3]))));
    };
    expect([
      await run('official', 64, 96),
      await run('muggled', 64, 100),
      await run('muggled', 544, 72),
      await run('muggled', 66, 64),
    ]).toMatchInlineSnapshot(`
      [
        "swinv2: the image is 64×96; with the preset official this model takes 64×64 only, the size its windows were made for. The preset muggled adapts them to other sizes.",
        "swinv2: the image is 64×100; both sides must be multiples of 32 that can be cut into windows of about 8 patches at every stage: 100 cannot be, the nearest that can are 96 and 128.",
        "swinv2: the image is 544×72; both sides must be multiples of 32 that can be cut into windows of about 8 patches at every stage: 544 cannot be, the nearest that can are 512 and 576; 72 cannot be, the nearest that can are 64 and 96.",
        "patchify: the image is 66×64; both sides must be multiples of 4. Nearest: 68×64.",
      ]
    `);
  });

  test('name a family that the file cannot be, and stages that cannot be chosen', async () => {
    expect([
      await failure(() => recognise(stateDict, { family: 'depth_anything_v2' })),
      await failure(() => recognise(stateDict, { hooks: [0, 1, 2, 3] })),
    ]).toMatchInlineSnapshot(`
      [
        "swin2.safetensors: this is a MiDaS v3.1 SwinV2 checkpoint, and family depth_anything_v2 contradicts that. It can be: midas_swinv2. Leave the option family (--family) out to have it recognised.",
        "swin2.safetensors: hooks 0,1,2,3 cannot be chosen for SwinV2: its four stages are the ones that reassemble reads, each after its last block.",
      ]
    `);
    const family = families.get('midas_swinv2_w24');
    expect(recognise(stateDict, { family }).config.family).toBe('midas_swinv2');
  });
});

test('what is left out is left out by name', () => {
  const key = 'pretrained.model.layers.0.blocks.0.attn.relative_';
  const any = stateDict.tensors.get(maskOf(0))!;
  const { dropped } = recognise(
    changed({
      [`${key}position_index`]: any,
      [`${key}coords_table`]: any,
      'pretrained.model.head.weight': any,
    }),
  ).stateDict;
  expect(Object.fromEntries(dropped)).toMatchInlineSnapshot(`
    {
      "pretrained.model.head.weight": "the classifier of the pretraining",
      "pretrained.model.layers.0.blocks.0.attn.relative_coords_table": "made for the window in use",
      "pretrained.model.layers.0.blocks.0.attn.relative_position_index": "attention finds the row for a pair itself",
      "pretrained.model.layers.0.blocks.1.attn_mask": "attention knows from two comparisons; its shape told the window",
      "pretrained.model.norm.bias": "stages are taken before the last norm",
      "pretrained.model.norm.weight": "stages are taken before the last norm",
      "scratch.refinenet4.resConfUnit1.conv1.bias": "the deepest level has no second input",
      "scratch.refinenet4.resConfUnit1.conv1.weight": "the deepest level has no second input",
      "scratch.refinenet4.resConfUnit1.conv2.bias": "the deepest level has no second input",
      "scratch.refinenet4.resConfUnit1.conv2.weight": "the deepest level has no second input",
    }
  `);
});

test('sizes of photos are those of the stored pictures', async () => {
  const folder = moreFixtures ?? join(fixtures, '..', 'preprocess');
  const stored = await openCheckpointFile(join(folder, 'preprocess.safetensors'));
  const [official, muggled] = [await model('official'), await model('muggled')];
  const kinds = [
    ['midas_swinv2_64', official, true],
    ['muggled_swinv2_square', muggled, true],
    ['muggled_swinv2_aspect', muggled, false],
  ] as const;
  let compared = 0;
  for (const [key, { shape }] of stored.tensors) {
    const picture = key.replace(/\.rgb_u8_hwc$/, '');
    if (picture === key) continue;
    const [height, width] = shape as [number, number, number];
    for (const [kind, { config }, square] of kinds) {
      const fed = stored.tensors.get(`${picture}.${kind}`)?.shape;
      if (!fed) continue;
      const size = networkSize({ width, height }, config.image, { square });
      expect([size.height, size.width], `${picture} ${kind}`).toEqual(fed.slice(-2));
      compared++;
    }
  }
  expect(compared).toBeGreaterThan(1);
  await stored.close();
});

/**
 * The fixture as Hugging Face's conversion script (convert_dpt_swinv2_to_hf.py) would write it: what it renames, in its
 * direction, q, k and v apart, and no masks. The loader's table goes the other way.
 */
function inHuggingFaceNames(): StateDict {
  const tensors = new Map<string, StoredTensor>();
  for (const [key, tensor] of stateDict.tensors) {
    if (/attn_mask$|^pretrained\.model\.norm\./.test(key)) continue;
    const name = hfName(key);
    if (name.endsWith('.qkv.weight')) {
      const rows = tensor.shape[0]! / 3;
      for (const [i, part] of ['query', 'key', 'value'].entries()) {
        tensors.set(name.replace('.qkv.', `.${part}.`), {
          ...tensor,
          shape: [rows, tensor.shape[1]!],
          async read() {
            const bytes = await tensor.read();
            return bytes.slice((i * bytes.length) / 3, ((i + 1) * bytes.length) / 3);
          },
        });
      }
    } else tensors.set(name, tensor);
  }
  return { ...stateDict, tensors };
}

function hfName(key: string): string {
  const steps: readonly (readonly [RegExp, string | ((...groups: string[]) => string)])[] = [
    [/^pretrained\.model\.patch_embed\.proj/, 'backbone.embeddings.patch_embeddings.projection'],
    [/^pretrained\.model\.patch_embed\.norm/, 'backbone.embeddings.norm'],
    [/^pretrained\.model\.layers/, 'backbone.encoder.layers'],
    [/\.norm1\./, '.layernorm_before.'],
    [/\.norm2\./, '.layernorm_after.'],
    [/\.attn\.proj\./, '.attention.output.dense.'],
    [/\.attn\.cpb_mlp\./, '.attention.self.continuous_position_bias_mlp.'],
    [/\.attn\.q_bias$/, '.attention.self.query.bias'],
    [/\.attn\.v_bias$/, '.attention.self.value.bias'],
    [/\.attn\./, '.attention.self.'],
    [/\.mlp\.fc1\./, '.intermediate.dense.'],
    [/\.mlp\.fc2\./, '.output.dense.'],
    [/^scratch\.layer(\d)_rn/, (_, n) => `neck.convs.${Number(n) - 1}`],
    [/^scratch\.refinenet(\d)/, (_, n) => `neck.fusion_stage.layers.${4 - Number(n)}`],
    [/\.out_conv\./, '.projection.'],
    [/\.resConfUnit(\d)\.conv(\d)/, '.residual_layer$1.convolution$2'],
    [/^scratch\.output_conv/, 'head.head'],
  ];
  return steps.reduce(
    (name, [from, to]) =>
      typeof to === 'string' ? name.replace(from, to) : name.replace(from, to),
    key,
  );
}
