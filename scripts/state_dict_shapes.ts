import type { StateDict, StoredTensor } from '@dpt-webgpu/tensor';

/** Keys, shapes and types of a published file. */
export type Shapes = ReadonlyMap<
  string,
  { readonly shape: readonly number[]; readonly dtype: 'f32' | 'i64' }
>;

export interface PublishedFile {
  /** As the authors call it. */
  readonly file: string;
  readonly shapes: () => Shapes;
}

class Table {
  readonly entries = new Map<string, { shape: readonly number[]; dtype: 'f32' | 'i64' }>();

  add(key: string, ...shape: number[]): void {
    this.entries.set(key, { shape, dtype: 'f32' });
  }

  index(key: string, ...shape: number[]): void {
    this.entries.set(key, { shape, dtype: 'i64' });
  }

  /** A weight and the bias of its first axis, or of `bias` numbers. */
  pair(key: string, shape: readonly number[], bias = shape[0]!): void {
    this.add(`${key}.weight`, ...shape);
    this.add(`${key}.bias`, bias);
  }

  norm(key: string, features: number): void {
    this.pair(key, [features]);
  }

  mlp(key: string, features: number): void {
    this.pair(`${key}.fc1`, [4 * features, features]);
    this.pair(`${key}.fc2`, [features, 4 * features]);
  }
}

type Four = readonly [number, number, number, number];

/** Reassemble's last convolutions and fusion, which all files have, also what the deepest level never uses. */
function scratch(table: Table, prefix: string, channels: Four, fusion: number): void {
  for (const [s, width] of channels.entries()) {
    table.add(`${prefix}layer${s + 1}_rn.weight`, fusion, width, 3, 3);
    for (const unit of [1, 2]) {
      for (const conv of [1, 2]) {
        table.pair(`${prefix}refinenet${s + 1}.resConfUnit${unit}.conv${conv}`, [
          fusion,
          fusion,
          3,
          3,
        ]);
      }
    }
    table.pair(`${prefix}refinenet${s + 1}.out_conv`, [fusion, fusion, 1, 1]);
  }
}

/** Three resamplings: twice up, not at all, down. */
function resampling(table: Table, key: (s: number) => string, [r1, r2, , r4]: Four): void {
  table.pair(key(0), [r1, r1, 4, 4]);
  table.pair(key(1), [r2, r2, 2, 2]);
  table.pair(key(3), [r4, r4, 3, 3]);
}

interface VitSize {
  readonly features: number;
  readonly blocks: number;
  readonly channels: Four;
  readonly fusion: number;
  /** Hidden values of SwiGLU, in place of an MLP's. */
  readonly gated?: number;
}

const vits = { features: 384, blocks: 12, channels: [48, 96, 192, 384], fusion: 64 } as const;
const vitb = { features: 768, blocks: 12, channels: [96, 192, 384, 768], fusion: 128 } as const;
const vitl = { features: 1024, blocks: 24, channels: [256, 512, 1024, 1024], fusion: 256 } as const;
const vitg: VitSize = {
  features: 1536,
  blocks: 40,
  channels: [1536, 1536, 1536, 1536],
  fusion: 384,
  gated: 4096,
};

function depthAnything({ features: C, blocks, channels, fusion: F, gated }: VitSize): Shapes {
  const table = new Table();
  table.add('pretrained.cls_token', 1, 1, C);
  table.add('pretrained.pos_embed', 1, 1 + 37 * 37, C);
  table.add('pretrained.mask_token', 1, C);
  table.pair('pretrained.patch_embed.proj', [C, 3, 14, 14]);
  for (let i = 0; i < blocks; i++) {
    const block = `pretrained.blocks.${i}`;
    table.norm(`${block}.norm1`, C);
    table.pair(`${block}.attn.qkv`, [3 * C, C]);
    table.pair(`${block}.attn.proj`, [C, C]);
    table.add(`${block}.ls1.gamma`, C);
    table.norm(`${block}.norm2`, C);
    if (gated) {
      table.pair(`${block}.mlp.w12`, [2 * gated, C]);
      table.pair(`${block}.mlp.w3`, [C, gated]);
    } else table.mlp(`${block}.mlp`, C);
    table.add(`${block}.ls2.gamma`, C);
  }
  table.norm('pretrained.norm', C);
  for (const [s, width] of channels.entries()) {
    table.pair(`depth_head.projects.${s}`, [width, C, 1, 1]);
  }
  resampling(table, (s) => `depth_head.resize_layers.${s}`, channels);
  scratch(table, 'depth_head.scratch.', channels, F);
  table.pair('depth_head.scratch.output_conv1', [F / 2, F, 3, 3]);
  table.pair('depth_head.scratch.output_conv2.0', [32, F / 2, 3, 3]);
  table.pair('depth_head.scratch.output_conv2.2', [1, 32, 1, 1]);
  return table.entries;
}

