import type { DptConfig, Recognised } from '@dpt-webgpu/dpt';
import type { StateDict } from '@dpt-webgpu/tensor';

/** The name that people know a model by. */
export function titleOf({ config }: Pick<Recognised, 'config'>, { metadata }: StateDict): string {
  if (metadata.get('model') === 'dpt-tiny') return 'Small demonstration model';
  return `${familyTitle(config)} ${sizeTitle(config)}`;
}

function familyTitle({ family, maxDepth }: DptConfig): string {
  switch (family) {
    case 'depth_anything_v1':
      return 'Depth Anything V1';
    case 'depth_anything_v2':
      return 'Depth Anything V2';
    case 'depth_anything_v2_metric':
      return `Depth Anything V2 metric, ${maxDepth} m,`;
    case 'midas_beit':
      return 'MiDaS 3.1 BEiT';
    case 'midas_swinv2':
      return 'MiDaS 3.1 SwinV2';
    case 'midas_vit':
      return 'MiDaS 3 ViT';
  }
}

/** By the width of the tokens; what was published has these. */
function sizeTitle({ family, patchEmbed: { features }, image: { baseSize } }: DptConfig): string {
  const name =
    family === 'midas_swinv2'
      ? { 96: 'Tiny', 128: 'Base', 192: 'Large' }[features]
      : { 384: 'Small', 768: 'Base', 1024: 'Large', 1536: 'Giant' }[features];
  const size = name ?? `of ${features} features`;
  return family.startsWith('midas') ? `${size} ${baseSize}` : size;
}
