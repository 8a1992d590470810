import { midasHeadRules, midasHfHeadRules } from './midas_keys.ts';
import type { RenameRule } from './rename.ts';

const theirs = (name: string): string => `pretrained.model.layers.{s}.blocks.{i}.${name}`;
const ours = (name: string): string => `encoder.stages.{s}.blocks.{i}.${name}`;

/** `dpt_swin2_*.pt` of isl-org/MiDaS → our names. */
export const midasSwinv2Rules: readonly RenameRule[] = [
  ['pretrained.model.patch_embed.proj.{leaf}', 'patch_embed.project.{leaf}'],
  ['pretrained.model.patch_embed.norm.{leaf}', 'patch_embed.norm.{leaf}'],
  [theirs('attn.qkv.weight'), ours('attention.qkv.weight')],
  // There is no bias of k.
  [[theirs('attn.q_bias'), null, theirs('attn.v_bias')], ours('attention.qkv.bias')],
  [theirs('attn.logit_scale'), ours('attention.logit_scale')],
  [theirs('attn.cpb_mlp.0.{leaf}'), ours('attention.position_bias.fc1.{leaf}')],
  [theirs('attn.cpb_mlp.2.weight'), ours('attention.position_bias.fc2.weight')],
  [theirs('attn.proj.{leaf}'), ours('attention.project.{leaf}')],
  [theirs('norm{k}.{leaf}'), ours('norm{k}.{leaf}')],
  [theirs('mlp.fc{k}.{leaf}'), ours('mlp.fc{k}.{leaf}')],
  [theirs('attn_mask'), null, 'attention knows from two comparisons; its shape told the window'],
  [theirs('attn.relative_position_index'), null, 'attention finds the row for a pair itself'],
  [theirs('attn.relative_coords_table'), null, 'made for the window in use'],
  ['pretrained.model.layers.{s}.downsample.reduction.weight', 'encoder.merges.{s}.reduce.weight'],
  ['pretrained.model.layers.{s}.downsample.norm.{leaf}', 'encoder.merges.{s}.norm.{leaf}'],
  ['pretrained.model.norm.*', null, 'stages are taken before the last norm'],
  ['pretrained.model.head.*', null, 'the classifier of the pretraining'],
  ...midasHeadRules,
];

const hf = (name: string): string => `backbone.encoder.layers.{s}.blocks.{i}.${name}`;
const hfSelf = (name: string): string => hf(`attention.self.${name}`);

/** `Intel/dpt-swinv2-*` of the Hugging Face Hub → the original names. */
export const midasSwinv2HfRules: readonly RenameRule[] = [
  [
    'backbone.embeddings.patch_embeddings.projection.{leaf}',
    'pretrained.model.patch_embed.proj.{leaf}',
  ],
  ['backbone.embeddings.norm.{leaf}', 'pretrained.model.patch_embed.norm.{leaf}'],
  [
    [hfSelf('query.weight'), hfSelf('key.weight'), hfSelf('value.weight')],
    theirs('attn.qkv.weight'),
  ],
  [hfSelf('query.bias'), theirs('attn.q_bias')],
  [hfSelf('value.bias'), theirs('attn.v_bias')],
  [hfSelf('logit_scale'), theirs('attn.logit_scale')],
  [hfSelf('continuous_position_bias_mlp.{n}.{leaf}'), theirs('attn.cpb_mlp.{n}.{leaf}')],
  [hfSelf('relative_position_index'), theirs('attn.relative_position_index')],
  [hfSelf('relative_coords_table'), theirs('attn.relative_coords_table')],
  [hf('attention.output.dense.{leaf}'), theirs('attn.proj.{leaf}')],
  // Named for where other models have them; these two follow what they normalise.
  [hf('layernorm_before.{leaf}'), theirs('norm1.{leaf}')],
  [hf('layernorm_after.{leaf}'), theirs('norm2.{leaf}')],
  [hf('intermediate.dense.{leaf}'), theirs('mlp.fc1.{leaf}')],
  [hf('output.dense.{leaf}'), theirs('mlp.fc2.{leaf}')],
  [
    'backbone.encoder.layers.{s}.downsample.reduction.weight',
    'pretrained.model.layers.{s}.downsample.reduction.weight',
  ],
  [
    'backbone.encoder.layers.{s}.downsample.norm.{leaf}',
    'pretrained.model.layers.{s}.downsample.norm.{leaf}',
  ],
  ...midasHfHeadRules,
];