function midasHead(table: Table, channels: Four): void {
  scratch(table, 'scratch.', channels, 256);
  table.pair('scratch.output_conv.0', [128, 256, 3, 3]);
  table.pair('scratch.output_conv.2', [32, 128, 3, 3]);
  table.pair('scratch.output_conv.4', [1, 32, 1, 1]);
}

function midasReassemble(table: Table, C: number, channels: Four): void {
  for (const [s, width] of channels.entries()) {
    const steps = `pretrained.act_postprocess${s + 1}`;
    table.pair(`${steps}.0.project.0`, [C, 2 * C]);
    table.pair(`${steps}.3`, [width, C, 1, 1]);
  }
  resampling(table, (s) => `pretrained.act_postprocess${s + 1}.4`, channels);
}

/** `grid` is the side of the patch grid it was trained with. */
function beit({ features: C, blocks, channels }: VitSize, grid: number): Shapes {
  const table = new Table();
  const model = 'pretrained.model';
  table.add(`${model}.cls_token`, 1, 1, C);
  table.pair(`${model}.patch_embed.proj`, [C, 3, 16, 16]);
  for (let i = 0; i < blocks; i++) {
    const block = `${model}.blocks.${i}`;
    table.add(`${block}.gamma_1`, C);
    table.add(`${block}.gamma_2`, C);
    table.norm(`${block}.norm1`, C);
    table.add(`${block}.attn.q_bias`, C);
    table.add(`${block}.attn.v_bias`, C);
    table.add(`${block}.attn.relative_position_bias_table`, (2 * grid - 1) ** 2 + 3, C / 64);
    table.index(`${block}.attn.relative_position_index`, 1 + grid * grid, 1 + grid * grid);
    table.add(`${block}.attn.qkv.weight`, 3 * C, C);
    table.pair(`${block}.attn.proj`, [C, C]);
    table.norm(`${block}.norm2`, C);
    table.mlp(`${block}.mlp`, C);
  }
  table.norm(`${model}.fc_norm`, C);
  table.pair(`${model}.head`, [1000, C]);
  midasReassemble(table, C, channels);
  midasHead(table, channels);
  return table.entries;
}

function midasVit({ features: C, blocks, channels }: VitSize): Shapes {
  const table = new Table();
  const model = 'pretrained.model';
  table.add(`${model}.cls_token`, 1, 1, C);
  table.add(`${model}.pos_embed`, 1, 577, C);
  table.pair(`${model}.patch_embed.proj`, [C, 3, 16, 16]);
  for (let i = 0; i < blocks; i++) {
    const block = `${model}.blocks.${i}`;
    table.norm(`${block}.norm1`, C);
    table.pair(`${block}.attn.qkv`, [3 * C, C]);
    table.pair(`${block}.attn.proj`, [C, C]);
    table.norm(`${block}.norm2`, C);
    table.mlp(`${block}.mlp`, C);
  }
  table.norm(`${model}.norm`, C);
  table.pair(`${model}.head`, [1000, C]);
  midasReassemble(table, C, channels);
  midasHead(table, channels);
  return table.entries;
}

interface SwinSize {
  readonly features: number;
  readonly depths: Four;
  readonly heads: Four;
  readonly window: number;
}

