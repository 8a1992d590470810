import { EngineError } from '../protocol.ts';
import { agreement, laidOver, type PlacedTensor } from './difference.ts';
import type { ReferenceFacts, Shown, TensorFacts } from './insight_calls.ts';

/** A tensor of one run, and which run that was. */
export interface BrowsedTensor extends PlacedTensor, ReferenceFacts {}

/** The tensor that later ones are compared with: of another photo, size, precision or model. It stays on the host. */
export class TensorReference {
  #kept: BrowsedTensor | undefined;
  /** Of the last tensor that was compared. */
  #last: { readonly data: Float32Array; readonly over: Float32Array | string } | undefined;

  keep(tensor: BrowsedTensor | undefined): void {
    this.#kept = tensor;
    this.#last = undefined;
  }

  compared(tensor: BrowsedTensor): Pick<TensorFacts, 'reference' | 'compared'> {
    if (!this.#kept) return { reference: undefined, compared: undefined };
    const { name, shape, dtype, model, photo, width, height } = this.#kept;
    const over = this.#over(tensor);
    return {
      reference: { name, shape, dtype, model, photo, width, height },
      compared: typeof over === 'string' ? over : agreement(tensor.data, over),
    };
  }

  /** Throws where nothing was kept, and where the reference cannot be laid over the tensor. */
  shown(tensor: BrowsedTensor, shown: Shown): PlacedTensor {
    if (shown === 'tensor') return tensor;
    const kept = this.#kept;
    if (!kept) throw new EngineError({ code: 'failed', message: 'No reference was kept.' });
    if (shown === 'reference') return kept;
    const over = this.#over(tensor);
    if (typeof over === 'string') throw new EngineError({ code: 'failed', message: over });
    return { ...tensor, data: tensor.data.map((value, i) => value - over[i]!) };
  }

  #over(tensor: BrowsedTensor): Float32Array | string {
    if (this.#last?.data !== tensor.data) {
      this.#last = { data: tensor.data, over: laidOver(tensor, this.#kept!) };
    }
    return this.#last.over;
  }
}
