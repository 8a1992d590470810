import {
  buildDpt,
  DepthPredictor,
  type DPTModel,
  type DptConfig,
  type DptOptions,
  type GridCacheOptions,
  planPrediction,
  recognise,
  type Size,
  tileSize,
} from '@dpt-webgpu/dpt';
import { Context, deviceRequest, orAbort } from '@dpt-webgpu/tensor';
import { type NodeGpu, requestDevice } from '@dpt-webgpu/tensor/node';
import { type Licence, licenceOf } from './licences.ts';
import { openModelFile } from './model_file.ts';

/** How a checkpoint is read, and what its device has to have room for. */
export interface OpenModelOptions extends DptOptions {
  /** A photo that will be predicted, and the `size` it will be predicted at: the device is asked for what that takes. */
  readonly photo?: Size;
  readonly size?: number | undefined;
  readonly square?: boolean;
  /** Tiles along each side of the photo: the network sees those, and never the photo as it is. Default 1. */
  readonly tiles?: number;
  /** Photos that are run together. Default 1. */
  readonly count?: number;
  /** Of the photo: the most that anything after the network binds at once. */
  readonly bytesPerPixel?: number;
  /** What is cached per grid, where that depends on the model. */
  readonly gridCacheFor?: (config: DptConfig) => GridCacheOptions;
  /** In place of `photo`: bytes of the largest binding of what will be run. */
  readonly needs?: (model: DPTModel) => number;
}

/** What `openModel` tells while it works, and how to stop it. */
export interface OpenModelHooks {
  /** Takes lines: which adapter, what had to be guessed. */
  readonly log?: (line: string) => void;
  readonly onProgress?: (what: string, done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** A model on a device of its own. */
export interface OpenedModel {
  readonly config: DptConfig;
  readonly licence: Licence;
  readonly model: DPTModel;
  readonly predictor: DepthPredictor;
  readonly context: Context;
  readonly gpu: NodeGpu;
  /** Whether the device, as it was asked for, can take a photo of that size, or so many together. */
  fits(photo: Size, count?: number): boolean;
  /** Throws what the GPU reported outside of any call, such as a lack of memory: results are worthless then. */
  expectHealthy(): Promise<void>;
  /** Frees everything and gives the device back, once the work in flight is done. Idempotent. */
  close(): Promise<void>;
}

/** This picture cannot be run at this size, by this model or on this adapter; another picture may well be. */
export class PictureSizeError extends Error {
  override readonly name = 'PictureSizeError';
}

/**
 * From a file to a model on a GPU, in Node: recognise it, plan what it needs, ask for a device that has it, load.
 *
 * ```ts
 * const { path } = await chooseModel();
 * const opened = await openModel(path, { photo }, { log: console.error });
 * const depth = await opened.predictor.predict(photo);
 * ```
 */
export async function openModel(
  path: string,
  options: OpenModelOptions = {},
  { log, onProgress, signal }: OpenModelHooks = {},
): Promise<OpenedModel> {
  const stateDict = await openModelFile(path);
  try {
    const recognised = recognise(stateDict, options);
    for (const warning of recognised.warnings) log?.(`warning: ${warning}`);
    const { dtype = 'f32' } = options;
    const f16 = dtype === 'f16';
    const gridCache = options.gridCacheFor?.(recognised.config) ?? options.gridCache;
    const built = { dtype, ...(gridCache && { gridCache }) };
    const planned = buildDpt(Context.planning({ f16 }), recognised, built);
    const largestBinding = largestBindingOf(planned, options);
    signal?.throwIfAborted();

    const gpu = await requestDevice({
      log: (line) => log?.(line),
      describe(adapter) {
        const request = deviceRequest(adapter, { f16 });
        try {
          return { ...request, ...deviceRequest(adapter, { f16, largestBinding }) };
        } catch (cause) {
          throw pictureSizeError(cause);
        }
      },
    });
    const reported: string[] = [];
    gpu.device.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      reported.push(event.error.message);
    });
    const context = new Context(gpu.device);
    const model = buildDpt(context, recognised, built);
    const predictor = new DepthPredictor(model);
    const close = async (): Promise<void> => {
      predictor.dispose();
      model.dispose();
      context.dispose();
      await gpu.close();
    };
    const expectHealthy = async (): Promise<void> => {
      // Errors arrive with the answers to later calls.
      await orAbort(gpu.device.queue.onSubmittedWorkDone(), signal);
      if (reported.length > 0) throw new Error(`The GPU reported: ${reported[0]}`);
    };
    try {
      await model.weights.load({
        ...(signal ? { signal } : {}),
        onProgress: (done, total) => onProgress?.('Loading weights', done, total),
      });
      await expectHealthy();
    } catch (error) {
      await close();
      throw error;
    }
    const { config } = recognised;
    const { maxStorageBinding, maxBufferSize } = context.capabilities;
    const fits = (photo: Size, count = 1): boolean =>
      largestBindingOf(planned, { ...options, photo, count }) <=
      Math.min(maxStorageBinding, maxBufferSize);
    return {
      config,
      licence: licenceOf(stateDict),
      model,
      predictor,
      context,
      gpu,
      fits,
      expectHealthy,
      close,
    };
  } finally {
    await stateDict.close();
  }
}

/** Bytes of the largest buffer that a kernel binds: of a run, or of the weights. */
function largestBindingOf(
  model: DPTModel,
  { needs, photo, size, square, tiles, count, bytesPerPixel = 0 }: OpenModelOptions,
): number {
  const { baseSize } = model.config.image;
  const usual = { width: baseSize, height: baseSize };
  try {
    const sizes = { size, square, count };
    const seen = photo ? tileSize(photo, { tiles }) : usual;
    const run = needs?.(model) ?? planPrediction(model, seen, sizes).largestBinding;
    const after = photo ? photo.width * photo.height * bytesPerPixel : 0;
    return Math.max(run, after, model.weights.largestBinding);
  } catch (cause) {
    throw pictureSizeError(cause);
  }
}

function pictureSizeError(cause: unknown): PictureSizeError {
  return new PictureSizeError(cause instanceof Error ? cause.message : String(cause), { cause });
}
