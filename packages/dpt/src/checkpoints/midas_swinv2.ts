import { type StateDict, StateDictError, shapeText } from '@dpt-webgpu/tensor';
import type { DptConfig, ImageConfig, Preset } from '../config.ts';
import type { Swinv2StageConfig } from '../encoders/swinv2/encoder.ts';
import { four } from '../grid.ts';
import { type ConfigureOptions, countBlocks, shapesOf } from './configure.ts';
import { midasDecoder } from './midas.ts';

/** Reads the configuration of a MiDaS v3.1 SwinV2 model, with the original key names, off keys and shapes. */
export function configureMidasSwinv2(
  stateDict: StateDict,
  { preset, hooks, window: wanted }: ConfigureOptions,
): DptConfig {
  if (hooks) {
    throw new StateDictError(
      `${stateDict.name}: hooks ${hooks.join(',')} cannot be chosen for SwinV2: its four stages are the ones that reassemble reads, each after its last block.`,
    );
  }
  const shapeOf = shapesOf(stateDict, 'MiDaS SwinV2');
  const [features, , , patch] = shapeOf('pretrained.model.patch_embed.proj.weight', 4) as number[];
  const { window, baseGrid } = windowOf(stateDict, wanted);
  const pretrained = pretrainedWindows(window, preset);
  const { reassemble, ...decoder } = midasDecoder(shapeOf);
  return {
    family: 'midas_swinv2',
    preset,
    ...decoder,
    // The stages are a pyramid: nothing is projected or resampled on the way to fusion.
    reassemble: { ...reassemble, hidden: undefined },
    patchEmbed: { patch: patch!, features: features!, norm: { eps: 1e-5 } },
    encoder: {
      kind: 'swinv2',
      patch: patch!,
      stages: four((level): Swinv2StageConfig => {
        const blocks = `pretrained.model.layers.${level}.blocks.`;
        const [hidden, width] = shapeOf(`${blocks}0.mlp.fc1.weight`, 2) as [number, number];
        const [heads] = shapeOf(`${blocks}0.attn.logit_scale`, 3) as [number];
        if (width % heads !== 0) {
          throw new StateDictError(
            `${stateDict.name}: ${blocks}0.attn.logit_scale has ${heads} heads, which do not divide ${width} features.`,
          );
        }
        return {
          features: width,
          blocks: countBlocks(stateDict, blocks),
          heads,
          hidden,
          pretrainedWindow: pretrained[level],
        };
      }),
      window,
      baseGrid,
      adaptsWindows: preset === 'muggled',
    },
    image: imageOf(preset, baseGrid * patch!, patch!),
  };
}

/**
 * Side of the windows, and of the grid that they were made for, off the mask that the first shifted block keeps,
 * [windows, h·w, h·w]. Files without one, as those of Hugging Face are, must say the window in another way.
 */
function windowOf(
  { name, metadata, tensors }: StateDict,
  wanted: number | undefined,
): { window: number; baseGrid: number } {
  const key = 'pretrained.model.layers.0.blocks.1.attn_mask';
  const mask = tensors.get(key)?.shape;
  if (mask) {
    const [windows = 0, area = 0] = mask;
    const [window, baseGrid] = [Math.sqrt(area), Math.sqrt(windows * area)];
    if (mask.length !== 3 || mask[2] !== area || ![window, baseGrid].every(isSide)) {
      throw new StateDictError(
        `${name}: ${key} is ${shapeText(mask)}; a square number of windows with a square number of tokens is needed, [16, 256, 256] for windows of 16 on a grid of 64.`,
      );
    }
    if (wanted !== undefined && wanted !== window) {
      throw new StateDictError(
        `${name}: the window is to be ${wanted}, but ${key} is for ${window}.`,
      );
    }
    return { window, baseGrid };
  }
  const window = wanted ?? Number(metadata.get('window'));
  if (!isSide(window)) {
    throw new StateDictError(
      `${name}: the file has no ${key}, so it does not say how large its windows are${Number.isNaN(window) ? '' : `, and ${window} is no size`}. Give the option window (or metadata "window"): 16 for dpt-swinv2-tiny-256, 24 for dpt-swinv2-base-384 and dpt-swinv2-large-384.`,
    );
  }
  // The released models have four windows along a side: 64 = 4 · 16, 96 = 4 · 24.
  const baseGrid = Number(metadata.get('base_grid') ?? 4 * window);
  if (!isSide(baseGrid)) {
    throw new StateDictError(`${name}: metadata "base_grid" is ${metadata.get('base_grid')}.`);
  }
  return { window, baseGrid };
}

const isSide = (side: number): boolean => Number.isInteger(side) && side > 0;

/**
 * The windows that the encoder was pretrained with, which offsets are measured by; no file has them. timm builds the
 * tiny model with none, so its own windows count; muggled_dpt has 16 and, for the last stage, 8. That is the same at
 * 256 × 256, where those are its windows.
 */
function pretrainedWindows(
  window: number,
  preset: Preset,
): readonly [number, number, number, number] {
  if (window === 24) return [12, 12, 12, 6];
  if (window === 16 && preset === 'muggled') return [16, 16, 16, 8];
  return [0, 0, 0, 0];
}

/** How MiDaS prepares a photo for its SwinV2 models: stretched to the one size they take (run.py, model_loader.py). */
function imageOf(preset: Preset, baseSize: number, patch: number): ImageConfig {
  return {
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    baseSize,
    // Grids are halved three times.
    multiple: 8 * patch,
    sizing: preset === 'muggled' ? 'longer_side' : 'exact',
    filter: preset === 'muggled' ? 'antialiased' : 'cubic',
    depthFilter: preset === 'muggled' ? 'bilinear' : 'bicubic',
  };
}
