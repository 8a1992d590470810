import { dptRules, hfNeckRules } from './depth_anything_keys.ts';
import type { RenameRule } from './rename.ts';

const blockKeys = (name: string): string => `pretrained.model.blocks.{i}.${name}`;
const block = (name: string): string => `encoder.blocks.{i}.${name}`;

const CLASSIFIER = 'the classifier of the pretraining';

/** The embedding and what the blocks of BEiT and ViT have in common. */
const vitRules: readonly RenameRule[] = [
  ['pretrained.model.patch_embed.proj.{leaf}', 'patch_embed.project.{leaf}'],
  ['pretrained.model.cls_token', 'encoder.readout_token'],
  [blockKeys('norm{k}.{leaf}'), block('norm{k}.{leaf}')],
  [blockKeys('attn.proj.{leaf}'), block('attention.project.{leaf}')],
  [blockKeys('mlp.fc{k}.{leaf}'), block('mlp.fc{k}.{leaf}')],
  ['pretrained.model.head.*', null, CLASSIFIER],
];

/** `act_postprocess*` is MiDaS's name for reassemble: a list of steps, of which 0, 3 and 4 have weights. They count from 1. */
const reassembleRules: readonly RenameRule[] = [1, 2, 3, 4].flatMap((n): RenameRule[] => {
  const steps = `pretrained.act_postprocess${n}`;
  const ours = `reassemble.blocks.${n - 1}`;
  return [
    [`${steps}.0.project.0.{leaf}`, `${ours}.read.{leaf}`],
    [`${steps}.3.{leaf}`, `${ours}.project.{leaf}`],
    [`${steps}.4.{leaf}`, `${ours}.resample.{leaf}`],
  ];
});

/** Fusion and head of every MiDaS v3 file. */
export const midasHeadRules: readonly RenameRule[] = [
  ...dptRules(''),
  ['scratch.output_conv.0.{leaf}', 'head.reduce.{leaf}'],
  ['scratch.output_conv.2.{leaf}', 'head.refine.{leaf}'],
  ['scratch.output_conv.4.{leaf}', 'head.project.{leaf}'],
];

/** `dpt_beit_*.pt` of isl-org/MiDaS → our names. */
export const midasBeitRules: readonly RenameRule[] = [
  ...vitRules,
  [blockKeys('attn.qkv.weight'), block('attention.qkv.weight')],
  // There is no bias of k: it would add the same to all scores of a query.
  [[blockKeys('attn.q_bias'), null, blockKeys('attn.v_bias')], block('attention.qkv.bias')],
  [blockKeys('attn.relative_position_bias_table'), block('attention.relative_position_bias')],
  [blockKeys('attn.relative_position_index'), null, 'attention finds the row for a pair itself'],
  [blockKeys('gamma_{k}'), block('gamma{k}')],
  ['pretrained.model.fc_norm.*', null, CLASSIFIER],
  ...reassembleRules,
  ...midasHeadRules,
];

/** `dpt_large_384.pt` of isl-org/MiDaS → our names. */
export const midasVitRules: readonly RenameRule[] = [
  ...vitRules,
  ['pretrained.model.pos_embed', 'encoder.position_encoding'],
  [blockKeys('attn.qkv.{leaf}'), block('attention.qkv.{leaf}')],
  ['pretrained.model.norm.*', null, 'stages are taken before the last norm'],
  ...reassembleRules,
  ...midasHeadRules,
];

/** Neck and head of the Hugging Face files of MiDaS models → the original names. */
export const midasHfHeadRules: readonly RenameRule[] = [
  ...hfNeckRules(''),
  ['head.head.{n}.{leaf}', 'scratch.output_conv.{n}.{leaf}'],
];

const hfReassembleRules: readonly RenameRule[] = [0, 1, 2, 3].flatMap((s): RenameRule[] => {
  const steps = `pretrained.act_postprocess${s + 1}`;
  const stage = 'neck.reassemble_stage';
  return [
    [`${stage}.readout_projects.${s}.0.{leaf}`, `${steps}.0.project.0.{leaf}`],
    [`${stage}.layers.${s}.projection.{leaf}`, `${steps}.3.{leaf}`],
    [`${stage}.layers.${s}.resize.{leaf}`, `${steps}.4.{leaf}`],
  ];
});

const hfBeit = (name: string): string => `backbone.encoder.layer.{i}.${name}`;
const hfBeitAttention = (name: string): string => hfBeit(`attention.attention.${name}`);
const hfBeitPositions = (name: string): string =>
  hfBeitAttention(`relative_position_bias.relative_position_${name}`);

/** `Intel/dpt-beit-*` of the Hugging Face Hub → the original names. */
export const midasBeitHfRules: readonly RenameRule[] = [
  ['backbone.embeddings.cls_token', 'pretrained.model.cls_token'],
  [
    'backbone.embeddings.patch_embeddings.projection.{leaf}',
    'pretrained.model.patch_embed.proj.{leaf}',
  ],
  [hfBeit('lambda_{k}'), blockKeys('gamma_{k}')],
  [hfBeit('layernorm_before.{leaf}'), blockKeys('norm1.{leaf}')],
  [hfBeit('layernorm_after.{leaf}'), blockKeys('norm2.{leaf}')],
  [
    [
      hfBeitAttention('query.weight'),
      hfBeitAttention('key.weight'),
      hfBeitAttention('value.weight'),
    ],
    blockKeys('attn.qkv.weight'),
  ],
  [hfBeitAttention('query.bias'), blockKeys('attn.q_bias')],
  [hfBeitAttention('value.bias'), blockKeys('attn.v_bias')],
  [hfBeit('attention.output.dense.{leaf}'), blockKeys('attn.proj.{leaf}')],
  [hfBeitPositions('bias_table'), blockKeys('attn.relative_position_bias_table')],
  [hfBeitPositions('index'), blockKeys('attn.relative_position_index')],
  [hfBeit('intermediate.dense.{leaf}'), blockKeys('mlp.fc1.{leaf}')],
  [hfBeit('output.dense.{leaf}'), blockKeys('mlp.fc2.{leaf}')],
  ...hfReassembleRules,
  ...midasHfHeadRules,
];

const hfVit = (name: string): string => `dpt.encoder.layer.{i}.${name}`;
const hfVitAttention = (part: string): string => hfVit(`attention.attention.${part}.{leaf}`);

/** `Intel/dpt-large` of the Hugging Face Hub → the original names. */
export const midasVitHfRules: readonly RenameRule[] = [
  ['dpt.embeddings.cls_token', 'pretrained.model.cls_token'],
  ['dpt.embeddings.position_embeddings', 'pretrained.model.pos_embed'],
  ['dpt.embeddings.patch_embeddings.projection.{leaf}', 'pretrained.model.patch_embed.proj.{leaf}'],
  [hfVit('layernorm_before.{leaf}'), blockKeys('norm1.{leaf}')],
  [hfVit('layernorm_after.{leaf}'), blockKeys('norm2.{leaf}')],
  [
    [hfVitAttention('query'), hfVitAttention('key'), hfVitAttention('value')],
    blockKeys('attn.qkv.{leaf}'),
  ],
  [hfVit('attention.output.dense.{leaf}'), blockKeys('attn.proj.{leaf}')],
  [hfVit('intermediate.dense.{leaf}'), blockKeys('mlp.fc1.{leaf}')],
  [hfVit('output.dense.{leaf}'), blockKeys('mlp.fc2.{leaf}')],
  ['dpt.layernorm.{leaf}', 'pretrained.model.norm.{leaf}'],
  ...hfReassembleRules,
  ...midasHfHeadRules,
];
