import type { Weights } from '@dpt-webgpu/tensor';
import type { GridCache } from '../grid_cache.ts';
import { type BeitConfig, BeitEncoder } from './beit/encoder.ts';
import { type Dinov2Config, Dinov2Encoder } from './dinov2/encoder.ts';
import type { Size } from '../image_size.ts';
import type { ImageEncoder } from './image_encoder.ts';
import { type Swinv2Config, Swinv2Encoder, takesGrid } from './swinv2/encoder.ts';
import { type VitConfig, VitEncoder } from './vit/encoder.ts';

/** One of the encoders that can stand in the skeleton; `kind` tells which. */
export type EncoderConfig = BeitConfig | VitConfig | Dinov2Config | Swinv2Config;

export function makeEncoder(
  config: EncoderConfig,
  weights: Weights,
  cache: GridCache,
): ImageEncoder {
  switch (config.kind) {
    case 'dinov2':
      return new Dinov2Encoder(config, weights, cache);
    case 'beit':
      return new BeitEncoder(config, weights, cache);
    case 'vit':
      return new VitEncoder(config, weights, cache);
    case 'swinv2':
      return new Swinv2Encoder(config, weights, cache);
  }
}

/** Whether an encoder takes pictures of that size, in whole patches: SwinV2 those that its windows divide, others any. */
export function takesSize(config: EncoderConfig, { width, height }: Size): boolean {
  if (config.kind !== 'swinv2') return true;
  return takesGrid([height / config.patch, width / config.patch], config);
}

/** An encoder in a few words: `DINOv2, 12 blocks of 384 features, 6 heads`. */
export function describeEncoder(config: EncoderConfig): string {
  switch (config.kind) {
    case 'dinov2':
    case 'beit':
    case 'vit':
      return `${vitNames[config.kind]}, ${config.blocks} blocks of ${config.features} features, ${config.heads} heads`;
    case 'swinv2': {
      const of = (part: 'blocks' | 'features' | 'heads'): string =>
        config.stages.map((stage) => stage[part]).join(' + ');
      return `SwinV2, ${of('blocks')} blocks of ${of('features')} features, ${of('heads')} heads, windows of ${config.window}`;
    }
  }
}

const vitNames = { dinov2: 'DINOv2', beit: 'BEiT', vit: 'ViT' };
