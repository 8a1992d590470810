// config.json of Hugging Face: what each architecture's says, that the file's own metadata goes first, that other
// content is ignored, and every way in which it can be wrong.
import { describe, expect, test } from 'vitest';
import { withHfConfig } from '../../packages/dpt/src/index.ts';
import { type StateDict, StateDictError } from '../../packages/tensor/src/index.ts';

const stateDict = (metadata: Record<string, string> = {}, features = 384): StateDict => ({
  name: 'model.safetensors',
  metadata: new Map(Object.entries(metadata)),
  tensors: new Map([
    [
      'backbone.embeddings.patch_embeddings.projection.weight',
      { dtype: 'f32', shape: [features, 3, 14, 14], read: async () => new Uint8Array(0) },
    ],
  ]),
  close: async () => {},
});

const said = (config: unknown, metadata: Record<string, string> = {}) =>
  Object.fromEntries(
    withHfConfig(stateDict(metadata), JSON.stringify(config), 'config.json').metadata,
  );

const dinov2 = (indices: number[], more: object = {}) => ({
  model_type: 'depth_anything',
  backbone_config: {
    model_type: 'dinov2',
    hidden_size: 384,
    num_attention_heads: 6,
    num_hidden_layers: 12,
    out_indices: indices,
  },
  ...more,
});

describe('says', () => {
  test('V2: indices count the embedding', () => {
    expect(
      said(dinov2([3, 6, 9, 12], { max_depth: 1, depth_estimation_type: 'relative' })),
    ).toEqual({
      family: 'depth_anything_v2',
      hooks: '2,5,8,11',
      heads: '6',
    });
  });

  test('V1: the last four, also counted from the end', () => {
    const v1 = { family: 'depth_anything_v1', hooks: '8,9,10,11', heads: '6' };
    expect(said(dinov2([9, 10, 11, 12]))).toEqual(v1);
    expect(said(dinov2([-4, -3, -2, -1]))).toEqual(v1);
  });

  test('metric: how far', () => {
    const config = dinov2([3, 6, 9, 12], { max_depth: 80, depth_estimation_type: 'metric' });
    expect(said(config)).toMatchObject({ family: 'depth_anything_v2_metric', max_depth: '80' });
  });

  test('SwinV2: windows and the grid they are for', () => {
    const backbone_config = {
      model_type: 'swinv2',
      window_size: 24,
      image_size: 384,
      patch_size: 4,
      embed_dim: 384,
      hidden_size: 3072,
      out_features: ['stage1', 'stage2', 'stage3', 'stage4'],
    };
    expect(said({ model_type: 'dpt', backbone_config, hidden_size: 384 })).toMatchObject({
      window: '24',
      base_grid: '96',
    });
  });

  test('BEiT: stages by name', () => {
    const backbone_config = {
      model_type: 'beit',
      hidden_size: 384,
      out_features: ['stage6', 'stage12', 'stage18', 'stage24'],
    };
    expect(said({ model_type: 'dpt', backbone_config })).toEqual({ hooks: '5,11,17,23' });
  });

  test('ViT: its list counts blocks', () => {
    const config = {
      model_type: 'dpt',
      hidden_size: 384,
      num_attention_heads: 16,
      backbone_out_indices: [5, 11, 17, 23],
    };
    expect(said(config)).toEqual({ hooks: '5,11,17,23', heads: '16' });
  });

  test('nothing where it has nothing, or is of something else', () => {
    expect(said({ model_type: 'dpt' })).toEqual({});
    expect(said({ model_type: 'bert', hidden_size: 'x' })).toEqual({});
    expect(said({ hooks: 'anything', family: ['x'] })).toEqual({});
    expect(said({ model_type: 'depth_anything', backbone_config: null, __proto__: 1 })).toEqual({});
  });

  test('less than the metadata of the file', () => {
    expect(said(dinov2([3, 6, 9, 12]), { hooks: '0,1,2,3', own: 'x' })).toMatchObject({
      hooks: '0,1,2,3',
      heads: '6',
      own: 'x',
    });
  });
});

describe('is wrong', () => {
  test.each([
    ['', /^config\.json: it is not JSON/],
    ['[]', /it is JSON, but not an object/],
    ['null', /it is JSON, but not an object/],
    [' '.repeat(2 ** 20 + 1), /it is 1048577 characters long/],
    ['{"model_type": 7}', /model_type is 7; a text is needed/],
    [JSON.stringify(dinov2([1, 2, 3])), /out_indices is \[1, 2, 3\]; four rising numbers/],
    [JSON.stringify(dinov2([0, 1, 2, 3])), /four rising numbers/],
    [JSON.stringify(dinov2([3, 3, 9, 12])), /four rising numbers/],
    [JSON.stringify(dinov2([3, 6, 9, 1.5])), /four rising numbers/],
    [JSON.stringify(dinov2([])), /four rising numbers/],
    [JSON.stringify({ model_type: 'dpt', backbone_config: 'beit' }), /an object is needed/],
    [
      JSON.stringify({ model_type: 'depth_anything', backbone_config: { out_indices: 'abc' } }),
      /out_indices is "abc"; a short list of numbers is needed/,
    ],
    [
      JSON.stringify(dinov2([3, 6, 9, 12], { depth_estimation_type: 'both' })),
      /depth_estimation_type is "both"/,
    ],
    [
      JSON.stringify(dinov2([3, 6, 9, 12], { depth_estimation_type: 'metric', max_depth: '80' })),
      /max_depth is "80"; a number is needed/,
    ],
  ])('%.60s', (json, message) => {
    const load = () => withHfConfig(stateDict(), json, 'config.json');
    expect(load).toThrow(message);
    expect(load).toThrow(StateDictError);
  });

  test('it is of another model', () => {
    const config = JSON.stringify(dinov2([3, 6, 9, 12]));
    expect(() => withHfConfig(stateDict({}, 1024), config, 'config.json')).toThrow(
      'config.json: it is of a model with 384 features, and model.safetensors has 1024. Put the right one there, or remove it.',
    );
  });
});
