import { type DPTModel, type Size, tileSize } from '@dpt-webgpu/dpt';
import { compile, type Tensor } from '@dpt-webgpu/tensor';
import type { Gpu } from '../gpu.ts';
import { inputSize } from '../input_size.ts';
import type { ModelHost, OpenModel } from '../model_host.ts';
import { EngineError, type Handlers, type Job } from '../protocol.ts';
import { CanvasView, type Drawable } from './canvas_view.ts';
import { DepthRuns, planDepth } from './depth_runs.ts';
import type {
  ImageCalls,
  Look,
  LookFacts,
  ManyRunOptions,
  Rect,
  RunFacts,
  RunProgress,
  SaveFormat,
  SaveSize,
  View,
} from './image_calls.ts';
import { HISTOGRAM_BINS } from './image_calls.ts';
import { exportFile } from './image_export.ts';
import { type LookRecording, lookKey, lookShape, planLook, recordLook, runLook } from './looks.ts';
import { expectHealthy, expectSound, runMany, runOnce } from './network_runs.ts';
import { OpenPhoto, partOf, shareOf } from './open_photo.ts';
import { compilePixels, type Part } from './photo.ts';
import { sample } from './sample.ts';
import { writeShrunkPixels } from './shrunk_pixels.ts';

/** The longer side of what is shown. Enough for a stage on any screen; a photo of 12 megapixels would take the look 20 times as long. */
const SHOWN = 1280;

const WHOLE: Rect = { x: 0, y: 0, width: 1, height: 1 };

interface Result {
  readonly opened: OpenModel;
  /** [1, H, W], as it left the network. */
  readonly depth: Tensor;
  /** Made of many runs, so that no recording has it. */
  readonly isOwn: boolean;
  readonly part: Part;
  /** What was used of the photo, 0…1, in whole pixels. */
  readonly crop: Rect;
  /** The map on the host, read when the first point was picked. */
  values?: Promise<Float32Array>;
}

/** The image page's half on the worker: one photo, the map of it, and how it is shown. */
export class ImageSession {
  readonly #host: ModelHost;
  #canvas: CanvasView | undefined;
  readonly #photo = new OpenPhoto('No photo is open.');
  #runs: { opened: OpenModel; runs: DepthRuns } | undefined;
  #result: Result | undefined;
  #look: Shown | undefined;
  #view: View | undefined;
  /** The look of the first map, as far as that is known before there is one. */
  #expected: Look | undefined;
  #running: AbortController | undefined;
  readonly #saving = new Set<Promise<unknown>>();

