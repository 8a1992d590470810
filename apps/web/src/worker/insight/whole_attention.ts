import type { AttentionQuery, InsightFacts } from './insight_calls.ts';
import { weightsName } from './insight_plan.ts';
import { type PreparedRun, readTensors } from './prepared_run.ts';
import { attended, meanOfHeads } from './tensor_maps.ts';

/**
 * Attention over the whole picture. The encoder runs for the weights of one block, which stay on the host until another is
 * asked for; of all blocks only the mean over their heads is kept.
 */
export class WholeAttention {
  /** Of the means of all blocks. */
  readonly bytes: number;
  readonly #prepared: PreparedRun;
  readonly #heads: number;
  readonly #tokens: number;
  readonly #means = new Map<number, Float32Array>();
  #weights: { readonly block: number; readonly values: Float32Array } | undefined;

  constructor(prepared: PreparedRun, { heads, tokens }: NonNullable<InsightFacts['attention']>) {
    this.#prepared = prepared;
    this.#heads = heads;
    this.#tokens = tokens;
    this.bytes = 4 * tokens * tokens * prepared.facts.blocks.length;
  }

  /** Of the weights of a block while they are read. */
  bytesOf(_block: number): number {
    return 4 * this.#heads * this.#tokens * this.#tokens;
  }

  /** Blocks whose mean is not here yet. */
  get missing(): readonly number[] {
    return [...this.#prepared.facts.blocks.keys()].filter((block) => !this.#means.has(block));
  }

  /** Runs the encoder for the means of some blocks. */
  async read(blocks: readonly number[]): Promise<void> {
    const weights = await this.#read(blocks);
    blocks.forEach((block, i) => {
      this.#means.set(block, meanOfHeads(weights[i]!, this.#heads, this.#tokens * this.#tokens));
    });
  }

  /** What the patch attends to, or what attends to it: [heads, N]. */
  async attended({ block, token, column }: AttentionQuery): Promise<Float32Array<ArrayBuffer>> {
    if (this.#weights?.block !== block) {
      const [values] = await this.#read([block]);
      this.#weights = { block, values: values! };
    }
    return attended(this.#weights.values, this.#heads, this.#tokens, token, column);
  }

  /** The mean over the heads in every block: N numbers each, block after block. */
  async means(token: number, column: boolean): Promise<Float32Array<ArrayBuffer>> {
    const N = this.#tokens;
    const out = new Float32Array(this.#means.size * N);
    for (const [block, mean] of this.#means)
      out.set(attended(mean, 1, N, token, column), block * N);
    return out;
  }

  /** [heads, N, N] of each */
  async #read(blocks: readonly number[]): Promise<Float32Array[]> {
    const names = blocks.map((block) => weightsName(this.#prepared.facts.blocks[block] ?? ''));
    const read = await readTensors(this.#prepared, names, { attentionWeights: true });
    return read.map(({ data }) => data);
  }
}
