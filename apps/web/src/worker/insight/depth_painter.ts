import {
  type ColourMap,
  colourWords,
  type DepthKind,
  depthPipeline,
  depthSettings,
} from '@dpt-webgpu/dpt';
import { type Recording, record } from '@dpt-webgpu/tensor';
import type { Gpu } from '../gpu.ts';
import type { Job } from '../protocol.ts';
import type { DepthShades, NumberMap, Picture } from './insight_calls.ts';
import { coloured, type Range, rangeOf } from './map_colours.ts';

type Painting = Recording<'depth' | 'settings' | 'colours', 'rgba'>;
type Transfer = Pick<Job<never>, 'transfer'>;

/** Depth maps as the other pages colour them, on the GPU: high contrast is counted there. */
export class DepthPainter {
  readonly gpu: Gpu;
  readonly #paintings = new Map<string, Promise<Painting>>();

  constructor(gpu: Gpu) {
    this.gpu = gpu;
  }

  async paint(
    { values, width, height }: NumberMap,
    kind: DepthKind,
    { map, reverse, contrast }: DepthShades,
    job: Transfer,
  ): Promise<Picture> {
    const painting = await this.#painting([1, height, width], kind, contrast);
    const { rgba } = painting.run({
      depth: values,
      settings: depthSettings({ reverse }),
      colours: colourWords(map),
    });
    const pixels = new Uint8ClampedArray((await rgba.readBytes()).slice().buffer);
    return pictureOf(new ImageData(pixels, width, height), rangeOf(values), job);
  }

  #painting(
    shape: readonly [1, number, number],
    kind: DepthKind,
    equalise: boolean,
  ): Promise<Painting> {
    const key = [...shape, kind, equalise].join();
    let painting = this.#paintings.get(key);
    if (!painting) {
      painting = record(
        this.gpu.context,
        { depth: shape, settings: [8], colours: { shape: [256], dtype: 'u32' } },
        ({ depth, settings, colours }) => {
          const { rgba } = depthPipeline(depth, { settings, colours, kind, equalise });
          return { rgba };
        },
      );
      this.#paintings.set(key, painting);
    }
    return painting;
  }

  dispose(): void {
    for (const painting of this.#paintings.values()) {
      // One that was not made has nothing to give back.
      void painting.then(
        (made) => made.dispose(),
        () => undefined,
      );
    }
    this.#paintings.clear();
  }
}

/** Any map of numbers, value by value. */
export function painted(
  { values, width, height }: NumberMap,
  map: ColourMap,
  range: Range,
  job: Transfer,
): Promise<Picture> {
  return pictureOf(coloured(values, [width, height], map, range), range, job);
}

async function pictureOf(pixels: ImageData, { low, high }: Range, job: Transfer): Promise<Picture> {
  const bitmap = await createImageBitmap(pixels);
  job.transfer(bitmap);
  return { bitmap, low, high };
}
