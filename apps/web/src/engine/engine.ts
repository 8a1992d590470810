import { Store } from '../store.ts';
import type { Calls, Events } from '../worker/calls.ts';
import type { GpuState } from '../worker/gpu.ts';
import type { ModelInfo, ModelState } from '../worker/model_calls.ts';
import { EngineError, type FromWorker, type ToWorker } from '../worker/protocol.ts';

export interface CallOptions<Progress> {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: Progress) => void;
  /** Objects in the parameters that move to the worker. */
  readonly transfer?: readonly Transferable[];
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: EngineError) => void;
  readonly onProgress: ((progress: never) => void) | undefined;
}

/** The page's end of the worker: calls with results, and the latest state of the device and the model. */
export class Engine {
  readonly gpu = new Store<GpuState>({ state: 'opening' });
  readonly model = new Store<ModelState>({ state: 'none' });
  /** Of the last run of the model in use: milliseconds, and the size that it was asked for. */
  speed: { readonly time: number; readonly size: number } | undefined;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  constructor() {
    this.#worker = new Worker(new URL('../worker/worker.ts', import.meta.url), {
      type: 'module',
      name: 'dpt-webgpu',
    });
    this.#worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) =>
      this.#take(data),
    );
    this.#worker.addEventListener('error', ({ message }) => {
      const failure = { code: 'failed', message: message || 'The worker did not start.' } as const;
      this.gpu.set({ state: 'failed', failure });
      for (const { reject } of this.#pending.values()) reject(new EngineError(failure));
      this.#pending.clear();
    });
  }

  /** Asks the worker for something. Rejects with an `EngineError`. */
  call<K extends keyof Calls>(
    name: K,
    params: Calls[K]['params'],
    { signal, onProgress, transfer = [] }: CallOptions<Calls[K]['progress']> = {},
  ): Promise<Calls[K]['result']> {
    if (signal?.aborted) return Promise.reject(cancelled());
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const cancel = (): void => this.#send({ kind: 'cancel', id });
      const settle = (): void => signal?.removeEventListener('abort', cancel);
      this.#pending.set(id, {
        resolve: (value) => {
          settle();
          resolve(value as Calls[K]['result']);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
        onProgress,
      });
      signal?.addEventListener('abort', cancel, { once: true });
      this.#send({ kind: 'call', id, name, params }, transfer);
    });
  }

  /** The model in use, if there is one. */
  get info(): ModelInfo | undefined {
    const { value } = this.model;
    return value.state === 'ready' ? value.info : undefined;
  }

  #send(message: ToWorker, transfer: readonly Transferable[] = []): void {
    this.#worker.postMessage(message, [...transfer]);
  }

  #take(message: FromWorker): void {
    if (message.kind === 'event') {
      this.#takeEvent(message.name as keyof Events, message.value);
      return;
    }
    const pending = this.#pending.get(message.id);
    if (!pending) return;
    if (message.kind === 'progress') {
      pending.onProgress?.(message.value as never);
      return;
    }
    this.#pending.delete(message.id);
    if (message.kind === 'result') pending.resolve(message.value);
    else pending.reject(new EngineError(message.failure));
  }

  #takeEvent(name: keyof Events, value: unknown): void {
    if (name === 'gpu') this.gpu.set(value as GpuState);
    else {
      this.speed = undefined;
      this.model.set(value as ModelState);
    }
  }
}

const cancelled = (): EngineError => new EngineError({ code: 'cancelled', message: 'Cancelled.' });

export const isCancelled = (error: unknown): boolean =>
  error instanceof EngineError && error.code === 'cancelled';

/** Nothing to tell: the visitor cancelled it, or the state of the device or of the model says so and their return starts it again. */
export const isSaidElsewhere = ({ code }: EngineError['failure']): boolean =>
  code === 'cancelled' || code === 'device-lost' || code === 'no-model';

/** The failure in anything that was thrown. */
export function failureIn(error: unknown): EngineError['failure'] {
  if (error instanceof EngineError) return error.failure;
  return { code: 'failed', message: error instanceof Error ? error.message : String(error) };
}
