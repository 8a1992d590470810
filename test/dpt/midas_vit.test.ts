// MiDaS v3 ViT beside its parity with PyTorch (parity.test.ts, with a square and an odd grid): the configuration; what must
// not change a bit of a result: the grid cache, Hugging Face names; what is dropped; that hybrids are refused.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeDptFromStateDict, recognise } from '../../packages/dpt/src/checkpoints/index.ts';
import type { DPTModel } from '../../packages/dpt/src/dpt_model.ts';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import type { Context } from '../../packages/tensor/src/context.ts';
import type { StateDict } from '../../packages/tensor/src/state_dict.ts';
import { inHuggingFaceNames } from '../support/hugging_face_names.ts';
import { fixtures } from '../support/models.ts';
import { depthOf, failure, loadModel, randomImage } from '../support/run_model.ts';
import { testContext } from '../support/tensors.ts';

const modelFile = join(fixtures, 'midas_vit', 'model.safetensors');

let context: Context;
let model: DPTModel;
beforeAll(async () => {
  context = await testContext();
  model = await loadModel(context, modelFile);
});
afterAll(() => model.dispose());

test('the configuration is read off the file', () => {
  expect(model.config).toMatchObject({
    family: 'midas_vit',
    depth: 'relative',
    encoder: {
      kind: 'vit',
      features: 128,
      blocks: 4,
      heads: 2,
      hidden: 256,
      baseGrid: 6,
      stageEnds: [0, 1, 2, 3],
    },
    reassemble: { hidden: [8, 16, 32, 32] },
    fusion: { channels: 16 },
    head: { hidden: [8, 32] },
    image: { baseSize: 96, multiple: 32, sizing: 'minimal', depthFilter: 'bicubic' },
  });
});

test('positions are kept per grid, and no bit changes when they are not', async () => {
  using cached = await loadModel(context, modelFile);
  using uncached = await loadModel(context, modelFile, { gridCache: { enabled: false } });
  for (const [H, W] of [
    [48, 96],
    [96, 48],
    [96, 96],
  ] as const) {
    const image = randomImage([1, H, W], 1);
    expect(await depthOf(uncached, image)).toEqual(await depthOf(cached, image));
  }
  expect(cached.gridCache.grids).toEqual(['3×6', '6×3']);
  expect(cached.gridCache.bytes).toBe(2 * (1 + 18) * 128 * 4);
  expect(uncached.gridCache.bytes).toBe(0);
});

test('Hugging Face names give the same depth, bit for bit', async () => {
  const file = await openCheckpointFile(modelFile);
  const hf = inHuggingFaceNames(file, 'vit');
  expect(recognise(hf).architecture).toBe('MiDaS v3 ViT (Hugging Face names)');
  const { model: same, warnings } = await makeDptFromStateDict(context, hf);
  expect(warnings).toEqual([]);
  const image = randomImage([1, 64, 96], 2);
  expect(await depthOf(same, image)).toEqual(await depthOf(model, image));
  same.dispose();
  await file.close();
});

test('what is left out is left out by name', async () => {
  const file = await openCheckpointFile(modelFile);
  const { dropped } = recognise(file).stateDict;
  const encoder = [...dropped].filter(([key]) => key.startsWith('pretrained.'));
  expect(Object.fromEntries(encoder)).toMatchInlineSnapshot(`
    {
      "pretrained.model.head.bias": "the classifier of the pretraining",
      "pretrained.model.head.weight": "the classifier of the pretraining",
      "pretrained.model.norm.bias": "stages are taken before the last norm",
      "pretrained.model.norm.weight": "stages are taken before the last norm",
    }
  `);
  await file.close();
});

describe('hybrids, whose ViT follows a ResNet, are refused', () => {
  const withKey = async (stateDict: StateDict, key: string): Promise<string> => {
    const some = [...stateDict.tensors.values()][0]!;
    const tensors = new Map([...stateDict.tensors, [key, some]]);
    return failure(() => recognise({ ...stateDict, tensors }));
  };

  test('by their original names', async () => {
    const file = await openCheckpointFile(modelFile);
    const key = 'pretrained.model.patch_embed.backbone.stem.conv.weight';
    expect(await withKey(file, key)).toMatchInlineSnapshot(
      `"model.safetensors: this is a MiDaS v3 hybrid checkpoint, which is not supported. These are: Depth-Anything, MiDaS v3.1 BEiT, MiDaS v3.1 SwinV2, MiDaS v3 ViT, with original or Hugging Face names, or those of dpt-webgpu."`,
    );
    await file.close();
  });

  test('by their Hugging Face names', async () => {
    const file = await openCheckpointFile(modelFile);
    const key = 'dpt.embeddings.backbone.bit.embedder.convolution.weight';
    expect(await withKey(inHuggingFaceNames(file, 'vit'), key)).toMatchInlineSnapshot(
      `"model.safetensors: this is a MiDaS v3 hybrid checkpoint, which is not supported. These are: Depth-Anything, MiDaS v3.1 BEiT, MiDaS v3.1 SwinV2, MiDaS v3 ViT, with original or Hugging Face names, or those of dpt-webgpu."`,
    );
    await file.close();
  });
});

test('a family of another architecture is refused', async () => {
  const file = await openCheckpointFile(modelFile);
  expect(await failure(() => recognise(file, { family: 'midas_beit' }))).toMatchInlineSnapshot(
    `"model.safetensors: this is a MiDaS v3 ViT checkpoint, and family midas_beit contradicts that. It can be: midas_vit. Leave the option family (--family) out to have it recognised."`,
  );
  expect(recognise(file, { family: 'midas_vit' }).warnings).toEqual([]);
  await file.close();
});
