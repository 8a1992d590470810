// How fast each op is at the sizes of Depth-Anything V2 Small, in every variant that fits: npm run bench:ops -- --help
import { parseArgs } from 'node:util';
import {
  bytesPerElement,
  Context,
  type Dtype,
  deviceRequest,
  type Recording,
  record,
  shapeText,
  sizeOf,
  type Tensor,
} from '@dpt-webgpu/tensor';
import { defaultToggles, requestDevice } from '@dpt-webgpu/tensor/node';
import { attentionVariants } from '../packages/tensor/src/ops/attention.ts';
import { conv2dVariants } from '../packages/tensor/src/ops/conv2d.ts';
import { layerNormVariants } from '../packages/tensor/src/ops/layer_norm.ts';
import { linearVariants } from '../packages/tensor/src/ops/linear.ts';
import { type OpCase, opCases } from './op_cases.ts';

const help = `npm run bench:ops -- [options]

  --filter TEXT       only rows whose op, place or variant contains TEXT
  --size N[,N]        side of the picture in pixels                             default 252,518
  --dtype f32|f16     storage of everything                                     default f32
  --runs N            timed runs after one to warm up; their median is shown    default 5
  --repeat N          times the op stands in a run   default 20 on a GPU, 1 on a processor
  --peak-gflops N     arithmetic limit of the device, for the last column
  --peak-gbs N        memory limit of the device, for the last column
  --help

DPT_ADAPTER=hardware|software chooses the adapter. The last column is the share of the op's floor: the larger of
arithmetic ÷ peak and bytes ÷ peak, over the time. Bytes count every input and the result once.`;

/** The variants of an op, by the name that `ContextOptions.variants` knows it by. */
const variants: Readonly<Record<string, readonly { readonly name: string }[]>> = {
  attention: attentionVariants,
  conv2d: conv2dVariants,
  layer_norm: layerNormVariants,
  linear: linearVariants,
};

interface Options {
  readonly filter: string;
  readonly sizes: readonly number[];
  readonly dtype: Dtype;
  readonly runs: number;
  readonly repeat: number | undefined;
  readonly peakGflops: number | undefined;
  readonly peakGbs: number | undefined;
}

const options = readOptions();
if (options) await main(options).catch(fail);

async function main(options: Options): Promise<void> {
  const { dtype, sizes, runs } = options;
  const cases = sizes.flatMap((size) => opCases(size).map((problem) => ({ size, ...problem })));
  const largestBinding = Math.max(...cases.map((problem) => bytesOf(problem, dtype)));
  const { device, description, software, close } = await requestDevice({
    // Dawn rounds timestamps to 65 µs unless told, which is longer than many of these ops.
    toggles: [...defaultToggles, 'disable-dawn-features=timestamp_quantization'],
    describe: (adapter) =>
      deviceRequest(adapter, { largestBinding, f16: dtype === 'f16', timestamps: true }),
  });
  const repeat = options.repeat ?? (software ? 1 : 20);
  // The timestamps of a processor that plays GPU leave out what it does outside of the pass.
  const timestamps = !software && device.features.has('timestamp-query');
  console.log(
    `${description}; ${dtype}; ${new Date().toISOString().slice(0, 10)}; ${timestamps ? 'GPU timestamps' : 'wall time'}, median of ${runs} runs of ${repeat}`,
  );
  console.log(row('size', 'op', 'place', 'x', 'variant', 'ms', 'GFLOP/s', 'GB/s', 'of floor'));

  for (const { size, ...problem } of cases) {
    for (const variant of variants[problem.op]?.map(({ name }) => name) ?? ['']) {
      if (!`${problem.op} ${problem.place} ${variant}`.includes(options.filter)) continue;
      const context = new Context(device, {
        capabilities: { timestamps },
        variants: { [problem.op]: variant },
      });
      const milliseconds = await time(context, problem, variant, repeat, options);
      if (milliseconds === undefined) continue;
      const bytes = bytesOf(problem, dtype);
      const gflops = problem.flop / milliseconds / 1e6;
      const gbs = bytes / milliseconds / 1e6;
      console.log(
        row(
          String(size),
          problem.op,
          problem.place,
          shapeText(Object.values(problem.inputs)[0]!),
          variant.replace(problem.op, '').replace(/^_/, '') || (variant ? 'plain' : ''),
          milliseconds.toPrecision(3),
          problem.flop ? gflops.toPrecision(3) : '',
          gbs.toPrecision(3),
          shareOfFloor(gflops, gbs, options),
        ),
      );
    }
  }
  await close();
}

