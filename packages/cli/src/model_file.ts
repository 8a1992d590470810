import { open, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { withHfConfig } from '@dpt-webgpu/dpt';
import { openCheckpointFile } from '@dpt-webgpu/loaders/node';
import { type StateDict, StateDictError } from '@dpt-webgpu/tensor';
import { configPathOf } from './store.ts';

/**
 * Opens a checkpoint together with the Hugging Face `config.json` that lies beside it, if one does: which blocks are
 * tapped, windows, what the depths mean. What the file says itself goes first.
 */
export async function openModelFile(path: string): Promise<StateDict> {
  const stateDict = await openCheckpointFile(path);
  try {
    const config = await configBeside(path);
    return config ? withHfConfig(stateDict, config.text, config.path) : stateDict;
  } catch (error) {
    await stateDict.close();
    throw error;
  }
}

/** The Hub's name for it is the same for every model, so in a folder of several models it is nobody's. */
async function configBeside(model: string): Promise<{ path: string; text: string } | undefined> {
  const own = configPathOf(model);
  const text = await readText(own);
  if (text !== undefined) return { path: own, text };
  const common = join(dirname(model), 'config.json');
  const isHubName = /^(model|pytorch_model)\.(safetensors|bin)$/.test(basename(model));
  if (!isHubName && (await modelsBeside(model)) !== 1) return undefined;
  const found = await readText(common);
  return found === undefined ? undefined : { path: common, text: found };
}

async function modelsBeside(model: string): Promise<number> {
  const names = await readdir(dirname(model)).catch(() => []);
  return names.filter((name) => /\.(safetensors|pth|pt|bin)$/i.test(name)).length;
}

const MAX_BYTES = 2 ** 20;

/** Undefined where there is none. Never more than a configuration can have. */
async function readText(path: string): Promise<string | undefined> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (!file) return undefined;
  try {
    const stats = await file.stat();
    if (!stats.isFile()) return undefined;
    if (stats.size > MAX_BYTES) {
      throw new StateDictError(
        `${path}: ${stats.size} bytes are too many for a configuration. Remove it if it is something else.`,
      );
    }
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
