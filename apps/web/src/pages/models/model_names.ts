import type { ManifestEntry } from '@dpt-webgpu/cli/manifest';
import type { Family } from '@dpt-webgpu/dpt';

/** What files of the manifest are called here. */
export function titleOfEntry({ name }: ManifestEntry): string {
  const [, size = ''] = /-(tiny|small|base|large)\b/.exec(name) ?? [];
  const capital = size ? ` ${size[0]!.toUpperCase()}${size.slice(1)}` : '';
  const hub = name.endsWith('-hf') ? ', Hugging Face file' : '';
  const pixels = /-(\d{3})/.exec(name)?.[1];
  const at = pixels ? ` ${pixels}` : '';
  if (name.startsWith('v2-')) return `Depth Anything V2${capital}${hub}`;
  if (name.startsWith('v1-')) return `Depth Anything V1${capital}${hub}`;
  if (name.startsWith('metric-indoor')) return `Depth Anything V2 metric, indoors,${capital}${hub}`;
  if (name.startsWith('metric-outdoor'))
    return `Depth Anything V2 metric, outdoors,${capital}${hub}`;
  if (name.startsWith('beit-')) return `MiDaS 3.1 BEiT${capital}${at}${hub}`;
  if (name.startsWith('swinv2-')) return `MiDaS 3.1 SwinV2${capital}${at}${hub}`;
  return `MiDaS 3 DPT${capital}${at}${hub}`;
}

/** GitHub lets no page fetch the files of a release: these are downloaded by hand. */
export const pagesMayFetch = ({ url }: ManifestEntry): boolean =>
  new URL(url).host === 'huggingface.co';

export const familyNames: Readonly<Record<Family, string>> = {
  depth_anything_v1: 'Depth Anything V1',
  depth_anything_v2: 'Depth Anything V2',
  depth_anything_v2_metric: 'Depth Anything V2 metric',
  midas_beit: 'MiDaS 3.1 BEiT',
  midas_swinv2: 'MiDaS 3.1 SwinV2',
  midas_vit: 'MiDaS 3 ViT',
};
