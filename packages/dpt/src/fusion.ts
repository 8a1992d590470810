import { add, bilinearResize, Conv2d, type Tensor, type Weights } from '@dpt-webgpu/tensor';
import { type FeatureMaps, four } from './grid.ts';

export interface FusionConfig {
  /** C: channels of every map. */
  readonly channels: number;
}

/** Figure 1, "Fusion": from the coarsest map up, each level adds its own and doubles the size. */
export class Fusion {
  /** By level, the finest first, as the maps come. */
  readonly blocks: readonly [FusionBlock, FusionBlock, FusionBlock, FusionBlock];

  constructor({ channels }: FusionConfig, weights: Weights) {
    this.blocks = four(
      (level) =>
        new FusionBlock({ channels, isDeepest: level === 3 }, weights.at('blocks').at(level)),
    );
  }

  /** 4 × [B, sH, sW, C], s = 4, 2, 1, ½ → [B, 8H, 8W, C] */
  forward(maps: FeatureMaps): Tensor {
    const fused = this.beforeLastResize(maps);
    return bilinearResize(fused, doubled(fused), { alignCorners: true }).named('fused_1');
  }

  /** The same but for the last resize, which the head reads through. → [B, 4H, 4W, C] */
  beforeLastResize(maps: FeatureMaps): Tensor {
    const [block1, block2, block3, block4] = this.blocks;
    const [map1, map2, map3, map4] = maps;
    // To the size of the next map rather than by two, as the released models do: odd grids work.
    const fused4 = block4.forward(undefined, map4, sizeOf(map3)).named('fused_4');
    const fused3 = block3.forward(fused4, map3, sizeOf(map2)).named('fused_3');
    const fused2 = block2.forward(fused3, map2, sizeOf(map1)).named('fused_2');
    return block1.beforeResize(fused2, map1);
  }
}

/** Sides of a map of twice the size. */
export const doubled = (map: Tensor): [number, number] => [2 * map.shape[1]!, 2 * map.shape[2]!];

const sizeOf = (map: Tensor): [number, number] => [map.shape[1]!, map.shape[2]!];

/** One Fusion block: y = RCU₂(previous + RCU₁(map)), resized and projected. */
export class FusionBlock {
  /** Undefined at the deepest level, which has nothing to add to; the released files hold unused weights for it. */
  readonly residual1: ResidualConvUnit | undefined;
  readonly residual2: ResidualConvUnit;
  readonly project: Conv2d;

  constructor(config: { channels: number; isDeepest: boolean }, weights: Weights) {
    const { channels, isDeepest } = config;
    this.residual1 = isDeepest
      ? undefined
      : new ResidualConvUnit(channels, weights.at('residual1'));
    this.residual2 = new ResidualConvUnit(channels, weights.at('residual2'));
    this.project = new Conv2d({ in: channels, out: channels, kernel: 1 }, weights.at('project'));
  }

  /** previous and map [B, h, w, C] → [B, H, W, C] */
  forward(previous: Tensor | undefined, map: Tensor, size: [H: number, W: number]): Tensor {
    return bilinearResize(this.beforeResize(previous, map), size, { alignCorners: true });
  }

  /** previous and map [B, h, w, C] → [B, h, w, C] */
  beforeResize(previous: Tensor | undefined, map: Tensor): Tensor {
    const sum = previous && this.residual1 ? add(this.residual1.forward(map), previous) : map;
    const refined = this.residual2.forward(sum); // [B, h, w, C]
    // The models resize first; a bilinear sample's weights sum to 1, so a 1×1 convolution commutes with it
    // and costs a quarter here.
    return this.project.forward(refined, { dtype: 'f32' });
  }
}

/** RCU(x) = x + conv2(ReLU(conv1(ReLU(x)))): pre-activation, and the skip adds x as it came. */
export class ResidualConvUnit {
  readonly conv1: Conv2d;
  readonly conv2: Conv2d;

  constructor(channels: number, weights: Weights) {
    const config = { in: channels, out: channels, kernel: 3 };
    this.conv1 = new Conv2d(config, weights.at('conv1'));
    this.conv2 = new Conv2d(config, weights.at('conv2'));
  }

  /** x [B, H, W, C] → [B, H, W, C] */
  forward(x: Tensor): Tensor {
    const inner = this.conv1.forward(x, { preRelu: true, dtype: 'f32' });
    return this.conv2.forward(inner, { preRelu: true, addTo: x });
  }
}
