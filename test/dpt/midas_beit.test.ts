// MiDaS BEiT beside its parity with PyTorch (parity.test.ts): the configuration; tables of relative positions on grids that
// are wide, tall, one row high, and the trained one (pitfall 11). Then what must not change a bit of a result: the grid
// cache, grids of equally many patches one after the other (37), Hugging Face names; a batch. What a missing key is called,
// what is dropped and why, what cannot be asked for. Sizes of photos.
// Not here: attention itself (test/tensor/ops/attention_relative.test.ts), resizing photos (test/tensor/ops/image.test.ts).
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeDptFromStateDict, recognise } from '../../packages/dpt/src/checkpoints/index.ts';
import type { DPTModel } from '../../packages/dpt/src/dpt_model.ts';
import { BeitEncoder } from '../../packages/dpt/src/encoders/beit/encoder.ts';
import { networkSize } from '../../packages/dpt/src/image_size.ts';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import type { Context } from '../../packages/tensor/src/context.ts';
import { f32FromF16 } from '../../packages/tensor/src/dtype.ts';
import type { StateDict } from '../../packages/tensor/src/state_dict.ts';
import { bilinearTaps, resample } from '../reference/resize.ts';
import { inHuggingFaceNames } from '../support/hugging_face_names.ts';
import { fixtures, moreFixtures, type Nd32 } from '../support/models.ts';
import { depthOf, failure, loadModel, randomImage, runModel } from '../support/run_model.ts';
import { expectValuesClose, testContext } from '../support/tensors.ts';

const modelFile = join(fixtures, 'midas_beit', 'model.safetensors');

let context: Context;
let model: DPTModel;
beforeAll(async () => {
  context = await testContext();
  model = await loadModel(context, modelFile);
});
afterAll(() => model.dispose());

