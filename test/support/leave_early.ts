// Reaches its last line while the GPU still works and a promise still waits; the process has to end well all the same.
import { requestDevice } from '../../packages/tensor/src/node.ts';

const { device, description } = await requestDevice();
const module = device.createShaderModule({
  code: `
    @group(0) @binding(0) var<storage, read_write> x: array<u32>;
    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
      for (var i = 0u; i < 2000u; i++) { x[id.x] = x[id.x] * 3u + i; }
    }`,
});
const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module } });
const buffer = device.createBuffer({
  size: 4 * 64 * 256,
  usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC,
});
const copy = device.createBuffer({
  size: buffer.size,
  usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
});
const bindGroup = device.createBindGroup({
  layout: pipeline.getBindGroupLayout(0),
  entries: [{ binding: 0, resource: { buffer } }],
});
const encoder = device.createCommandEncoder();
const pass = encoder.beginComputePass();
pass.setPipeline(pipeline);
pass.setBindGroup(0, bindGroup);
pass.dispatchWorkgroups(256);
pass.end();
encoder.copyBufferToBuffer(buffer, copy);
device.queue.submit([encoder.finish()]);
void copy.mapAsync(GPUMapMode.READ);
if (process.argv.includes('destroy')) device.destroy();
if (process.argv.includes('exit')) process.exit(0);
console.log(description);
