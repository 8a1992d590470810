import { basename } from 'node:path';
import type { StateDict } from '@dpt-webgpu/tensor';

export interface Licence {
  readonly licence: string;
  /** How that is known. */
  readonly source: string;
}

const depthAnythingV2 = 'README of github.com/DepthAnything/Depth-Anything-V2';

/** Published files by name, as the authors state the licence of their weights. */
const published: readonly (readonly [name: RegExp, licence: string, source: string])[] = [
  [/^depth_anything_v2_vits(_hf)?\./, 'Apache-2.0', depthAnythingV2],
  [/^depth_anything_v2_vit[blg](_hf)?\./, 'CC-BY-NC-4.0 (not for commercial use)', depthAnythingV2],
  [
    /^depth_anything_vit[sbl]14(_hf)?\./,
    'Apache-2.0',
    'the authors in github.com/LiheYoung/Depth-Anything/issues/15',
  ],
  [
    /^dpt_(beit_base_384|beit_large_384|beit_large_512|swin2_tiny_256|swin2_base_384|swin2_large_384)\./,
    'MIT',
    'github.com/isl-org/MiDaS, which publishes these files',
  ],
  // Asked in DepthAnything/Depth-Anything-V2 issue 245, without an answer.
  [/^depth_anything_v2_metric_/, 'unknown', 'the authors state none for the metric models'],
];

/** The licence of a checkpoint: what it says itself, else what is known of a published file of its name. */
export function licenceOf({ name, metadata }: StateDict): Licence {
  const said = metadata.get('license') ?? metadata.get('licence');
  if (said) return { licence: said, source: "the file's metadata" };
  if (metadata.get('model') === 'dpt-tiny') {
    return { licence: 'MIT', source: 'the model that comes with dpt-webgpu' };
  }
  const file = basename(name).toLowerCase();
  const [, licence, source] = published.find(([pattern]) => pattern.test(file)) ?? [];
  if (licence && source) return { licence, source: `if it is what its name says: ${source}` };
  return { licence: 'unknown', source: 'neither its metadata nor its name tells' };
}
