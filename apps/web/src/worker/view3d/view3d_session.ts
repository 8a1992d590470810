import { type Size, tileSize } from '@dpt-webgpu/dpt';
import type { Tensor } from '@dpt-webgpu/tensor';
import type { Steady } from '../film/film_calls.ts';
import { type Movie, MovieWriter } from '../film/movie_writer.ts';
import type { Gpu } from '../gpu.ts';
import { DepthRuns } from '../image/depth_runs.ts';
import type { Rect, RunProgress } from '../image/image_calls.ts';
import { expectSound, runMany, runOnce } from '../image/network_runs.ts';
import { OpenPhoto, partOf, shareOf } from '../image/open_photo.ts';
import { decode, uploadPhoto, writePixels } from '../image/photo.ts';
import { sample } from '../image/sample.ts';
import type { ModelHost, OpenModel } from '../model_host.ts';
import { EngineError, type Handlers, type Job } from '../protocol.ts';
import { fieldOfPart, fieldOfView, focalLength35 } from './focal_length.ts';
import { greyRelief, greyView } from './grey_relief.ts';
import { type FilmFrame, LiveScene } from './live_scene.ts';
import { Renderer, type Scene } from './renderer.ts';
import type {
  DrawFacts,
  Run3dOptions,
  Surface,
  View3d,
  View3dCalls,
  View3dFacts,
} from './view3d_calls.ts';
import { exportSurface } from './view3d_export.ts';

const WHOLE: Rect = { x: 0, y: 0, width: 1, height: 1 };

/** The 3D page's half on the worker: a picture or a film, the map of it, and its surface. */
export class View3dSession {
  readonly #host: ModelHost;
  readonly #film: () => FilmFrame | undefined;
  #renderer: Renderer | undefined;
  /** Draws what is saved. */
  #pictures: Renderer | undefined;
  readonly #photo = new OpenPhoto('No picture is open.');
  #runs: { opened: OpenModel; runs: DepthRuns } | undefined;
  /** Of the whole picture's longer side, in degrees, where its file says so. */
  #fov: number | undefined;
  readonly #live = new LiveScene();
  #maskFile: { blob: Blob; name: string } | undefined;
  #mask: { gpu: Gpu; tensor: Tensor } | undefined;
  #grey: { gpu: Gpu; scene: Scene } | undefined;
  #running: AbortController | undefined;
  #view: View3d | undefined;
  #filming:
    | { readonly writer: MovieWriter; readonly canvas: OffscreenCanvas; time: number }
    | undefined;

