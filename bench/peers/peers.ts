// One model in several engines, on one adapter, in one run: node --import tsx bench/peers/peers.ts --help
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { requestAdapter } from '@dpt-webgpu/tensor/node';
import { isSwiftShader, unpackSwiftShader } from '../../packages/tensor/src/node/swiftshader.ts';
import { type EngineChoice, engines } from './engines.ts';
import { onnxGraph } from './onnx_graph.ts';
import type { Answer, Order, Times } from './runner.ts';
import { modelNames, randomWeights, type Weights, writeWeights } from './weights.ts';

const help = `node --import tsx bench/peers/peers.ts [ENGINE...] [options]

  ENGINE...       ${Object.keys(engines).join(' ')}
                  default: ours ort-web ort-node ort-node-fused
  --model NAME    ${modelNames.join(', ')}                     default v2-small
  --size N        pixels of a side, a multiple of 14                 default 252
  --runs N        counted runs, after the first                      default 5

Every engine has a process of its own, with the shader caches of drivers off; runs go round in turns. A table in Markdown:
medians, and ratios to the first engine. VK_DRIVER_FILES chooses the driver, for all of them. PyTorch runs in DPT_PEERS_PYTHON
(default python3), on CUDA where it has that, else or with DPT_PEERS_TORCH=cpu on the processor.`;

