import { colourWords, type Size } from '@dpt-webgpu/dpt';
import type { Tensor } from '@dpt-webgpu/tensor';
import type { Gpu } from '../gpu.ts';
import type { Rect } from '../image/image_calls.ts';
import shader from '../shaders/surface.wgsl?raw';
import { countOf, gridOf, halfSides } from './grid.ts';
import type { DrawAs, Eye, View3d } from './view3d_calls.ts';

/** What a surface is made of. All of it is on the device already. */
export interface Scene extends Size {
  readonly texture: GPUTexture;
  /** The part of the texture that the map covers, 0…1. */
  readonly crop: Rect;
  readonly metric: boolean;
  /** [H, W], 0…1, 1 the nearest. */
  readonly nearness: Tensor;
  /** [H, W] u32, 0…255. */
  readonly mask: Tensor;
  /** The mask is a picture: R G B A. */
  readonly maskIsPicture: boolean;
}

const VIEW_BYTES = 160;
const MOST_EYES = 2;
const DEPTH: GPUTextureFormat = 'depth24plus';

/** Draws a map as a relief on a canvas of the page. The canvas is moved here once and stays; devices may come and go. */
export class Renderer {
  readonly canvas: OffscreenCanvas;
  readonly #context: GPUCanvasContext;
  #made: Made | undefined;

  constructor(canvas: OffscreenCanvas) {
    this.canvas = canvas;
    this.#context = canvas.getContext('webgpu') as GPUCanvasContext;
  }

  /** Returns how many triangles, points or lines were asked for. */
  draw(gpu: Gpu, view: View3d, scene: Scene | undefined): number {
    const { device } = gpu;
    const most = device.limits.maxTextureDimension2D;
    const width = Math.max(1, Math.min(Math.round(view.width), most));
    const height = Math.max(1, Math.min(Math.round(view.height), most));
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    const made = this.#for(gpu);
    made.fit(width, height);
    const grid = scene ? gridOf(scene, view.surface.density) : { width: 2, height: 2 };
    const groups = scene ? made.bindGroups(view, scene, grid) : [];
    const lines = made.uploadLines(view.lines);
    const encoder = device.createCommandEncoder({ label: 'surface' });
    const target = this.#context.getCurrentTexture().createView();
    const [r, g, b] = view.background ?? [0, 0, 0];
    const eyes = view.eyes.slice(0, MOST_EYES);
    for (const [i, eye] of eyes.entries()) {
      const last = i === eyes.length - 1;
      const pass = encoder.beginRenderPass({
        colorAttachments: [
          {
            ...(made.samples > 1
              ? { view: made.colour, ...(last ? { resolveTarget: target } : {}) }
              : { view: target }),
            loadOp: i === 0 ? 'clear' : 'load',
            storeOp: 'store',
            clearValue: [r, g, b, view.background ? 1 : 0],
          },
        ],
        depthStencilAttachment: {
          view: made.depth,
          depthLoadOp: 'clear',
          depthStoreOp: 'discard',
          depthClearValue: 1,
        },
      });
      const { x, y, width: w, height: h } = within(eye.rect, width, height);
      pass.setViewport(x, y, w, h, 0, 1);
      const group = groups[i];
      if (group) {
        pass.setBindGroup(0, group);
        pass.setPipeline(made.pipeline(view.surface.drawAs, eye.channels));
        pass.draw(verticesOf(view.surface.drawAs, grid));
        if (lines > 0) {
          pass.setPipeline(made.pipeline('line', eye.channels));
          pass.setVertexBuffer(0, made.lines);
          pass.draw(lines);
        }
      }
      pass.end();
    }
    device.queue.submit([encoder.finish()]);
    return scene ? countOf(view.surface.drawAs, grid) : 0;
  }

  #for(gpu: Gpu): Made {
    if (this.#made?.device === gpu.device) return this.#made;
    this.#context.configure({
      device: gpu.device,
      format: gpu.format,
      alphaMode: 'premultiplied',
    });
    this.#made = new Made(gpu);
    return this.#made;
  }
}

