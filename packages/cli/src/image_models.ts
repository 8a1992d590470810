import type { Photo, Size } from '@dpt-webgpu/dpt';
import type { Io } from './command.ts';
import { DepthChain } from './depth_chain.ts';
import { UsageError } from './errors.ts';
import { DEFAULT_LINE, type ImageOptions, partsOf } from './image_flags.ts';
import {
  type OpenedModel,
  type OpenModelHooks,
  type OpenModelOptions,
  openModel,
  PictureSizeError,
} from './open_model.ts';

/** A model on a device that is large enough, and what is done to its maps. */
export interface Workplace {
  readonly opened: OpenedModel;
  readonly chain: DepthChain;
}

/** The model, opened when the first picture has been read, and again for one that needs a larger device. */
export class OpenModels {
  readonly path: string;
  readonly #network: OpenModelOptions;
  readonly #options: ImageOptions;
  readonly #io: Io;
  readonly #note: (line: string) => void;
  #current: Workplace | undefined;
  #opened = 0;
  /** What no device was found for. */
  readonly #tooMany = new Set<string>();
  /** The model could not be opened, whatever the picture. */
  failed = false;

  constructor(
    path: string,
    network: OpenModelOptions,
    options: ImageOptions,
    io: Io,
    note: (line: string) => void,
  ) {
    this.path = path;
    const { size, square, tiles } = options;
    this.#network = { ...network, size, square, tiles, bytesPerPixel: bytesPerPixel(options) };
    this.#options = options;
    this.#io = io;
    this.#note = note;
  }

  /** For so many photos together where an adapter has that, else for one. */
  async for(photo: Size, count: number): Promise<Workplace> {
    if (this.#current?.opened.fits(photo, count)) return this.#current;
    if (count > 1 && this.#tooMany.has(keyOf(photo, count))) return this.for(photo, 1);
    await this.close();
    try {
      const opened = await openModel(this.path, { ...this.#network, photo, count }, this.#hooks());
      if (this.#opened++ === 0) this.#expectMeaning(opened);
      this.#current = { opened, chain: this.#chainOn(opened) };
      return this.#current;
    } catch (error) {
      if (count > 1 && error instanceof PictureSizeError) {
        this.#tooMany.add(keyOf(photo, count));
        return this.for(photo, 1);
      }
      this.failed = !(error instanceof PictureSizeError);
      throw error;
    }
  }

  async close(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    current?.chain.dispose();
    await current?.opened.close();
  }

  /** Flags whose meaning depends on what the model's numbers are. */
  #expectMeaning({ config }: OpenedModel): void {
    const { line, known, values } = this.#options;
    const isMetric = config.depth === 'metric';
    if (!isMetric && this.#network.maxDepth !== undefined) {
      this.#io.error(`warning: --max-depth has no effect: ${config.family} is not metric.`);
    }
    if (isMetric && (line || known.length > 0)) {
      const flags = line ? '--near and --far are' : '--calibrate is';
      throw new UsageError(
        `${flags} for relative models; ${config.family} gives metres by itself.`,
      );
    }
    if (!isMetric && values === 'metres' && !line && known.length === 0) {
      throw new UsageError(
        `--values metres: ${config.family} is relative. Say how far it is with --near and --far, or --calibrate.`,
      );
    }
  }

  #chainOn({ context, config }: OpenedModel): DepthChain {
    const { settings, equalise, colourMap, upsample, line = DEFAULT_LINE, fov } = this.#options;
    return new DepthChain(context, {
      kind: config.depth,
      settings,
      equalise,
      colours: colourMap,
      upsample,
      line,
      fov,
      parts: partsOf(this.#options),
    });
  }

  #hooks(): OpenModelHooks {
    const { error, progress, signal } = this.#io;
    const isFirst = this.#opened === 0;
    const log = (line: string): void => {
      progress.clear();
      if (isFirst) (line.startsWith('warning:') ? error : this.#note)(line);
    };
    return { log, onProgress: progress.report, signal };
  }
}

/** What the chain binds of a photo: normals are three floats, everything else is one word; nothing where it has no part. */
function bytesPerPixel(options: ImageOptions): number {
  const parts = partsOf(options);
  if (parts.has('normals')) return 12;
  const { upsample } = options;
  return parts.size > 0 || upsample === 'bilinear' || upsample === 'guided' ? 4 : 0;
}

const keyOf = ({ width, height }: Size, count: number): string => `${width}×${height}×${count}`;

/** Reads on while the GPU works: pictures in order, each as soon as it is there, and those of one size together. */
export async function* inGroups<T extends { readonly photo?: Photo }>(
  read: readonly (() => Promise<T>)[],
  size: number,
): AsyncGenerator<T[]> {
  const ahead: Promise<T>[] = [];
  let started = 0;
  // One group is worked on, and the next picture is on its way.
  const next = (): Promise<T> | undefined => {
    while (ahead.length < 2 && started < read.length) ahead.push(read[started++]!());
    return ahead.shift();
  };
  let group: T[] = [];
  for (let item = next(); item; item = next()) {
    const done = await item;
    const first = group[0]?.photo;
    const fits = first && done.photo?.width === first.width && done.photo.height === first.height;
    if (group.length > 0 && (!fits || group.length === size)) {
      yield group;
      group = [];
    }
    group.push(done);
    if (!done.photo || size === 1) {
      yield group;
      group = [];
    }
  }
  if (group.length > 0) yield group;
}
