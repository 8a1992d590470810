/** One thing the page can ask of the worker: what it sends, what comes back, what is said on the way. */
export interface Call<Params, Result, Progress = never> {
  readonly params: Params;
  readonly result: Result;
  readonly progress: Progress;
}

/** What a page can do about an error follows from its code; the message is for people. */
export type ErrorCode =
  | 'no-webgpu'
  | 'insecure'
  | 'no-adapter'
  | 'device-lost'
  | 'too-big'
  | 'not-finite'
  | 'no-model'
  | 'no-photo'
  | 'bad-picture'
  | 'bad-model'
  | 'offline'
  | 'storage-full'
  | 'busy'
  | 'cancelled'
  | 'failed';

/** Errors cross the border between worker and page as values. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  /** What to do about it. */
  readonly remedy?: string;
  /** For "Why?": the error as the library gave it, names of tensors, and so on. */
  readonly details?: string;
  /** With `too-big`: sizes in pixels and bytes. */
  readonly size?: SizeProblem;
}

export interface SizeProblem {
  readonly size: number;
  readonly bytes: number;
  readonly available: number;
  /** A size that fits, and what it takes. */
  readonly proposed?: { readonly size: number; readonly bytes: number };
}

/** A failure that is thrown, on either side. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly failure: Failure;

  constructor(failure: Failure, options?: ErrorOptions) {
    super(failure.message, options);
    this.failure = failure;
  }

  get code(): ErrorCode {
    return this.failure.code;
  }
}

export type ToWorker =
  | { readonly kind: 'call'; readonly id: number; readonly name: string; readonly params: unknown }
  | { readonly kind: 'cancel'; readonly id: number };

export type FromWorker =
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: Failure }
  | { readonly kind: 'progress'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'event'; readonly name: string; readonly value: unknown };

/** One call as its handler sees it. */
export interface Job<Progress> {
  readonly signal: AbortSignal;
  readonly progress: (value: Progress) => void;
  /** Objects in the result that move to the page instead of being copied. */
  readonly transfer: (...objects: Transferable[]) => void;
}

/** A map from names to `Call`s. */
export type CallMap<C> = { readonly [K in keyof C]: Call<unknown, unknown, unknown> };

/** What answers the calls of one feature. */
export type Handlers<C extends CallMap<C>> = {
  readonly [K in keyof C]: (
    params: C[K]['params'],
    job: Job<C[K]['progress']>,
  ) => C[K]['result'] | Promise<C[K]['result']>;
};

/** What both ends of the channel are: a Worker on one side, the worker's own scope on the other. */
export interface Port {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
}

/** Answers calls that come through the port. Every call can be cancelled; errors go back as values. */
export function serve<C extends CallMap<C>>(
  port: Port,
  handlers: Handlers<C>,
  failureOf: (error: unknown) => Failure,
): void {
  const running = new Map<number, AbortController>();
  const send = (message: FromWorker, transfer: Transferable[] = []): void =>
    port.postMessage(message, transfer);

  const answer = async (id: number, name: string, params: unknown): Promise<void> => {
    const controller = new AbortController();
    running.set(id, controller);
    const transfer: Transferable[] = [];
    try {
      const handler = Object.hasOwn(handlers, name) ? handlers[name as keyof C] : undefined;
      if (!handler) throw new Error(`The worker knows no call ${name}.`);
      const value = await handler(params, {
        signal: controller.signal,
        progress: (progress) => send({ kind: 'progress', id, value: progress }),
        transfer: (...objects) => transfer.push(...objects),
      });
      send({ kind: 'result', id, value }, transfer);
    } catch (error) {
      const failure: Failure = controller.signal.aborted
        ? { code: 'cancelled', message: 'Cancelled.' }
        : failureOf(error);
      send({ kind: 'failure', id, failure });
    } finally {
      running.delete(id);
    }
  };

  port.addEventListener('message', ({ data }: MessageEvent<ToWorker>) => {
    if (data.kind === 'cancel') running.get(data.id)?.abort();
    else void answer(data.id, data.name, data.params);
  });
}
