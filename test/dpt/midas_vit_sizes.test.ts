// The published sizes of MiDaS BEiT and ViT from their lists of keys alone: every key is used or dropped, the counts of
// tensors and parameters are those of the files, and the configuration is the published one. Not here: numbers.
import { describe, expect, test } from 'vitest';
import { buildDpt, planPrediction, recognise } from '../../packages/dpt/src/index.ts';
import {
  Context,
  type StateDict,
  type StoredTensor,
  sizeOf,
} from '../../packages/tensor/src/index.ts';

interface Published {
  readonly file: string;
  readonly kind: 'beit' | 'vit';
  readonly F: number;
  readonly blocks: number;
  readonly heads: number;
  /** Side of the trained grid. */
  readonly g: number;
  /** Channels while resampling. */
  readonly D: readonly [number, number, number, number];
  readonly stageEnds: readonly number[];
  readonly tensors: number;
  readonly parameters: number;
  readonly used: number;
}

const large = {
  F: 1024,
  blocks: 24,
  heads: 16,
  D: [256, 512, 1024, 1024],
  stageEnds: [5, 11, 17, 23],
} as const;

const published: readonly Published[] = [
  {
    file: 'dpt_beit_base_384.pt',
    kind: 'beit',
    F: 768,
    blocks: 12,
    heads: 12,
    g: 24,
    D: [96, 192, 384, 768],
    stageEnds: [2, 5, 8, 11],
    tensors: 283,
    parameters: 111_531_689,
    used: 109_580_993,
  },
  {
    file: 'dpt_beit_large_384.pt',
    kind: 'beit',
    ...large,
    g: 24,
    tensors: 487,
    parameters: 344_338_601,
    used: 342_131_393,
  },
  {
    file: 'dpt_beit_large_512.pt',
    kind: 'beit',
    ...large,
    g: 32,
    tensors: 487,
    parameters: 345_014_441,
    used: 342_807_233,
  },
  {
    file: 'dpt_large_384.pt',
    kind: 'vit',
    ...large,
    g: 24,
    tensors: 368,
    parameters: 344_055_465,
    used: 341_848_257,
  },
];

describe.each(published)('$file', (model) => {
  const stateDict = stateDictOf(model);

  test('has the tensors and parameters of the published file', () => {
    expect(stateDict.tensors.size).toBe(model.tensors);
    // The index is no parameter.
    const floats = [...stateDict.tensors.values()].filter(({ dtype }) => dtype === 'f32');
    expect(floats.reduce((sum, { shape }) => sum + sizeOf(shape), 0)).toBe(model.parameters);
  });

  test('is configured as published, and every key has its place', () => {
    const recognised = recognise(stateDict);
    const { kind, F, blocks, heads, g, stageEnds } = model;
    expect(recognised.warnings).toEqual([]);
    expect(recognised.config).toMatchObject({
      family: `midas_${kind}`,
      encoder: { kind, features: F, blocks, heads, hidden: 4 * F, baseGrid: g, stageEnds },
      fusion: { channels: 256 },
      head: { hidden: [128, 32] },
      image: { baseSize: 16 * g, multiple: 32 },
    });
    const built = buildDpt(Context.planning(), recognised);
    // Ours has the zeros of a bias of k as well.
    const zeros = kind === 'beit' ? blocks * F : 0;
    expect(built.weights.bytes / 4 - zeros).toBe(model.used);
    expect(planPrediction(built, { width: 640, height: 480 }).outputs.depth!.shape).toEqual([
      1, 480, 640,
    ]);
  });
});

/** The keys and shapes of a file, without values. */
function stateDictOf({ file, kind, F, blocks, heads, g, D }: Published): StateDict {
  const tensors = new Map<string, StoredTensor>();
  const add = (key: string, shape: readonly number[], dtype: 'f32' | 'i64' = 'f32'): void => {
    tensors.set(key, { dtype, shape, read: async () => new Uint8Array() });
  };
  const layer = (name: string, shape: readonly number[]): void => {
    add(`${name}.weight`, shape);
    add(`${name}.bias`, [shape[0]!]);
  };
  const encoder = 'pretrained.model';
  add(`${encoder}.cls_token`, [1, 1, F]);
  layer(`${encoder}.patch_embed.proj`, [F, 3, 16, 16]);
  layer(`${encoder}.head`, [1000, F]);
  layer(kind === 'beit' ? `${encoder}.fc_norm` : `${encoder}.norm`, [F]);
  if (kind === 'vit') add(`${encoder}.pos_embed`, [1, 1 + g * g, F]);
  for (let i = 0; i < blocks; i++) {
    const block = `${encoder}.blocks.${i}`;
    layer(`${block}.norm1`, [F]);
    layer(`${block}.norm2`, [F]);
    add(`${block}.attn.qkv.weight`, [3 * F, F]);
    layer(`${block}.attn.proj`, [F, F]);
    layer(`${block}.mlp.fc1`, [4 * F, F]);
    layer(`${block}.mlp.fc2`, [F, 4 * F]);
    if (kind === 'vit') add(`${block}.attn.qkv.bias`, [3 * F]);
    else {
      for (const key of ['gamma_1', 'gamma_2', 'attn.q_bias', 'attn.v_bias']) {
        add(`${block}.${key}`, [F]);
      }
      add(`${block}.attn.relative_position_bias_table`, [(2 * g - 1) ** 2 + 3, heads]);
      add(`${block}.attn.relative_position_index`, [1 + g * g, 1 + g * g], 'i64');
    }
  }
  const resampling = [4, 2, undefined, 3];
  D.forEach((channels, s) => {
    const steps = `pretrained.act_postprocess${s + 1}`;
    const side = resampling[s];
    layer(`${steps}.0.project.0`, [F, 2 * F]);
    layer(`${steps}.3`, [channels, F, 1, 1]);
    if (side !== undefined) layer(`${steps}.4`, [channels, channels, side, side]);
    add(`scratch.layer${s + 1}_rn.weight`, [256, channels, 3, 3]);
    const refine = `scratch.refinenet${s + 1}`;
    for (const conv of ['1.conv1', '1.conv2', '2.conv1', '2.conv2']) {
      layer(`${refine}.resConfUnit${conv}`, [256, 256, 3, 3]);
    }
    layer(`${refine}.out_conv`, [256, 256, 1, 1]);
  });
  layer('scratch.output_conv.0', [128, 256, 3, 3]);
  layer('scratch.output_conv.2', [32, 128, 3, 3]);
  layer('scratch.output_conv.4', [1, 32, 1, 1]);
  return { name: file, metadata: new Map(), tensors, close: async () => {} };
}
