import type { RenameRule } from './rename.ts';

/** The files of LiheYoung/Depth-Anything and DepthAnything/Depth-Anything-V2 → our names. */
export const depthAnythingRules: readonly RenameRule[] = [
  ['pretrained.patch_embed.proj.{leaf}', 'patch_embed.project.{leaf}'],
  ['pretrained.cls_token', 'encoder.readout_token'],
  ['pretrained.pos_embed', 'encoder.position_encoding'],
  ['pretrained.mask_token', null, 'used in training only'],
  ['pretrained.blocks.{i}.norm1.{leaf}', 'encoder.blocks.{i}.norm1.{leaf}'],
  ['pretrained.blocks.{i}.norm2.{leaf}', 'encoder.blocks.{i}.norm2.{leaf}'],
  ['pretrained.blocks.{i}.attn.qkv.{leaf}', 'encoder.blocks.{i}.attention.qkv.{leaf}'],
  ['pretrained.blocks.{i}.attn.proj.{leaf}', 'encoder.blocks.{i}.attention.project.{leaf}'],
  ['pretrained.blocks.{i}.ls1.gamma', 'encoder.blocks.{i}.gamma1'],
  ['pretrained.blocks.{i}.ls2.gamma', 'encoder.blocks.{i}.gamma2'],
  ['pretrained.blocks.{i}.mlp.fc1.{leaf}', 'encoder.blocks.{i}.mlp.fc1.{leaf}'],
  ['pretrained.blocks.{i}.mlp.fc2.{leaf}', 'encoder.blocks.{i}.mlp.fc2.{leaf}'],
  ['pretrained.blocks.{i}.mlp.w12.{leaf}', 'encoder.blocks.{i}.mlp.gate_and_value.{leaf}'],
  ['pretrained.blocks.{i}.mlp.w3.{leaf}', 'encoder.blocks.{i}.mlp.project.{leaf}'],
  ['pretrained.norm.{leaf}', 'encoder.norm.{leaf}'],
  ['depth_head.projects.{s}.{leaf}', 'reassemble.blocks.{s}.project.{leaf}'],
  ['depth_head.resize_layers.{s}.{leaf}', 'reassemble.blocks.{s}.resample.{leaf}'],
  ...dptRules('depth_head.'),
  ['depth_head.scratch.output_conv1.{leaf}', 'head.reduce.{leaf}'],
  ['depth_head.scratch.output_conv2.0.{leaf}', 'head.refine.{leaf}'],
  ['depth_head.scratch.output_conv2.2.{leaf}', 'head.project.{leaf}'],
];

/** `scratch.*`: what every released DPT file calls the end of reassemble, and fusion. They count from 1. */
export function dptRules(prefix: string): readonly RenameRule[] {
  return [1, 2, 3, 4].flatMap((n): RenameRule[] => {
    const refine = `${prefix}scratch.refinenet${n}`;
    const block = `fusion.blocks.${n - 1}`;
    return [
      [`${prefix}scratch.layer${n}_rn.weight`, `reassemble.blocks.${n - 1}.to_fusion.weight`],
      n === 4
        ? [`${refine}.resConfUnit1.*`, null, 'the deepest level has no second input']
        : [`${refine}.resConfUnit1.conv{k}.{leaf}`, `${block}.residual1.conv{k}.{leaf}`],
      [`${refine}.resConfUnit2.conv{k}.{leaf}`, `${block}.residual2.conv{k}.{leaf}`],
      [`${refine}.out_conv.{leaf}`, `${block}.project.{leaf}`],
    ];
  });
}

/** The `*-hf` files of the Hugging Face Hub → the original names. */
export const depthAnythingHfRules: readonly RenameRule[] = [
  ['backbone.embeddings.cls_token', 'pretrained.cls_token'],
  ['backbone.embeddings.mask_token', 'pretrained.mask_token'],
  ['backbone.embeddings.position_embeddings', 'pretrained.pos_embed'],
  ['backbone.embeddings.patch_embeddings.projection.{leaf}', 'pretrained.patch_embed.proj.{leaf}'],
  [
    ['query', 'key', 'value'].map(
      (part) => `backbone.encoder.layer.{i}.attention.attention.${part}.{leaf}`,
    ),
    'pretrained.blocks.{i}.attn.qkv.{leaf}',
  ],
  [
    'backbone.encoder.layer.{i}.attention.output.dense.{leaf}',
    'pretrained.blocks.{i}.attn.proj.{leaf}',
  ],
  ['backbone.encoder.layer.{i}.layer_scale{k}.lambda1', 'pretrained.blocks.{i}.ls{k}.gamma'],
  ['backbone.encoder.layer.{i}.norm{k}.{leaf}', 'pretrained.blocks.{i}.norm{k}.{leaf}'],
  ['backbone.encoder.layer.{i}.mlp.fc{k}.{leaf}', 'pretrained.blocks.{i}.mlp.fc{k}.{leaf}'],
  ['backbone.encoder.layer.{i}.mlp.weights_in.{leaf}', 'pretrained.blocks.{i}.mlp.w12.{leaf}'],
  ['backbone.encoder.layer.{i}.mlp.weights_out.{leaf}', 'pretrained.blocks.{i}.mlp.w3.{leaf}'],
  ['backbone.layernorm.{leaf}', 'pretrained.norm.{leaf}'],
  ['neck.reassemble_stage.layers.{s}.projection.{leaf}', 'depth_head.projects.{s}.{leaf}'],
  ['neck.reassemble_stage.layers.{s}.resize.{leaf}', 'depth_head.resize_layers.{s}.{leaf}'],
  ...hfNeckRules('depth_head.'),
  ['head.conv1.{leaf}', 'depth_head.scratch.output_conv1.{leaf}'],
  ['head.conv2.{leaf}', 'depth_head.scratch.output_conv2.0.{leaf}'],
  ['head.conv3.{leaf}', 'depth_head.scratch.output_conv2.2.{leaf}'],
];

/** The neck of every Hugging Face DPT file. Its fusion layers count from the deepest: layer 0 is refinenet4. */
export function hfNeckRules(prefix: string): readonly RenameRule[] {
  return [0, 1, 2, 3].flatMap((n): RenameRule[] => {
    const layer = `neck.fusion_stage.layers.${n}`;
    const refine = `${prefix}scratch.refinenet${4 - n}`;
    return [
      [`neck.convs.${n}.weight`, `${prefix}scratch.layer${n + 1}_rn.weight`],
      [`${layer}.projection.{leaf}`, `${refine}.out_conv.{leaf}`],
      [
        `${layer}.residual_layer{k}.convolution{j}.{leaf}`,
        `${refine}.resConfUnit{k}.conv{j}.{leaf}`,
      ],
    ];
  });
}
