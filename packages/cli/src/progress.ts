/** What is being done and how far it is: drawn over itself on a terminal, nothing elsewhere. */
export interface Progress {
  report(what: string, done: number, total: number): void;
  /** A line of one's own, for what has a rate or no end. */
  show(text: string): void;
  /** Takes the line away, so that something else can be printed. */
  clear(): void;
}

export const noProgress: Progress = { report() {}, show() {}, clear() {} };

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
  const show = (text: string): void => {
    const now = performance.now();
    if (drawn && now - last < INTERVAL_MS) return;
    last = now;
    drawn = true;
    stream.write(`\r\x1b[K${text.slice(0, (stream.columns ?? 80) - 1)}`);
  };
  return {
    clear,
    show,
    report(what, done, total) {
      if (done >= total) return clear();
      show(`${what} ${Math.floor((100 * done) / total)} %`);
    },
  };
}
