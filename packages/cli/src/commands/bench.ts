import { mib } from '@dpt-webgpu/tensor';
import { type Command, type Io, quietFlag } from '../command.ts';
import { exitCodes, printable, UsageError } from '../errors.ts';
import type { Arguments } from '../flags.ts';
import { chooseModel } from '../model_choice.ts';
import { modelFlag, networkFlags, networkOptions } from '../model_flags.ts';
import {
  type MapError,
  type ModelTiming,
  mapError,
  type Times,
  timeModel,
} from '../model_timing.ts';

const dtypes = ['f32', 'f16', 'q8'] as const;

export const bench: Command = {
  name: 'bench',
  usage: '[MODEL...] [flags]',
  summary: 'measure how long models take, and where',
  flags: [
    { ...modelFlag, help: `${modelFlag.help}. The same as MODEL. Default: as of dpt image` },
    {
      name: 'sizes',
      value: 'LIST',
      help: 'pixels of the side of a square picture, with commas between (default: what the model was trained at)',
    },
    {
      name: 'dtypes',
      value: 'LIST',
      help: 'f32 (default), f16 and q8, with commas between: which is the fastest here; with f32 among them, the error of the others against it',
    },
    { name: 'runs', value: 'N', help: 'counted runs, after one that is not (default: 5)' },
    { name: 'ops', help: 'also the time per op' },
    { name: 'describe', help: 'also every step, its shape and its place in memory' },
    { name: 'json', help: 'print a JSON object per measurement in place of text' },
    ...networkFlags.filter(({ name }) => name !== 'dtype'),
    quietFlag,
  ],
  details: [
    'The picture is made up: stripes of a wave. Times are from the call until the GPU is done: the median and the 95th percentile of the counted runs. GPU time per box of figure 1 is measured in a run of its own, step by step, with timestamps of the device where it has them, else by the clock, waiting included.',
  ],
  examples: [
    'dpt bench',
    'dpt bench v2-small dpt_beit_large_512.pt --sizes 252,518 --dtypes f32,f16 --runs 20',
    'dpt bench -m model.safetensors --ops --json',
  ],
  run,
};

async function run(args: Arguments, io: Io): Promise<number> {
  const flag = args.text('model');
  const given = [...args.positionals, ...(flag === undefined ? [] : [flag])];
  const sizes = sizesOf(args);
  // f32 first: the others are compared with it.
  const asked = args.someOf('dtypes', dtypes) ?? ['f32'];
  const chosenDtypes = dtypes.filter((dtype) => asked.includes(dtype));
  const runs = args.wholeNumber('runs', 1, 10_000) ?? 5;
  const { dtype: _, ...network } = networkOptions(args);
  const isJson = args.has('json');
  const note = args.has('quiet') || isJson ? () => {} : io.error;
  const choices = [];
  for (const name of given.length > 0 ? given : [undefined]) {
    choices.push(await chooseModel(name, { env: io.env }));
  }
  const adapters = new Set<string>();
  for (const { path, notes } of choices) {
    for (const line of notes) note(line);
    for (const size of sizes) {
      let exact: Float32Array | undefined;
      const medians = new Map<string, number>();
      for (const dtype of chosenDtypes) {
        const log = (line: string): void => {
          if (line.startsWith('warning:')) io.error(line);
        };
        const timing = await timeModel(
          path,
          { ...network, dtype, size, runs },
          { log, onProgress: io.progress.report, signal: io.signal },
        );
        io.progress.clear();
        const { steps, depth, ...numbers } = timing;
        medians.set(dtype, timing.run.median);
        if (dtype === 'f32') exact = depth;
        const error = exact && exact !== depth ? mapError(depth, exact) : undefined;
        if (isJson) {
          const shown = args.has('describe') ? { steps } : {};
          io.out(JSON.stringify({ file: path, ...numbers, ...(error ? { error } : {}), ...shown }));
          continue;
        }
        if (!adapters.has(timing.adapter)) io.out(`WebGPU adapter: ${timing.adapter}`);
        adapters.add(timing.adapter);
        io.out(`\n${textOf(timing, path)}${error ? `\n${errorText(error)}` : ''}`);
        io.out(`\n${tableOf('box of figure 1', timing.boxes, timing.clock)}`);
        if (args.has('ops')) io.out(`\n${tableOf('op', timing.ops, timing.clock)}`);
        if (args.has('describe')) io.out(`\n${steps}`);
      }
      if (medians.size > 1 && !isJson) io.out(`\n${fastestOf(medians)}`);
    }
  }
  return exitCodes.done;
}

function sizesOf(args: Arguments): (number | undefined)[] {
  const list = args.list('sizes');
  if (!list) return [undefined];
  return list.map((text) => {
    const size = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    if (size >= 1 && size <= 16_384) return size;
    throw new UsageError(
      `--sizes takes whole numbers from 1 to 16384 with commas between, not ${JSON.stringify(text)}.`,
    );
  });
}

const ms = (time: number): string => `${time.toFixed(time < 10 ? 2 : 0)} ms`;
const both = ({ median, p95 }: Times): string => `${ms(median)} (95 %: ${ms(p95)})`;

function textOf(timing: ModelTiming, path: string): string {
  const { model, size, dtype, runs, run, cpu, first, script, dispatches, load, compile } = timing;
  const { weights, slots, lowerBound, buffers, largestBinding, gridCache } = timing.bytes;
  const day = new Date().toISOString().slice(0, 10);
  return `${printable(path)}
${model}
${size.width}×${size.height}, ${dtype}, ${day}, median of ${runs} runs
run            ${both(run)}, processor time of the whole process ${ms(cpu.median)}; first run ${ms(first)}
replay         ${both(script)} of JavaScript for ${dispatches} dispatches
load, compile  ${ms(load)}, ${ms(compile)}
weights        ${mib(weights)}
intermediates  ${mib(slots)}; no plan can do with less than ${mib(lowerBound)} (×${(slots / lowerBound).toFixed(2)})
buffers        ${mib(buffers)} with input and output; largest binding ${mib(largestBinding)}; grid cache ${mib(gridCache)}`;
}

const errorText = ({ max, mean, correlation }: MapError): string =>
  `error          against f32, in deviations of its map: largest ${max.toPrecision(2)}, mean ${mean.toPrecision(2)}; correlation ${correlation.toFixed(6)}`;

/** Which type is the fastest on this device, and how far behind the others are. */
export function fastestOf(medians: ReadonlyMap<string, number>): string {
  const [[fastest, least], ...others] = [...medians].sort(([, a], [, b]) => a - b) as [
    [string, number],
    ...[string, number][],
  ];
  const behind = others.map(([dtype, time]) => `${dtype} takes ${(time / least).toFixed(2)}×`);
  return `fastest here: ${fastest} (--dtype ${fastest}); ${behind.join(', ')} as long`;
}

function tableOf(
  what: string,
  times: Readonly<Record<string, number>>,
  clock: ModelTiming['clock'],
): string {
  const rows = Object.entries(times);
  const total = rows.reduce((sum, [, time]) => sum + time, 0);
  const lines = rows.map(([name, time]) => {
    const share = ((100 * time) / total).toFixed(1).padStart(5);
    return `  ${name.padEnd(24)} ${time.toFixed(2).padStart(10)} ms ${share} %`;
  });
  return [`by ${what} (${clock} clock, ${ms(total)} in all)`, ...lines].join('\n');
}
