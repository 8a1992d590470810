import {
  add,
  Conv2d,
  ConvTranspose2d,
  linear,
  slice,
  type Tensor,
  type WeightPart,
  type Weights,
} from '@dpt-webgpu/tensor';
import type { Scale, StageReading } from './encoders/image_encoder.ts';
import { type FeatureMaps, four, type Stage, type Stages } from './grid.ts';

export interface ReassembleConfig extends StageReading {
  /** D per stage: channels while resampling. Undefined where stages are a pyramid already: nothing is resampled. */
  readonly hidden: readonly [number, number, number, number] | undefined;
  /** C: channels handed to fusion. */
  readonly channels: number;
}

/** Figure 1, "Reassemble": tokens of four depths become feature maps of four sizes. */
export class Reassemble {
  readonly blocks: readonly [ReassembleBlock, ReassembleBlock, ReassembleBlock, ReassembleBlock];

  constructor(config: ReassembleConfig, weights: Weights) {
    this.blocks = four(
      (level) =>
        new ReassembleBlock(
          {
            level,
            readout: config.readout,
            features: config.features[level],
            hidden: config.hidden?.[level],
            channels: config.channels,
            scale: config.scales[level],
          },
          weights.at('blocks').at(level),
        ),
    );
  }

  /** 4 × [B, N, F] → 4 × [B, sH, sW, C] */
  forward(stages: Stages): FeatureMaps {
    return four((level) =>
      this.blocks[level].forward(stages[level]).named(`reassembled_${level + 1}`),
    );
  }
}

/** Whatever the weights are: the maps are what fusion adds to, level by level. */
const f32 = { dtype: 'f32' } as const;

interface ReassembleBlockConfig {
  readonly level: number;
  readonly readout: StageReading['readout'];
  readonly features: number;
  readonly hidden: number | undefined;
  readonly channels: number;
  readonly scale: Scale;
}

/**
 * One Reassemble block: Resample(Concatenate(Read(tokens))), section 3.1 of the paper.
 * Depth-Anything takes the paper's "Read: ignore", so the readout token is dropped; MiDaS takes "Read: project".
 */
export class ReassembleBlock {
  readonly read: Read;
  readonly project: Conv2d | undefined;
  /** All of the D channels; parts of them only where one weight would be larger than a binding in f32: in ViT-G. */
  readonly parts: readonly PartToFusion[];

  constructor(config: ReassembleBlockConfig, weights: Weights) {
    const { features, hidden, channels, scale } = config;
    this.read = makeRead(config, weights);
    if (hidden !== undefined) {
      this.project = new Conv2d({ in: features, out: hidden, kernel: 1 }, weights.at('project'));
    }
    // Counted in f32 whatever the weights are, because the map that comes of them is f32, and nearly as large.
    const of = hidden && scale > 1 ? weights.partsFor([hidden, hidden, scale, scale], 1, 'f32') : 1;
    this.parts = Array.from({ length: of }, (_, at) => {
      const part = of > 1 ? { at, of } : undefined;
      return {
        resample: hidden ? makeResample(hidden, scale, part, weights.at('resample')) : undefined,
        // Not in the paper; every released model has it (`scratch.layer*_rn`).
        toFusion: new Conv2d(
          { in: hidden ?? features, out: channels, kernel: 3, bias: false, part },
          weights.at('to_fusion'),
        ),
      };
    });
  }

  /** tokens [B, 1 + H·W, F] → feature map [B, sH, sW, C] */
  forward({ tokens, grid: [H, W] }: Stage): Tensor {
    const [B, , F] = tokens.dims('B N F') as [number, number, number];
    const patches = this.read.forward(tokens); // Read          [B, H·W, F]
    const grid = patches.reshape([B, H, W, F]); // Concatenate   [B, H, W, F]
    const projected = this.project?.forward(grid, f32) ?? grid; //               [B, H, W, D]
    let map: Tensor | undefined;
    for (const { resample, toFusion } of this.parts) {
      const resampled = resample?.forward(projected, f32) ?? projected; // Resample [B, sH, sW, D / parts]
      // A convolution is a sum over the channels that come, so parts of it add up.
      map = toFusion.forward(resampled, { addTo: map, ...f32 }); //       [B, sH, sW, C]
    }
    return map!;
  }
}

interface PartToFusion {
  readonly resample: Resample | undefined;
  readonly toFusion: Conv2d;
}

/** tokens [B, N, F] → [B, H·W, F]: what becomes of the readout token. Names the stage, for `keep`. */
interface Read {
  forward(tokens: Tensor): Tensor;
}

function makeRead({ readout, features, level }: ReassembleBlockConfig, weights: Weights): Read {
  const name = `stage_${level + 1}`;
  switch (readout) {
    case 'ignore':
      return { forward: (tokens) => slice(tokens, { axis: 1, from: 1 }).named(name) };
    case 'project':
      return new ReadProject({ features, level }, weights.at('read'));
    case 'none':
      return { forward: (tokens) => tokens.named(name) };
  }
}

/**
 * The paper's "Read: project": every patch token t becomes GELU(W · [t ; r] + b), where r is the readout token.
 *
 * W · [t ; r] is Wₜ · t + Wᵣ · r, and the second half is the same for all patches of a picture: it is computed once
 * instead of H·W times, for half the arithmetic.
 */
class ReadProject {
  readonly level: number;
  /** Wₜ and Wᵣ: the halves of one weight [F, 2F] of the file, [F, F] each. */
  readonly patchWeight: Tensor;
  readonly readoutWeight: Tensor;
  readonly bias: Tensor;

  constructor({ features, level }: { features: number; level: number }, weights: Weights) {
    const half = (at: number): Tensor =>
      weights.tensor('weight', [features, 2 * features], {
        permute: [1, 0],
        part: { at, of: 2, axis: 1 },
      });
    this.level = level;
    this.patchWeight = half(0);
    this.readoutWeight = half(1);
    this.bias = weights.tensor('bias', [features]);
  }

  /** tokens [B, 1 + H·W, F] → [B, H·W, F] */
  forward(tokens: Tensor): Tensor {
    tokens.named(`stage_${this.level + 1}`);
    // The parts belong to this block, not to the one that made the tokens.
    const stage = tokens.named(this.bias.name);
    const readout = slice(stage, { axis: 1, from: 0, to: 1 }); // r             [B, 1, F]
    const patches = slice(stage, { axis: 1, from: 1 }); // t             [B, H·W, F]
    const shared = linear(readout, this.readoutWeight, this.bias, f32); // Wᵣ · r + b    [B, 1, F]
    const own = linear(patches, this.patchWeight, undefined, f32); // Wₜ · t        [B, H·W, F]
    return add(own, shared, { activation: 'gelu' }).named(`readout_${this.level + 1}`);
  }
}

/** [B, H, W, D] → [B, sH, sW, D], or a part of D */
interface Resample {
  forward(x: Tensor, options: { readonly dtype: 'f32' }): Tensor;
}

/** Larger by a transposed convolution, smaller by a strided one; 37 rows become ⌈37 / 2⌉ = 19. */
function makeResample(
  channels: number,
  scale: Scale,
  part: WeightPart | undefined,
  weights: Weights,
): Resample {
  if (scale === 1) return { forward: (x) => x };
  const width = { in: channels, out: channels };
  return scale === 0.5
    ? new Conv2d({ ...width, kernel: 3, stride: 2 }, weights)
    : new ConvTranspose2d({ ...width, kernel: scale, part }, weights);
}
