/**
 * The promise, or the abort if that comes first. What was queued on the GPU runs to its end either way, where runs go in
 * parts the part under way; overlapping calls may wait for the same work, so one call's abort must not end it for the
 * others.
 */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
