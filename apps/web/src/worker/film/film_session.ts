import type { Size } from '@dpt-webgpu/dpt';
import { encodeNpy } from '@dpt-webgpu/loaders';
import type { Tensor } from '@dpt-webgpu/tensor';
import { notFinite } from '../failures.ts';
import type { Gpu } from '../gpu.ts';
import { CanvasView, type Drawable } from '../image/canvas_view.ts';
import { type DepthRecording, DepthRuns } from '../image/depth_runs.ts';
import {
  HISTOGRAM_BINS,
  type LookFacts,
  type RunProgress,
  type View,
} from '../image/image_calls.ts';
import { partOf } from '../image/open_photo.ts';
import { type Part, type Photo, writePixels } from '../image/photo.ts';
import { encodePng } from '../image/png.ts';
import { sample } from '../image/sample.ts';
import { inputSize } from '../input_size.ts';
import type { ModelHost, OpenModel } from '../model_host.ts';
import { EngineError, type Handlers } from '../protocol.ts';
import type { FilmFrame } from '../view3d/live_scene.ts';
import type {
  FilmCalls,
  FilmFacts,
  FilmOptions,
  FilmSave,
  Recorded,
  RecordedSize,
} from './film_calls.ts';
import {
  type FilmLook,
  type FilmMap,
  filmLookKey,
  recordFilmLook,
  runFilmLook,
  smoothedKey,
} from './film_look.ts';
import { type Recordable, recordedSize, recordedView, withFrame } from './film_picture.ts';
import { frameTimes } from './frame_times.ts';
import { type Movie, MovieWriter, smallerSizes } from './movie_writer.ts';
import { Smoothing } from './smoothing.ts';

/** The longer side of what is shown: more than a film has, mostly. */
const SHOWN = 1280;

interface Current {
  readonly opened: OpenModel;
  readonly photo: Photo;
  readonly recording: DepthRecording;
  /** In the film, or on a clock, in seconds. */
  readonly time: number;
  readonly modelTime: number;
}

/** A video that is being written, on a canvas of its own. */
interface Filming {
  readonly writer: MovieWriter;
  readonly picture: CanvasView;
  readonly size: Size;
  readonly wanted: Recorded;
  /** Of the last frame in it. */
  time: number | undefined;
}

const WHOLE = { x: 0, y: 0, width: 1, height: 1 };

/** Seconds from a frame to the next where the film does not say: at its start and after a jump. */
const USUAL_STEP = 1 / 30;

/** The video page's half on the worker: frames come in and stay on the GPU until they are shown. */
export class FilmSession {
  readonly #host: ModelHost;
  #canvas: CanvasView | undefined;
  #view: View | undefined;
  #texture: { gpu: Gpu; photo: Photo } | undefined;
  #runs: { opened: OpenModel; runs: DepthRuns } | undefined;
  readonly #smoothing = new Smoothing();
  /** Counts how often frames began that do not follow those before. */
  #begun = 0;
  /** Whose maps are known to be numbers. */
  readonly #checked = new WeakSet<DepthRecording>();
  #look: { key: string; recording: FilmLook; of: DepthRecording } | undefined;
  #current: Current | undefined;
  #filming: Filming | undefined;

