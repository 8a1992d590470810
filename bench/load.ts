// Loading a file onto the GPU: seconds, and the memory of the process beside the model's own buffers.
//
//   npm run bench:load -- FILE [--abort 0.5] [--dtype f32|f16]
//
// On a software adapter buffers of the GPU are memory of the process. What the context says they take is subtracted, at
// every moment: the rest is what loading needs beside the model.
import { parseArgs } from 'node:util';
import { buildDpt, recognise } from '@dpt-webgpu/dpt';
import { openCheckpointFile } from '@dpt-webgpu/loaders/node';
import { Context, deviceRequest } from '@dpt-webgpu/tensor';
import { requestDevice } from '@dpt-webgpu/tensor/node';

const usage = `usage: npm run bench:load -- FILE [options]
  --abort PART    stop when that part is loaded, 0 … 1, and say how long stopping took
  --dtype TYPE    of the weights on the GPU: f32 (default) or f16
  --max-depth M   metres of a metric model whose name does not say`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    abort: { type: 'string' },
    dtype: { type: 'string', default: 'f32' },
    'max-depth': { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help || positionals.length !== 1) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}

const MB = 1e6;
const SAMPLE_MS = 5;
const abortAt = values.abort === undefined ? Number.POSITIVE_INFINITY : Number(values.abort);
const dtype = values.dtype === 'f16' ? 'f16' : 'f32';
const maxDepth = values['max-depth'] === undefined ? undefined : Number(values['max-depth']);

console.log(
  '| file | weights | seconds | MB/s | extra memory, peak | peak of the process | calls of onProgress | stopped |',
);
console.log('|---|---|---|---|---|---|---|---|');
// One file per process: memory that an earlier one gave back would count as room for the next.
console.log(`| ${(await measure(positionals[0]!)).join(' | ')} |`);

async function measure(path: string): Promise<string[]> {
  const source = await openCheckpointFile(path);
  const recognised = recognise(source, { maxDepth });
  const { largestBinding } = buildDpt(Context.planning(), recognised, { dtype }).weights;
  const gpu = await requestDevice({
    describe: (adapter) => deviceRequest(adapter, { largestBinding, f16: dtype === 'f16' }),
  });
  const context = new Context(gpu.device);
  const onHost = context.capabilities.software;
  const model = buildDpt(context, recognised, { dtype });
  globalThis.gc?.();
  const before = process.memoryUsage.rss();

  let asked = 0;
  let extra = 0;
  let peak = before;
  const sample = (): void => {
    // What an aborted load gives back, the process keeps for a while.
    if (asked > 0) return;
    const now = process.memoryUsage.rss();
    peak = Math.max(peak, now);
    extra = Math.max(extra, now - before - (onHost ? context.memory().total : 0));
  };
  const timer = setInterval(sample, SAMPLE_MS);
  const controller = new AbortController();
  let calls = 0;
  let stopped = '';
  const begin = performance.now();
  try {
    await model.weights.load({
      signal: controller.signal,
      onProgress(done, total) {
        calls++;
        sample();
        if (done / total < abortAt || asked > 0) return;
        asked = performance.now();
        controller.abort();
      },
    });
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    const after = (performance.now() - asked).toFixed(0);
    stopped = `${after} ms after it was asked, ${context.memory().total} bytes held`;
  }
  const seconds = (performance.now() - begin) / 1000;
  clearInterval(timer);
  sample();
  const { bytes } = model.weights;
  model.dispose();
  context.dispose();
  await gpu.close();
  await source.close();
  return [
    path.split('/').at(-1)!,
    `${(bytes / MB).toFixed(0)} MB ${dtype}`,
    seconds.toFixed(1),
    (bytes / MB / seconds).toFixed(0),
    `${(extra / MB).toFixed(0)} MB`,
    `${(peak / MB).toFixed(0)} MB`,
    String(calls),
    stopped,
  ];
}
