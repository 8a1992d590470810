// What the grid cache buys: per model the time of embedding and encoder with and without it, and the bytes it takes, as a
// Markdown table. On a software adapter processor time, elsewhere the clock.
//
//   npm run bench:grid-cache -- [FILE | NAME]... [--size N] [--runs N] [--dtype f32|f16]
//
// NAME is one of scripts/random_state_dict.ts: the published shapes with random weights, in memory. Times do not depend on
// what the weights are.
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { buildDpt, type DPTModel, networkSize, recognise } from '@dpt-webgpu/dpt';
import { openCheckpointFile } from '@dpt-webgpu/loaders/node';
import { Context, deviceRequest, plan, record, type StateDict, sizeOf } from '@dpt-webgpu/tensor';
import { requestDevice } from '@dpt-webgpu/tensor/node';
import { publishedFiles } from '../scripts/state_dict_shapes.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: 'string' },
    runs: { type: 'string', default: '5' },
    dtype: { type: 'string', default: 'f32' },
    help: { type: 'boolean', short: 'h' },
  },
});
const names =
  positionals.length > 0 ? positionals : ['v2-base', 'beit-base-384', 'swinv2-base-384'];
const unknown = names.find((name) => !existsSync(name) && !publishedFiles.has(name));
if (values.help || unknown !== undefined) {
  if (unknown !== undefined) console.error(`${unknown} is neither a file nor a name.`);
  console.log(
    `usage: npm run bench:grid-cache -- [FILE | NAME]... [--size N] [--runs N] [--dtype f32|f16]\nnames: ${[...publishedFiles.keys()].join(' ')}`,
  );
  process.exit(values.help ? 0 : 2);
}
const runs = Number(values.runs);
const dtype = values.dtype === 'f16' ? 'f16' : 'f32';

console.log('| model | input | encoder with | encoder without | saved | bytes of the cache |');
console.log('|---|---|---|---|---|---|');
for (const name of names) {
  const source = publishedFiles.has(name) ? randomStateDict(name) : await openCheckpointFile(name);
  try {
    console.log(`| ${(await measure(source)).join(' | ')} |`);
  } finally {
    await source.close();
  }
}

async function measure(source: StateDict): Promise<string[]> {
  const recognised = recognise(source);
  const { image, encoder } = recognised.config;
  const side = values.size === undefined ? image.baseSize : Number(values.size);
  const { width, height } = networkSize({ width: side, height: side }, image, { size: side });
  const inputs = { image: [1, height, width, 3] } as const;
  const f16 = dtype === 'f16';
  const planned = buildDpt(Context.planning({ f16 }), recognised, { dtype });
  const needs = plan(planned.weights.context, inputs, ({ image }) => encode(planned, image!));
  const largestBinding = Math.max(needs.largestBinding, planned.weights.largestBinding);
  const gpu = await requestDevice({
    describe: (adapter) => deviceRequest(adapter, { largestBinding, f16 }),
  });
  const context = new Context(gpu.device);
  const isSoftware = context.capabilities.software;
  const pixels = Float32Array.from({ length: sizeOf(inputs.image) }, (_, i) => Math.sin(i * 0.01));
  const variants = [];
  for (const enabled of [true, false]) {
    const model = buildDpt(context, recognised, { dtype, gridCache: { enabled } });
    await model.weights.load();
    const recording = await record(context, inputs, ({ image }) => encode(model, image));
    variants.push({ model, recording, times: [] as number[] });
  }
  // In turn, so that whatever else the machine does meets both.
  for (let i = 0; i <= runs; i++) {
    for (const { recording, times } of variants) {
      const processor = process.cpuUsage();
      const start = performance.now();
      recording.run({ image: pixels });
      await context.device.queue.onSubmittedWorkDone();
      const { user, system } = process.cpuUsage(processor);
      // A software adapter computes in this process, where the clock counts what others do.
      const time = isSoftware ? (user + system) / 1000 : performance.now() - start;
      // The first is for the driver.
      if (i > 0) times.push(time);
    }
  }
  const [cached, fresh] = variants.map(({ times }) => median(times)) as [number, number];
  const { bytes } = variants[0]!.model.gridCache;
  for (const { model, recording } of variants) {
    recording.dispose();
    model.dispose();
  }
  context.dispose();
  await gpu.close();
  return [
    `${source.name} (${encoder.kind})`,
    `${width}×${height}`,
    `${cached.toFixed(1)} ms`,
    `${fresh.toFixed(1)} ms`,
    `${(100 * (1 - cached / fresh)).toFixed(1)} %`,
    bytes.toLocaleString('en'),
  ];
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
}

/** Embedding and encoder: all that uses the cache. The last stage, so that something is read. */
function encode(model: DPTModel, image: Parameters<DPTModel['forward']>[0]) {
  const { tokens, grid } = model.patchEmbed.forward(image);
  const stages = model.encoder.forward(tokens, grid);
  return { stage: stages[3].tokens };
}

function randomStateDict(name: string): StateDict {
  const { file, shapes } = publishedFiles.get(name)!;
  const tensors = [...shapes()].map(([key, { shape, dtype: stored }]) => {
    const read = async (): Promise<Uint8Array> => {
      const count = sizeOf(shape);
      if (stored === 'i64') return new Uint8Array(8 * count);
      return new Uint8Array(Float32Array.from({ length: count }, small).buffer);
    };
    return [key, { shape, dtype: stored, read }] as const;
  });
  return {
    name: file,
    metadata: new Map(),
    tensors: new Map(tensors),
    close: async () => {},
  };
}

function small(_: unknown, i: number): number {
  return (((i * 7919) % 1009) / 1009 - 0.5) * 0.05;
}