interface Result {
  readonly name: string;
  readonly adapter: string;
  readonly load: Times;
  readonly first: Times;
  readonly runs: Times[];
  readonly depth: Float32Array;
  readonly dispatches: number | undefined;
  readonly bufferBytes: number | undefined;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    model: { type: 'string', default: 'v2-small' },
    size: { type: 'string', default: '252' },
    runs: { type: 'string', default: '5' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const names =
  positionals.length > 0 ? positionals : ['ours', 'ort-web', 'ort-node', 'ort-node-fused'];
const [size, runs] = [Number(values.size), Number(values.runs)];
const isRight =
  names.every((name) => name in engines) &&
  modelNames.includes(values.model) &&
  size > 0 &&
  size % 14 === 0 &&
  Number.isInteger(runs) &&
  runs > 0;
if (values.help || !isRight) {
  console.log(help);
  process.exit(values.help ? 0 : 2);
}

// Our engine's choice of an adapter is everybody's: where it is SwiftShader, others find it by the environment.
await requestAdapter();
const libraries = [process.env.LD_LIBRARY_PATH];
if (isSwiftShader(process.env.VK_DRIVER_FILES ?? '')) libraries.unshift(unpackSwiftShader().folder);

const folder = await mkdtemp(join(tmpdir(), 'dpt-peers-'));
const children: ChildProcess[] = [];
try {
  const weights = randomWeights(values.model);
  const checkpoint = await writeWeights(folder, values.model, weights);
  const results: Result[] = [];
  const live: { readonly child: ChildProcess; readonly result: Result }[] = [];
  for (const name of names) {
    const child = start(engines[name]!);
    children.push(child);
    try {
      const result = await open(child, name, { weights, checkpoint });
      results.push(result);
      live.push({ child, result });
    } catch (error) {
      console.error(`${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  // In turns, so that whatever else the machine does meets all of them.
  for (let run = 0; run < runs; run++) {
    for (const { child, result } of live) {
      const answer = await ask(child, { do: 'run' });
      if (answer.done === 'run') result.runs.push(answer.times);
    }
  }
  console.log(report(results));
} finally {
  for (const child of children) child.kill();
  await rm(folder, { recursive: true });
}

function start({ flags = [] }: EngineChoice): ChildProcess {
  return fork(join(import.meta.dirname, 'runner.ts'), {
    execArgv: [...process.execArgv, ...flags],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    // Mesa's and NVIDIA's: a first run is one that compiles.
    env: {
      ...process.env,
      LD_LIBRARY_PATH: libraries.filter(Boolean).join(':'),
      MESA_SHADER_CACHE_DISABLE: 'true',
      __GL_SHADER_DISK_CACHE: '0',
    },
  });
}

async function open(
  child: ChildProcess,
  name: string,
  { weights, checkpoint }: { readonly weights: Weights; readonly checkpoint: string },
): Promise<Result> {
  const { fused = false, f16 = false } = engines[name]!;
  const square = { height: size, width: size, f16 };
  let file = checkpoint;
  if (name.startsWith('ort')) {
    file = join(folder, `${fused ? 'fused' : 'plain'}_${f16 ? 'f16' : 'f32'}.onnx`);
    await writeFile(file, onnxGraph(weights, { ...square, fused }));
  }
  const loaded = await ask(child, { do: 'load', engine: name, task: { ...square, file } });
  const first = await ask(child, { do: 'run' });
  if (loaded.done !== 'load' || first.done !== 'run') throw new Error('answered out of turn');
  const { adapter, times: load, bufferBytes } = loaded;
  const { times, depth, dispatches } = first;
  return { name, adapter, load, first: times, runs: [], depth, dispatches, bufferBytes };
}

async function ask(child: ChildProcess, order: Order): Promise<Answer> {
  child.send(order);
  const answer = await Promise.race([
    once(child, 'message').then(([message]) => message as Answer),
    once(child, 'exit').then(([code, signal]): never => {
      throw new Error(`its process ended with ${code ?? signal}`);
    }),
  ]);
  if (answer.done === 'failed') throw new Error(answer.message);
  return answer;
}

function report(results: readonly Result[]): string {
  const [own] = results;
  if (!own) return 'No engine ran.';
  const adapter = results.find(({ name }) => name.startsWith('ours'))?.adapter ?? own.adapter;
  const day = new Date().toISOString().slice(0, 10);
  const [wall, cpu] = [medianOf(own, 'wall'), medianOf(own, 'cpu')];
  const rows = results.map((result) => {
    const { name, load, first, depth, dispatches, bufferBytes } = result;
    const start = [load.wall + first.wall, load.cpu + first.cpu];
    return [
      name,
      result === own ? '' : errorText(depth, own.depth),
      `${seconds(medianOf(result, 'wall'))} (${ratio(medianOf(result, 'wall'), wall)})`,
      `${seconds(medianOf(result, 'cpu'))} (${ratio(medianOf(result, 'cpu'), cpu)})`,
      `${seconds(start[0]!)} (${ratio(start[0]!, own.load.wall + own.first.wall)})`,
      `${seconds(start[1]!)} (${ratio(start[1]!, own.load.cpu + own.first.cpu)})`,
      dispatches ?? '',
      bufferBytes === undefined ? '' : `${(bufferBytes / 2 ** 20).toFixed(0)} MiB`,
    ];
  });
  const header = [
    'engine',
    `max\\|error\\| / std against ${own.name}`,
    'run, wall s',
    'run, CPU s',
    'load and first run, wall s',
    'the same, CPU s',
    'kernels',
    'buffers made by loading',
  ];
  const lines = [header, header.map(() => '---'), ...rows].map(
    (cells) => `| ${cells.join(' | ')} |`,
  );
  const elsewhere = results.filter((result) => result.name.startsWith('torch'));
  const where = new Set([adapter, ...elsewhere.map((result) => result.adapter)]);
  return [
    `${values.model}, ${size} × ${size}, ${day}, ${[...where].join('; ')}; medians of ${runs} runs in turns (ratio to ${own.name})`,
    '',
    ...lines,
  ].join('\n');
}

function medianOf({ runs: times }: Result, what: keyof Times): number {
  const sorted = times.map((time) => time[what]).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function seconds(ms: number): string {
  return (ms / 1000).toPrecision(3);
}

function ratio(time: number, own: number): string {
  return `${(time / own).toFixed(2)}×`;
}

function errorText(depth: Float32Array, expected: Float32Array): string {
  const mean = expected.reduce((sum, value) => sum + value, 0) / expected.length;
  const variance = expected.reduce((sum, value) => sum + (value - mean) ** 2, 0) / expected.length;
  let largest = 0;
  for (const [i, value] of expected.entries()) {
    const error = Math.abs(depth[i]! - value);
    // NaN counts as the largest.
    if (!(error <= largest)) largest = error;
  }
  return (largest / Math.sqrt(variance)).toExponential(1);
}
