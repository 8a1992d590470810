import { access } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { DptConfig } from '@dpt-webgpu/dpt';
import { writeChunksAtomic } from '@dpt-webgpu/loaders/node';
import { mib } from '@dpt-webgpu/tensor';
import { type Command, type Io, quietFlag } from '../command.ts';
import { exitCodes, InterruptedError, printable, UsageError } from '../errors.ts';
import type { Arguments } from '../flags.ts';
import { modelNamed } from '../model_choice.ts';
import { networkFlags, networkOptions } from '../model_flags.ts';
import type { OnnxGraph } from '../onnx/graph.ts';
import { modelGraph, openSizes } from '../onnx/model_graph.ts';
import type { TracedSize } from '../onnx/sizes.ts';
import { openModel } from '../open_model.ts';
import { expectNoInput } from '../output_files.ts';

export const exportOnnx: Command = {
  name: 'export-onnx',
  usage: 'IN OUT.onnx [flags]',
  summary: 'write a model as an ONNX graph, for other runtimes',
  flags: [
    {
      name: 'size',
      value: 'WxH',
      help: 'of the picture, in pixels, such as 518x392, or one number for a square. Default: any size, where the model allows',
    },
    ...networkFlags.filter(({ name }) => name !== 'dtype' && name !== 'no-cache'),
    { name: 'json', help: 'print one JSON object' },
    quietFlag,
  ],
  details: [
    'The graph (opset 17, f32) takes pixel_values [batch, 3, height, width], normalised as the metadata says (mean, std; both sides multiples of patch), and gives depth [batch, height, width]: the steps that a run here has, in their order and under their names, so that values agree to rounding.',
    'The batch is open. So are height and width for Depth-Anything, BEiT and ViT: position encodings are resized inside the graph. The windows of SwinV2 belong to one size: without --size that is the size the model was made for.',
    'Above 2 GB the weights go into OUT.onnx.data, beside the graph.',
  ],
  examples: [
    'dpt export-onnx depth_anything_v2_vits.pth depth_anything_v2_vits.onnx',
    'dpt export-onnx v2-small v2_small_518x392.onnx --size 518x392',
  ],
  run,
};

async function run(args: Arguments, io: Io): Promise<number> {
  const [given, out, another] = args.positionals;
  if (given === undefined || out === undefined) {
    throw new UsageError(
      'which model, and to which file? For example: dpt export-onnx IN.pth OUT.onnx',
    );
  }
  if (another !== undefined) throw new UsageError(`${another} is one argument too many.`);
  if (!/\.onnx$/i.test(out)) {
    throw new UsageError(`${out}: the name of the result must end in .onnx.`);
  }
  const size = sizeOf(args.text('size'));
  const network = networkOptions(args);
  const path = await modelNamed(given, { env: io.env });
  const external = `${basename(out)}.data`;
  await expectNoInput(out, [path]);
  await access(dirname(out)).catch(() => {
    throw new UsageError(`there is no folder ${dirname(out)}.`);
  });

  const { signal, progress } = io;
  const note = args.has('quiet') ? () => {} : io.error;
  // The graph resizes position encodings where the size is open; those of one size are constants of it.
  const isOpenFor = ({ encoder }: DptConfig): boolean =>
    size === undefined && encoder.kind !== 'swinv2';
  const opened = await openModel(
    path,
    {
      ...network,
      gridCacheFor: (config) => ({ enabled: !isOpenFor(config) }),
      needs: (model) => model.weights.largestBinding,
    },
    {
      log: (line) => (line.startsWith('warning:') ? io.error(line) : note(line)),
      onProgress: progress.report,
      signal,
    },
  );
  try {
    const { config, licence, model } = opened;
    const { baseSize } = config.image;
    const isOpen = isOpenFor(config);
    const sizes = isOpen ? openSizes : fixedSizes(size ?? [baseSize, baseSize], config);
    const graph = modelGraph(model, sizes);
    const metadata = metadataOf(config, licence.licence, path);
    const files = graph.files({
      name: config.family,
      external,
      metadata,
      signal,
      onProgress: (done, total) => progress.report('Writing', done, total),
    });
    await opened.expectHealthy();
    // Weights first: a graph without them is worth nothing.
    if (files.weights) await writeChunksAtomic(`${out}.data`, files.weights.chunks, { signal });
    await writeChunksAtomic(out, files.model.chunks, { signal });
    progress.clear();
    report({ path, out, external, config, sizes, isOpen, graph, files }, args, io);
    return exitCodes.done;
  } catch (error) {
    if (signal.aborted) throw new InterruptedError();
    throw error;
  } finally {
    if (!signal.aborted) await opened.close();
  }
}

