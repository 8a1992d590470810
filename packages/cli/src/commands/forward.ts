import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DPTModel } from '@dpt-webgpu/dpt';
import type { LazySafetensorsEntry } from '@dpt-webgpu/loaders';
import { openCheckpointFile, writeSafetensorsFile } from '@dpt-webgpu/loaders/node';
import {
  f32FromF16,
  plan,
  record,
  type StateDict,
  shapeText,
  type Tensor,
} from '@dpt-webgpu/tensor';
import { type Command, type Io, quietFlag } from '../command.ts';
import { exitCodes, InterruptedError, printable, UsageError } from '../errors.ts';
import type { Arguments } from '../flags.ts';
import { expectFile, modelNamed } from '../model_choice.ts';
import { modelFlag, networkFlags, networkOptions } from '../model_flags.ts';
import { openModel } from '../open_model.ts';
import { expectNoInput } from '../output_files.ts';

export const forward: Command = {
  name: 'forward',
  usage: '--model FILE --pixels IN.safetensors --out OUT.safetensors [flags]',
  summary: 'run the network alone, on tensors',
  flags: [
    { ...modelFlag, help: `${modelFlag.help}. Required` },
    {
      name: 'pixels',
      value: 'FILE',
      help: 'safetensors with pixel_values [B, 3, H, W], f32 or f16, normalised as the model wants. Required',
    },
    {
      name: 'out',
      value: 'FILE',
      help: 'safetensors to write: depth [B, H, W] and what is kept, all f32. Required',
    },
    {
      name: 'keep',
      value: 'NAMES',
      help: 'intermediates to write as well, with commas between: tokens_in, stage_1 … stage_4, reassembled_1 … reassembled_4, fused_1 … fused_4, or a module such as encoder.blocks.*.mlp',
    },
    ...networkFlags,
    quietFlag,
  ],
  details: [
    'Layouts are those of PyTorch: feature maps [B, C, H, W], tokens [B, N, C]. A star stands for one part of a name between dots; quote it, so that the shell leaves it alone.',
  ],
  examples: [
    'dpt forward --model model.safetensors --pixels in.safetensors --out out.safetensors',
    "dpt forward --model model.pth --pixels in.safetensors --out out.safetensors --keep 'tokens_in,stage_*'",
  ],
  run,
};

/** Values of pictures, channels last, as the model takes them. */
interface Pixels {
  readonly shape: readonly [B: number, H: number, W: number, channels: number];
  readonly values: Float32Array;
}

async function run(args: Arguments, io: Io): Promise<number> {
  const [model, pixelsPath, out] = [
    args.required('model'),
    args.required('pixels'),
    args.required('out'),
  ];
  const keep = args.list('keep') ?? [];
  const network = networkOptions(args);
  if (args.positionals.length > 0) {
    throw new UsageError(`${args.positionals[0]} is one argument too many; give files with flags.`);
  }
  const modelPath = await modelNamed(model, { env: io.env });
  await expectFile(pixelsPath, pixelsPath);
  await expectNoInput(out, [modelPath, pixelsPath]);
  await access(dirname(out)).catch(() => {
    throw new UsageError(`--out: there is no folder ${dirname(out)}.`);
  });

  const note = args.has('quiet') ? () => {} : io.error;
  const pixels = await readPixels(pixelsPath);
  const trace = (image: Tensor, model: DPTModel) => ({ depth: model.forward(image) });
  const inputs = { image: pixels.shape };
  const opened = await openModel(
    modelPath,
    {
      ...network,
      needs: (model) =>
        plan(model.weights.context, inputs, ({ image }) => trace(image!, model), { keep })
          .largestBinding,
    },
    {
      log: (line) => (line.startsWith('warning:') ? io.error(line) : note(line)),
      onProgress: io.progress.report,
      signal: io.signal,
    },
  );
  try {
    const { context, model } = opened;
    const recording = await record(context, inputs, ({ image }) => trace(image, model), {
      keep,
      signal: io.signal,
      onProgress: (done, total) => io.progress.report('Compiling', done, total),
    });
    const begin = performance.now();
    const outputs = { ...recording.run({ image: pixels.values }), ...recording.kept };
    await opened.expectHealthy();
    const milliseconds = Math.round(performance.now() - begin);
    if (io.signal.aborted) throw new InterruptedError();
    const entries = Object.entries(outputs).map(
      ([name, tensor]) => [name, entryOf(tensor)] as const,
    );
    await writeSafetensorsFile(out, new Map(entries));
    recording.dispose();
    if (!args.has('quiet')) {
      const names = Object.entries(outputs).map(([name, { shape }]) => name + shapeText(shape));
      io.out(
        `${printable(pixelsPath)} → ${printable(out)}  (${names.length === 1 ? names[0] : `${names[0]} and ${names.length - 1} more`}, ${milliseconds} ms)`,
      );
    }
    return exitCodes.done;
  } finally {
    if (!io.signal.aborted) await opened.close();
  }
}

async function readPixels(path: string): Promise<Pixels> {
  const stateDict = await openCheckpointFile(path);
  try {
    return await pixelsOf(stateDict);
  } finally {
    await stateDict.close();
  }
}

async function pixelsOf({ name, tensors }: StateDict): Promise<Pixels> {
  const stored = tensors.get('pixel_values');
  if (!stored) {
    const first = [...tensors.keys()].slice(0, 3).join(', ');
    throw new Error(`${name}: holds no pixel_values (but ${first || 'nothing'}).`);
  }
  const { shape, dtype } = stored;
  const [B = 0, C, H = 0, W = 0] = shape;
  if (shape.length !== 4 || C !== 3 || B * H * W === 0) {
    const hint = shape.length === 4 && shape[3] === 3 ? ' Move the channels to the front.' : '';
    throw new Error(
      `${name}: pixel_values is ${shapeText(shape)}; it must be [B, 3, H, W], none of them 0.${hint}`,
    );
  }
  if (dtype !== 'f32' && dtype !== 'f16') {
    throw new Error(`${name}: pixel_values is ${dtype}; it must be f32 or f16.`);
  }
  const bytes = (await stored.read()).slice().buffer;
  const planes = dtype === 'f32' ? new Float32Array(bytes) : f32FromF16(new Uint16Array(bytes));
  const bad = planes.reduce((count, value) => (Number.isFinite(value) ? count : count + 1), 0);
  if (bad > 0)
    throw new Error(`${name}: pixel_values holds ${bad} values that are NaN or infinite.`);
  return { shape: [B, H, W, 3], values: transposed(planes, [B, 3, H * W]) };
}

/** f32, and feature maps with their channels in front as PyTorch has them. Read from the GPU when it is written. */
function entryOf(tensor: Tensor): LazySafetensorsEntry {
  const isMap = tensor.shape.length === 4;
  const [B, H, W, C] = tensor.shape as [number, number, number, number];
  return {
    dtype: 'f32',
    shape: isMap ? [B, C, H, W] : tensor.shape,
    async read() {
      const values = await tensor.read();
      const ordered = isMap ? transposed(values, [B, H * W, C]) : values;
      return new Uint8Array(ordered.buffer, ordered.byteOffset, ordered.byteLength);
    },
  };
}

/** [n, rows, columns] → [n, columns, rows] */
function transposed(
  values: Float32Array,
  [n, rows, columns]: readonly [number, number, number],
): Float32Array {
  const result = new Float32Array(values.length);
  for (let i = 0; i < n; i++) {
    const start = i * rows * columns;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        result[start + column * rows + row] = values[start + row * columns + column]!;
      }
    }
  }
  return result;
}
