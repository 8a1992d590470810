// What a model costs at least: arithmetic, bytes and the shortest time on a device, by box of figure 1 and by op. Counted
// from the recording that would run, so it follows the code; nothing runs, and no GPU is needed.
//
//   npm run bench:roofline -- [NAME...] [--size N] [--dtype f32|f16] [--device NAME=GFLOPS,GBS]...
//
// NAME is one of scripts/random_state_dict.ts. A multiply-add counts as two; bytes count every input, weight and result of
// a kernel once; a kernel's time is the longer of both, and the model's is the sum.
import { parseArgs } from 'node:util';
import { buildDpt, networkSize, recognise } from '@dpt-webgpu/dpt';
import { bytesPerElement, Context, plan, type Tensor } from '@dpt-webgpu/tensor';
import type { Step } from '../packages/tensor/src/kernel.ts';
import { publishedFiles, stateDictOfShapes } from '../scripts/state_dict_shapes.ts';

interface Device {
  readonly name: string;
  /** GFLOP/s and GB/s, as the makers state them. */
  readonly gflops: number;
  readonly gbs: number;
}

const knownDevices: Readonly<Record<'f32' | 'f16', readonly Device[]>> = {
  f32: [
    { name: 'H200', gflops: 60_000, gbs: 4300 },
    { name: 'M2', gflops: 3600, gbs: 100 },
    { name: 'laptop, 2 TFLOP/s', gflops: 2000, gbs: 80 },
  ],
  f16: [
    { name: 'H200', gflops: 130_000, gbs: 4300 },
    { name: 'H200, tensor cores', gflops: 790_000, gbs: 4300 },
    { name: 'M2', gflops: 3600, gbs: 100 },
    { name: 'laptop, 4 TFLOP/s', gflops: 4000, gbs: 80 },
  ],
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: 'string' },
    dtype: { type: 'string', default: 'f32' },
    device: { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const names = positionals.length > 0 ? positionals : ['v2-small'];
const unknown = names.find((name) => !publishedFiles.has(name));
if (values.help || unknown !== undefined) {
  if (unknown !== undefined) console.error(`${unknown} is no name of a model.`);
  console.log(
    `usage: npm run bench:roofline -- [NAME...] [--size N] [--dtype f32|f16] [--device NAME=GFLOPS,GBS]...\nnames: ${[...publishedFiles.keys()].join(' ')}`,
  );
  process.exit(values.help ? 0 : 2);
}
const dtype = values.dtype === 'f16' ? 'f16' : 'f32';
const devices = values.device.length > 0 ? values.device.map(deviceOf) : knownDevices[dtype];

for (const name of names) console.log(`${tableOf(name)}\n`);

function deviceOf(text: string): Device {
  const [, name, gflops, gbs] = /^(.+)=([\d.]+),([\d.]+)$/.exec(text) ?? [];
  if (name === undefined) throw new Error(`--device is ${text}, not NAME=GFLOPS,GBS.`);
  return { name, gflops: Number(gflops), gbs: Number(gbs) };
}

interface Cost {
  kernels: number;
  flop: number;
  bytes: number;
  /** Milliseconds per device. */
  readonly times: number[];
}

function tableOf(name: string): string {
  const recognised = recognise(stateDictOfShapes(name));
  const { image } = recognised.config;
  const side = values.size === undefined ? image.baseSize : Number(values.size);
  const { width, height } = networkSize({ width: side, height: side }, image, { size: side });
  const model = buildDpt(Context.planning({ f16: dtype === 'f16' }), recognised, { dtype });
  const { steps } = plan(
    model.weights.context,
    { image: [1, height, width, 3] },
    ({ image: picture }) => ({ depth: model.forward(picture!) }),
  );

  const total = nothing();
  const boxes = new Map<string, Cost>();
  const ops = new Map<string, Cost>();
  for (const step of steps) {
    const { label, reads, writes } = step;
    const [op = '', module = ''] = label.split(' ');
    const flop = flopOf(step);
    const bytes = [...reads, ...writes].reduce(
      (sum, tensor) => sum + (tensor ? bytesOf(tensor) : 0),
      0,
    );
    const box = module.split('.')[0]!;
    for (const cost of [total, costOf(boxes, box), costOf(ops, op)]) {
      cost.kernels++;
      cost.flop += flop;
      cost.bytes += bytes;
      for (const [i, { gflops, gbs }] of devices.entries()) {
        cost.times[i]! += Math.max(flop / gflops, bytes / gbs) / 1e6;
      }
    }
  }
  const header = [
    '',
    'kernels',
    'GFLOP',
    '%',
    'MB',
    ...devices.map((device) => `${device.name}, ms`),
  ];
  const rows = [
    ...[...boxes].map(([box, cost]) => rowOf(box, cost, total)),
    ...[...ops]
      .sort((a, b) => b[1].flop - a[1].flop || b[1].bytes - a[1].bytes)
      .map(([op, cost]) => rowOf(`\`${op}\``, cost, total)),
    rowOf('**all**', total, total),
  ];
  const lines = [header, header.map(() => '---'), ...rows].map(
    (cells) => `| ${cells.join(' | ')} |`,
  );
  return [`${name}, ${width} × ${height}, ${dtype}`, '', ...lines].join('\n');
}

function bytesOf({ size, dtype: type }: Tensor): number {
  return size * bytesPerElement[type];
}

function nothing(): Cost {
  return { kernels: 0, flop: 0, bytes: 0, times: devices.map(() => 0) };
}

function costOf(costs: Map<string, Cost>, key: string): Cost {
  const cost = costs.get(key) ?? nothing();
  costs.set(key, cost);
  return cost;
}

function rowOf(name: string, { kernels, flop, bytes, times }: Cost, total: Cost): string[] {
  return [
    name,
    String(kernels),
    (flop / 1e9).toFixed(2),
    ((100 * flop) / total.flop).toFixed(1),
    (bytes / 1e6).toFixed(0),
    ...times.map((time) => time.toPrecision(3)),
  ];
}

/** Of products; what norms, resizes and copies compute is bound by memory and counts as none. */
function flopOf(step: Step): number {
  const { kernel, reads, writes, label } = step;
  const read = (name: string): Tensor | undefined => reads[kernel.layout.reads.indexOf(name)];
  const weight = read('weight')?.shape;
  // All axes but the last, which is the outputs: the inputs of one result.
  if (/^(linear|conv2d)/.test(label) && weight) {
    return 2 * writes[0]!.size * weight.slice(0, -1).reduce((product, side) => product * side, 1);
  }
  const qkv = read('qkv')?.shape;
  if (!/^\w*attention/.test(label) || !qkv) return 0;
  const [B, N, C3] = qkv as [number, number, number];
  return (4 * B * N * keysOf(step, N) * C3) / 3;
}

/** How many keys a query meets: all, or those of its window. */
function keysOf({ kernel, params }: Step, N: number): number {
  const sides = ['window_h', 'window_w'].map((name) => {
    const place = Object.keys(kernel.layout.params).indexOf(name);
    return place < 0 ? undefined : new DataView(params).getUint32(4 * place, true);
  });
  const [h, w] = sides;
  return h === undefined || w === undefined ? N : h * w;
}
