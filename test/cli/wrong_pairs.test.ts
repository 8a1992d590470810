// Files and options that do not belong together: each is a typed error that says so, and none is run as what it is not.
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openModelFile } from '../../packages/cli/src/model_file.ts';
import { buildDpt, type DptOptions, loadDpt, recognise } from '../../packages/dpt/src/index.ts';
import {
  Context,
  type StateDict,
  StateDictError,
  type StoredTensor,
} from '../../packages/tensor/src/index.ts';
import { stateDictOfShapes } from '../../scripts/state_dict_shapes.ts';
import { testDevice } from '../support/device.ts';
import { fixtures } from '../support/models.ts';

type Change = (tensors: Map<string, StoredTensor>) => void;

/** A published file by its shapes, changed. */
function published(
  name: string,
  change: Change = () => {},
  metadata: Record<string, string> = {},
): StateDict {
  const stateDict = stateDictOfShapes(name);
  const tensors = new Map(stateDict.tensors);
  change(tensors);
  return { ...stateDict, metadata: new Map(Object.entries(metadata)), tensors };
}

const build = (stateDict: StateDict, options: DptOptions = {}) =>
  buildDpt(Context.planning(), recognise(stateDict, options));

function failure(act: () => unknown): StateDictError {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(StateDictError);
    return error as StateDictError;
  }
  throw new Error('it did not fail');
}

describe('sizes', () => {
  test('ViT-S weights under the name of ViT-L are ViT-S', () => {
    const small = { ...published('v2-small'), name: 'depth_anything_v2_vitl.pth' };
    expect(build(small).config.encoder).toMatchObject({
      kind: 'dinov2',
      blocks: 12,
      features: 384,
    });
  });

  test('ViT-S weights with the hooks of ViT-L', () => {
    const error = failure(() => build(published('v2-small'), { hooks: [4, 11, 17, 23] }));
    expect(error.message).toBe(
      'depth_anything_v2_vits.pth: hooks 4,11,17,23 must be four rising block numbers from 0 to 11.',
    );
  });

  test('a block of ViT-L among those of ViT-S', () => {
    const large = published('v2-large').tensors;
    const error = failure(() =>
      build(
        published('v2-small', (tensors) => {
          for (const [key, tensor] of large) {
            if (key.startsWith('pretrained.blocks.3.')) tensors.set(key, tensor);
          }
        }),
      ),
    );
    expect(error.missing).toEqual([]);
    expect(error.misshapen).toContain('pretrained.blocks.3.attn.qkv.weight');
    expect(error.misshapen).toHaveLength(14);
  });
});

describe('families', () => {
  const families = {
    'v2-small': 'depth_anything_v2',
    'beit-base-384': 'midas_beit',
    'swinv2-tiny-256': 'midas_swinv2',
    'dpt-large-384': 'midas_vit',
  } as const;
  const pairs = Object.keys(families).flatMap((name) =>
    Object.entries(families)
      .filter(([other]) => other !== name)
      .map(([, family]) => ({ name, family })),
  );

  test.each(pairs)('$name as $family, by an option', ({ name, family }) => {
    const { message } = failure(() => build(published(name), { family }));
    expect(message).toContain(`family ${family} contradicts that`);
  });

  test.each(pairs)('$name as $family, by metadata', ({ name, family }) => {
    const { message } = failure(() => build(published(name, undefined, { family })));
    expect(message).toContain(`family ${family} contradicts that`);
  });

  test('BEiT weights under the name of SwinV2 are BEiT', () => {
    const beit = { ...published('beit-base-384'), name: 'dpt_swin2_tiny_256.pt' };
    expect(build(beit).config.family).toBe('midas_beit');
  });

  test('two models in one file: what belongs to the other is left over', () => {
    const error = failure(() =>
      build(
        published('v2-small', (tensors) => {
          for (const [key, tensor] of published('swinv2-tiny-256').tensors)
            tensors.set(key, tensor);
        }),
      ),
    );
    expect(error.unused).toContain('pretrained.model.layers.0.blocks.0.attn.logit_scale');
  });
});

