import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { buildDpt, type DptConfig, recognise, summary } from '@dpt-webgpu/dpt';
import { Context, mib, type StateDict, type StoredDtype, shapeText } from '@dpt-webgpu/tensor';
import type { Command, Io } from '../command.ts';
import { exitCodes, messageOf, printable, UsageError } from '../errors.ts';
import type { Arguments } from '../flags.ts';
import { licenceOf } from '../licences.ts';
import { modelNamed } from '../model_choice.ts';
import { openModelFile } from '../model_file.ts';
import { networkFlags, networkOptions } from '../model_flags.ts';

export const inspect: Command = {
  name: 'inspect',
  usage: 'FILE [flags]',
  summary: 'say what a checkpoint holds; needs no GPU',
  flags: [
    { name: 'json', help: 'print one JSON object' },
    ...networkFlags.filter(({ name }) =>
      ['preset', 'family', 'max-depth', 'hooks', 'window'].includes(name),
    ),
  ],
  details: [
    'Prints the family and configuration, the licence as far as it is known, and every key with its shape and type. Only the table of contents is read. A file that is no model this project runs is listed as well, with the reason; the exit code is 0 whenever the file could be read.',
  ],
  examples: ['dpt inspect depth_anything_v2_vits.pth', 'dpt inspect model.safetensors --json'],
  run,
};

async function run(args: Arguments, io: Io): Promise<number> {
  const [given, another] = args.positionals;
  if (given === undefined) throw new UsageError('which file? For example: dpt inspect model.pth');
  if (another !== undefined) throw new UsageError(`one file at a time; ${another} is a second.`);
  const options = networkOptions(args);
  const path = await modelNamed(given, { env: io.env });
  const stateDict = await openModelFile(path);
  try {
    const report = {
      file: resolve(path),
      bytes: (await stat(path)).size,
      ...contentsOf(stateDict),
      ...modelOf(stateDict, options),
      ...licenceOf(stateDict),
    };
    if (args.has('json')) io.out(JSON.stringify(report, undefined, 2));
    else for (const line of linesOf(report)) io.out(line);
    return exitCodes.done;
  } finally {
    await stateDict.close();
  }
}

interface Contents {
  readonly metadata: Readonly<Record<string, string>>;
  readonly parameters: number;
  readonly tensorBytes: number;
  readonly tensors: readonly { name: string; dtype: StoredDtype; shape: readonly number[] }[];
}

function contentsOf({ metadata, tensors }: StateDict): Contents {
  const list = [...tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
  const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
  return {
    metadata: Object.fromEntries(metadata),
    parameters: list.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    tensorBytes: list.reduce((sum, { dtype, shape }) => sum + sizeOf(shape) * bytesOf(dtype), 0),
    tensors: list,
  };
}

/** `bf16` → 2 */
function bytesOf(dtype: StoredDtype): number {
  return dtype === 'bool' ? 1 : Number(/\d+$/.exec(dtype)?.[0]) / 8;
}

interface Model {
  readonly runs: boolean;
  readonly summary?: string;
  readonly architecture?: string;
  readonly config?: DptConfig;
  readonly warnings: readonly string[];
  /** Why it does not run. */
  readonly reason?: string;
}

function modelOf(stateDict: StateDict, options: Parameters<typeof recognise>[1]): Model {
  try {
    const recognised = recognise(stateDict, options);
    const { architecture, config, warnings } = recognised;
    const told = { architecture, summary: summary(config), config, warnings };
    try {
      buildDpt(Context.planning(), recognised);
      return { runs: true, ...told };
    } catch (error) {
      return { runs: false, ...told, reason: messageOf(error) };
    }
  } catch (error) {
    return { runs: false, warnings: [], reason: messageOf(error) };
  }
}

type Report = Contents & Model & { file: string; bytes: number; licence: string; source: string };

function linesOf(report: Report): string[] {
  const { config, tensors } = report;
  const rows: [string, string | undefined][] = [
    ['file', `${report.file} (${report.bytes.toLocaleString('en')} bytes)`],
    ['model', report.summary ?? 'not recognised'],
    ['does not run', report.reason],
    ['stages', config && stagesText(config)],
    ['depth', config && depthText(config)],
    ['picture', config && `${config.image.baseSize} px, multiples of ${config.image.multiple}`],
    ['licence', `${report.licence} (${report.source})`],
    [
      'holds',
      `${tensors.length} tensors, ${report.parameters.toLocaleString('en')} numbers, ${mib(report.tensorBytes)}`,
    ],
    ...Object.entries(report.metadata).map(([key, value]): [string, string] => [
      `metadata ${key}`,
      value,
    ]),
  ];
  const shown = rows.filter((row): row is [string, string] => row[1] !== undefined);
  const width = Math.max(...shown.map(([title]) => title.length));
  const nameWidth = Math.max(0, ...tensors.map(({ name }) => name.length));
  const typeWidth = Math.max(0, ...tensors.map(({ dtype }) => dtype.length));
  return [
    ...shown.flatMap(([title, text]) =>
      text.split('\n').map((line, n) => {
        const head = (n === 0 ? printable(title) : '').padEnd(width);
        return `${head}  ${printable(line)}`;
      }),
    ),
    ...report.warnings.map((warning) => `warning: ${printable(warning)}`),
    '',
    ...tensors.map(
      ({ name, dtype, shape }) =>
        `${printable(name).padEnd(nameWidth)}  ${dtype.padEnd(typeWidth)}  ${shapeText(shape)}`,
    ),
  ];
}

function stagesText({ encoder }: DptConfig): string | undefined {
  return 'stageEnds' in encoder ? `after blocks ${encoder.stageEnds.join(', ')}` : undefined;
}

function depthText({ depth, maxDepth }: DptConfig): string {
  if (depth === 'metric') return `metres, up to ${maxDepth}`;
  return 'relative: inverse depth up to scale and shift, large is near';
}
