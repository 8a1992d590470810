// What asyncCallsOf is tried on.

export async function bad(): Promise<void> {}

export async function good({ signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
  signal?.throwIfAborted();
}

export async function* pieces(): AsyncGenerator<number> {}

export function notAwaited(): number {
  return 1;
}

export class Some {
  static async make(_: { readonly signal?: AbortSignal }): Promise<Some> {
    return new Some();
  }
  async bad(): Promise<void> {
    await this.#hidden();
  }
  async #hidden(): Promise<void> {}
}

export interface Thing {
  bad(): Promise<void>;
}

/** The caller's functions are not ours. */
export interface ThingOptions {
  readonly fetch: () => Promise<void>;
}
