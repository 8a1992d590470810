// What `dpt image` asks of a device: room for what the network sees (the photo, or a tile of it) and for what is done to the
// map afterwards (the whole photo), with sizes alone: photos that no adapter takes as a whole are taken in tiles.
import { expect, test } from 'vitest';
import { parseFlags } from '../../packages/cli/src/flags.ts';
import { imageFlags, imageOptions } from '../../packages/cli/src/image_flags.ts';
import { OpenModels } from '../../packages/cli/src/image_models.ts';
import { noProgress } from '../../packages/cli/src/progress.ts';
import { defaultCapabilities, mib } from '../../packages/tensor/src/index.ts';
import { tinyModel } from '../support/models.ts';

const granted = mib(defaultCapabilities.maxStorageBinding);

/** What a device is asked to let kernels bind, whether the adapter has that or, as lavapipe above 128 MiB, refuses. */
async function bindingFor(width: number, height: number, flags: string): Promise<string> {
  const options = imageOptions(parseFlags(`--size 28 ${flags}`.split(' '), imageFlags));
  const models = new OpenModels(tinyModel, {}, options, io, () => {});
  try {
    const { opened } = await models.for({ width, height }, 1);
    expect(opened.fits({ width, height })).toBe(true);
    return mib(opened.gpu.device.limits.maxStorageBufferBindingSize);
  } catch (error) {
    expect((error as Error).name).toBe('PictureSizeError');
    return /needs a (.+ MiB) buffer/.exec((error as Error).message)![1]!;
  } finally {
    await models.close();
  }
}

const io = {
  out: () => {},
  error: () => {},
  progress: noProgress,
  signal: new AbortController().signal,
  env: {},
};

test('the whole photo, four bytes a pixel', async () => {
  expect(await bindingFor(8000, 6000, '--format npy')).toBe(mib(8000 * 6000 * 4));
});

test('tiles of it, where only the numbers of the network are written', async () => {
  expect(await bindingFor(8000, 6000, '--format npy --tiles 3')).toBe(granted);
  expect(await bindingFor(40_000, 30_000, '--format npy --tiles 12')).toBe(granted);
  // A quarter of the photo and its overlap, by four bytes.
  expect(await bindingFor(40_000, 30_000, '--format npy --tiles 2')).toBe(
    mib(Math.ceil(40_000 / 1.75) * Math.ceil(30_000 / 1.75) * 4),
  );
});

test.each([
  ['--format png', 4],
  ['--format npy --upsample guided', 4],
  ['--format npy --calibrate 1,1=2,5,5=7', 4],
  ['--format npy --normals', 12],
])('%s with tiles: %i bytes a pixel of the photo', async (flags, bytes) => {
  expect(await bindingFor(8000, 6000, `${flags} --tiles 3`)).toBe(mib(8000 * 6000 * bytes));
});