  constructor(host: ModelHost) {
    this.#host = host;
    host.onClose(() => this.#forget());
  }

  readonly handlers: Handlers<FilmCalls> = {
    'film.canvas': ({ canvas }) => {
      this.#canvas = new CanvasView(canvas);
      return undefined;
    },
    'film.times': ({ file }, { signal }) => frameTimes(file, signal),
    'film.frame': async ({ frame, time, options, restart }, { progress }) => {
      // A frame that came before the recording began is not in it, though its map may be ready after.
      const filming = this.#filming;
      try {
        const facts = await this.#frame(frame, time, options, restart, progress);
        await this.#film(time, filming);
        return facts;
      } finally {
        frame.close();
      }
    },
    'film.preview': async ({ frame }) => {
      try {
        const gpu = await this.#host.gpu();
        // Where there is a map its own frame is seen beside it.
        if (this.#look) return undefined;
        this.#upload(gpu, frame, { x: 0, y: 0, ...sizeOf(frame) });
        await this.#draw();
        return undefined;
      } finally {
        frame.close();
      }
    },
    'film.look': async (options) => {
      if (!this.#current) return undefined;
      const facts = await this.#show(this.#current, options);
      await this.#draw();
      return facts;
    },
    'film.view': async (view) => {
      this.#view = view;
      await this.#draw();
      return undefined;
    },
    'film.pick': async (places) => {
      const nearness = this.#look?.recording.outputs.nearness;
      return nearness ? sample(await nearness.read(), nearness.shape, places) : [];
    },
    'film.save': ({ format, beside }) => this.#save(format, beside),
    'film.record': (wanted) => this.#record(wanted),
    'film.recorded': () => this.#recorded(),
  };

  /** For the 3D page. */
  latest(): FilmFrame | undefined {
    const current = this.#current;
    if (!current) return undefined;
    const { opened, photo, recording, time, modelTime } = current;
    const { width, height, texture } = photo;
    const { depth } = recording.outputs;
    const { pixels } = recording.inputs;
    return { opened, texture, depth, pixels, width, height, time, begun: this.#begun, modelTime };
  }

  #forget(): void {
    this.#look?.recording.dispose();
    this.#look = undefined;
    this.#smoothing.forget();
    this.#runs?.runs.dispose();
    this.#runs = undefined;
    this.#current = undefined;
  }

  async #frame(
    frame: VideoFrame | ImageBitmap,
    time: number,
    options: FilmOptions,
    restart: boolean,
    progress: (run: RunProgress) => void,
  ): Promise<FilmFacts> {
    const opened = this.#host.expectModel();
    const { gpu, model } = opened;
    // What is cropped away goes nowhere: from here on the part is the frame.
    const part = partOf(sizeOf(frame), options.crop ?? WHOLE);
    const size = { width: part.width, height: part.height };
    this.#host.expectFits(size, options.size, options.square);
    const network = inputSize(model.config.image, size, options);
    if (this.#runs?.opened !== opened) this.#runs = { opened, runs: new DepthRuns(opened) };
    // Until there is a map the frame is seen.
    if (!this.#look) {
      this.#upload(gpu, frame, part);
      await this.#draw();
    }
    const recording = await this.#runs.runs.recordingFor(size, network, {
      onProgress: (done, total) => progress({ step: 'compile', done, total }),
    });
    // Compiling for a first frame is not the model's time.
    const begun = performance.now();
    // In one task with the run: whoever reads frame and map, the 3D page say, finds both of one moment.
    const photo = this.#upload(gpu, frame, part);
    writePixels(gpu, photo.texture, { x: 0, y: 0, ...size }, recording.inputs.pixels.buffer);
    const { depth, ends } = recording.run();
    // Of a first frame alone: a network in half precision fails at once, or not at all.
    if (!this.#checked.has(recording)) {
      progress({ step: 'run', done: 0, total: 1 });
      const [, , finite = 0] = await ends.read();
      if (finite < depth.size) throw notFinite(opened.info.dtype, depth.size - finite, depth.size);
      this.#checked.add(recording);
    }
    if (restart) {
      this.#smoothing.begin();
      this.#begun++;
    }
    const facts = await this.#show({ opened, photo, recording, time, modelTime: 0 }, options);
    const modelTime = performance.now() - begun;
    this.#current = { opened, photo, recording, time, modelTime };
    await this.#draw();
    return {
      ...facts,
      ...size,
      networkWidth: network.width,
      networkHeight: network.height,
      modelTime,
    };
  }

  #upload(gpu: Gpu, frame: VideoFrame | ImageBitmap, { x, y, width, height }: Part): Photo {
    const photo = this.#textureFor(gpu, { width, height });
    gpu.device.queue.copyExternalImageToTexture(
      { source: frame, origin: { x, y } },
      { texture: photo.texture },
      { width, height },
    );
    return photo;
  }

