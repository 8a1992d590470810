import type { Gpu } from '../../apps/web/src/worker/gpu.ts';
import { testContext } from './tensors.ts';

/** The device of the tests as the web app's worker has one: a software one, whose pixels are not drawn four times. */
export async function testGpu(): Promise<Gpu> {
  const context = await testContext();
  const info = {
    name: 'test',
    software: true,
    f16: false,
    subgroups: false,
    largestBuffer: 2 ** 28,
    budget: 2 ** 30,
  };
  return { device: context.device, context, info, format: 'rgba8unorm', reported: [] };
}

/** An OffscreenCanvas as far as renderers need one, whose picture can be read at any time. */
export class TestCanvas {
  width = 1;
  height = 1;
  readonly #gpu: Gpu;
  #texture: GPUTexture | undefined;

  constructor(gpu: Gpu) {
    this.#gpu = gpu;
  }

  getContext() {
    return { configure: () => {}, getCurrentTexture: () => this.#next() };
  }

  #next(): GPUTexture {
    this.#texture?.destroy();
    const { RENDER_ATTACHMENT, COPY_SRC } = GPUTextureUsage;
    this.#texture = this.#gpu.device.createTexture({
      size: [this.width, this.height],
      format: this.#gpu.format,
      usage: RENDER_ATTACHMENT | COPY_SRC,
    });
    return this.#texture;
  }

  /** R G B A of what was drawn last. */
  async read(): Promise<Uint8Array> {
    const { device } = this.#gpu;
    const { width, height } = this;
    const bytesPerRow = 256 * Math.ceil((4 * width) / 256);
    const { COPY_DST, MAP_READ } = GPUBufferUsage;
    const buffer = device.createBuffer({ size: bytesPerRow * height, usage: COPY_DST | MAP_READ });
    const encoder = device.createCommandEncoder();
    encoder.copyTextureToBuffer({ texture: this.#texture! }, { buffer, bytesPerRow }, [
      width,
      height,
    ]);
    device.queue.submit([encoder.finish()]);
    await buffer.mapAsync(GPUMapMode.READ);
    const rows = new Uint8Array(buffer.getMappedRange());
    const data = new Uint8Array(4 * width * height);
    for (let y = 0; y < height; y++) {
      data.set(rows.subarray(y * bytesPerRow, y * bytesPerRow + 4 * width), 4 * width * y);
    }
    buffer.destroy();
    return data;
  }
}