  constructor(host: ModelHost) {
    this.#host = host;
    host.onClose(() => this.#forget());
    host.onBuilt((gpu, planned) => void this.#compile(gpu, planned));
  }

  readonly handlers: Handlers<ImageCalls> = {
    'image.canvas': ({ canvas }) => {
      this.#canvas = new CanvasView(canvas);
      return undefined;
    },
    'image.open': ({ blob, name }) => this.#open(blob, name),
    'image.expect': (look) => {
      this.#expected = look;
      return undefined;
    },
    'image.run': (options, job) => this.#run(options, job),
    'image.look': (look) => this.#show(look),
    'image.view': async (view) => {
      this.#view = view;
      await this.#draw();
      return undefined;
    },
    'image.pick': (points) => this.#pick(points),
    'image.save': ({ format, size, look }, { signal }) => this.#save(format, size, look, signal),
    'image.thumbnail': async ({ blob, width, height }, { transfer }) => {
      const bitmap = await thumbnail(blob, width, height);
      transfer(bitmap);
      return bitmap;
    },
  };

  /** The model or the device goes: what was made of it is freed. The photo's file stays, to be uploaded again. */
  #forget(): void {
    this.#running?.abort();
    this.#look?.recording.dispose();
    this.#look = undefined;
    this.#setResult(undefined);
    this.#runs?.runs.dispose();
    this.#runs = undefined;
  }

  async #open(blob: Blob, name: string): Promise<Size> {
    const size = await this.#photo.open(
      { blob, name },
      () => this.#host.gpu(),
      () => this.#running?.abort(),
    );
    this.#setResult(undefined);
    return size;
  }

  /**
   * Compiles what the first map will need while weights load and the visitor chooses a photo. Pipelines depend on the model
   * and hardly on sizes, so those of a small picture are those of any.
   */
  async #compile(gpu: Gpu, planned: DPTModel): Promise<void> {
    const { image } = planned.config;
    const photo = { width: 96, height: 64 };
    const network = inputSize(image, photo, { size: image.baseSize, square: false });
    try {
      compilePixels(gpu);
      const depth = planDepth(planned, photo, network);
      const steps = [...depth.steps];
      const look = this.#expected;
      if (look) {
        const shape = lookShape(planned.config, depth.outputs.depth!, look, [64, 96]);
        steps.push(...planLook(planned.weights.context, look, shape).steps);
      }
      await compile(gpu.context, { steps });
    } catch {
      // What goes wrong is said when a photo is run.
    }
  }

  #runsOf(opened: OpenModel): DepthRuns {
    if (this.#runs?.opened !== opened) this.#runs = { opened, runs: new DepthRuns(opened) };
    return this.#runs.runs;
  }

  /** The newest run wins: one that is under way is given up. */
  async #run(options: ManyRunOptions, job: Job<RunProgress>): Promise<RunFacts> {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    job.signal.addEventListener('abort', () => running.abort(), { once: true });
    const goOn = (): void => {
      if (running.signal.aborted)
        throw new EngineError({ code: 'cancelled', message: 'Cancelled.' });
    };

    const started = performance.now();
    const opened = this.#host.expectModel();
    const { gpu, model } = opened;
    const photo = await this.#photo.on(gpu);
    goOn();
    const part = partOf(photo, options.crop ?? WHOLE);
    this.#host.expectFits(tileSize(part, options), options.size, options.square);
    const events = {
      goOn,
      onCompile: (done: number, total: number) => job.progress({ step: 'compile', done, total }),
      onRun: (done: number, total: number) => job.progress({ step: 'run', done, total }),
    };
    const isOwn = options.tiles > 1 || options.flip;
    const source = { opened, recordings: this.#runsOf(opened), photo, part };
    const made = await (isOwn ? runMany : runOnce)(source, options, events);
    const { depth, min, max, network, modelTime } = made;
    try {
      goOn();
      expectSound(opened, made);
    } catch (error) {
      if (isOwn) depth.dispose();
      throw error;
    }
    this.#setResult({ opened, depth, isOwn, part, crop: shareOf(part, photo) });
    if (this.#look) await this.#show(this.#look.look);
    const [, mapHeight, mapWidth] = depth.dims('1 H W') as [number, number, number];
    return {
      width: part.width,
      height: part.height,
      networkWidth: network.width,
      networkHeight: network.height,
      ...{ mapWidth, mapHeight },
      runs: made.runs,
      kind: model.config.depth,
      min,
      max,
      modelTime,
      totalTime: performance.now() - started,
      memory: gpu.context.memory().total + 4 * (4 / 3) * photo.width * photo.height,
    };
  }

  /** In place of the one before, which is freed once no file is made of it any more. */
  #setResult(result: Result | undefined): void {
    const before = this.#result;
    this.#result = result;
    if (before?.isOwn) {
      void Promise.allSettled([...this.#saving]).then(() => before.depth.dispose());
    }
  }

  /** Runs the picture pipeline and draws. Without a result yet, it is remembered for it. */
  async #show(look: Look): Promise<LookFacts> {
    const result = this.#result;
    if (!result) {
      throw new EngineError({ code: 'no-photo', message: 'There is no depth map yet.' });
    }
    const { opened, depth } = result;
    const { gpu, model } = opened;
    const scale = Math.min(1, SHOWN / Math.max(result.part.width, result.part.height));
    const shape = lookShape(model.config, depth, look, [
      Math.round(result.part.height * scale) || 1,
      Math.round(result.part.width * scale) || 1,
    ]);
    const key = lookKey(look, shape);
    if (this.#look?.key !== key || this.#look.recording.context !== gpu.context) {
      const made = await recordLook(gpu, look, shape);
      this.#look?.recording.dispose();
      this.#look = { key, recording: made, look };
    } else this.#look = { key, recording: this.#look.recording, look };
    // A newer result or look may have come while this one was recorded.
    if (this.#result !== result) {
      throw new EngineError({ code: 'cancelled', message: 'Cancelled.' });
    }
    const photo = shape.guided && this.#photo.uploaded(gpu);
    if (photo) {
      const { pixels } = this.#look.recording.inputs;
      writeShrunkPixels(gpu, photo, result.part, shape.shown, pixels.buffer);
    }
    runLook(gpu, this.#look.recording, look, depth);
    await this.#draw();
    const bytes = await this.#look.recording.outputs.histogram.readBytes();
    return lookFacts(new Uint32Array(bytes.buffer));
  }

  async #save(format: SaveFormat, size: SaveSize, look: Look, signal: AbortSignal): Promise<Blob> {
    const result = this.#result;
    if (!result) throw new EngineError({ code: 'no-photo', message: 'There is no depth map yet.' });
    const { opened, depth, part } = result;
    const saving = this.#photo
      .on(opened.gpu)
      .then((photo) => exportFile({ opened, photo, part, depth, look, signal }, format, size));
    this.#saving.add(saving);
    try {
      const file = await saving;
      expectHealthy(opened.gpu);
      return file;
    } finally {
      this.#saving.delete(saving);
    }
  }

  async #draw(): Promise<void> {
    if (!this.#canvas || !this.#view) return;
    const gpu = await this.#host.gpu();
    this.#canvas.draw(gpu, this.#view, this.#drawable(gpu));
  }

  #drawable(gpu: Gpu): Drawable | undefined {
    const photo = this.#photo.uploaded(gpu);
    if (!photo) return undefined;
    const crop = this.#result?.crop ?? WHOLE;
    if (!this.#result || !this.#look) return { photo, crop, pictures: {} };
    const { rgba, mask, normals } = this.#look.recording.outputs;
    const { look } = this.#look;
    return {
      photo,
      crop,
      sharp: look.upsample === 'none',
      pictures: { depth: rgba, cutout: mask, normals },
    };
  }

  async #pick(
    points: ImageCalls['image.pick']['params'],
  ): Promise<ImageCalls['image.pick']['result']> {
    const result = this.#result;
    const look = this.#look;
    if (!result || !look) return [];
    const { depth } = result;
    const { nearness } = look.recording.outputs;
    result.values ??= depth.read();
    look.nearness ??= nearness.read();
    const values = sample(await result.values, depth.shape, points);
    const near = sample(await look.nearness, nearness.shape, points);
    return points.map((_, i) => ({ value: values[i]!, nearness: near[i]! }));
  }
}

/** A look that runs, and what was read of it. */
interface Shown {
  readonly key: string;
  readonly recording: LookRecording;
  readonly look: Look;
  /** Values on the host, read when the first point was picked. */
  nearness?: Promise<Float32Array>;
}

function lookFacts(counts: Uint32Array): LookFacts {
  const histogram = Array.from({ length: HISTOGRAM_BINS }, () => 0);
  for (const [i, count] of counts.entries()) histogram[i % HISTOGRAM_BINS]! += count;
  return { histogram, flat: histogram.filter((count) => count > 0).length <= 1 };
}

async function thumbnail(blob: Blob, width: number, height: number): Promise<ImageBitmap> {
  const whole = await createImageBitmap(blob);
  const scale = Math.max(width / whole.width, height / whole.height);
  const [w, h] = [width / scale, height / scale];
  const cut = await createImageBitmap(whole, (whole.width - w) / 2, (whole.height - h) / 2, w, h, {
    resizeWidth: width,
    resizeHeight: height,
    resizeQuality: 'medium',
  });
  whole.close();
  return cut;
}
