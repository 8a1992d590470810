import type { EncoderConfig } from './encoders/index.ts';
import type { PatchEmbedConfig } from './patch_embed.ts';

/** Which numbers to reproduce where the authors' code and muggled_dpt differ (docs: packages/dpt/README.md). */
export type Preset = 'official' | 'muggled';

/** Models that share an architecture and differ in what their output means or where stages are taken. */
export type Family =
  | 'depth_anything_v1'
  | 'depth_anything_v2'
  | 'depth_anything_v2_metric'
  | 'midas_beit'
  | 'midas_swinv2'
  | 'midas_vit';

/** What the numbers of a depth map mean. */
export type DepthKind =
  /** Inverse depth up to an unknown scale and shift: large is near. */
  | 'relative'
  /** Metres: large is far. */
  | 'metric';

/** Everything that decides the network, read off a checkpoint's keys and shapes. */
export interface DptConfig {
  /** Which checkpoints it came from. */
  readonly family: Family;
  /** Whose code is followed where they differ. */
  readonly preset: Preset;
  /** What the numbers of the map are. */
  readonly depth: DepthKind;
  /** Metres at the far end of a metric head. */
  readonly maxDepth: number | undefined;
  /** Size of the patches and of their features. */
  readonly patchEmbed: PatchEmbedConfig;
  /** Its `kind` says which encoder. */
  readonly encoder: EncoderConfig;
  /** From stages to feature maps. */
  readonly reassemble: {
    /** D per stage, from the finest: channels while resampling. Undefined where stages are a pyramid already. */
    readonly hidden: readonly [number, number, number, number] | undefined;
  };
  /** From four maps to one. */
  readonly fusion: {
    /** C: channels of every fused map. */
    readonly channels: number;
  };
  /** From features to depth: channels behind its first and second convolution. */
  readonly head: {
    readonly hidden: readonly [number, number];
  };
  /** What surrounds the network. */
  readonly image: ImageConfig;
}

/** How a photo becomes the network's input, and a map the photo's size again. */
export interface ImageConfig {
  /** Of red, green and blue, of values 0 to 1; taken off first. */
  readonly mean: readonly [number, number, number];
  /** Of red, green and blue; what is divided by then. */
  readonly std: readonly [number, number, number];
  /** Pixels the model was trained at; the default of `size`. */
  readonly baseSize: number;
  /** Both sides are multiples of this. */
  readonly multiple: number;
  /** Which side of a photo is brought to `size`; see `networkSize`. */
  readonly sizing: Sizing;
  /** How the photo is resized: OpenCV's cubic (official), or PyTorch's antialiased bilinear (muggled). */
  readonly filter: 'cubic' | 'antialiased';
  /** How the depth map is resized to the photo. */
  readonly depthFilter: 'bilinear' | 'bilinear_align_corners' | 'bicubic';
}

/**
 * How the network's input size follows from a photo's.
 * `lower_bound`: the shorter side becomes `size`, neither less (Depth-Anything). `minimal`: the side that needs less
 * scaling does (MiDaS BEiT). `exact`: `size` × `size` always (MiDaS SwinV2). `longer_side`: the longer side does,
 * stretched to a square unless the aspect is kept (muggled_dpt).
 */
export type Sizing = 'lower_bound' | 'minimal' | 'exact' | 'longer_side';
