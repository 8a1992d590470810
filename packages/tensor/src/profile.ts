import { type Context, usage } from './context.ts';

/** Time of one step on the GPU. */
export interface ProfileRow {
  /** `linear encoder.blocks.3.mlp.fc1`: the op and the module it worked for. */
  readonly label: string;
  /** By the clock of the profile. */
  readonly milliseconds: number;
}

/** Time per step, and sums of it. */
export class Profile {
  readonly rows: readonly ProfileRow[];
  /** `gpu`: timestamps written by the device. `wall`: time of a submission of one step, waits included. */
  readonly clock: 'gpu' | 'wall';

  constructor(rows: readonly ProfileRow[], clock: 'gpu' | 'wall') {
    this.rows = rows;
    this.clock = clock;
  }

  /** Milliseconds of all steps. */
  get total(): number {
    return this.rows.reduce((sum, row) => sum + row.milliseconds, 0);
  }

  /** Sums by op: `linear`, `attention`, … Largest first. */
  byOp(): Map<string, number> {
    return this.#sum((label) => label.split(' ')[0]!);
  }

  /** Sums by the first `depth` parts of the module's name: 1 gives the boxes of figure 1. */
  byModule(depth = 1): Map<string, number> {
    return this.#sum((label) => (label.split(' ')[1] ?? '').split('.').slice(0, depth).join('.'));
  }

  #sum(keyOf: (label: string) => string): Map<string, number> {
    const sums = new Map<string, number>();
    for (const { label, milliseconds } of this.rows) {
      const key = keyOf(label);
      sums.set(key, (sums.get(key) ?? 0) + milliseconds);
    }
    return new Map([...sums].sort((a, b) => b[1] - a[1]));
  }
}

interface TimedCall {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: readonly [number, number];
  readonly label: string;
}

/** Runs the calls in order, each in a pass of its own, and times them. */
export function measure(
  context: Context,
  calls: readonly TimedCall[],
  signal?: AbortSignal,
): Promise<Profile> {
  const { timestamps } = context.capabilities;
  return timestamps ? byTimestamps(context, calls) : byWall(context, calls, signal);
}

function encode(
  encoder: GPUCommandEncoder,
  call: TimedCall,
  timestampWrites?: GPUComputePassTimestampWrites,
): void {
  const pass = encoder.beginComputePass({
    label: call.label,
    ...(timestampWrites ? { timestampWrites } : {}),
  });
  if (call.workgroups[0] > 0) {
    pass.setPipeline(call.pipeline);
    pass.setBindGroup(0, call.group);
    pass.dispatchWorkgroups(...call.workgroups);
  }
  pass.end();
}

async function byTimestamps(context: Context, calls: readonly TimedCall[]): Promise<Profile> {
  const { device } = context;
  const PER_SET = 2048; // a query set holds at most 4096 timestamps
  const rows: ProfileRow[] = [];
  for (let start = 0; start < calls.length; start += PER_SET) {
    const part = calls.slice(start, start + PER_SET);
    const QUERY_RESOLVE = 0x200; // GPUBufferUsage.QUERY_RESOLVE
    const resolved = context.createBuffer(
      part.length * 16,
      QUERY_RESOLVE | usage.copySrc,
      'staging',
      'timestamps',
    );
    const querySet = device.createQuerySet({ type: 'timestamp', count: part.length * 2 });
    try {
      const encoder = device.createCommandEncoder({ label: 'profile' });
      part.forEach((call, i) => {
        encode(encoder, call, {
          querySet,
          beginningOfPassWriteIndex: i * 2,
          endOfPassWriteIndex: i * 2 + 1,
        });
      });
      encoder.resolveQuerySet(querySet, 0, part.length * 2, resolved, 0);
      device.queue.submit([encoder.finish()]);
      const bytes = await context.download(resolved, part.length * 16, 'timestamps');
      const times = new BigUint64Array(bytes.buffer);
      part.forEach((call, i) => {
        const nanoseconds = Number(times[i * 2 + 1]! - times[i * 2]!);
        rows.push({ label: call.label, milliseconds: Math.max(nanoseconds, 0) / 1e6 });
      });
    } finally {
      querySet.destroy();
      context.destroyBuffer(resolved);
    }
  }
  return new Profile(rows, 'gpu');
}

async function byWall(
  context: Context,
  calls: readonly TimedCall[],
  signal: AbortSignal | undefined,
): Promise<Profile> {
  const { queue } = context.device;
  const rows: ProfileRow[] = [];
  await context.unlessLost(queue.onSubmittedWorkDone());
  for (const call of calls) {
    signal?.throwIfAborted();
    const start = performance.now();
    const encoder = context.device.createCommandEncoder({ label: 'profile' });
    encode(encoder, call);
    queue.submit([encoder.finish()]);
    await context.unlessLost(queue.onSubmittedWorkDone());
    rows.push({ label: call.label, milliseconds: performance.now() - start });
  }
  return new Profile(rows, 'wall');
}