/** What is made once per device, and what follows the size of the canvas. */
class Made {
  readonly device: GPUDevice;
  readonly samples: number;
  readonly #format: GPUTextureFormat;
  readonly #module: GPUShaderModule;
  readonly #layout: GPUBindGroupLayout;
  readonly #pipelines = new Map<string, GPURenderPipeline>();
  readonly #sampler: GPUSampler;
  readonly #views: GPUBuffer;
  readonly #stride: number;
  readonly #colours: GPUBuffer;
  #textures: GPUTexture[] = [];
  colour!: GPUTextureView;
  depth!: GPUTextureView;
  lines: GPUBuffer;
  #sides = '';

  constructor({ device, format, info }: Gpu) {
    this.device = device;
    // Smooth edges cost four times the pixels, which a processor should not have to draw.
    this.samples = info.software ? 1 : 4;
    this.#format = format;
    this.#module = device.createShaderModule({ label: 'surface', code: shader });
    const { VERTEX, FRAGMENT } = GPUShaderStage;
    const readOnly: GPUBufferBindingLayout = { type: 'read-only-storage' };
    this.#layout = device.createBindGroupLayout({
      label: 'surface',
      entries: [
        { binding: 0, visibility: VERTEX | FRAGMENT, buffer: {} },
        { binding: 1, visibility: VERTEX, buffer: readOnly },
        { binding: 2, visibility: FRAGMENT, buffer: readOnly },
        { binding: 3, visibility: FRAGMENT, buffer: readOnly },
        { binding: 4, visibility: FRAGMENT, texture: {} },
        { binding: 5, visibility: FRAGMENT, sampler: {} },
      ],
    });
    this.#sampler = device.createSampler({
      magFilter: 'linear',
      minFilter: 'linear',
      mipmapFilter: 'linear',
    });
    this.#stride = Math.max(256, device.limits.minUniformBufferOffsetAlignment);
    const { UNIFORM, COPY_DST, STORAGE, VERTEX: VERTICES } = GPUBufferUsage;
    const buffer = (label: string, size: number, usage: number): GPUBuffer =>
      device.createBuffer({ label, size, usage: usage | COPY_DST });
    this.#views = buffer('views', this.#stride * MOST_EYES, UNIFORM);
    this.#colours = buffer('colours', 4 * 256, STORAGE);
    this.lines = buffer('lines', 28, VERTICES);
    device.queue.writeBuffer(this.#colours, 0, colourWords('magma') as Uint32Array<ArrayBuffer>);
  }

  fit(width: number, height: number): void {
    if (this.#sides === `${width} ${height}`) return;
    this.#sides = `${width} ${height}`;
    for (const texture of this.#textures) texture.destroy();
    const make = (format: GPUTextureFormat): GPUTexture =>
      this.device.createTexture({
        label: `surface ${format}`,
        size: [width, height],
        format,
        sampleCount: this.samples,
        usage: GPUTextureUsage.RENDER_ATTACHMENT,
      });
    const depth = make(DEPTH);
    const colour = make(this.#format);
    this.#textures = [depth, colour];
    this.depth = depth.createView();
    this.colour = colour.createView();
  }

  /** Returns how many ends there are. */
  uploadLines(lines: Float32Array): number {
    if (lines.byteLength > this.lines.size) {
      this.lines.destroy();
      this.lines = this.device.createBuffer({
        label: 'lines',
        size: lines.byteLength,
        usage: GPUBufferUsage.VERTEX | GPUBufferUsage.COPY_DST,
      });
    }
    this.device.queue.writeBuffer(this.lines, 0, lines as Float32Array<ArrayBuffer>);
    return lines.length / 7;
  }

  pipeline(kind: DrawAs | 'line', channels: Eye['channels']): GPURenderPipeline {
    const key = `${kind} ${channels}`;
    const known = this.#pipelines.get(key);
    if (known) return known;
    const { RED, GREEN, BLUE, ALPHA } = GPUColorWrite;
    const writeMask = {
      all: RED | GREEN | BLUE | ALPHA,
      red: RED | ALPHA,
      cyan: GREEN | BLUE | ALPHA,
    }[channels];
    const isLine = kind === 'line';
    const blend: GPUBlendState = {
      color: { srcFactor: 'one', dstFactor: 'one-minus-src-alpha' },
      alpha: { srcFactor: 'one', dstFactor: 'one-minus-src-alpha' },
    };
    const made = this.device.createRenderPipeline({
      label: key,
      layout: this.device.createPipelineLayout({ bindGroupLayouts: [this.#layout] }),
      vertex: {
        module: this.#module,
        entryPoint: kind,
        ...(isLine && {
          buffers: [
            {
              arrayStride: 28,
              attributes: [
                { shaderLocation: 0, offset: 0, format: 'float32x3' },
                { shaderLocation: 1, offset: 12, format: 'float32x4' },
              ],
            },
          ],
        }),
      },
      fragment: {
        module: this.#module,
        entryPoint: isLine ? 'line_colour' : 'colour',
        targets: [{ format: this.#format, writeMask, ...(isLine && { blend }) }],
      },
      primitive: { topology: isLine || kind === 'lines' ? 'line-list' : 'triangle-list' },
      depthStencil: { format: DEPTH, depthWriteEnabled: !isLine, depthCompare: 'less' },
      multisample: { count: this.samples },
    });
    this.#pipelines.set(key, made);
    return made;
  }

  bindGroups(view: View3d, scene: Scene, grid: Size): GPUBindGroup[] {
    return view.eyes.slice(0, MOST_EYES).map((eye, i) => {
      const offset = i * this.#stride;
      this.device.queue.writeBuffer(this.#views, offset, viewBytes(view, eye, scene, grid));
      return this.device.createBindGroup({
        layout: this.#layout,
        entries: [
          { binding: 0, resource: { buffer: this.#views, offset, size: VIEW_BYTES } },
          { binding: 1, resource: { buffer: scene.nearness.buffer } },
          { binding: 2, resource: { buffer: scene.mask.buffer } },
          { binding: 3, resource: { buffer: this.#colours } },
          { binding: 4, resource: scene.texture.createView() },
          { binding: 5, resource: this.#sampler },
        ],
      });
    });
  }
}

function verticesOf(drawAs: DrawAs, { width, height }: Size): number {
  return drawAs === 'triangles' ? 6 * (width - 1) * (height - 1) : 6 * width * height;
}

/** struct View of the shader. */
function viewBytes(view: View3d, eye: Eye, scene: Scene, grid: Size): ArrayBuffer {
  const { surface } = view;
  const { crop, nearness, mask } = scene;
  const bytes = new ArrayBuffer(VIEW_BYTES);
  const floats = new Float32Array(bytes);
  const words = new Uint32Array(bytes);
  const [H = 1, W = 1] = nearness.shape.slice(-2);
  const [maskH = 1, maskW = 1] = mask.shape.slice(-2);
  floats.set(eye.matrix, 0);
  floats.set([crop.x, crop.y, crop.x + crop.width, crop.y + crop.height], 16);
  words.set([grid.width, grid.height, W, H, maskW, maskH], 20);
  floats.set([eye.rect.width, eye.rect.height], 26);
  floats.set(halfSides(scene, surface.fov), 28);
  floats.set([surface.nearest, surface.farthest], 30);
  const cut = surface.cut > 0 ? 1 + surface.cut : 0;
  floats.set([cut, surface.threshold, surface.jitter, view.pointSize], 32);
  words[36] = surface.seed;
  const flags = [scene.metric, view.showDepth, scene.maskIsPicture, surface.rays];
  words[37] = flags.reduce((sum, on, i) => sum | (on ? 1 << i : 0), 0);
  return bytes;
}

/** Viewports must lie in the canvas; rounding may have moved them out. */
function within({ x, y, width, height }: Rect, W: number, H: number): Rect {
  const left = Math.min(Math.max(x, 0), W - 1);
  const top = Math.min(Math.max(y, 0), H - 1);
  return {
    x: left,
    y: top,
    width: Math.max(1, Math.min(width, W - left)),
    height: Math.max(1, Math.min(height, H - top)),
  };
}
