import { join } from 'node:path';
import type { Size } from '@dpt-webgpu/dpt';
import { encodeNpy } from '@dpt-webgpu/loaders';
import { encodePng8, encodePng16, writeFileAtomic } from '@dpt-webgpu/loaders/node';
import { makeFolder } from '../output_files.ts';
import type { FrameDepth } from './film_depth.ts';

export const frameFormats = ['png16', 'npy', 'png'] as const;
export type FrameFormat = (typeof frameFormats)[number];

const endings: Readonly<Record<FrameFormat, string>> = {
  png16: '.16.png',
  npy: '.npy',
  png: '.png',
};

/** Frames as files named by their number in the film, and `frames.csv` with their times and ranges. */
export class FrameFolder {
  readonly #folder: string;
  readonly #formats: readonly FrameFormat[];
  /** Of the film, and of the pictures. */
  readonly #size: Size;
  readonly #pictureWidth: number;
  readonly #lines = ['frame,seconds,lo,hi'];

  constructor(
    folder: string,
    formats: readonly FrameFormat[],
    size: Size,
    { sideBySide }: { readonly sideBySide: boolean },
  ) {
    this.#folder = folder;
    this.#formats = formats;
    this.#size = size;
    this.#pictureWidth = sideBySide ? 2 * size.width : size.width;
  }

  async write(index: number, seconds: number, depth: FrameDepth): Promise<void> {
    if (this.#lines.length === 1) await makeFolder(this.#folder);
    const name = `${index}`.padStart(8, '0');
    for (const format of this.#formats) {
      const path = join(this.#folder, name + endings[format]);
      await writeFileAtomic(path, this.#encode(format, depth));
    }
    this.#lines.push([index, seconds.toFixed(6), ...depth.range].join(','));
  }

  /** Also after a stop: the list is of the frames that are there. */
  async finish(): Promise<void> {
    if (this.#lines.length === 1) return;
    const text = new TextEncoder().encode(`${this.#lines.join('\n')}\n`);
    await writeFileAtomic(join(this.#folder, 'frames.csv'), text);
  }

  #encode(format: FrameFormat, { picture, values, raw }: FrameDepth): Uint8Array {
    const { width, height } = this.#size;
    switch (format) {
      case 'png16':
        return encodePng16(
          Uint16Array.from(values!, (value) => Math.round(value * 65_535)),
          width,
          height,
        );
      case 'npy':
        return encodeNpy(raw!, [height, width]);
      case 'png':
        return encodePng8(picture!, this.#pictureWidth, height);
    }
  }
}
