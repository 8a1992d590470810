// What the bias of BEiT's attention costs, found in a table by the kernel or read from an N × N matrix made beforehand:
//   npx tsx bench/beit_bias.ts [rows and columns of patches] [heads] [runs]
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mib } from '@dpt-webgpu/tensor';
import { requestDevice } from '@dpt-webgpu/tensor/node';

const [grid = 24, heads = 12, runs = 5] = process.argv.slice(2).map(Number);
const N = 1 + grid * grid;
const d = 64;
const rows = (2 * grid - 1) ** 2 + 3;

const source = (name: string): string =>
  readFileSync(join(import.meta.dirname, '..', 'shaders', `${name}.wgsl`), 'utf8');

/** The same kernel with the row of the matrix in the place of the row of the table: origin + key. */
function withMatrix(shader: string): string {
  const changes: readonly (readonly [from: RegExp, to: string])[] = [
    [/let table_at = .*;/, 'let table_at = head * N * N;'],
    [
      /let origins = .*;/,
      'let origins = table_at + min(query + vec4u(0u, 1u, 2u, 3u), vec4u(N - 1u)) * N;',
    ],
    [/let origin_0 = .*;/, 'let origin_0 = origins.x;'],
    [/let back_0 = .*;/, 'let back_0 = 1u;'],
    [/if \(key == 0u\) \{[^}]*\}/, ''],
    [/fn places[^}]*\}/, 'fn places(token: vec4u) -> vec4u { return vec4u(0u) - token; }'],
  ];
  return changes.reduce((text, [from, to]) => {
    if (!from.test(text)) throw new Error(`attention_relative_registers.wgsl has no ${from}.`);
    return text.replace(from, to);
  }, shader);
}

const plain = [1, N, heads, d / 4];
const relative = [...plain, grid, grid];
const kernels = [
  { name: 'attention', code: source('attention'), queries: 1, sizes: plain, bias: 0 },
  {
    name: 'attention_relative',
    code: source('attention_relative'),
    queries: 1,
    sizes: relative,
    bias: rows,
  },
  {
    name: 'attention_registers',
    code: source('attention_registers'),
    queries: 4,
    sizes: plain,
    bias: 0,
  },
  {
    name: 'attention_relative_registers',
    code: source('attention_relative_registers'),
    queries: 4,
    sizes: relative,
    bias: rows,
  },
  {
    name: 'the same with an N × N matrix',
    code: withMatrix(source('attention_relative_registers')),
    queries: 4,
    sizes: relative,
    bias: N * N,
  },
];

const { device, description, close } = await requestDevice({});
console.log(
  `${description}; grid ${grid} × ${grid}, N = ${N}, ${heads} heads of ${d}; f32; ${runs} runs`,
);

const STORAGE = 0x80; // GPUBufferUsage, which Node has no globals for
const UNIFORM = 0x40;
const COPY_DST = 0x08;
function bufferOf(values: Float32Array<ArrayBuffer> | ArrayBuffer, usage: number): GPUBuffer {
  const buffer = device.createBuffer({ size: values.byteLength, usage: usage | COPY_DST });
  device.queue.writeBuffer(buffer, 0, values);
  return buffer;
}
const noise = (length: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length }, () => 2 * Math.random() - 1);
function paramsOf(sizes: readonly number[]): ArrayBuffer {
  const params = new DataView(new ArrayBuffer(32));
  for (const [i, size] of sizes.entries()) params.setUint32(4 * i, size, true);
  params.setFloat32(4 * sizes.length, d ** -0.5, true);
  return params.buffer;
}

const qkv = bufferOf(noise(N * 3 * heads * d), STORAGE);
const y = device.createBuffer({ size: N * heads * d * 4, usage: STORAGE });

async function prepare({ code, queries, sizes, bias }: (typeof kernels)[number]) {
  const pipeline = await device.createComputePipelineAsync({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code }) },
  });
  const table = bias ? [bufferOf(noise(heads * bias), STORAGE)] : [];
  const buffers = [qkv, ...table, y, bufferOf(paramsOf(sizes), UNIFORM)];
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const run = async (): Promise<number> => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(Math.ceil((heads * Math.ceil(N / queries)) / 64));
    pass.end();
    const start = performance.now();
    device.queue.submit([encoder.finish()]);
    await device.queue.onSubmittedWorkDone();
    return performance.now() - start;
  };
  await run(); // drivers finish compiling when a pipeline is first used
  return { run, times: [] as number[] };
}

const prepared = [];
for (const kernel of kernels) prepared.push({ kernel, ...(await prepare(kernel)) });
// One after the other in every round, so that a busy machine is busy for all.
for (let round = 0; round < runs; round++) {
  for (const { run, times } of prepared) times.push(await run());
}
for (const { kernel, times } of prepared) {
  times.sort((a, b) => a - b);
  const least = times[0]!;
  const median = times[Math.floor(times.length / 2)]!;
  const memory = kernel.bias ? `bias ${mib(heads * kernel.bias * 4)}` : 'no bias';
  console.log(
    `${kernel.name.padEnd(30)} least ${least.toFixed(1).padStart(8)} ms   median ${median.toFixed(1).padStart(8)}   ${memory}`,
  );
}
await close();
