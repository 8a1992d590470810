import type { Context } from './context.ts';

/**
 * Consecutive steps as runs of about `limit` milliseconds, at least one step each: their ends, in order. Steps that were
 * not timed yet (0) go alone, so that the first time through times all of them.
 */
export function partEnds(milliseconds: readonly number[], limit: number): number[] {
  const ends: number[] = [];
  let sum = 0;
  milliseconds.forEach((time, i) => {
    const isAlone = time === 0 || milliseconds[i - 1] === 0;
    if (i > 0 && (isAlone || sum + time > limit)) {
      ends.push(i);
      sum = 0;
    }
    sum += time;
  });
  if (milliseconds.length > 0) ends.push(milliseconds.length);
  return ends;
}

interface Turns {
  /** Resolves when the last run so far that goes in parts is over. */
  last: Promise<unknown>;
  /** Submits what is left of the run under way, without waiting. */
  finish: (() => void) | undefined;
}

const allTurns = new WeakMap<Context, Turns>();

function turnsOf(context: Context): Turns {
  let turns = allTurns.get(context);
  if (!turns) {
    turns = { last: Promise.resolve(), finish: undefined };
    allTurns.set(context, turns);
  }
  return turns;
}

/**
 * Recordings of a context share memory, so one that runs in parts must end before another begins. This waits for its
 * turn among those who call it, and holds it until the task is over: also over reading the outputs, where it does that.
 */
export function inTurn<T>(context: Context, task: () => Promise<T>): Promise<T> {
  const turns = turnsOf(context);
  const result = turns.last.then(task);
  turns.last = result.catch(() => {});
  return result;
}

/** For runs that do not wait for a turn: what another has left to do is submitted at once. */
export function finishParts(context: Context): void {
  const turns = allTurns.get(context);
  const finish = turns?.finish;
  if (turns) turns.finish = undefined;
  finish?.();
}

export interface PartsRun {
  /** Milliseconds that each step took; 0 where that is not known yet. Measured anew here. */
  readonly milliseconds: number[];
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
  /** Encodes and submits steps from `from` to before `to`. */
  readonly submit: (from: number, to: number) => void;
}

/**
 * Submits the steps part by part, waiting for each, and looks at the signal between them. What is queued meanwhile by
 * `finishParts` is not waited for part by part.
 */
export async function runParts(context: Context, run: PartsRun): Promise<void> {
  const turns = turnsOf(context);
  const { milliseconds, limit, signal, submit } = run;
  let done = 0;
  let failure: unknown;
  const finish = (): void => {
    try {
      if (done < milliseconds.length) submit(done, milliseconds.length);
    } catch (error) {
      failure = error; // this run's, not that of the one who called
    }
    done = milliseconds.length;
  };
  const { queue } = context.device;
  // What was queued before must not be counted.
  await context.unlessLost(queue.onSubmittedWorkDone());
  turns.finish = finish;
  try {
    for (const end of partEnds(milliseconds, limit)) {
      signal?.throwIfAborted();
      if (done >= end) break;
      const from = done;
      const begin = performance.now();
      done = end;
      submit(from, end);
      await context.unlessLost(queue.onSubmittedWorkDone());
      if (done > end) break;
      const time = performance.now() - begin;
      const expected = milliseconds.slice(from, end).reduce((sum, each) => sum + each, 0);
      for (let i = from; i < end; i++) {
        milliseconds[i] = expected > 0 ? (milliseconds[i]! * time) / expected : time;
      }
    }
  } finally {
    if (turns.finish === finish) turns.finish = undefined;
  }
  if (failure !== undefined) throw failure;
  signal?.throwIfAborted();
}
