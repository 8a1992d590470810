// What a replay costs the JavaScript thread, and what it makes on the GPU: npm run bench:replay -- [NAME] [--size N] [--runs N]
//
// On Dawn's null backend, which checks every call and runs nothing, so that only the calls are timed. NAME is one of
// scripts/random_state_dict.ts; weights are declared and left at zero. The last number is that of everything WebGPU can
// make, commands apart.
import { parseArgs } from 'node:util';
import { buildDpt, networkSize, recognise } from '@dpt-webgpu/dpt';
import { Context, deviceRequest, record, type StateDict, sizeOf } from '@dpt-webgpu/tensor';
import { defaultToggles, requestDevice } from '@dpt-webgpu/tensor/node';
import { publishedFiles } from '../scripts/state_dict_shapes.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: 'string', default: '252' },
    runs: { type: 'string', default: '200' },
  },
});
const name = positionals[0] ?? 'v2-small';
const published = publishedFiles.get(name);
if (!published) throw new Error(`${name} is none of ${[...publishedFiles.keys()].join(' ')}.`);
const [size, runs] = [Number(values.size), Number(values.runs)];

const { device } = await requestDevice({
  toggles: ['backend=null', ...defaultToggles],
  describe: (adapter) => deviceRequest(adapter),
});
const context = new Context(device, { capabilities: { software: false } });
const source: StateDict = {
  name: published.file,
  metadata: new Map(),
  tensors: new Map(
    [...published.shapes()].map(([key, { shape, dtype }]) => {
      const read = async () => new Uint8Array(sizeOf(shape) * (dtype === 'i64' ? 8 : 4));
      return [key, { shape, dtype, read }];
    }),
  ),
  close: async () => {},
};
const recognised = recognise(source);
const { width, height } = networkSize({ width: size, height: size }, recognised.config.image, {
  size,
});
const model = buildDpt(context, recognised);
await model.weights.load();
using recording = await record(context, { image: [1, height, width, 3] }, ({ image }) => ({
  depth: model.forward(image),
}));
const image = new Float32Array(3 * width * height);

recording.run({ image });
await device.queue.onSubmittedWorkDone();
let made = 0;
for (const method of Object.getOwnPropertyNames(GPUDevice.prototype)) {
  if (!method.startsWith('create') || method === 'createCommandEncoder') continue;
  const original = Reflect.get(device, method) as (...args: unknown[]) => unknown;
  Reflect.set(device, method, (...args: unknown[]) => {
    made++;
    return original.apply(device, args);
  });
}
const whole: number[] = [];
const commands: number[] = [];
for (let i = 0; i < runs; i++) {
  let start = performance.now();
  recording.run({ image });
  whole.push(performance.now() - start);
  start = performance.now();
  recording.run();
  commands.push(performance.now() - start);
  await device.queue.onSubmittedWorkDone();
}
const madeByReplays = made;
await recording.outputs.depth.read();
// A copy is read from a buffer of its own: counting works.
if (made !== madeByReplays + 1) throw new Error(`reading made ${made - madeByReplays} objects`);
const at = (times: number[], share: number): string =>
  times.sort((a, b) => a - b)[Math.floor(times.length * share)]!.toFixed(3);
console.log(
  `${name}, ${width} × ${height}, ${recording.trace.steps.length} dispatches, ${new Date().toISOString().slice(0, 10)}, ${runs} replays, Dawn's null backend
JavaScript with the picture's upload  ${at(whole, 0.1)} ms (10 %), ${at(whole, 0.5)} ms (median)
JavaScript of the commands            ${at(commands, 0.1)} ms (10 %), ${at(commands, 0.5)} ms (median)
objects made on the GPU               ${madeByReplays}`,
);
