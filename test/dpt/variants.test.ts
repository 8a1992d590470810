// Every variant of every op, asked for by name, in whole models against PyTorch's depth: one family for each kind of attention.
// A round asks every op for the next of its variants, so that a device runs all that fit it. Not here: matrix units, which take
// f16 (test/tensor/ops/*_subgroup_matrix.test.ts); every box of figure 1 and every size (parity); shapes of real models (ops).
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { families, makeDptFromStateDict } from '../../packages/dpt/src/index.ts';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import { attentionVariants } from '../../packages/tensor/src/ops/attention.ts';
import { relativeAttentionVariants } from '../../packages/tensor/src/ops/attention_relative.ts';
import { conv2dVariants } from '../../packages/tensor/src/ops/conv2d.ts';
import { resizedConv2dVariants } from '../../packages/tensor/src/ops/conv2d_resized.ts';
import { layerNormVariants } from '../../packages/tensor/src/ops/layer_norm.ts';
import { linearVariants } from '../../packages/tensor/src/ops/linear.ts';
import { windowAttentionVariants } from '../../packages/tensor/src/ops/window_attention.ts';
import { record } from '../../packages/tensor/src/recording.ts';
import { channelsLast, fixtures, ioFiles, readTensors } from '../support/models.ts';
import { expectValuesClose, testContext } from '../support/tensors.ts';

/** By the names of `ContextOptions.variants`; the plain kernels, which everything else stands beside, first. */
const tables = Object.entries({
  linear: linearVariants,
  conv2d: conv2dVariants,
  conv2d_resized: resizedConv2dVariants,
  layer_norm: layerNormVariants,
  attention: attentionVariants,
  attention_relative: relativeAttentionVariants,
  window_attention: windowAttentionVariants,
}).map(([op, variants]) => {
  const names = variants.map(({ name }) => name).filter((name) => !/subgroup_matrix/.test(name));
  return { op, names: names.reverse() };
});
const rounds = Array.from(
  { length: Math.max(...tables.map(({ names }) => names.length)) },
  (_, i) => Object.fromEntries(tables.map(({ op, names }) => [op, names[i % names.length]!])),
);

/** What ran, to see that asking was of use. */
const ran = new Set<string>();

// max |error| / std(reference), as in parity.test.ts.
const tolerance = 2e-4;

// Kernels for GPUs take processors seconds each to compile.
describe.each([
  { family: 'depth_anything_v2' },
  { family: 'midas_beit', preset: 'muggled' as const },
  { family: 'midas_swinv2', preset: 'muggled' as const },
])('$family', ({ family, preset }) => {
  test.each(rounds.map((variants, i) => ({ i: i + 1, variants })))(
    'round $i',
    { timeout: 600_000 },
    async ({ variants }) => {
      const context = await testContext({ variants });
      const file = await openCheckpointFile(join(fixtures, family, 'model.safetensors'));
      const options = { family: families.get(family), ...(preset && { preset }) };
      const { model } = await makeDptFromStateDict(context, file, options);
      await file.close();
      const folder = join(fixtures, family);
      const io = await readTensors(join(folder, ioFiles(folder)[0]!));
      const image = channelsLast(io.get('pixel_values')!);
      const recording = await record(context, { image: image.shape }, (inputs) => ({
        depth: model.forward(inputs.image),
      }));
      for (const { kernel } of recording.trace.steps) ran.add(kernel.shader);
      const { depth } = recording.run({ image: image.data });
      expectValuesClose(await depth.read(), channelsLast(io.get('depth')!).data, tolerance);
      recording.dispose();
      model.dispose();
    },
  );
});

afterAll(async () => {
  const { subgroupSize } = (await testContext()).capabilities;
  const least = { shuffle: 4, layer_norm_subgroup: 32 };
  const expected = tables
    .flatMap(({ names }) => names.map((name) => name.replace(/_\d+$/, '')))
    .filter((name) => name !== 'resize_then_conv2d')
    .filter((name) =>
      Object.entries(least).every(([of, n]) => !name.includes(of) || subgroupSize >= n),
    );
  expect([...ran]).toEqual(expect.arrayContaining(expected));
});
