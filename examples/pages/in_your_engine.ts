// An engine of its own with depth in it: the device, the encoder, the textures and the submit are the engine's. Each frame it
// draws its scene into a texture, `encode` adds depth to the same encoder, and a pass of the engine draws both.
// Half of the time without us, so that the cost can be seen.   npx vite examples/pages → ?in_your_engine
import { DepthPredictor, loadDpt } from '@dpt-webgpu/dpt';
import { httpSource, openCheckpoint } from '@dpt-webgpu/loaders';
import { Context } from '@dpt-webgpu/tensor';

const [width, height] = [320, 192];
const status = document.getElementById('status')!;
const errors: string[] = [];

// The engine.
const adapter = await navigator.gpu.requestAdapter();
if (!adapter) throw new Error('There is no GPU adapter.');
const device = await adapter.requestDevice({ label: 'engine' });
device.addEventListener('uncapturederror', ({ error }) => errors.push(error.message));
const canvas = document.body.appendChild(document.createElement('canvas'));
[canvas.width, canvas.height] = [2 * width, height];
const screen = canvas.getContext('webgpu')!;
const format = navigator.gpu.getPreferredCanvasFormat();
screen.configure({ device, format });

const module = device.createShaderModule({
  code: `
    @group(0) @binding(0) var<uniform> time: f32;
    @group(0) @binding(1) var scene: texture_2d<f32>;
    @group(0) @binding(2) var depth: texture_2d<f32>;
    @vertex fn corner(@builtin(vertex_index) i: u32) -> @builtin(position) vec4f {
      return vec4f(f32(i % 2u) * 4.0 - 1.0, f32(i / 2u) * 4.0 - 1.0, 0.0, 1.0);
    }
    // A ball over a chequered floor.
    @fragment fn draw(@builtin(position) at: vec4f) -> @location(0) vec4f {
      let p = (at.xy - vec2f(${width / 2}.0 + 80.0 * sin(time), 90.0)) / 50.0;
      let r = dot(p, p);
      if (r < 1.0) { return vec4f(vec3f(0.9, 0.5, 0.2) * (0.3 + 0.7 * sqrt(1.0 - r)), 1.0); }
      if (at.y < 80.0) { return vec4f(0.6, 0.75, 0.95 - at.y * 0.002, 1.0); }
      let tile = vec2f((at.x - ${width / 2}.0) / (at.y - 70.0) * 4.0, 400.0 / (at.y - 70.0));
      return vec4f(vec3f(select(0.25, 0.7, (i32(floor(tile.x)) + i32(floor(tile.y))) % 2 == 0)), 1.0);
    }
    @fragment fn show(@builtin(position) at: vec4f) -> @location(0) vec4f {
      let x = u32(at.x);
      if (x < ${width}u) { return textureLoad(scene, vec2u(x, u32(at.y)), 0); }
      return vec4f(textureLoad(depth, vec2u(x - ${width}u, u32(at.y)), 0).rrr, 1.0);
    }`,
});
const pipeline = (entryPoint: string, target: GPUTextureFormat): GPURenderPipeline =>
  device.createRenderPipeline({
    layout: 'auto',
    vertex: { module },
    fragment: { module, entryPoint, targets: [{ format: target }] },
  });
const [draw, show] = [pipeline('draw', 'rgba8unorm'), pipeline('show', format)];
const { RENDER_ATTACHMENT, TEXTURE_BINDING, STORAGE_BINDING } = GPUTextureUsage;
const target = (usage: number): GPUTexture =>
  device.createTexture({ size: [width, height], format: 'rgba8unorm', usage });
const scene = target(RENDER_ATTACHMENT | TEXTURE_BINDING);
const depth = target(STORAGE_BINDING | TEXTURE_BINDING);
const time = device.createBuffer({
  size: 4,
  usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
});
const drawGroup = device.createBindGroup({
  layout: draw.getBindGroupLayout(0),
  entries: [{ binding: 0, resource: { buffer: time } }],
});
const showGroup = device.createBindGroup({
  layout: show.getBindGroupLayout(0),
  entries: [scene, depth].map((texture, i) => ({ binding: 1 + i, resource: texture.createView() })),
});
function pass(
  encoder: GPUCommandEncoder,
  into: GPUTexture,
  pipe: GPURenderPipeline,
  group: GPUBindGroup,
) {
  const drawing = encoder.beginRenderPass({
    colorAttachments: [{ view: into.createView(), loadOp: 'clear', storeOp: 'store' }],
  });
  drawing.setPipeline(pipe);
  drawing.setBindGroup(0, group);
  drawing.draw(3);
  drawing.end();
}

// The guest: a model on the engine's device, made once.
const file = new URL('../../models/dpt_tiny.safetensors', import.meta.url);
const stateDict = await openCheckpoint(await httpSource(file.href));
const { model } = await loadDpt(stateDict, { context: new Context(device) });
const live = await new DepthPredictor(model).live(
  { width, height },
  { size: Number(new URLSearchParams(location.search).get('size') ?? 112), texture: 'rgba8unorm' },
);

const frameTimes: [without: number[], withDepth: number[]] = [[], []];
const median = (values: number[]): string =>
  (values.sort((a, b) => a - b)[values.length >> 1] ?? 0).toFixed(1);
for (let frame = 0; ; frame++) {
  const withDepth = frame % 2;
  await new Promise(requestAnimationFrame);
  const start = performance.now();
  device.queue.writeBuffer(time, 0, Float32Array.of(start / 1000));
  const encoder = device.createCommandEncoder();
  pass(encoder, scene, draw, drawGroup);
  if (withDepth) live.encode(encoder, scene, depth); // this is all
  pass(encoder, screen.getCurrentTexture(), show, showGroup);
  device.queue.submit([encoder.finish()]);
  await device.queue.onSubmittedWorkDone();
  if (frame > 3) frameTimes[withDepth]!.push(performance.now() - start);
  const [without, between] = frameTimes;
  status.textContent = `${frame} frames; ${median(without)} ms without, ${median(between)} ms with depth; ${errors.length} errors ${errors[0] ?? ''}`;
}
