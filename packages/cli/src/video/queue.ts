/**
 * The same items, of which up to `limit` are made before they are asked for: whoever makes them works while others do,
 * and waits when it is too far ahead.
 */
export async function* ahead<T>(source: AsyncIterable<T>, limit: number): AsyncGenerator<T> {
  const items: T[] = [];
  const state = { ended: false, stopped: false, error: undefined as unknown, failed: false };
  let wake = (): void => {};
  const change = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  const filling = (async () => {
    try {
      for await (const item of source) {
        items.push(item);
        wake();
        while (items.length >= limit && !state.stopped) await change();
        if (state.stopped) return;
      }
    } catch (error) {
      Object.assign(state, { failed: true, error });
    } finally {
      state.ended = true;
      wake();
    }
  })();
  try {
    for (;;) {
      while (items.length === 0 && !state.ended) await change();
      if (items.length === 0) break;
      const item = items.shift()!;
      wake();
      yield item;
    }
    if (state.failed) throw state.error;
  } finally {
    state.stopped = true;
    wake();
    await filling;
  }
}

/** The newest item whenever one is asked for; those that nobody was in time for are dropped. For cameras. */
export async function* newest<T>(source: AsyncIterable<T>, onDrop: () => void): AsyncGenerator<T> {
  const state = {
    item: undefined as { readonly value: T } | undefined,
    ended: false,
    stopped: false,
  };
  let failure: { readonly error: unknown } | undefined;
  let wake = (): void => {};
  const filling = (async () => {
    try {
      for await (const value of source) {
        if (state.stopped) return;
        if (state.item) onDrop();
        state.item = { value };
        wake();
      }
    } catch (error) {
      failure = { error };
    } finally {
      state.ended = true;
      wake();
    }
  })();
  try {
    for (;;) {
      while (!state.item && !state.ended) await new Promise<void>((resolve) => (wake = resolve));
      const { item } = state;
      if (!item) break;
      state.item = undefined;
      yield item.value;
    }
    if (failure) throw failure.error;
  } finally {
    state.stopped = true;
    await filling;
  }
}

/** Starts the work on the next items before the result of the first has arrived; results come in order. */
export async function* overlapped<T, R>(
  source: AsyncIterable<T>,
  work: (item: T) => Promise<R>,
  inFlight = 2,
): AsyncGenerator<R> {
  const begun: Promise<R>[] = [];
  try {
    for await (const item of source) {
      const result = work(item);
      // It is awaited later; until then a failure is not unhandled.
      result.catch(() => {});
      begun.push(result);
      if (begun.length >= inFlight) yield await begun.shift()!;
    }
    while (begun.length > 0) yield await begun.shift()!;
  } finally {
    await Promise.allSettled(begun);
  }
}
