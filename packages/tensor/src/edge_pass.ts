import { type Context, usage } from './context.ts';
import { disposeSymbol } from './dispose_symbol.ts';
import { DptError } from './errors.ts';
import { bindGroupOf, pipelinesOf, type Step } from './kernel.ts';
import type { Storage } from './storage.ts';
import { Tensor } from './tensor.ts';

/** What a kernel of an edge pass is bound to in one frame. A tensor stands for a read that the step left open. */
export type EdgeResource = GPUTexture | GPUTextureView | GPUExternalTexture | Tensor;

/**
 * A compute pass of one dispatch at the edge of a recording, where pictures come in and maps go out: its textures, and the
 * reads that were left open, are given anew for each frame. Everything else is made once, so a frame allocates at most
 * a bind group.
 */
export class EdgePass {
  readonly #context: Context;
  readonly #step: Step;
  readonly #parameters: GPUBuffer;
  readonly #held: readonly Storage[];
  /** By texture; a frame of a film comes once and is not remembered. */
  readonly #groups = new WeakMap<object, GPUBindGroup>();
  #disposed = false;

  /** Holds the tensors of the step until `dispose`. */
  constructor(context: Context, step: Step) {
    this.#context = context;
    this.#step = step;
    this.#parameters = context.createBuffer(
      Math.max(step.params.byteLength, 16),
      usage.uniform | usage.copyDst,
      'parameters',
      step.label,
    );
    if (step.params.byteLength) context.upload(this.#parameters, new Uint8Array(step.params));
    this.#held = [...step.reads, ...step.writes].flatMap((tensor) => tensor?.storage ?? []);
    for (const storage of this.#held) storage.retain();
  }

  /** Compiles, so that the first `encode` does not wait. */
  compile(): Promise<void> {
    return this.#context.unlessLost(pipelinesOf(this.#context).compile(this.#step));
  }

  /** Adds the pass to an encoder of the caller, who submits it. The resources stay the caller's. */
  encode(encoder: GPUCommandEncoder, ...resources: readonly EdgeResource[]): void {
    if (this.#disposed) throw new DptError('disposed', `${this.#step.label}: disposed.`);
    const { workgroups, label } = this.#step;
    const [first] = resources;
    let group = first && resources.length === 1 ? this.#groups.get(first) : undefined;
    if (!group) {
      group = this.#bind(resources);
      if (resources.length === 1 && isTexture(first)) this.#groups.set(first, group);
    }
    const pass = encoder.beginComputePass({ label });
    pass.setPipeline(pipelinesOf(this.#context).get(this.#step));
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(workgroups[0], workgroups[1]);
    pass.end();
  }

  #bind(resources: readonly EdgeResource[]): GPUBindGroup {
    const tensors = resources.filter((resource) => resource instanceof Tensor);
    const textures = resources.flatMap((resource) =>
      resource instanceof Tensor ? [] : [isTexture(resource) ? flatView(resource) : resource],
    );
    const reads = this.#step.reads.map((tensor) => tensor ?? tensors.shift());
    return bindGroupOf(
      this.#context,
      { ...this.#step, reads },
      (tensor) => tensor.buffer,
      { buffer: this.#parameters },
      textures,
    );
  }

  /** Idempotent. What was encoded before still runs if it was submitted. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#context.destroyBuffer(this.#parameters);
    for (const storage of this.#held) storage.unretain();
  }

  [disposeSymbol](): void {
    this.dispose();
  }
}

/** Views and external textures have no sides of their own. */
export const isTexture = (resource: EdgeResource | undefined): resource is GPUTexture =>
  resource !== undefined && 'createView' in resource;

/** The largest level of the first layer: what a `texture_2d` is bound to. */
const flatView = (texture: GPUTexture): GPUTextureView =>
  texture.createView({ dimension: '2d', mipLevelCount: 1, arrayLayerCount: 1 });
