// A whole model: time of a run, GPU time per box of figure 1 and per op, JavaScript per replay, bytes of buffers.
//
//   npm run bench:model -- [-m MODEL] [--size N] [--runs N] [--dtype f32|f16] [--profile] [--describe]
import { parseArgs } from 'node:util';
import { chooseModel, openModel } from '@dpt-webgpu/cli/default-model';
import { networkSize, summary } from '@dpt-webgpu/dpt';
import { describe, mib, record } from '@dpt-webgpu/tensor';

const usage = `usage: npm run bench:model -- [options]
  -m, --model FILE   weights; default: as npm start chooses
  --size N           pixels of the shorter side of a square picture; default: what the model was trained at
  --runs N           counted runs after one warm-up, default 5
  --dtype f32|f16    storage of weights and activations, default f32
  --profile          also time every step by itself
  --describe         also print every step, its shape and its slot`;

const { values } = parseArgs({
  options: {
    model: { type: 'string', short: 'm' },
    size: { type: 'string' },
    runs: { type: 'string', default: '5' },
    dtype: { type: 'string', default: 'f32' },
    profile: { type: 'boolean' },
    describe: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}

const median = (times: readonly number[]): number =>
  [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
const ms = (time: number): string => `${time.toFixed(time < 10 ? 2 : 0)} ms`;

const size = values.size === undefined ? undefined : Number(values.size);
const dtype = values.dtype === 'f16' ? 'f16' : 'f32';
const { path } = await chooseModel(values.model);
const photo = { width: size ?? 518, height: size ?? 518 };
const loading = performance.now();
const opened = await openModel(path, { photo, size, dtype }, { log: console.log });
const { config, model, context, close } = opened;
const loaded = performance.now() - loading;
const { width, height } = networkSize(photo, config.image, { size });

const compiling = performance.now();
const recording = await record(context, { image: [1, height, width, 3] }, ({ image }) => ({
  depth: model.forward(image),
}));
const compiled = performance.now() - compiling;
const pixels = Float32Array.from({ length: height * width * 3 }, (_, i) => Math.sin(i * 0.01));
const { queue } = context.device;

const wall: number[] = [];
const cpu: number[] = [];
const script: number[] = [];
let first = 0;
for (let run = 0; run <= Number(values.runs); run++) {
  const before = process.cpuUsage();
  const start = performance.now();
  recording.run({ image: pixels });
  const queued = performance.now() - start;
  await queue.onSubmittedWorkDone();
  const time = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  if (run === 0) first = time;
  else {
    wall.push(time);
    script.push(queued);
    cpu.push((user + system) / 1000);
  }
}

const { slots, bytes, largestBinding, steps } = recording.trace;
const slotBytes = slots.slots.reduce((a, b) => a + b, 0);
console.log(`${summary(config)}
${width}×${height}, ${dtype}, ${new Date().toISOString().slice(0, 10)}, median of ${values.runs} runs
run            ${ms(median(wall))} (processor time of the whole process ${ms(median(cpu))}); first run ${ms(first)}
replay         ${ms(median(script))} of JavaScript for ${steps.length} dispatches
load, compile  ${ms(loaded)}, ${ms(compiled)}
weights        ${mib(context.memory().weights)}
intermediates  ${mib(slotBytes)} in ${slots.slots.length} slots; no plan can do with less than ${mib(slots.lowerBound)} (×${(slotBytes / slots.lowerBound).toFixed(2)})
buffers        ${mib(bytes)} with input and output; largest binding ${mib(largestBinding)}; grid cache ${mib(model.gridCache.bytes)}`);

if (values.profile) {
  const profile = await recording.profile();
  const table = (title: string, rows: Map<string, number>): void => {
    console.log(`\n${title} (${profile.clock} clock, ${ms(profile.total)} in all)`);
    for (const [name, time] of rows) {
      const share = ((100 * time) / profile.total).toFixed(1).padStart(5);
      console.log(`  ${name.padEnd(24)} ${time.toFixed(2).padStart(10)} ms ${share} %`);
    }
  };
  table('by box of figure 1', profile.byModule(1));
  table('by op', profile.byOp());
}
if (values.describe) console.log(`\n${describe(recording.trace)}`);
recording.dispose();
await close();
