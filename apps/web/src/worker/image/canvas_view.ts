import type { Tensor } from '@dpt-webgpu/tensor';
import type { Gpu } from '../gpu.ts';
import shader from '../shaders/pane.wgsl?raw';
import type { PaneContent, Rect, View } from './image_calls.ts';
import { makeSmallerCopies, type Photo } from './photo.ts';

/** What panes are drawn from. Pictures and masks have the shape [H, W]. */
export interface Drawable {
  readonly photo: Photo;
  /** The part of the photo that the picture covers, 0…1. */
  readonly crop: Rect;
  /** Pixels of the map as they are, in place of what lies between them. */
  readonly sharp?: boolean;
  readonly pictures: Partial<Readonly<Record<PaneContent, Tensor>>>;
}

const PANE_BYTES = 80;
const MOST_PANES = 4;

/** Draws views on a canvas of the page. The canvas is moved here once and stays; devices may come and go. */
export class CanvasView {
  readonly canvas: OffscreenCanvas;
  readonly #context: GPUCanvasContext;
  #made: Made | undefined;
  #isBlank = true;

  constructor(canvas: OffscreenCanvas) {
    this.canvas = canvas;
    this.#context = canvas.getContext('webgpu') as GPUCanvasContext;
  }

  draw(gpu: Gpu, view: View, drawable: Drawable | undefined): void {
    const { device } = gpu;
    const panes = drawable ? view.panes.slice(0, MOST_PANES) : [];
    // A canvas that shows nothing costs nothing: what is drawn first waits for shaders to be compiled.
    if (panes.length === 0 && this.#isBlank) return;
    this.#isBlank = panes.length === 0;
    if (drawable && panes.some(({ content }) => content === 'photo' || content === 'cutout')) {
      makeSmallerCopies(gpu, drawable.photo.texture);
    }
    const width = Math.max(
      1,
      Math.min(Math.round(view.width), device.limits.maxTextureDimension2D),
    );
    const height = Math.max(
      1,
      Math.min(Math.round(view.height), device.limits.maxTextureDimension2D),
    );
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    const made = this.#for(gpu);
    const encoder = device.createCommandEncoder({ label: 'view' });
    const pass = encoder.beginRenderPass({
      colorAttachments: [
        {
          view: this.#context.getCurrentTexture().createView(),
          loadOp: 'clear',
          storeOp: 'store',
          clearValue: [0, 0, 0, 0],
        },
      ],
    });
    if (drawable) {
      for (const [i, pane] of panes.entries()) {
        const tensor = drawable.pictures[pane.content];
        const group = bindGroup(made, gpu, drawable, tensor, pane.content, i);
        if (!group) continue;
        device.queue.writeBuffer(
          made.panes,
          i * made.stride,
          paneBytes(view, pane, drawable, tensor),
        );
        pass.setPipeline(pipelineFor(made, codeOf(pane.content, drawable)));
        pass.setBindGroup(0, group);
        pass.draw(4);
      }
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
  }

  #for(gpu: Gpu): Made {
    if (this.#made?.device === gpu.device) return this.#made;
    const { device, format } = gpu;
    this.#context.configure({ device, format, alphaMode: 'premultiplied' });
    const module = device.createShaderModule({ label: 'pane', code: shader });
    const layout = device.createBindGroupLayout({
      label: 'pane',
      entries: [
        { binding: 0, visibility: GPUShaderStage.VERTEX | GPUShaderStage.FRAGMENT, buffer: {} },
        { binding: 1, visibility: GPUShaderStage.FRAGMENT, texture: {} },
        { binding: 2, visibility: GPUShaderStage.FRAGMENT, sampler: {} },
        { binding: 3, visibility: GPUShaderStage.FRAGMENT, buffer: { type: 'read-only-storage' } },
      ],
    });
    const stride = Math.max(256, device.limits.minUniformBufferOffsetAlignment);
    this.#made = {
      device,
      layout,
      stride,
      format,
      module,
      pipelines: new Map(),
      sampler: device.createSampler({
        magFilter: 'linear',
        minFilter: 'linear',
        mipmapFilter: 'linear',
      }),
      panes: device.createBuffer({
        label: 'panes',
        size: stride * MOST_PANES,
        usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
      }),
      nothing: device.createBuffer({
        label: 'no picture',
        size: 16,
        usage: GPUBufferUsage.STORAGE,
      }),
    };
    return this.#made;
  }
}

interface Made {
  readonly device: GPUDevice;
  readonly layout: GPUBindGroupLayout;
  readonly format: GPUTextureFormat;
  readonly module: GPUShaderModule;
  /** By what they draw. */
  readonly pipelines: Map<number, GPURenderPipeline>;
  readonly sampler: GPUSampler;
  readonly panes: GPUBuffer;
  readonly stride: number;
  readonly nothing: GPUBuffer;
}

function pipelineFor(
  { device, format, layout, module, pipelines }: Made,
  content: number,
): GPURenderPipeline {
  let pipeline = pipelines.get(content);
  if (!pipeline) {
    pipeline = device.createRenderPipeline({
      label: 'pane',
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      vertex: { module, entryPoint: 'corner' },
      fragment: {
        module,
        entryPoint: 'colour',
        constants: { CONTENT: content },
        targets: [{ format }],
      },
      primitive: { topology: 'triangle-strip' },
    });
    pipelines.set(content, pipeline);
  }
  return pipeline;
}

/** What the shader does for each content. */
const codes: Readonly<Record<PaneContent, number>> = {
  photo: 0,
  depth: 1,
  normals: 1,
  cutout: 2,
};

const codeOf = (content: PaneContent, { sharp }: Drawable): number =>
  content === 'depth' && sharp ? 3 : codes[content];

function bindGroup(
  made: Made,
  { device }: Gpu,
  { photo }: Drawable,
  tensor: Tensor | undefined,
  content: PaneContent,
  index: number,
): GPUBindGroup | undefined {
  if (content !== 'photo' && !tensor) return undefined;
  return device.createBindGroup({
    layout: made.layout,
    entries: [
      {
        binding: 0,
        resource: { buffer: made.panes, offset: index * made.stride, size: PANE_BYTES },
      },
      { binding: 1, resource: photo.texture.createView() },
      { binding: 2, resource: made.sampler },
      { binding: 3, resource: { buffer: tensor?.buffer ?? made.nothing } },
    ],
  });
}

function paneBytes(
  view: View,
  { rect, clip, whole }: View['panes'][number],
  { photo, crop }: Drawable,
  tensor: Tensor | undefined,
): ArrayBuffer {
  const bytes = new ArrayBuffer(PANE_BYTES);
  const floats = new Float32Array(bytes);
  const part = whole ? { x: 0, y: 0, width: 1, height: 1 } : crop;
  const [rows = 1, columns = 1] = tensor?.shape.slice(-2) ?? [];
  floats.set([rect.x, rect.y, rect.width, rect.height], 0);
  const bounds = clip ?? rect;
  floats.set([bounds.x, bounds.y, bounds.x + bounds.width, bounds.y + bounds.height], 4);
  floats.set([part.x, part.y, part.x + part.width, part.y + part.height], 8);
  floats.set([view.width, view.height, columns, rows], 12);
  const texels = (part.width * photo.width) / Math.max(1, rect.width);
  floats.set([view.radius, Math.max(0, Math.log2(texels)), 8 * view.scale], 16);
  return bytes;
}
