/** What is being done and how far it is: drawn over itself on a terminal, nothing elsewhere. */
export interface Progress {
  report(what: string, done: number, total: number): void;
  /** Takes the line away, so that something else can be printed. */
  clear(): void;
}

export const noProgress: Progress = { report() {}, clear() {} };

/** Redrawing costs more than the work it reports on, so not more often than this. */
const INTERVAL_MS = 100;

interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export function progressOn(stream: Terminal): Progress {
  if (!stream.isTTY) return noProgress;
  let drawn = false;
  let last = 0;
  const clear = (): void => {
    if (drawn) stream.write('\r\x1b[K');
    drawn = false;
  };
  return {
    clear,
    report(what, done, total) {
      if (done >= total) return clear();
      const now = performance.now();
      if (drawn && now - last < INTERVAL_MS) return;
      last = now;
      drawn = true;
      const percent = Math.floor((100 * done) / total);
      stream.write(`\r\x1b[K${`${what} ${percent} %`.slice(0, (stream.columns ?? 80) - 1)}`);
    },
  };
}