/** One size; the batch is open all the same. */
function fixedSizes(
  [width, height]: readonly [number, number],
  { patchEmbed: { patch } }: DptConfig,
): TracedSize[] {
  if (width % patch || height % patch) {
    const nearest = (side: number): number => Math.max(1, Math.round(side / patch)) * patch;
    throw new UsageError(
      `--size ${width}x${height}: both sides must be multiples of ${patch}, such as ${nearest(width)}x${nearest(height)}.`,
    );
  }
  return [1, 2, 3].map((batch) => ({ batch, grid: [height / patch, width / patch] }));
}

function sizeOf(text: string | undefined): readonly [width: number, height: number] | undefined {
  if (text === undefined) return undefined;
  const [, width, height] = /^(\d{1,5})(?:[x×](\d{1,5}))?$/i.exec(text) ?? [];
  const size = [Number(width), Number(height ?? width)] as const;
  if (size.every((side) => side >= 1)) return size;
  throw new UsageError(
    `--size takes width and height such as 518x392, or one number, not ${JSON.stringify(text)}.`,
  );
}

function metadataOf(
  { family, maxDepth, image, patchEmbed }: DptConfig,
  licence: string,
  path: string,
): ReadonlyMap<string, string> {
  const about = {
    family,
    mean: image.mean.join(', '),
    std: image.std.join(', '),
    patch: patchEmbed.patch,
    base_size: image.baseSize,
    output: maxDepth === undefined ? 'inverse depth, larger is nearer' : 'metres',
    max_depth: maxDepth,
    license: licence === 'unknown' ? undefined : licence,
    source: basename(path),
  };
  return new Map(
    Object.entries(about).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, String(value)]],
    ),
  );
}

interface Done {
  readonly path: string;
  readonly out: string;
  readonly external: string;
  readonly config: DptConfig;
  readonly sizes: readonly TracedSize[];
  readonly isOpen: boolean;
  readonly graph: OnnxGraph;
  readonly files: ReturnType<OnnxGraph['files']>;
}

function report(done: Done, args: Arguments, io: Io): void {
  const { path, out, external, config, sizes, isOpen, graph, files } = done;
  const { patch } = config.patchEmbed;
  const size = isOpen
    ? undefined
    : ([...sizes[0]!.grid].reverse() as [number, number]).map((side) => side * patch);
  const bytes = files.model.bytes + (files.weights?.bytes ?? 0);
  if (args.has('json')) {
    const about = { file: path, out, weights: files.weights ? external : null };
    const numbers = { size: size ?? null, patch, nodes: graph.nodeCount, bytes };
    io.out(JSON.stringify({ ...about, family: config.family, ...numbers }, undefined, 2));
    return;
  }
  if (args.has('quiet')) return;
  const shape = size ? size.join('×') : `any size in steps of ${patch}`;
  const beside = files.weights ? ` and ${printable(external)}` : '';
  io.out(
    `${printable(path)} → ${printable(out)}${beside}  (${config.family}, ${shape}, ${graph.nodeCount} nodes, ${mib(bytes)})`,
  );
}