/** Median milliseconds of one op; undefined where the variant does not fit. */
async function time(
  context: Context,
  problem: OpCase,
  variant: string,
  repeat: number,
  { dtype, runs }: Options,
): Promise<number | undefined> {
  const inputs = Object.fromEntries(
    Object.entries(problem.inputs).map(([name, shape]) => [name, { shape, dtype }]),
  );
  using recording = await record(context, inputs, (tensors) => {
    let y: Tensor | undefined;
    for (let n = 0; n < repeat; n++) y = problem.run(tensors);
    return { y: y! };
  });
  // A shader with several tiles has their sizes behind its name: linear_tiled_128.
  const shader = variant.replace(/_\d+$/, '');
  if (variant && !recording.trace.steps.some(({ kernel }) => kernel.shader === shader)) return;
  fill(recording);
  await recording.profile(); // warms caches and clocks up
  const times: number[] = [];
  for (let run = 0; run < runs; run++) times.push((await recording.profile()).total / repeat);
  return times.sort((a, b) => a - b)[Math.floor(runs / 2)];
}

/** Numbers between −½ and ½: zeros and denormals can be faster or slower than what a model holds. */
function fill(recording: Recording): void {
  for (const tensor of Object.values(recording.inputs)) {
    tensor.write(
      Float32Array.from({ length: tensor.size }, (_, i) => ((i * 7919) % 1000) / 1000 - 0.5),
    );
  }
}

function bytesOf({ inputs, run }: OpCase, dtype: Dtype): number {
  const context = Context.planning({ f16: true });
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([name, shape]) => [name, context.empty(shape, dtype, name)]),
  );
  const read = Object.values(inputs).reduce((sum, shape) => sum + sizeOf(shape), 0);
  return (read + run(tensors).size) * bytesPerElement[dtype];
}

function shareOfFloor(gflops: number, gbs: number, { peakGflops, peakGbs }: Options): string {
  const shares = [peakGflops ? gflops / peakGflops : 0, peakGbs ? gbs / peakGbs : 0];
  const share = Math.max(...shares);
  return share > 0 ? `${(share * 100).toFixed(1)} %` : '';
}

function row(...cells: string[]): string {
  const widths = [4, 16, 18, 20, 10, 9, 8, 8, 8];
  const text = cells.map((cell, i) =>
    i < 5 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!),
  );
  return text.join('  ').trimEnd();
}

/** What the command line asks for; undefined where it asked for help or made no sense, which has been said then. */
function readOptions(): Options | undefined {
  try {
    const { values } = parseArgs({
      options: {
        filter: { type: 'string', default: '' },
        size: { type: 'string', default: '252,518' },
        dtype: { type: 'string', default: 'f32' },
        runs: { type: 'string', default: '5' },
        repeat: { type: 'string' },
        'peak-gflops': { type: 'string' },
        'peak-gbs': { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      console.log(help);
      return undefined;
    }
    if (values.dtype !== 'f32' && values.dtype !== 'f16') {
      throw new Error(`--dtype is ${values.dtype}; it can be f32 or f16.`);
    }
    const optional = (flag: 'repeat' | 'peak-gflops' | 'peak-gbs'): number | undefined =>
      values[flag] === undefined ? undefined : positive(`--${flag}`, values[flag]);
    return {
      filter: values.filter,
      sizes: values.size.split(',').map((size) => positive('--size', size, 14)),
      dtype: values.dtype,
      runs: positive('--runs', values.runs),
      repeat: optional('repeat'),
      peakGflops: optional('peak-gflops'),
      peakGbs: optional('peak-gbs'),
    };
  } catch (error) {
    fail(error, 2);
    return undefined;
  }
}

function positive(flag: string, text: string, least = 1): number {
  const value = Number(text);
  if (value >= least && Number.isFinite(value)) return value;
  throw new Error(`${flag} is ${text}; it must be a number of at least ${least}.`);
}

function fail(error: unknown, code = 1): void {
  console.error(`bench:ops: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = code;
}
