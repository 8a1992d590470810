// What a first depth map takes, from an adapter to its values: npm run bench:first-picture -- [FILE] [--size N] [--each]
// and what it takes on the web app in Chromium: npm run bench:first-picture -- --page
//
// In seconds by the clock and of the processor, which is also what SwiftShader and lavapipe compute and compile with. A
// process has one first picture, so a line is one run; the second picture shows what is left without compiling.
import { parseArgs } from 'node:util';
import { chooseModel } from '@dpt-webgpu/cli/default-model';
import { buildDpt, DepthPredictor, planPrediction, recognise } from '@dpt-webgpu/dpt';
import { openCheckpointFile, readPicture } from '@dpt-webgpu/loaders/node';
import { Context, deviceRequest } from '@dpt-webgpu/tensor';
import { requestDevice } from '@dpt-webgpu/tensor/node';
import { pipelineKey, pipelinesOf } from '../packages/tensor/src/kernel.ts';

const usage = `usage: npm run bench:first-picture -- [FILE] [options]
  --size N   pixels of the side that the model's sizing names
  --page     on the built web app, in Chromium on SwiftShader, with the model that comes with it
  --runs N   visits of the page (default: 3)
  --flags F  more flags for Chromium, such as --flags=--disable-gpu-rasterization
  --each     compile the pipelines one after the other first, and time each`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: 'string' },
    each: { type: 'boolean', default: false },
    page: { type: 'boolean', default: false },
    runs: { type: 'string', default: '3' },
    flags: { type: 'string', default: '' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help || positionals.length > 1) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}
if (values.page) {
  const { visitPage } = await import('./first_picture_page.ts');
  console.log('| page shown, s | first map, s | second map, s |\n|---|---|---|');
  for (const { loaded, map, second } of await visitPage(
    Number(values.runs),
    values.flags.split(' ').filter(Boolean),
  )) {
    console.log(`| ${[loaded, map, second].map((s) => s.toFixed(2)).join(' | ')} |`);
  }
  process.exit(0);
}
const size = values.size === undefined ? undefined : Number(values.size);

const processorMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** Runs `work` and writes a line with what it took. */
async function timed<R>(what: string, work: () => R | Promise<R>): Promise<R> {
  const [clock, processor] = [performance.now(), processorMs()];
  const result = await work();
  const cells = [performance.now() - clock, processorMs() - processor];
  console.log(`| ${what} | ${cells.map((ms) => (ms / 1000).toFixed(2)).join(' | ')} |`);
  return result;
}

const photo = await readPicture('examples/pictures/dog_indoor.jpg');
const path = positionals[0] ?? (await chooseModel('models/dpt_tiny.safetensors')).path;
const gpu = await requestDevice({ describe: (adapter) => deviceRequest(adapter) });
console.log(
  `${gpu.description}; ${path.split('/').at(-1)}; ${new Date().toISOString().slice(0, 10)}`,
);
console.log('| | wall s | CPU s |\n|---|---|---|');
const context = new Context(gpu.device);
const model = await timed('weights', async () => {
  const source = await openCheckpointFile(path);
  const model = buildDpt(context, recognise(source));
  await model.weights.load();
  await source.close();
  return model;
});
if (values.each) {
  const { steps } = planPrediction(model, photo, { size });
  const distinct = new Map(steps.map((step) => [pipelineKey(step), step]));
  await timed(
    `${steps.length} steps, ${distinct.size} pipelines, one after the other`,
    async () => {
      for (const [key, step] of distinct) {
        await timed(key.replaceAll('|', '/'), () => pipelinesOf(context).compile(step));
      }
    },
  );
}
const predictor = new DepthPredictor(model);
await timed(values.each ? 'first picture' : 'first picture, with compiling', () =>
  predictor.predict(photo, { size }),
);
await timed('second picture', () => predictor.predict(photo, { size }));
predictor.dispose();
model.dispose();
await gpu.close();
