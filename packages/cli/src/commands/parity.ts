import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type DptOptions, families, type Preset } from '@dpt-webgpu/dpt';
import { type Command, type Io, quietFlag } from '../command.ts';
import { exitCodes, messageOf, printable, UsageError } from '../errors.ts';
import type { Arguments } from '../flags.ts';
import {
  type Box,
  boxes,
  compareWithGolden,
  type GoldenFolder,
  goldenFolders,
  type TensorError,
  toleranceOf,
} from '../golden_files.ts';
import { modelNamed } from '../model_choice.ts';
import { modelFlag, networkFlags, networkOptions } from '../model_flags.ts';
import { openModel } from '../open_model.ts';

export const parity: Command = {
  name: 'parity',
  usage: 'DIR... [flags]',
  summary: 'compare models with what PyTorch computed',
  flags: [
    {
      ...modelFlag,
      help: `${modelFlag.help}. Default: model.safetensors, .pth or .pt of each folder`,
    },
    {
      name: 'tolerance',
      value: 'X',
      help: 'of max |error| / std, everywhere (default: 1e-4, depth 2e-4; f16: tokens and stages 0.01, maps 0.02, depth 0.03; q8: 0.2, depth 0.3)',
    },
    { name: 'json', help: 'print a JSON object per golden file in place of text' },
    ...networkFlags,
    quietFlag,
  ],
  details: [
    'A DIR holds a model and golden files io_*.safetensors: pixel_values [B, 3, H, W], depth [B, H, W], and intermediates by the names that dpt forward --keep takes, in the layouts of PyTorch. Or it holds such folders. The family is the one that is given, else that of config.json in the folder, else that of the name of the folder, else what the model says.',
    'Per golden file a line with the largest error of each box of figure 1, as max |error| / std of what was expected. Exit code 0 when all are within the tolerance.',
  ],
  examples: [
    'dpt parity test/fixtures/models',
    'dpt parity test/fixtures/models/depth_anything_v2 --dtype f16 --json',
    'dpt parity golden -m model.safetensors --tolerance 0.001',
  ],
  run,
};

/** A golden file, and how far the model is from it. */
interface Row {
  readonly file: string;
  readonly errors: readonly TensorError[];
  /** Of each box the largest error. */
  readonly worst: Readonly<Partial<Record<Box, number>>>;
  readonly passed: boolean;
}

async function run(args: Arguments, io: Io): Promise<number> {
  if (args.positionals.length === 0) {
    throw new UsageError('which folder? For example: dpt parity test/fixtures/models');
  }
  const tolerance = toleranceFlag(args);
  const network = networkOptions(args);
  const given = args.text('model');
  const path = given === undefined ? undefined : await modelNamed(given, { env: io.env });
  const folders = (await Promise.all(args.positionals.map(goldenFolders))).flat();
  const isText = !args.has('json');
  const say = isText && !args.has('quiet') ? io.out : () => {};
  let failed = 0;
  let width = 0;
  for (const folder of folders) {
    const model = path ?? folder.model;
    if (model === undefined) {
      io.error(`${folder.folder}: skipped, it holds no model. Give one with -m.`);
      if (args.positionals.includes(folder.folder)) failed++;
      continue;
    }
    try {
      const rows = await rowsOf(
        folder,
        model,
        { ...network, ...(await described(folder, args)) },
        tolerance,
        io,
      );
      io.progress.clear();
      for (const row of rows) {
        if (!row.passed) failed++;
        if (!isText) io.out(JSON.stringify({ model, dtype: network.dtype, ...finite(row) }));
        if (width === 0) {
          width = Math.max(...folders.flatMap(({ files }) => files.map((file) => file.length)));
          say(lineOf('max |error| / std', width, boxes.slice(0, 5), ''));
        }
        const cells = boxes.slice(0, 5).map((box) => row.worst[box]?.toExponential(1) ?? '–');
        const line = lineOf(printable(row.file), width, cells, row.passed ? 'ok' : 'FAILED');
        if (isText && (!row.passed || !args.has('quiet'))) io.out(line);
      }
    } catch (error) {
      if (io.signal.aborted) throw error;
      io.progress.clear();
      failed++;
      io.error(`dpt parity: ${printable(folder.folder)}: ${messageOf(error)}`);
    }
  }
  return failed > 0 ? exitCodes.failed : exitCodes.done;
}

async function rowsOf(
  { files }: GoldenFolder,
  model: string,
  options: DptOptions,
  tolerance: number | undefined,
  io: Io,
): Promise<Row[]> {
  const { dtype = 'f32' } = options;
  const opened = await openModel(model, options, {
    log: (line) => {
      if (line.startsWith('warning:')) io.error(line);
    },
    onProgress: io.progress.report,
    signal: io.signal,
  });
  try {
    const rows: Row[] = [];
    for (const file of files) {
      io.progress.report('Comparing', rows.length, files.length);
      const errors = await compareWithGolden(opened.model, file, io.signal);
      await opened.expectHealthy();
      const worst: Partial<Record<Box, number>> = {};
      for (const { box, error } of errors) worst[box] = Math.max(worst[box] ?? 0, error);
      const passed = errors.every(
        ({ box, error }) =>
          error <= (tolerance ?? toleranceOf(box, dtype === 'u32' ? 'f32' : dtype)),
      );
      rows.push({ file, errors, worst, passed });
    }
    return rows;
  } finally {
    if (!io.signal.aborted) await opened.close();
  }
}

/** What the folder says about its model, where no flag does. */
async function described({ folder }: GoldenFolder, args: Arguments): Promise<Partial<DptOptions>> {
  const text = await readFile(join(folder, 'config.json'), 'utf8').catch(() => '{}');
  const { family = basename(folder), max_depth } = JSON.parse(text) as {
    family?: string;
    max_depth?: number | null;
  };
  // MiDaS runs SwinV2 at one size only; at the others it is muggled_dpt that can compute what is expected.
  const preset: Preset = family.startsWith('midas_swinv2') ? 'muggled' : 'official';
  return {
    ...(args.has('family') ? {} : { family: families.get(family) }),
    ...(args.has('preset') ? {} : { preset }),
    ...(args.has('max-depth') || typeof max_depth !== 'number' ? {} : { maxDepth: max_depth }),
  };
}

function toleranceFlag(args: Arguments): number | undefined {
  const text = args.text('tolerance');
  if (text === undefined) return undefined;
  const number = /^(\d+\.?\d*|\.\d+)(e-?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  if (number > 0 && Number.isFinite(number)) return number;
  throw new UsageError(`--tolerance takes a number above 0, not ${JSON.stringify(text)}.`);
}

const lineOf = (name: string, width: number, cells: readonly string[], end: string): string =>
  [name.padEnd(width), ...cells.map((cell) => cell.padStart(11)), ` ${end}`].join(' ').trimEnd();

/** JSON has no infinity. */
function finite({ errors, worst, ...rest }: Row): object {
  const plain = (value: number): number | string => (Number.isFinite(value) ? value : 'infinite');
  return {
    ...rest,
    boxes: Object.fromEntries(Object.entries(worst).map(([box, error]) => [box, plain(error)])),
    errors: Object.fromEntries(errors.map(({ name, error }) => [name, plain(error)])),
  };
}