describe('tensors', () => {
  test('everything that is wrong is said together', () => {
    const error = failure(() =>
      build(
        published('v2-small', (tensors) => {
          tensors.delete('depth_head.scratch.output_conv2.2.weight');
          tensors.delete('pretrained.norm.bias');
          tensors.set('pretrained.register_tokens', tensors.get('pretrained.cls_token')!);
          const norm = tensors.get('pretrained.blocks.5.norm1.weight')!;
          tensors.set('pretrained.blocks.5.norm1.weight', { ...norm, shape: [383] });
        }),
      ),
    );
    expect(error.missing.toSorted()).toEqual([
      'depth_head.scratch.output_conv2.2.weight',
      'pretrained.norm.bias',
    ]);
    expect(error.unused).toEqual(['pretrained.register_tokens']);
    expect(error.misshapen).toEqual(['pretrained.blocks.5.norm1.weight']);
  });

  test.each([
    ['v2-small', 'pretrained.pos_embed'],
    ['v2-small', 'depth_head.scratch.layer1_rn.weight'],
    ['beit-base-384', 'scratch.output_conv.2.weight'],
    ['swinv2-tiny-256', 'pretrained.model.patch_embed.proj.weight'],
    ['dpt-large-384', 'pretrained.model.blocks.0.mlp.fc1.weight'],
  ])('%s without %s, which tells a size', (name, key) => {
    const { message } = failure(() => build(published(name, (tensors) => tensors.delete(key))));
    expect(message).toContain(`${key} is missing`);
  });

  test('a file without any telling key', () => {
    const { message } = failure(() =>
      build(published('v2-small', (tensors) => tensors.delete('pretrained.blocks.0.ls1.gamma'))),
    );
    expect(message).toContain('not a depth model this project knows');
  });

  test.each([
    [Number.NaN, 'NaN or infinite'],
    [Number.POSITIVE_INFINITY, 'NaN or infinite'],
  ])('one value is %s', async (bad, message) => {
    const device = await testDevice();
    const context = new Context(device);
    const source = await openModelFile(join(fixtures, 'depth_anything_v2', 'model.safetensors'));
    const key = 'pretrained.blocks.1.mlp.fc2.weight';
    const tensor = source.tensors.get(key)!;
    const damaged: StoredTensor = {
      dtype: 'f32',
      shape: tensor.shape,
      async read() {
        const values = new Float32Array(tensor.shape[0]! * tensor.shape[1]!);
        values[7] = bad;
        return new Uint8Array(values.buffer);
      },
    };
    const tensors = new Map([...source.tensors, [key, damaged]]);
    const load = loadDpt({ ...source, tensors }, { context, family: 'depth_anything_v2' });
    await expect(load).rejects.toThrow(message);
    await expect(load).rejects.toBeInstanceOf(StateDictError);
    expect(context.memory().weights).toBe(0);
    await source.close();
    context.dispose();
  });
});

describe('metric models', () => {
  test('without a range are an error, with the file name’s they are metric', () => {
    const named = (name: string) => ({ ...published('v2-small'), name });
    const { message } = failure(() => build(named('my_metric_vits.pth')));
    expect(message).toContain('a metric model needs its range in metres');
    expect(build(named('my_metric_indoor.pth')).config.maxDepth).toBe(20);
    expect(build(published('metric-outdoor-small')).config.maxDepth).toBe(80);
    expect(build(published('v2-small')).config.maxDepth).toBeUndefined();
  });
});

describe('config.json beside a file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dpt-pairs-'));
    await copyFile(
      join(fixtures, 'depth_anything_v1', 'model.safetensors'),
      join(folder, 'model.safetensors'),
    );
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const config = (hidden: number, indices: number[]) =>
    JSON.stringify({
      model_type: 'depth_anything',
      backbone_config: { model_type: 'dinov2', hidden_size: hidden, out_indices: indices },
    });
  const open = async (name = 'model.safetensors') => {
    const stateDict = await openModelFile(join(folder, name));
    await stateDict.close();
    return recognise(stateDict);
  };

  test('is gone by, below options', async () => {
    const { features } = (await open()).config.patchEmbed;
    await writeFile(join(folder, 'config.json'), config(features, [1, 2, 3, 4]));
    const recognised = await open();
    expect(recognised.config.encoder).toMatchObject({ stageEnds: [0, 1, 2, 3] });
    expect(recognised.warnings).toEqual([]);
    const stateDict = await openModelFile(join(folder, 'model.safetensors'));
    const { encoder } = recognise(stateDict, { hooks: [0, 1, 2, 4] }).config;
    expect(encoder).toMatchObject({ stageEnds: [0, 1, 2, 4] });
    await stateDict.close();
  });

  test('of another model, or broken, is an error', async () => {
    await writeFile(join(folder, 'config.json'), config(1024, [5, 12, 18, 24]));
    await expect(open()).rejects.toThrow('it is of a model with 1024 features');
    await writeFile(join(folder, 'config.json'), '{');
    await expect(open()).rejects.toBeInstanceOf(StateDictError);
    await writeFile(join(folder, 'config.json'), ' '.repeat(2 ** 20 + 1));
    await expect(open()).rejects.toThrow('too many for a configuration');
  });

  test('in a folder of several models is nobody’s; NAME.config.json is', async () => {
    await copyFile(join(folder, 'model.safetensors'), join(folder, 'a.safetensors'));
    await copyFile(join(folder, 'model.safetensors'), join(folder, 'b.safetensors'));
    await writeFile(join(folder, 'config.json'), config(1024, [5, 12, 18, 24]));
    await open('a.safetensors');
    await writeFile(join(folder, 'a.config.json'), config(1024, [5, 12, 18, 24]));
    await expect(open('a.safetensors')).rejects.toThrow('a.config.json: it is of a model');
    await open('b.safetensors');
  });
});

test('loadDpt says what told it', async () => {
  const context = new Context(await testDevice());
  const source = await openModelFile(join(fixtures, 'midas_beit', 'model.safetensors'));
  const { model, config, recognisedBy, warnings } = await loadDpt(source, { context });
  expect(config.family).toBe('midas_beit');
  expect(recognisedBy).toEqual({
    architecture: 'MiDaS v3.1 BEiT',
    key: 'pretrained.model.blocks.0.attn.relative_position_bias_table',
  });
  expect(warnings).toEqual([]);
  model.dispose();
  await source.close();
  context.dispose();
});
