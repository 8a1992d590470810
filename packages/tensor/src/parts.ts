import type { Context } from './context.ts';
import { pipelineKey, type Step } from './kernel.ts';

/** What a step took when it last ran by itself or in a part; 0 before. Equal steps share one. */
export interface StepTime {
  milliseconds: number;
}

/**
 * The end of the part that begins at a step: steps of about `limit` milliseconds together, at least one. A step that was
 * not timed yet goes alone, so that it is.
 */
export function partEnd(times: readonly StepTime[], from: number, limit: number): number {
  let sum = 0;
  for (let i = from; i < times.length; i++) {
    const { milliseconds } = times[i]!;
    sum += milliseconds;
    if (i > from && (milliseconds === 0 || sum > limit)) return i;
    if (milliseconds === 0) return i + 1;
  }
  return times.length;
}

/** Above this many kinds of steps, those of pictures long gone are forgotten. */
const KINDS = 8192;
const allTimes = new WeakMap<Context, Map<string, StepTime>>();

/** The times of steps, found by pipeline, workgroups and parameters: blocks of a model are alike, and so are recordings. */
export function timesOf(context: Context, steps: readonly Step[]): StepTime[] {
  let times = allTimes.get(context);
  if (!times || times.size > KINDS) {
    times = new Map();
    allTimes.set(context, times);
  }
  const known = times;
  return steps.map((step) => {
    const key = `${pipelineKey(step)} ${step.workgroups} ${new Uint32Array(step.params)}`;
    const time = known.get(key) ?? { milliseconds: 0 };
    known.set(key, time);
    return time;
  });
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
  /** One per step, measured anew here. */
  readonly times: readonly StepTime[];
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
  const { times, limit, signal, submit } = run;
  let done = 0;
  let failure: unknown;
  const finish = (): void => {
    try {
      if (done < times.length) submit(done, times.length);
    } catch (error) {
      failure = error; // this run's, not that of the one who called
    }
    done = times.length;
  };
  const { queue } = context.device;
  // What was queued before must not be counted.
  await context.unlessLost(queue.onSubmittedWorkDone());
  turns.finish = finish;
  try {
    while (done < times.length) {
      signal?.throwIfAborted();
      const from = done;
      const end = partEnd(times, from, limit);
      const begin = performance.now();
      done = end;
      submit(from, end);
      await context.unlessLost(queue.onSubmittedWorkDone());
      // The rest was submitted meanwhile, so the wait says nothing of this part.
      if (done > end) break;
      learn(times.slice(from, end), performance.now() - begin);
    }
  } finally {
    if (turns.finish === finish) turns.finish = undefined;
  }
  if (failure !== undefined) throw failure;
  signal?.throwIfAborted();
}

/** A part's time, given to its steps in proportion to what they took before. */
function learn(part: readonly StepTime[], milliseconds: number): void {
  const expected = part.reduce((sum, time) => sum + time.milliseconds, 0);
  for (const time of new Set(part)) {
    time.milliseconds = expected > 0 ? (time.milliseconds * milliseconds) / expected : milliseconds;
  }
}
