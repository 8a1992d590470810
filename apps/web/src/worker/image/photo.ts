import type { Size } from '@dpt-webgpu/dpt';
import { Tensor, textureToPixels } from '@dpt-webgpu/tensor';
import type { Gpu } from '../gpu.ts';
import { EngineError } from '../protocol.ts';
import halve from '../shaders/halve.wgsl?raw';

/** A photo on the device, with room for smaller copies for a view that does not shimmer. */
export interface Photo extends Size {
  readonly texture: GPUTexture;
}

/** Whole pixels of a photo. */
export interface Part extends Size {
  readonly x: number;
  readonly y: number;
}

/** Pixels above which a photo is reduced: 50 million take 470 MB with all that is made of them. */
const MOST_PIXELS = 50_000_000;

/** Decodes a picture as `dpt image` does: upright, without a colour profile, colours of transparent pixels kept. */
export async function decode(blob: Blob, name: string): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(blob, {
      imageOrientation: 'from-image',
      premultiplyAlpha: 'none',
      colorSpaceConversion: 'none',
    });
  } catch (cause) {
    throw await unreadable(blob, name, cause);
  }
}

export async function uploadPhoto(gpu: Gpu, decoded: ImageBitmap): Promise<Photo> {
  const { device } = gpu;
  const most = device.limits.maxTextureDimension2D;
  const { width, height } = decoded;
  const scale = Math.min(
    1,
    most / Math.max(width, height),
    Math.sqrt(MOST_PIXELS / (width * height)),
  );
  const size = {
    width: Math.max(1, Math.floor(width * scale)),
    height: Math.max(1, Math.floor(height * scale)),
  };
  const source =
    scale === 1
      ? decoded
      : await createImageBitmap(decoded, {
          resizeWidth: size.width,
          resizeHeight: size.height,
          resizeQuality: 'high',
          premultiplyAlpha: 'none',
          colorSpaceConversion: 'none',
        });
  const levels = Math.floor(Math.log2(Math.max(size.width, size.height))) + 1;
  const texture = device.createTexture({
    label: 'photo',
    size,
    format: 'rgba8unorm',
    mipLevelCount: levels,
    usage:
      GPUTextureUsage.TEXTURE_BINDING |
      GPUTextureUsage.COPY_DST |
      GPUTextureUsage.RENDER_ATTACHMENT,
  });
  device.queue.copyExternalImageToTexture({ source }, { texture, premultipliedAlpha: false }, size);
  if (source !== decoded) source.close();
  return { ...size, texture };
}

const pipelines = new WeakMap<GPUDevice, GPURenderPipeline>();

function halvePipeline({ device }: Gpu): GPURenderPipeline {
  const known = pipelines.get(device);
  if (known) return known;
  const module = device.createShaderModule({ label: 'halve', code: halve });
  const made = device.createRenderPipeline({
    label: 'halve',
    layout: 'auto',
    vertex: { module, entryPoint: 'corner' },
    fragment: { module, entryPoint: 'mean', targets: [{ format: 'rgba8unorm' }] },
  });
  pipelines.set(device, made);
  return made;
}

const halved = new WeakSet<GPUTexture>();

/** Once, before a photo is drawn smaller than it is. Not with the upload: the network needs none, and comes first. */
export function makeSmallerCopies(gpu: Gpu, texture: GPUTexture): void {
  const { mipLevelCount: levels } = texture;
  if (levels === 1 || halved.has(texture)) return;
  halved.add(texture);
  const { device } = gpu;
  const pipeline = halvePipeline(gpu);
  const encoder = device.createCommandEncoder({ label: 'smaller copies' });
  const view = (level: number): GPUTextureView =>
    texture.createView({ baseMipLevel: level, mipLevelCount: 1 });
  for (let level = 1; level < levels; level++) {
    const pass = encoder.beginRenderPass({
      colorAttachments: [{ view: view(level), loadOp: 'clear', storeOp: 'store' }],
    });
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [{ binding: 0, resource: view(level - 1) }],
      }),
    );
    pass.draw(3);
    pass.end();
  }
  device.queue.submit([encoder.finish()]);
}

/** Queues the copy of a part of the photo into a buffer of pixels: [part.height, part.width] u32. */
export function writePixels(
  { context }: Gpu,
  photo: GPUTexture,
  part: Part,
  pixels: GPUBuffer,
): void {
  const { width, height } = part;
  const into = Tensor.fromBuffer(context, pixels, [height, width], 'u32', 'pixels');
  textureToPixels(context, photo, { part, into });
}

/** Compiles what `writePixels` runs, which is no step of a recording. Quick before anything else is compiled, and not after. */
export function compilePixels({ context, device }: Gpu): void {
  const texture = device.createTexture({
    label: 'one pixel',
    size: [1, 1],
    format: 'rgba8unorm',
    usage: GPUTextureUsage.TEXTURE_BINDING,
  });
  textureToPixels(context, texture).dispose();
  texture.destroy();
}

/** Bytes that are read back at a time: a device may have no buffer for a whole photo. */
const BAND_BYTES = 16e6;

/** A part of the photo in bytes of its own, as the network gets it. */
export async function readPixels(
  gpu: Gpu,
  photo: GPUTexture,
  part: Part,
): Promise<Size & { readonly data: Uint8Array }> {
  const { width, height } = part;
  const data = new Uint8Array(4 * width * height);
  const rows = Math.max(1, Math.floor(BAND_BYTES / (4 * width)));
  for (let from = 0; from < height; from += rows) {
    const band = { ...part, y: part.y + from, height: Math.min(rows, height - from) };
    using pixels = textureToPixels(gpu.context, photo, { part: band });
    data.set(await pixels.readBytes(), 4 * width * from);
  }
  return { width, height, data };
}

async function unreadable(blob: Blob, name: string, cause: unknown): Promise<EngineError> {
  const start = String.fromCharCode(...new Uint8Array(await blob.slice(0, 64).arrayBuffer()));
  const kind = kindOf(start, blob.size);
  return new EngineError(
    {
      code: 'bad-picture',
      message: kind.foreign
        ? `${name} is ${kind.what}, which this browser cannot open.`
        : `${name} is ${kind.what}.`,
      remedy: kind.remedy,
      details: cause instanceof Error ? cause.message : String(cause),
    },
    { cause },
  );
}

/** What a file that does not decode is, by its first bytes. */
function kindOf(start: string, size: number): { what: string; foreign: boolean; remedy: string } {
  const convert = 'Save it as JPEG, PNG or WebP and drop it again.';
  const foreign = (what: string) => ({ what, foreign: true, remedy: convert });
  if (size === 0) return { what: 'empty', foreign: false, remedy: 'Choose another file.' };
  if (/^.{4}ftyp(hei|hev|mif1|msf1)/s.test(start)) return foreign('HEIC');
  if (/^.{4}ftyp/s.test(start) || start.startsWith('\x1aE\xdf\xa3')) return foreign('a video');
  if (start.startsWith('II*\0') || start.startsWith('MM\0*')) return foreign('TIFF or a raw photo');
  if (start.startsWith('8BPS')) return foreign('a Photoshop file');
  if (start.startsWith('%PDF')) return foreign('a PDF');
  if (start.startsWith('\xff\x0a') || start.includes('JXL ')) return foreign('JPEG XL');
  const damaged = /^(\xff\xd8\xff|\x89PNG|RIFF|GIF8)/.test(start);
  return damaged
    ? { what: 'a damaged picture', foreign: false, remedy: 'It may be cut short: copy it again.' }
    : { what: 'not a picture', foreign: false, remedy: 'Choose a JPEG, PNG or WebP file.' };
}