  constructor(host: ModelHost, film: () => FilmFrame | undefined) {
    this.#host = host;
    this.#film = film;
    host.onClose(() => this.#forget());
  }

  readonly handlers: Handlers<View3dCalls> = {
    'view3d.canvas': ({ canvas }) => {
      this.#renderer = new Renderer(canvas);
      return undefined;
    },
    'view3d.open': ({ blob, name }) => this.#open(blob, name),
    'view3d.run': (options, job) => this.#run(options, job),
    'view3d.film': (steady) => this.#takeFilm(steady),
    'view3d.mask': async (file) => {
      // Decoded at once, so that a file that cannot be read is told.
      if (file) (await decode(file.blob, file.name)).close();
      this.#maskFile = file;
      this.#mask?.tensor.dispose();
      this.#mask = undefined;
      return undefined;
    },
    'view3d.pick': async (places) => {
      const nearness = this.#live.scene(0)?.nearness;
      if (!nearness) return [];
      return sample(await this.#live.keep(nearness.read()), nearness.shape, places);
    },
    'view3d.draw': (view) => this.#draw(view),
    'view3d.record': (view) => this.#record(view),
    'view3d.recorded': () => this.#recorded(),
    'view3d.save': async ({ format, view, name }) => {
      const gpu = await this.#host.gpu();
      const scene = await this.#scene(view.surface);
      if (!scene) throw new EngineError({ code: 'no-photo', message: 'There is no surface yet.' });
      if (format !== 'view') {
        return this.#live.keep(exportSurface(gpu, scene, format, view.surface, name));
      }
      // On a canvas of its own, in one task: that of the page has lost its picture by the time it could be read.
      this.#pictures ??= new Renderer(new OffscreenCanvas(1, 1));
      this.#pictures.draw(gpu, view, scene);
      return this.#pictures.canvas.convertToBlob({ type: 'image/png' });
    },
  };

  get canvas(): OffscreenCanvas | undefined {
    return this.#renderer?.canvas;
  }

  /** The model or the device goes: what was made of it is freed. The files stay, to be uploaded again. */
  #forget(): void {
    this.#running?.abort();
    this.#live.forget();
    this.#runs?.runs.dispose();
    this.#runs = undefined;
    this.#mask?.tensor.dispose();
    this.#mask = undefined;
    this.#grey?.scene.texture.destroy();
    this.#grey?.scene.nearness.dispose();
    this.#grey?.scene.mask.dispose();
    this.#grey = undefined;
  }

  async #open(blob: Blob, name: string): Promise<Size> {
    const size = await this.#photo.open(
      { blob, name },
      () => this.#host.gpu(),
      () => {
        this.#running?.abort();
        // Its colours go with the picture before.
        this.#live.forget();
      },
    );
    const focalLength = await focalLength35(blob);
    this.#fov = focalLength && fieldOfView(focalLength, size);
    return size;
  }

  /** The newest run wins. */
  async #run(options: Run3dOptions, job: Job<RunProgress>): Promise<View3dFacts> {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    job.signal.addEventListener('abort', () => running.abort(), { once: true });
    const goOn = (): void => {
      if (running.signal.aborted)
        throw new EngineError({ code: 'cancelled', message: 'Cancelled.' });
    };
    const opened = this.#host.expectModel();
    const photo = await this.#photo.on(opened.gpu);
    goOn();
    const part = partOf(photo, options.crop ?? WHOLE);
    this.#host.expectFits(tileSize(part, options), options.size, options.square);
    if (this.#runs?.opened !== opened) this.#runs = { opened, runs: new DepthRuns(opened) };
    const isOwn = options.tiles > 1 || options.flip;
    const source = { opened, recordings: this.#runs.runs, photo, part };
    const made = await (isOwn ? runMany : runOnce)(source, options, {
      goOn,
      onCompile: (done, total) => job.progress({ step: 'compile', done, total }),
      onRun: (done, total) => job.progress({ step: 'run', done, total }),
    });
    const { depth, min, max, modelTime } = made;
    try {
      goOn();
      expectSound(opened, made);
    } catch (error) {
      if (isOwn) depth.dispose();
      throw error;
    }
    const crop = shareOf(part, photo);
    const { guided } = options;
    await this.#live.setStill({ opened, photo, part, crop, depth, isOwn, guided });
    goOn();
    const [, mapHeight, mapWidth] = depth.dims('1 H W') as [number, number, number];
    const { width, height } = part;
    const kind = opened.model.config.depth;
    const fov = this.#fov && fieldOfPart(this.#fov, photo, part);
    return { width, height, mapWidth, mapHeight, kind, min, max, modelTime, fov };
  }

  async #takeFilm(steady: Steady): Promise<View3dFacts | undefined> {
    this.#running?.abort();
    const live = await this.#live.setFrame(this.#film, steady);
    if (!live) return undefined;
    const { opened, depth, width, height, modelTime } = live.frame;
    const kind = opened.model.config.depth;
    const [, mapHeight, mapWidth] = depth.dims('1 H W') as [number, number, number];
    // Metres are wanted as they are; what has no unit is placed by the settings.
    const [min = 0, max = 1] = kind === 'metric' ? await live.range.read() : [];
    return { width, height, mapWidth, mapHeight, kind, min, max, modelTime };
  }

  async #scene({ ownMask, wider }: Surface): Promise<Scene | undefined> {
    const own = ownMask ? await this.#ownMask() : undefined;
    const scene = this.#live.scene(own ? 0 : wider);
    return scene && own ? { ...scene, mask: own, maskIsPicture: true } : scene;
  }

  async #ownMask(): Promise<Tensor | undefined> {
    if (!this.#maskFile) return undefined;
    const gpu = await this.#host.gpu();
    if (this.#mask?.gpu === gpu) return this.#mask.tensor;
    const decoded = await decode(this.#maskFile.blob, this.#maskFile.name);
    const { texture, width, height } = await uploadPhoto(gpu, decoded);
    decoded.close();
    const tensor = gpu.context.empty([height, width], 'u32', 'mask');
    writePixels(gpu, texture, { x: 0, y: 0, width, height }, tensor.buffer);
    texture.destroy();
    this.#mask = { gpu, tensor };
    return tensor;
  }

  async #draw(view: View3d): Promise<DrawFacts | undefined> {
    this.#view = view;
    const renderer = this.#renderer;
    if (!renderer) return undefined;
    const begun = performance.now();
    const gpu = await this.#host.gpu();
    const scene = await this.#scene(view.surface);
    // A newer view came while the mask was uploaded.
    if (this.#view !== view) return undefined;
    let count = 0;
    if (scene || !view.waiting) count = renderer.draw(gpu, view, scene);
    else {
      if (this.#grey?.gpu !== gpu) this.#grey = { gpu, scene: greyRelief(gpu) };
      renderer.draw(gpu, greyView(view), this.#grey.scene);
    }
    await Promise.all([this.#filmDrawn(), gpu.device.queue.onSubmittedWorkDone()]);
    return { count, drawAs: view.surface.drawAs, time: performance.now() - begun };
  }

  async #record(view: View3d): Promise<boolean> {
    await this.#recorded().catch(() => undefined);
    await this.#draw(view);
    const { canvas } = this;
    const writer = canvas && (await MovieWriter.open(canvas));
    if (!canvas || !writer) return false;
    this.#filming = { writer, canvas, time: performance.now() };
    await this.#draw(view);
    return true;
  }

  async #recorded(): Promise<Movie | undefined> {
    const filming = this.#filming;
    if (!filming) return undefined;
    // A view that stood until now is seen until now.
    if (this.#view) await this.#draw(this.#view).catch(() => undefined);
    this.#filming = undefined;
    return filming.writer.finish();
  }

  /** What was just drawn goes into the video, by the clock. */
  async #filmDrawn(): Promise<void> {
    const filming = this.#filming;
    // The video of a canvas that went with its device ends there.
    if (!filming || filming.canvas !== this.canvas) return;
    const now = performance.now();
    const step = (now - filming.time) / 1000;
    filming.time = now;
    await filming.writer.add(Math.max(step, 0.001), 1 / 30);
  }
}