test('the configuration is read off the file', () => {
  const { encoder, ...rest } = model.config;
  expect(encoder).toEqual({
    kind: 'beit',
    features: 128,
    blocks: 4,
    heads: 2,
    hidden: 512,
    baseGrid: 6,
    stageEnds: [0, 1, 2, 3],
  });
  expect(rest).toMatchObject({
    family: 'midas_beit',
    depth: 'relative',
    reassemble: { hidden: [8, 16, 32, 32] },
    fusion: { channels: 16 },
    head: { hidden: [8, 32] },
    image: { baseSize: 96, multiple: 32, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  });
});

describe('the tables of relative positions', () => {
  const grids: readonly (readonly [number, number])[] = [
    [4, 8],
    [8, 4],
    [1, 5],
    [6, 6],
  ];

  // The bilinear position of a value near the 10th is rounded to 1e-6 of a step.
  test.each(grids)(
    'are resized to a grid of %i×%i, without the rows of the readout token',
    async (H, W) => {
      if (!(model.encoder instanceof BeitEncoder)) throw new Error('not a BEiT');
      const table = model.encoder.blocks[1]!.attention.positions.forward([H, W]);
      const stored = await storedTable();
      const [rows, heads] = stored.shape as [number, number];
      const offsets = { shape: [1, 11, 11, heads], data: Float64Array.from(stored.data) };
      const resized = resample(
        { ...offsets, data: offsets.data.subarray(0, 121 * heads) },
        bilinearTaps(11, 2 * H - 1, false),
        bilinearTaps(11, 2 * W - 1, false),
      );
      const all = [...resized.data, ...stored.data.subarray((rows - 3) * heads)];
      const headsFirst = Array.from({ length: heads }, (_, h) =>
        all.filter((_, i) => i % heads === h),
      );
      expect(table.shape).toEqual([heads, (2 * H - 1) * (2 * W - 1) + 3]);
      expectValuesClose(await table.read(), headsFirst.flat(), 5e-6);
    },
  );

  test('are kept per block and grid: (2H − 1)(2W − 1) + 3 numbers per head', async () => {
    using cached = await loadModel(context, modelFile);
    await depthOf(cached, randomImage([1, 64, 128], 3));
    expect(cached.gridCache.grids).toEqual(['4×8']);
    expect(cached.gridCache.bytes).toBe(4 * 2 * (7 * 15 + 3) * 4);
    await depthOf(cached, randomImage([1, 96, 96], 3));
    expect(cached.gridCache.grids).toEqual(['4×8']);
  });

  test('change no bit when nothing is kept', async () => {
    using uncached = await loadModel(context, modelFile, { gridCache: { enabled: false } });
    for (const [H, W] of [
      [64, 128],
      [128, 64],
      [96, 96],
    ] as const) {
      const image = randomImage([1, H, W], 4);
      expect(await depthOf(uncached, image)).toEqual(await depthOf(model, image));
    }
    expect(uncached.gridCache.bytes).toBe(0);
  });

  test('of grids with equally many patches do not meet', async () => {
    using first = await loadModel(context, modelFile);
    using second = await loadModel(context, modelFile);
    const wide = randomImage([1, 64, 128], 5);
    const tall = randomImage([1, 128, 64], 5);
    const wideFirst = [await depthOf(first, wide), await depthOf(first, tall)];
    const tallFirst = [await depthOf(second, tall), await depthOf(second, wide)];
    expect(wideFirst).toEqual(tallFirst.reverse());
    expect(first.gridCache.grids).toEqual(['4×8', '8×4']);
  });
});

test('a batch of two gives what two batches of one give', async () => {
  const both = randomImage([2, 64, 96], 6);
  const half = both.data.length / 2;
  const one = (i: number): Nd32 => ({
    shape: [1, 64, 96, 3],
    data: both.data.slice(i * half, (i + 1) * half),
  });
  const depth = await depthOf(model, both);
  const separate = [...(await depthOf(model, one(0))), ...(await depthOf(model, one(1)))];
  // Not bit for bit: the readout's half of "Read: project" has one row per picture, and linear chooses by the rows.
  expectValuesClose(depth, separate, 1e-5);
});

test('the readout token takes part in every stage (pitfall 23)', async () => {
  const file = await openCheckpointFile(modelFile);
  const token = file.tensors.get('pretrained.model.cls_token')!;
  const tensors = new Map(file.tensors);
  tensors.set('pretrained.model.cls_token', {
    ...token,
    read: async () => new Uint8Array((await token.read()).length),
  });
  const { model: changed } = await makeDptFromStateDict(context, { ...file, tensors });
  const image = randomImage([1, 32, 64], 7);
  const names = ['readout_1', 'readout_4'];
  const before = await runModel(model, image, names);
  const after = await runModel(changed, image, names);
  for (const name of names) expect(after[name]).not.toEqual(before[name]);
  changed.dispose();
  await file.close();
});

describe('Hugging Face names', () => {
  test('give the same depth, bit for bit', async () => {
    const file = await openCheckpointFile(modelFile);
    const hf = inHuggingFaceNames(file, 'beit');
    const { architecture, warnings } = recognise(hf);
    expect(architecture).toBe('MiDaS v3.1 BEiT (Hugging Face names)');
    expect(warnings).toEqual([]);
    const { model: same } = await makeDptFromStateDict(context, hf);
    const image = randomImage([1, 64, 96], 8);
    expect(await depthOf(same, image)).toEqual(await depthOf(model, image));
    same.dispose();
    await file.close();
  });

  test('are the names of errors', async () => {
    const file = await openCheckpointFile(modelFile);
    const hf = inHuggingFaceNames(file, 'beit');
    const tensors = new Map(hf.tensors);
    tensors.delete('backbone.encoder.layer.2.attention.attention.value.bias');
    const error = await failure(() => makeDptFromStateDict(context, { ...hf, tensors }));
    expect(error).toMatchInlineSnapshot(`
      "model.safetensors: 1 key missing, 1 unused, 0 misshapen for midas_beit (BEiT, 4 blocks of 128 features, 2 heads):
        missing    backbone.encoder.layer.2.attention.attention.query.bias + backbone.encoder.layer.2.attention.attention.value.bias → encoder.blocks.2.attention.qkv.bias
        unused     backbone.encoder.layer.2.attention.attention.query.bias"
    `);
    await file.close();
  });
});

describe('errors', () => {
  test('name the missing one of q_bias and v_bias', async () => {
    const file = await openCheckpointFile(modelFile);
    const without = (...keys: string[]): StateDict => ({
      ...file,
      tensors: new Map([...file.tensors].filter(([key]) => !keys.includes(key))),
    });
    const q = 'pretrained.model.blocks.1.attn.q_bias';
    const v = 'pretrained.model.blocks.1.attn.v_bias';
    expect(await failure(() => makeDptFromStateDict(context, without(q)))).toMatchInlineSnapshot(`
      "model.safetensors: 1 key missing, 1 unused, 0 misshapen for midas_beit (BEiT, 4 blocks of 128 features, 2 heads):
        missing    pretrained.model.blocks.1.attn.q_bias + pretrained.model.blocks.1.attn.v_bias → encoder.blocks.1.attention.qkv.bias
        unused     pretrained.model.blocks.1.attn.v_bias"
    `);
    expect(
      await failure(() => makeDptFromStateDict(context, without(q, v))),
    ).toMatchInlineSnapshot(`
      "model.safetensors: 1 key missing, 0 unused, 0 misshapen for midas_beit (BEiT, 4 blocks of 128 features, 2 heads):
        missing    pretrained.model.blocks.1.attn.q_bias + pretrained.model.blocks.1.attn.v_bias → encoder.blocks.1.attention.qkv.bias"
    `);
    await file.close();
  });

  test('name a family that the file cannot be', async () => {
    const file = await openCheckpointFile(modelFile);
    expect(
      await failure(() => recognise(file, { family: 'depth_anything_v2' })),
    ).toMatchInlineSnapshot(
      `"model.safetensors: this is a MiDaS v3.1 BEiT checkpoint, and family depth_anything_v2 contradicts that. It can be: midas_beit. Leave the option family (--family) out to have it recognised."`,
    );
    expect(recognise(file, { family: 'midas_beit' }).config.family).toBe('midas_beit');
    await file.close();
  });

  test('name a table that belongs to no square grid', async () => {
    const file = await openCheckpointFile(modelFile);
    const key = 'pretrained.model.blocks.0.attn.relative_position_bias_table';
    const table = { ...file.tensors.get(key)!, shape: [100, 2] };
    const tensors = new Map([...file.tensors, [key, table]]);
    expect(await failure(() => recognise({ ...file, tensors }))).toMatchInlineSnapshot(
      `"model.safetensors: pretrained.model.blocks.0.attn.relative_position_bias_table has 100 rows; it needs three more than the square of an odd number."`,
    );
    await file.close();
  });
});

test('what is left out is left out by name', async () => {
  const file = await openCheckpointFile(modelFile);
  const { dropped } = recognise(file).stateDict;
  expect(Object.fromEntries(dropped)).toMatchInlineSnapshot(`
    {
      "pretrained.model.blocks.0.attn.relative_position_index": "attention finds the row for a pair itself",
      "pretrained.model.blocks.1.attn.relative_position_index": "attention finds the row for a pair itself",
      "pretrained.model.blocks.2.attn.relative_position_index": "attention finds the row for a pair itself",
      "pretrained.model.blocks.3.attn.relative_position_index": "attention finds the row for a pair itself",
      "pretrained.model.fc_norm.bias": "the classifier of the pretraining",
      "pretrained.model.fc_norm.weight": "the classifier of the pretraining",
      "scratch.refinenet4.resConfUnit1.conv1.bias": "the deepest level has no second input",
      "scratch.refinenet4.resConfUnit1.conv1.weight": "the deepest level has no second input",
      "scratch.refinenet4.resConfUnit1.conv2.bias": "the deepest level has no second input",
      "scratch.refinenet4.resConfUnit1.conv2.weight": "the deepest level has no second input",
    }
  `);
  await file.close();
});

describe('sizes of photos', () => {
  // MiDaS run.py with its default aspect, width × height → the network's height × width.
  test.each([
    { base: 384, photo: [640, 480], expected: [384, 512] },
    { base: 384, photo: [1920, 1080], expected: [384, 672] },
    { base: 384, photo: [1080, 1920], expected: [672, 384] },
    { base: 384, photo: [300, 200], expected: [256, 384] },
    { base: 512, photo: [640, 480], expected: [512, 672] },
  ])('$photo → $expected at $base', ({ base, photo, expected }) => {
    const [width, height] = photo as [number, number];
    const size = networkSize({ width, height }, { ...model.config.image, baseSize: base });
    expect([size.height, size.width]).toEqual(expected);
  });

  test('muggled_dpt brings the longer side to the base', async () => {
    const file = await openCheckpointFile(modelFile);
    const image = { ...recognise(file, { preset: 'muggled' }).config.image, baseSize: 384 };
    await file.close();
    expect(image).toMatchObject({ filter: 'antialiased', depthFilter: 'bilinear', multiple: 32 });
    expect(model.config.image).toMatchObject({ filter: 'cubic', depthFilter: 'bicubic' });
    const photo = { width: 640, height: 480 };
    expect(networkSize(photo, image, { square: false })).toEqual({ width: 384, height: 288 });
    expect(networkSize(photo, image)).toEqual({ width: 384, height: 384 });
  });

  test('those of the stored pictures', async () => {
    const stored = await openCheckpointFile(
      join(moreFixtures ?? join(fixtures, '..', 'preprocess'), 'preprocess.safetensors'),
    );
    const names = [...stored.tensors.keys()].filter((key) => key.endsWith('.rgb_u8_hwc'));
    let compared = 0;
    for (const name of names) {
      const picture = name.replace('.rgb_u8_hwc', '');
      const [height, width] = stored.tensors.get(name)!.shape as [number, number, number];
      const fed = stored.tensors.get(`${picture}.midas_beit_96`)?.shape;
      if (!fed) continue;
      const size = networkSize({ width, height }, model.config.image);
      expect([size.height, size.width], picture).toEqual(fed.slice(-2));
      compared++;
    }
    expect(compared).toBeGreaterThan(0);
    await stored.close();
  });
});

/** The table of block 1 as the file has it: rows, then heads. */
async function storedTable(): Promise<Nd32> {
  const file = await openCheckpointFile(modelFile);
  const key = 'pretrained.model.blocks.1.attn.relative_position_bias_table';
  const { shape, dtype, read } = file.tensors.get(key)!;
  expect(dtype).toBe('f16');
  const bytes = await read();
  await file.close();
  return { shape, data: f32FromF16(new Uint16Array(new Uint8Array(bytes).buffer)) };
}
