import { type DepthKind, dilateEdges, type Size } from '@dpt-webgpu/dpt';
import type { Tensor } from '@dpt-webgpu/tensor';
import type { Steady } from '../film/film_calls.ts';
import { Smoothing } from '../film/smoothing.ts';
import type { Rect } from '../image/image_calls.ts';
import { makeSmallerCopies, type Part, type Photo } from '../image/photo.ts';
import { writeShrunkPixels } from '../image/shrunk_pixels.ts';
import type { OpenModel } from '../model_host.ts';
import { EngineError } from '../protocol.ts';
import { type ReliefRecording, recordRelief } from './relief.ts';
import type { Scene } from './renderer.ts';

/** The newest frame of a film and its map, both on the device. */
export interface FilmFrame extends Size {
  readonly opened: OpenModel;
  readonly texture: GPUTexture;
  readonly depth: Tensor;
  /** [h, w] u32 */
  readonly pixels: Tensor;
  /** Seconds. */
  readonly time: number;
  /** Counts how often frames began that do not follow those before. */
  readonly begun: number;
  readonly modelTime: number;
}

/** A still picture and its map. */
export interface Still {
  readonly opened: OpenModel;
  readonly photo: Photo;
  readonly part: Part;
  /** What was used of the photo, 0…1, in whole pixels. */
  readonly crop: Rect;
  readonly depth: Tensor;
  /** No recording has the map: it is freed when another takes its place. */
  readonly isOwn: boolean;
  /** Edges are where the photo has them. */
  readonly guided: boolean;
}

/** What is drawn, all of it of one picture or of one frame. */
interface Shown extends Size {
  readonly texture: GPUTexture;
  readonly crop: Rect;
  readonly kind: DepthKind;
  readonly depth: Tensor;
  readonly isOwn: boolean;
  readonly steady: Steady['kind'];
  readonly recording: ReliefRecording;
}

const WHOLE: Rect = { x: 0, y: 0, width: 1, height: 1 };

/** The longer side of a guided map: that of what the image page shows. */
const GUIDED = 1280;

/**
 * The surface that is there. A picture or a frame takes the place of the one before as a whole, in one task: whoever draws
 * in between never sees the colours of one on the relief of another.
 */
export class LiveScene {
  #shown: Shown | undefined;
  readonly #smoothing = new Smoothing();
  /** The film's own texture is written to before the next map is there. */
  #frame: GPUTexture | undefined;
  #wide: { readonly by: number; readonly mask: Tensor } | undefined;
  #turn = 0;
  readonly #kept = new Set<Promise<unknown>>();

  /** Cancelled when something newer comes meanwhile. */
  async setStill(still: Still): Promise<void> {
    const { opened, photo, part, crop, depth, isOwn, guided } = still;
    const turn = ++this.#turn;
    const kind = opened.model.config.depth;
    const guide = guided ? guideOf(part) : undefined;
    try {
      const recording = await recordRelief(depth, kind, { guide });
      await this.#free();
      if (turn !== this.#turn) {
        recording.dispose();
        throw cancelled();
      }
      if (guide) writeShrunkPixels(opened.gpu, photo, part, guide, recording.inputs.pixels.buffer);
      recording.run();
      const { width, height } = part;
      const { texture } = photo;
      makeSmallerCopies(opened.gpu, texture);
      this.#show({ width, height, texture, crop, kind, depth, isOwn, steady: 'off', recording });
    } catch (error) {
      if (isOwn) depth.dispose();
      throw error;
    }
  }

