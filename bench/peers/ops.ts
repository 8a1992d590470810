// One matrix product and one convolution of Depth-Anything V2 Small in several engines, on one adapter:
//   node --import tsx bench/peers/ops.ts [ENGINE...]
// Every engine has a process of its own per op, one after the other. GFLOP per second of the clock and of the processor.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { type OpTask, opEngines, shapesOf } from './op_engines.ts';
import { random } from './weights.ts';

const RUNS = 9;
const tasks: readonly OpTask[] = [
  { op: 'matmul', M: 325, N: 1536, K: 384 },
  { op: 'matmul', M: 1024, N: 1024, K: 1024 },
  { op: 'conv2d', side: 72, I: 64, O: 64 },
];

interface OpTimes {
  /** Milliseconds: median of the clock, median and first of processor time. */
  readonly wall: number;
  readonly cpu: number;
  readonly firstCpu: number;
  /** The largest difference from sums in f64, at places all over the result. */
  readonly error: number;
}

const [mode, name, index] = process.argv.slice(2);
if (mode === '--measure') {
  process.send!(await measure(name!, tasks[Number(index)]!));
  process.exit();
}
const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(opEngines);
const unknown = names.find((each) => !(each in opEngines));
if (unknown !== undefined) {
  console.error(`${unknown} is no engine; there are ${Object.keys(opEngines).join(', ')}.`);
  process.exit(2);
}
console.log(
  '| op | engine | GFLOP/s | GFLOP per CPU second | first run, CPU s | max\\|error\\| |\n|---|---|---|---|---|---|',
);
for (const [i, task] of tasks.entries()) {
  for (const engine of names)
    console.log(`| ${[title(task), engine, ...(await row(engine, i))].join(' | ')} |`);
}

async function row(engine: string, task: number): Promise<string[]> {
  const child = fork(import.meta.filename, ['--measure', engine, String(task)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...process.env, MESA_SHADER_CACHE_DISABLE: 'true', __GL_SHADER_DISK_CACHE: '0' },
  });
  const said: string[] = [];
  child.stderr!.on('data', (data) => said.push(String(data)));
  const times = await Promise.race([
    once(child, 'message').then(([message]) => message as OpTimes),
    once(child, 'exit').then(() => undefined),
  ]);
  child.kill();
  if (!times) return [/Error: (.*)/.exec(said.join(''))?.[1] ?? 'failed', '', '', ''];
  const gflop = flopOf(tasks[task]!) / 1e6;
  const { wall, cpu, firstCpu, error } = times;
  return [
    (gflop / wall).toFixed(2),
    (gflop / cpu).toFixed(2),
    (firstCpu / 1000).toFixed(2),
    error.toExponential(1),
  ];
}

async function measure(engine: string, task: OpTask): Promise<OpTimes> {
  const shapes = shapesOf(task);
  const size = (shape: readonly number[]): number =>
    shape.reduce((product, side) => product * side, 1);
  const [x, weight] = [random(size(shapes.x), 1), random(size(shapes.weight), 2)];
  const { run, read } = await opEngines[engine]!(task, x, weight);
  const walls: number[] = [];
  const cpus: number[] = [];
  for (let i = 0; i <= RUNS; i++) {
    const before = process.cpuUsage();
    const start = performance.now();
    await run();
    walls.push(performance.now() - start);
    const { user, system } = process.cpuUsage(before);
    cpus.push((user + system) / 1000);
  }
  const [firstCpu = Number.NaN, ...rest] = cpus;
  const error = errorOf(task, x, weight, await read());
  return { wall: medianOf(walls.slice(1)), cpu: medianOf(rest), firstCpu, error };
}

function errorOf(task: OpTask, x: Float32Array, weight: Float32Array, y: Float32Array): number {
  let largest = 0;
  for (let n = 0; n < 200; n++) {
    const place = (n * 7919) % y.length;
    const error = Math.abs(
      y[place]! -
        (task.op === 'matmul' ? product(task, x, weight, place) : tapped(task, x, weight, place)),
    );
    if (!(error <= largest)) largest = error;
  }
  return largest;
}

function product(
  { N, K }: Extract<OpTask, { op: 'matmul' }>,
  x: Float32Array,
  weight: Float32Array,
  place: number,
): number {
  let sum = 0;
  for (let k = 0; k < K; k++)
    sum += x[Math.floor(place / N) * K + k]! * weight[k * N + (place % N)]!;
  return sum;
}

function tapped(
  { side, I, O }: Extract<OpTask, { op: 'conv2d' }>,
  x: Float32Array,
  weight: Float32Array,
  place: number,
): number {
  const pixel = Math.floor(place / O);
  let sum = 0;
  for (let tap = 0; tap < 9; tap++) {
    const row = Math.floor(pixel / side) + Math.floor(tap / 3) - 1;
    const column = (pixel % side) + (tap % 3) - 1;
    if (row < 0 || column < 0 || row >= side || column >= side) continue;
    for (let i = 0; i < I; i++)
      sum += x[(row * side + column) * I + i]! * weight[(tap * I + i) * O + (place % O)]!;
  }
  return sum;
}

function medianOf(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
}

function flopOf(task: OpTask): number {
  return task.op === 'matmul'
    ? 2 * task.M * task.N * task.K
    : 2 * 9 * task.side ** 2 * task.I * task.O;
}

function title(task: OpTask): string {
  return task.op === 'matmul'
    ? `${task.M} × ${task.K} · ${task.K} × ${task.N}`
    : `3 × 3, ${task.I} → ${task.O}, ${task.side} × ${task.side}`;
}
