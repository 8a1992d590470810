import { recall, remember } from '../settings.ts';
import type { Toaster } from '../ui/toast.ts';
import type { ModelOptions, ModelSource } from '../worker/model_calls.ts';
import type { Failure } from '../worker/protocol.ts';
import type { Engine } from './engine.ts';
import { isCancelled } from './engine.ts';

const KEY = 'dpt-webgpu.model';

export const usualOptions: ModelOptions = { preset: 'official', precision: 'auto' };

interface Remembered {
  readonly file: string;
  readonly options: ModelOptions;
}

/**
 * Opens the model that a link names, else the one that was used last, where these are stored; else the one that comes with
 * the page. False where the link's is not on this device.
 */
export async function defaultModel(engine: Engine, linked?: string): Promise<boolean> {
  const isThere = linked !== undefined && (await isStored(engine, linked));
  if (isThere && (await opens(engine, { kind: 'stored', file: linked }, usualOptions))) return true;
  await lastModel(engine);
  return linked === undefined;
}

async function isStored(engine: Engine, file: string): Promise<boolean> {
  try {
    const { models } = await engine.call('store.list', undefined);
    return models.some((model) => model.file === file && !model.partial);
  } catch {
    return false;
  }
}

async function lastModel(engine: Engine): Promise<void> {
  const last = recallModel();
  if (last && (await opens(engine, { kind: 'stored', file: last.file }, last.options))) return;
  await opens(engine, { kind: 'bundled' }, usualOptions);
}

/** Loads a model and has it remembered for the next visit. */
export async function useModel(
  engine: Engine,
  source: ModelSource,
  options: ModelOptions,
  signal?: AbortSignal,
): Promise<void> {
  await engine.call('model.open', { source, options }, { signal });
  const memory = source.kind === 'stored' ? { file: source.file, options } : undefined;
  remember(KEY, memory ? JSON.stringify(memory satisfies Remembered) : '');
}

/** The model in use once more, in full precision: half of it gave no numbers. */
export async function runInF32(engine: Engine, toast: Toaster, failure: Failure): Promise<void> {
  const { info } = engine;
  if (!info) return;
  toast.show(`${failure.message} Running in f32 instead.`, undefined, 'info');
  await useModel(engine, info.source, { ...info.options, precision: 'f32' }).catch(() => {
    // The state of the model says what went wrong.
  });
}

export const forgetModel = (): void => remember(KEY, '');

async function opens(engine: Engine, source: ModelSource, options: ModelOptions): Promise<boolean> {
  try {
    await engine.call('model.open', { source, options });
    return true;
  } catch (error) {
    // The state of the engine says what went wrong. Somebody may have chosen another model meanwhile.
    return isCancelled(error);
  }
}

function recallModel(): Remembered | undefined {
  try {
    const value = JSON.parse(recall(KEY) ?? 'null') as Partial<Remembered> | null;
    if (typeof value?.file !== 'string') return undefined;
    return { file: value.file, options: { ...usualOptions, ...value.options } };
  } catch {
    return undefined;
  }
}
