import { Tensor, textureToPixels } from '@dpt-webgpu/tensor';
import type { Gpu } from '../gpu.ts';
import shader from '../shaders/shrink.wgsl?raw';
import { makeSmallerCopies, type Part, type Photo, writePixels } from './photo.ts';

interface Made {
  readonly pipeline: GPURenderPipeline;
  readonly sampler: GPUSampler;
}

const madeFor = new WeakMap<GPUDevice, Made>();

/** Queues a part of the photo, at a size of its own, into a buffer of pixels: [height, width] u32. */
export function writeShrunkPixels(
  gpu: Gpu,
  photo: Photo,
  part: Part,
  [height, width]: readonly [number, number],
  pixels: GPUBuffer,
): void {
  if (width === part.width && height === part.height) {
    writePixels(gpu, photo.texture, part, pixels);
    return;
  }
  makeSmallerCopies(gpu, photo.texture);
  const { device, context } = gpu;
  const { pipeline, sampler } = madeOn(device);
  const texture = device.createTexture({
    label: 'shrunk photo',
    size: { width, height },
    format: 'rgba8unorm',
    usage: GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.RENDER_ATTACHMENT,
  });
  const uniform = device.createBuffer({
    label: 'shrunk photo',
    size: 32,
    usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
  });
  try {
    const { x, y } = part;
    const crop = [x / photo.width, y / photo.height];
    crop.push(part.width / photo.width, part.height / photo.height);
    const level = Math.max(0, Math.log2(part.width / width));
    device.queue.writeBuffer(uniform, 0, new Float32Array([...crop, width, height, level, 0]));
    const encoder = device.createCommandEncoder({ label: 'shrunk photo' });
    const pass = encoder.beginRenderPass({
      colorAttachments: [{ view: texture.createView(), loadOp: 'clear', storeOp: 'store' }],
    });
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [
          { binding: 0, resource: { buffer: uniform } },
          { binding: 1, resource: photo.texture.createView() },
          { binding: 2, resource: sampler },
        ],
      }),
    );
    pass.draw(3);
    pass.end();
    device.queue.submit([encoder.finish()]);
    const into = Tensor.fromBuffer(context, pixels, [height, width], 'u32', 'pixels');
    textureToPixels(context, texture, { into });
  } finally {
    // What is queued keeps them until it has run.
    texture.destroy();
    uniform.destroy();
  }
}

function madeOn(device: GPUDevice): Made {
  const known = madeFor.get(device);
  if (known) return known;
  const module = device.createShaderModule({ label: 'shrink', code: shader });
  const made = {
    pipeline: device.createRenderPipeline({
      label: 'shrink',
      layout: 'auto',
      vertex: { module, entryPoint: 'corner' },
      fragment: { module, entryPoint: 'colour', targets: [{ format: 'rgba8unorm' }] },
    }),
    sampler: device.createSampler({
      magFilter: 'linear',
      minFilter: 'linear',
      mipmapFilter: 'linear',
    }),
  };
  madeFor.set(device, made);
  return made;
}