  #textureFor(gpu: Gpu, { width, height }: Size): Photo {
    const known = this.#texture;
    if (known?.gpu === gpu && known.photo.width === width && known.photo.height === height) {
      return known.photo;
    }
    known?.photo.texture.destroy();
    const { TEXTURE_BINDING, COPY_DST, COPY_SRC, RENDER_ATTACHMENT } = GPUTextureUsage;
    const texture = gpu.device.createTexture({
      label: 'frame',
      size: [width, height],
      format: 'rgba8unorm',
      usage: TEXTURE_BINDING | COPY_DST | COPY_SRC | RENDER_ATTACHMENT,
    });
    this.#texture = { gpu, photo: { width, height, texture } };
    return this.#texture.photo;
  }

  async #show(current: Current, options: FilmOptions): Promise<LookFacts> {
    const { opened, photo, recording, time } = current;
    const { gpu, model } = opened;
    const range = this.#smoothing.rangeOn(gpu.context);
    const { depth } = recording.outputs;
    const map: FilmMap = {
      depth,
      pixels: recording.inputs.pixels,
      kind: model.config.depth,
      method: model.config.image.depthFilter,
      shown: options.pictureSize === 'map' ? sidesOf(depth) : shownSides(photo, options),
    };
    const key = filmLookKey(options, map);
    if (this.#look?.key !== key || this.#look.of !== recording) {
      const made = await recordFilmLook(map, options, range);
      this.#look?.recording.dispose();
      this.#look = { key, recording: made, of: recording };
    }
    const look = this.#look;
    const framePace = this.#smoothing.paceAt(time, smoothedKey(options), options.steady);
    runFilmLook(look.recording, options, framePace);
    // Read small, and last: with it all of the frame's work is done.
    const bytes = await look.recording.outputs.histogram.readBytes();
    const counts = Array.from({ length: HISTOGRAM_BINS }, () => 0);
    for (const [i, count] of new Uint32Array(bytes.buffer).entries()) {
      counts[i % HISTOGRAM_BINS]! += count;
    }
    return { histogram: counts, flat: counts.filter((count) => count > 0).length <= 1 };
  }

  async #draw(): Promise<void> {
    if (!this.#canvas || !this.#view) return;
    const gpu = await this.#host.gpu();
    this.#canvas.draw(gpu, this.#view, this.#drawable(gpu));
  }

  #drawable(gpu: Gpu): Drawable | undefined {
    if (this.#texture?.gpu !== gpu) return undefined;
    const depth = this.#look?.recording.outputs.rgba;
    return { photo: this.#texture.photo, crop: WHOLE, pictures: depth ? { depth } : {} };
  }

  async #record(wanted: Recorded): Promise<RecordedSize | undefined> {
    await this.#recorded().catch(() => undefined);
    const from = this.#recordable();
    const asked = recordedSize(wanted, from);
    const { device } = await this.#host.gpu();
    for (const size of smallerSizes(asked, device.limits.maxTextureDimension2D)) {
      const picture = new CanvasView(new OffscreenCanvas(size.width, size.height));
      const writer = await MovieWriter.open(picture.canvas);
      if (!writer) continue;
      this.#filming = { writer, picture, size, wanted, time: undefined };
      return { ...size, isSmaller: size.width !== asked.width };
    }
    return undefined;
  }

  #recordable(): Recordable {
    const current = this.#current;
    if (!current) throw noFrame();
    const [height, width] = sidesOf(current.recording.outputs.depth);
    return { film: current.photo, map: { width, height }, shown: this.#view };
  }

  async #recorded(): Promise<Movie | undefined> {
    const filming = this.#filming;
    this.#filming = undefined;
    return filming?.writer.finish();
  }

  /** The frame that is there goes into the video. A frame that is looked at twice is in it once. */
  async #film(time: number, filming: Filming | undefined): Promise<void> {
    if (!filming || filming !== this.#filming || filming.time === time) return;
    const { picture, size, wanted, writer } = filming;
    const step = time - (filming.time ?? Number.NaN);
    filming.time = time;
    const gpu = await this.#host.gpu();
    const view = recordedView(size, wanted, this.#recordable());
    picture.draw(gpu, view, this.#drawable(gpu));
    await writer.add(step > 0 && step < 1 ? step : USUAL_STEP);
  }

  async #save(format: FilmSave, beside: boolean): Promise<Blob> {
    const outputs = this.#look?.recording.outputs;
    if (!outputs || !this.#current) throw noFrame();
    const [height, width] = sidesOf(outputs.rgba);
    if (format === 'png' && beside) {
      const gpu = await this.#host.gpu();
      const one = { width, height };
      const whole = withFrame(one);
      const most = gpu.device.limits.maxTextureDimension2D;
      const [smaller = whole] = smallerSizes(whole, most);
      const size = Math.max(whole.width, whole.height) > most ? smaller : whole;
      const picture = new CanvasView(new OffscreenCanvas(size.width, size.height));
      const from = { film: one, map: one, shown: undefined };
      const view = recordedView(size, { size: 'film', beside }, from);
      picture.draw(gpu, view, this.#drawable(gpu));
      return picture.canvas.convertToBlob({ type: 'image/png' });
    }
    if (format === 'npy') {
      const { depth } = this.#current.recording.outputs;
      return new Blob([
        encodeNpy(await depth.read(), depth.shape.slice(-2)) as Uint8Array<ArrayBuffer>,
      ]);
    }
    const data =
      format === 'png'
        ? await outputs.rgba.readBytes()
        : Uint16Array.from(await outputs.values.read(), (value) => Math.round(65_535 * value));
    const channels = format === 'png' ? 4 : 1;
    return new Blob([await encodePng({ width, height, channels, data })], { type: 'image/png' });
  }
}

const noFrame = (): EngineError =>
  new EngineError({ code: 'no-photo', message: 'There is no frame yet.' });

const sidesOf = ({ shape }: Tensor): [height: number, width: number] => [
  shape.at(-2) ?? 1,
  shape.at(-1) ?? 1,
];

function shownSides({ width, height }: Size, { pictureSize }: FilmOptions): [number, number] {
  const scale = pictureSize === 'film' ? 1 : Math.min(1, SHOWN / Math.max(width, height));
  return [Math.round(height * scale) || 1, Math.round(width * scale) || 1];
}

const sizeOf = (frame: VideoFrame | ImageBitmap): Size =>
  'displayWidth' in frame
    ? { width: frame.displayWidth, height: frame.displayHeight }
    : { width: frame.width, height: frame.height };
