import { type DPTModel, Swinv2Encoder } from '@dpt-webgpu/dpt';
import { defineKernel, slice, softmax, type Tensor } from '@dpt-webgpu/tensor';
import scoresShader from '../shaders/window_attention_scores.wgsl?raw';
import type { AttentionQuery, BlockWindows } from './insight_calls.ts';
import { type PreparedRun, readTensors } from './prepared_run.ts';
import { type HostTensor, meanOfHeads } from './tensor_maps.ts';
import { type WindowPlace, windowPlace } from './window_place.ts';

const scoresKernel = defineKernel('window_attention_scores', {
  source: scoresShader,
  reads: ['qkv', 'table', 'logit_scale'],
  writes: ['y'],
  params: {
    heads: 'u32',
    d4: 'u32',
    window_h: 'u32',
    window_w: 'u32',
    seam_h: 'u32',
    seam_w: 'u32',
    first: 'u32',
    queries: 'u32',
  },
});

export interface WindowWeightsOptions {
  readonly heads: number;
  readonly window: readonly [rows: number, columns: number];
  readonly seam: readonly [rows: number, columns: number];
  /** [(2h − 1)(2w − 1), heads] */
  readonly table: Tensor;
  /** The logarithm of σ, one per head. */
  readonly logitScale: Tensor;
  /** One query alone. Default: all of the window. */
  readonly query?: number | undefined;
}

/**
 * What the fused window attention never stores, by the book: softmax(σ · cos(q, k) + bias + mask) in one window.
 *   qkv [h·w, 3F], as the tokens stand in the window → [heads, queries, h·w]
 */
export function windowWeights(
  qkv: Tensor,
  { heads, window, seam, table, logitScale, query }: WindowWeightsOptions,
): Tensor {
  const [A, F3] = qkv.dims('A 3F') as [number, number];
  const queries = query === undefined ? A : 1;
  return qkv.context.scope(() => {
    const scores = qkv.context.empty([heads, queries, A], 'f32', 'window scores');
    scoresKernel.dispatch(
      { qkv, table, logit_scale: logitScale, y: scores },
      {
        params: {
          heads,
          d4: F3 / 3 / heads / 4,
          window_h: window[0],
          window_w: window[1],
          seam_h: seam[0],
          seam_w: seam[1],
          first: query ?? 0,
          queries,
        },
        workgroups: Math.ceil(scores.size / 64),
      },
    );
    return softmax(scores);
  });
}

/** How the blocks of an encoder cut their grids; undefined where they attend over the whole picture. */
export function blockWindows(
  { encoder }: DPTModel,
  [rows, columns]: readonly [number, number],
): readonly BlockWindows[] | undefined {
  if (!(encoder instanceof Swinv2Encoder)) return undefined;
  return encoder.stages.flatMap((stage, level) =>
    stage.windowsOn([rows / 2 ** level, columns / 2 ** level]).map((cut, index) => ({
      ...cut,
      stage: level,
      index,
      heads: stage.blocks[0]!.attention.heads,
    })),
  );
}

/**
 * Attention within windows, patch by patch. The encoder runs once for what a block attends with, q, k and v of all its
 * tokens, which stays on the host; the window in question is weighted on the GPU when it is asked for.
 */
export class WindowAttentions {
  /** Of q, k and v of all blocks. */
  readonly bytes: number;
  readonly #prepared: PreparedRun;
  readonly #blocks: readonly BlockWindows[];
  readonly #qkv = new Map<number, HostTensor>();

  constructor(prepared: PreparedRun, blocks: readonly BlockWindows[]) {
    this.#prepared = prepared;
    this.#blocks = blocks;
    this.bytes = blocks.reduce((sum, _, block) => sum + this.bytesOf(block), 0);
  }

  bytesOf(block: number): number {
    const { tensors } = this.#prepared.facts;
    const { shape } = tensors.find(({ name }) => name === this.#nameOf(block))!;
    return 4 * shape.reduce((a, b) => a * b);
  }

  /** Blocks whose q, k and v are not here yet. */
  get missing(): readonly number[] {
    return [...this.#blocks.keys()].filter((block) => !this.#qkv.has(block));
  }

  /** Runs the encoder for some blocks. */
  async read(blocks: readonly number[]): Promise<void> {
    const read = await readTensors(
      this.#prepared,
      blocks.map((block) => this.#nameOf(block)),
      {},
    );
    blocks.forEach((block, i) => {
      this.#qkv.set(block, read[i]!);
    });
  }

  /** What the patch attends to in its window, or what attends to it: [heads, h·w]. `alone`: other blocks are forgotten. */
  async attended(
    { block, token, column }: AttentionQuery,
    alone: boolean,
  ): Promise<Float32Array<ArrayBuffer>> {
    if (!this.#qkv.has(block)) {
      if (alone) this.#qkv.clear();
      await this.read([block]);
    }
    const { grid } = this.#blocks[block]!;
    const weights = this.#weigh(block, Math.floor(token / grid[1]), token % grid[1], column);
    try {
      return Float32Array.from(await weights.read());
    } finally {
      weights.dispose();
    }
  }

  /** The mean over the heads in every block, for a patch of the finest grid: h·w numbers each, block after block. */
  async means(token: number, column: boolean): Promise<Float32Array<ArrayBuffer>> {
    const [, columns] = this.#blocks[0]!.grid;
    const weights = this.#blocks.map(({ stage }, block) => {
      const at = (place: number): number => Math.floor(place / 2 ** stage);
      return this.#weigh(block, at(Math.floor(token / columns)), at(token % columns), column);
    });
    try {
      const read = await Promise.all(weights.map((tensor) => tensor.read()));
      const means = read.map((values, block) => {
        const { heads } = this.#blocks[block]!;
        return meanOfHeads(values, heads, values.length / heads);
      });
      const out = new Float32Array(means.reduce((sum, { length }) => sum + length, 0));
      let to = 0;
      for (const mean of means) {
        out.set(mean, to);
        to += mean.length;
      }
      return out;
    } finally {
      for (const tensor of weights) tensor.dispose();
    }
  }

  #nameOf(block: number): string {
    return `${this.#prepared.facts.blocks[block]}.attention.qkv`;
  }

  /** [heads, h·w] of the window that holds the patch */
  #weigh(block: number, row: number, column: number, byColumn: boolean): Tensor {
    const cut = this.#blocks[block]!;
    const { model, gpu } = this.#prepared.opened;
    const { heads, window } = cut;
    const { logitScale, positionBias } = (model.encoder as Swinv2Encoder).stages[cut.stage]!.blocks[
      cut.index
    ]!.attention;
    const place = windowPlace(cut, row, column);
    const { at, seam } = place;
    const A = place.tokens.length;
    return gpu.context.scope(() => {
      const qkv = gpu.context.tensor(...rowsOf(this.#qkv.get(block)!, place));
      const table = positionBias.forward(window);
      const query = byColumn ? undefined : at;
      const weights = windowWeights(qkv, { heads, window, seam, table, logitScale, query });
      const chosen = byColumn ? slice(weights, { axis: 2, from: at, to: at + 1 }) : weights;
      return chosen.reshape([heads, A]);
    });
  }
}

/** The rows of q, k and v that belong to a window. */
function rowsOf({ shape, data }: HostTensor, { tokens }: WindowPlace) {
  const F3 = shape.at(-1)!;
  const rows = new Float32Array(tokens.length * F3);
  tokens.forEach((token, i) => {
    rows.set(data.subarray(token * F3, (token + 1) * F3), i * F3);
  });
  return [rows, [tokens.length, F3]] as const;
}