  /** Gives the frame that is shown now, and the range [2 or 3] that became 0…1; undefined before there is one. */
  async setFrame(
    film: () => FilmFrame | undefined,
    steady: Steady,
  ): Promise<{ frame: FilmFrame; range: Tensor } | undefined> {
    const turn = ++this.#turn;
    const first = film();
    if (!first) return undefined;
    const recording = await this.#recordingOf(first, steady.kind);
    await this.#free();
    const frame = film();
    const isSame = frame?.depth === first.depth && frame.texture === first.texture;
    if (turn !== this.#turn || !isSame) {
      if (recording !== this.#shown?.recording) recording.dispose();
      if (turn !== this.#turn) throw cancelled();
      // While this was compiled the film became another one, or has another size.
      return this.setFrame(film, steady);
    }
    const pace = this.#smoothing.paceAt(frame.time, `${frame.begun} ${steady.kind}`, steady);
    const { range } = recording.run(steady.kind === 'off' ? {} : { pace });
    const { opened, depth, width, height } = frame;
    const texture = this.#copyOf(frame);
    const kind = opened.model.config.depth;
    const map = { depth, isOwn: false, kind, steady: steady.kind, recording };
    this.#show({ width, height, texture, crop: WHOLE, ...map });
    return { frame, range };
  }

  /** The one that is there, where it reads this map in this way. */
  async #recordingOf(frame: FilmFrame, kind: Steady['kind']): Promise<ReliefRecording> {
    const { opened, depth, pixels } = frame;
    const shown = this.#shown;
    if (shown && shown.depth === depth && shown.steady === kind && shown.texture === this.#frame)
      return shown.recording;
    const range = this.#smoothing.rangeOn(depth.context);
    const film = kind === 'off' ? undefined : { range, pixels, filter: kind === 'motion' };
    return recordRelief(depth, opened.model.config.depth, { film });
  }

  #copyOf({ opened, texture: from, width, height }: FilmFrame): GPUTexture {
    const { device } = opened.gpu;
    let to = this.#frame;
    if (to?.width !== width || to.height !== height) {
      const { TEXTURE_BINDING, COPY_DST } = GPUTextureUsage;
      to = device.createTexture({
        label: 'frame in 3D',
        size: [width, height],
        format: from.format,
        usage: TEXTURE_BINDING | COPY_DST,
      });
      this.#frame?.destroy();
      this.#frame = to;
    }
    const encoder = device.createCommandEncoder({ label: 'frame in 3D' });
    encoder.copyTextureToTexture({ texture: from }, { texture: to }, [width, height]);
    device.queue.submit([encoder.finish()]);
    return to;
  }

  #show(next: Shown): void {
    const before = this.#shown;
    this.#shown = next;
    this.#narrow();
    if (before && before.recording !== next.recording) before.recording.dispose();
    if (before?.isOwn && before.depth !== next.depth) before.depth.dispose();
    if (this.#frame && next.texture !== this.#frame) {
      this.#frame.destroy();
      this.#frame = undefined;
    }
  }

  /** `wider`: how many pixels of the map its edges reach farther. */
  scene(wider: number): Scene | undefined {
    const shown = this.#shown;
    if (!shown) return undefined;
    const { width, height, texture, crop, kind, recording } = shown;
    const { nearness, edges } = recording.outputs;
    return {
      ...{ width, height, texture, crop, nearness },
      metric: kind === 'metric',
      mask: wider > 0 ? this.#wider(edges, wider) : edges,
      maskIsPicture: false,
    };
  }

  #wider(edges: Tensor, by: number): Tensor {
    if (this.#wide?.by === by) return this.#wide.mask;
    this.#narrow();
    const mask = dilateEdges(edges, by);
    this.#wide = { by, mask };
    return mask;
  }

  #narrow(): void {
    this.#wide?.mask.dispose();
    this.#wide = undefined;
  }

  /** What is there stays until this has ended: files are of one frame. */
  async keep<T>(work: Promise<T>): Promise<T> {
    this.#kept.add(work);
    try {
      return await work;
    } finally {
      this.#kept.delete(work);
    }
  }

  async #free(): Promise<void> {
    while (this.#kept.size > 0) await Promise.allSettled([...this.#kept]);
  }

  /** Frees all of it. */
  forget(): void {
    this.#turn++;
    this.#shown?.recording.dispose();
    if (this.#shown?.isOwn) this.#shown.depth.dispose();
    this.#shown = undefined;
    this.#narrow();
    this.#frame?.destroy();
    this.#frame = undefined;
    this.#smoothing.forget();
  }
}

function guideOf({ width, height }: Size): [height: number, width: number] {
  const scale = Math.min(1, GUIDED / Math.max(width, height));
  return [Math.round(height * scale) || 1, Math.round(width * scale) || 1];
}

const cancelled = (): EngineError => new EngineError({ code: 'cancelled', message: 'Cancelled.' });
