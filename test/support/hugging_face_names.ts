import type { StateDict, StoredTensor } from '../../packages/tensor/src/state_dict.ts';

/**
 * A MiDaS state dict as Hugging Face's conversion scripts (convert_dpt_beit_to_hf.py, convert_dpt_to_pytorch.py) would
 * write it: what they rename, in their direction, and q, k and v apart. The loader's tables go the other way.
 */
export function inHuggingFaceNames(stateDict: StateDict, encoder: 'beit' | 'vit'): StateDict {
  const tensors = new Map<string, StoredTensor>();
  for (const [key, tensor] of stateDict.tensors) {
    const qkv = /^pretrained\.model\.blocks\.(\d+)\.attn\.qkv\.(weight|bias)$/.exec(key);
    if (qkv) {
      const C = tensor.shape[0]! / 3;
      const layer = `${prefixes[encoder].layer}.${qkv[1]}.attention.attention`;
      for (const [i, part] of ['query', 'key', 'value'].entries()) {
        tensors.set(`${layer}.${part}.${qkv[2]}`, rowsOf(tensor, i * C, (i + 1) * C));
      }
      continue;
    }
    const name = hfName(key, encoder);
    if (name !== undefined) tensors.set(name, tensor);
  }
  return { ...stateDict, tensors };
}

const prefixes = {
  beit: { embeddings: 'backbone.embeddings', layer: 'backbone.encoder.layer' },
  vit: { embeddings: 'dpt.embeddings', layer: 'dpt.encoder.layer' },
};

/** Undefined for what the scripts leave out. */
function hfName(key: string, encoder: 'beit' | 'vit'): string | undefined {
  if (/^pretrained\.model\.(head|fc_norm)\./.test(key)) return undefined;
  const { embeddings, layer } = prefixes[encoder];
  const positions = 'attention.attention.relative_position_bias.relative_position_';
  const steps: readonly (readonly [RegExp, string | ((...groups: string[]) => string)])[] = [
    [/^pretrained\.model\.cls_token$/, `${embeddings}.cls_token`],
    [/^pretrained\.model\.pos_embed$/, `${embeddings}.position_embeddings`],
    [/^pretrained\.model\.patch_embed\.proj/, `${embeddings}.patch_embeddings.projection`],
    [/^pretrained\.model\.norm\./, 'dpt.layernorm.'],
    [/^pretrained\.model\.blocks/, layer],
    [/\.norm1\./, '.layernorm_before.'],
    [/\.norm2\./, '.layernorm_after.'],
    [/\.gamma_(\d)$/, '.lambda_$1'],
    [/\.attn\.proj\./, '.attention.output.dense.'],
    [/\.attn\.q_bias$/, '.attention.attention.query.bias'],
    [/\.attn\.v_bias$/, '.attention.attention.value.bias'],
    [/\.attn\.relative_position_/, `.${positions}`],
    [/\.mlp\.fc1\./, '.intermediate.dense.'],
    [/\.mlp\.fc2\./, '.output.dense.'],
    [
      /^pretrained\.act_postprocess(\d)\.0\.project\.0/,
      (_, n) => `neck.reassemble_stage.readout_projects.${Number(n) - 1}.0`,
    ],
    [
      /^pretrained\.act_postprocess(\d)\.3/,
      (_, n) => `neck.reassemble_stage.layers.${Number(n) - 1}.projection`,
    ],
    [
      /^pretrained\.act_postprocess(\d)\.4/,
      (_, n) => `neck.reassemble_stage.layers.${Number(n) - 1}.resize`,
    ],
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

/** Rows of a stored tensor along its first axis. */
export function rowsOf(tensor: StoredTensor, from: number, to: number): StoredTensor {
  return {
    dtype: tensor.dtype,
    shape: [to - from, ...tensor.shape.slice(1)],
    async read(options) {
      const bytes = await tensor.read(options);
      const row = bytes.length / tensor.shape[0]!;
      return bytes.slice(from * row, to * row);
    },
  };
}