/** The grid is four windows wide, and halves from stage to stage. */
function swinv2({ features, depths, heads, window }: SwinSize): Shapes {
  const table = new Table();
  const model = 'pretrained.model';
  const area = window * window;
  table.pair(`${model}.patch_embed.proj`, [features, 3, 4, 4]);
  table.norm(`${model}.patch_embed.norm`, features);
  for (const [s, depth] of depths.entries()) {
    const C = features * 2 ** s;
    const windows = (4 / 2 ** s) ** 2;
    for (let i = 0; i < depth; i++) {
      const block = `${model}.layers.${s}.blocks.${i}`;
      if (windows > 1 && i % 2 === 1) table.add(`${block}.attn_mask`, windows, area, area);
      table.add(`${block}.attn.logit_scale`, heads[s]!, 1, 1);
      table.add(`${block}.attn.q_bias`, C);
      table.add(`${block}.attn.v_bias`, C);
      table.pair(`${block}.attn.cpb_mlp.0`, [512, 2]);
      table.add(`${block}.attn.cpb_mlp.2.weight`, heads[s]!, 512);
      table.add(`${block}.attn.qkv.weight`, 3 * C, C);
      table.pair(`${block}.attn.proj`, [C, C]);
      table.norm(`${block}.norm1`, C);
      table.mlp(`${block}.mlp`, C);
      table.norm(`${block}.norm2`, C);
    }
    if (s < 3) {
      table.add(`${model}.layers.${s}.downsample.reduction.weight`, 2 * C, 4 * C);
      table.norm(`${model}.layers.${s}.downsample.norm`, 2 * C);
    }
  }
  table.norm(`${model}.norm`, 8 * features);
  table.pair(`${model}.head`, [1000, 8 * features]);
  const channels = [features, 2 * features, 4 * features, 8 * features] as const;
  midasHead(table, channels);
  return table.entries;
}

const sizes = { s: vits, b: vitb, l: vitl };
const letters = ['s', 'b', 'l'] as const;

/** By the short names of `dpt download`. The giant, which cannot be downloaded, as `v2-giant`. */
export const publishedFiles: ReadonlyMap<string, PublishedFile> = new Map(
  [
    ...letters.flatMap((letter) => {
      const size = { s: 'small', b: 'base', l: 'large' }[letter];
      const shapes = (): Shapes => depthAnything(sizes[letter]);
      const v2 = 'depth_anything_v2';
      return [
        { name: `v1-${size}`, file: `depth_anything_vit${letter}14`, shapes },
        { name: `v2-${size}`, file: `${v2}_vit${letter}`, shapes },
        { name: `metric-indoor-${size}`, file: `${v2}_metric_hypersim_vit${letter}`, shapes },
        { name: `metric-outdoor-${size}`, file: `${v2}_metric_vkitti_vit${letter}`, shapes },
      ];
    }),
    {
      name: 'v2-giant',
      file: 'depth_anything_v2_vitg',
      shapes: (): Shapes => depthAnything(vitg),
    },
    {
      name: 'beit-base-384',
      file: 'dpt_beit_base_384',
      shapes: (): Shapes => beit(vitb, 24),
    },
    { name: 'beit-large-384', file: 'dpt_beit_large_384', shapes: (): Shapes => beit(vitl, 24) },
    { name: 'beit-large-512', file: 'dpt_beit_large_512', shapes: (): Shapes => beit(vitl, 32) },
    {
      name: 'swinv2-tiny-256',
      file: 'dpt_swin2_tiny_256',
      shapes: (): Shapes =>
        swinv2({ features: 96, depths: [2, 2, 6, 2], heads: [3, 6, 12, 24], window: 16 }),
    },
    {
      name: 'swinv2-base-384',
      file: 'dpt_swin2_base_384',
      shapes: (): Shapes =>
        swinv2({ features: 128, depths: [2, 2, 18, 2], heads: [4, 8, 16, 32], window: 24 }),
    },
    {
      name: 'swinv2-large-384',
      file: 'dpt_swin2_large_384',
      shapes: (): Shapes =>
        swinv2({ features: 192, depths: [2, 2, 18, 2], heads: [6, 12, 24, 48], window: 24 }),
    },
    { name: 'dpt-large-384', file: 'dpt_large_384', shapes: (): Shapes => midasVit(vitl) },
  ].map(({ name, ...rest }) => [name, rest]),
);

/** A published file without its values: for planning, which reads none. */
export function stateDictOfShapes(name: string): StateDict {
  const { file, shapes } = publishedFiles.get(name)!;
  const tensors = [...shapes()].map(([key, entry]): [string, StoredTensor] => {
    const read = async (): Promise<Uint8Array> => {
      throw new Error(`${key} is a shape without values.`);
    };
    return [key, { ...entry, read }];
  });
  return {
    name: `${file}.pth`,
    metadata: new Map(),
    tensors: new Map(tensors),
    close: async () => {},
  };
}
