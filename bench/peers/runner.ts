// The process of one engine: loads, then runs whenever it is told to, and says how long that took.

import { type Engine, engines, type Task } from './engines.ts';
import { random } from './weights.ts';

export interface Times {
  readonly wall: number;
  /** Processor time of this process, all threads. Milliseconds, as `wall`. */
  readonly cpu: number;
}

export type Order =
  | { readonly do: 'load'; readonly engine: string; readonly task: Task }
  | { readonly do: 'run' };

export type Answer =
  | {
      readonly done: 'load';
      readonly adapter: string;
      readonly times: Times;
      readonly bufferBytes?: number;
    }
  | {
      readonly done: 'run';
      readonly times: Times;
      readonly depth: Float32Array;
      readonly dispatches?: number;
    }
  | { readonly done: 'failed'; readonly message: string };

let engine: Engine | undefined;
let image: Float32Array = new Float32Array();

/** One order at a time: the next one comes after the answer. */
process.on('message', (order: Order) => {
  obey(order)
    .catch(
      (error: unknown): Answer => ({
        done: 'failed',
        message: error instanceof Error ? error.message : String(error),
      }),
    )
    .then((answer) => process.send!(answer));
});
process.on('disconnect', () => process.exit());

async function obey(order: Order): Promise<Answer> {
  if (order.do === 'load') {
    const { task } = order;
    image = random(task.height * task.width * 3, 77);
    const { times, result } = await timed(() => engines[order.engine]!.load(task));
    engine = result;
    const { adapter, counts, cpuElsewhere } = result;
    const cpu = times.cpu + (cpuElsewhere?.() ?? 0);
    return {
      done: 'load',
      adapter,
      times: { ...times, cpu },
      ...(counts ? { bufferBytes: counts.bufferBytes } : {}),
    };
  }
  const { counts, cpuElsewhere } = engine!;
  const before = counts?.dispatches;
  const elsewhere = cpuElsewhere?.() ?? 0;
  const { times, result } = await timed(() => engine!.run(image));
  const cpu = times.cpu + (cpuElsewhere?.() ?? 0) - elsewhere;
  const dispatches = before === undefined ? {} : { dispatches: counts!.dispatches - before };
  return { done: 'run', times: { ...times, cpu }, depth: result, ...dispatches };
}

async function timed<T>(work: () => Promise<T>): Promise<{ times: Times; result: T }> {
  const before = process.cpuUsage();
  const start = performance.now();
  const result = await work();
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  return { times: { wall, cpu: (user + system) / 1000 }, result };
}
