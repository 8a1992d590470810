import { access } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { buildDpt, type DptConfig, type Recognised, recognise } from '@dpt-webgpu/dpt';
import { Context, mib, type StateDict } from '@dpt-webgpu/tensor';
import { type Command, type Io, quietFlag } from '../command.ts';
import { convert as write } from '../convert.ts';
import { exitCodes, InterruptedError, messageOf, printable, UsageError } from '../errors.ts';
import type { Arguments } from '../flags.ts';
import { licenceOf } from '../licences.ts';
import { modelNamed } from '../model_choice.ts';
import { openModelFile } from '../model_file.ts';
import { describingOptions, networkFlags } from '../model_flags.ts';
import { expectNoInput } from '../output_files.ts';
import { hashFile } from '../store.ts';

export const convert: Command = {
  name: 'convert',
  usage: 'IN OUT.safetensors [flags]',
  summary: 'write a checkpoint as safetensors that says what it is; needs no GPU',
  flags: [
    {
      name: 'dtype',
      value: 'TYPE',
      help: 'of the floats: keep (default), f32, or f16, half the size. Integers stay as they are',
    },
    {
      name: 'names',
      value: 'NAMES',
      help: 'original (default): the names that the file has; ours: those of the modules, without what no module uses',
    },
    ...networkFlags.filter(({ name }) => ['family', 'max-depth', 'hooks', 'window'].includes(name)),
    { name: 'json', help: 'print one JSON object' },
    quietFlag,
  ],
  details: [
    'Written one tensor at a time, so that a file of 5 GB takes no 5 GB of memory, and compared with the input before it gets its name. The metadata of the result holds what the weights do not say (family, hooks, heads, max_depth, window), the licence, and the name and sha-256 of the input; every command goes by it.',
    'f16 keeps eleven binary digits: the largest relative rounding is printed. A value beyond ±65504 is an error.',
    'With --names original any state dict is converted, also of a model that does not run here.',
  ],
  examples: [
    'dpt convert depth_anything_v2_vits.pth depth_anything_v2_vits.safetensors',
    'dpt convert v2-large v2-large-f16.safetensors --dtype f16 --names ours',
    'dpt convert my.pth my.safetensors --family depth_anything_v2_metric --max-depth 20',
  ],
  run,
};

async function run(args: Arguments, io: Io): Promise<number> {
  const [given, out, another] = args.positionals;
  if (given === undefined || out === undefined) {
    throw new UsageError(
      'from which file to which? For example: dpt convert IN.pth OUT.safetensors',
    );
  }
  if (another !== undefined) throw new UsageError(`${another} is one argument too many.`);
  if (!/\.safetensors$/i.test(out)) {
    throw new UsageError(`${out}: the name of the result must end in .safetensors.`);
  }
  const dtype = args.oneOf('dtype', ['keep', 'f32', 'f16']) ?? 'keep';
  const names = args.oneOf('names', ['original', 'ours']) ?? 'original';
  const options = describingOptions(args);
  const path = await modelNamed(given, { env: io.env });
  await expectNoInput(out, [path]);
  await access(dirname(out)).catch(() => {
    throw new UsageError(`there is no folder ${dirname(out)}.`);
  });

  const { signal, progress } = io;
  const stateDict = await openModelFile(path);
  try {
    const warnings: string[] = [];
    const recognised = recognisedOf(stateDict, options, names, warnings);
    for (const warning of warnings) io.error(`warning: ${warning}`);
    const source = (await hashFile(path, {
      signal,
      onProgress: (done, total) => progress.report('Hashing', done, total),
    }))!;
    const metadata = metadataOf(stateDict, recognised, { ...source, path });
    const tensors = names === 'ours' ? recognised!.stateDict.tensors : stateDict.tensors;
    const written = await write(tensors, out, {
      dtype,
      metadata,
      signal,
      onProgress: progress.report,
    });
    progress.clear();
    report({ path, out, written, metadata, warnings }, args, io);
    return exitCodes.done;
  } catch (error) {
    if (signal.aborted) throw new InterruptedError();
    throw error;
  } finally {
    await stateDict.close();
  }
}

/** Undefined for a file that is no model, which may be converted under its own names. */
function recognisedOf(
  stateDict: StateDict,
  options: Parameters<typeof recognise>[1],
  names: 'original' | 'ours',
  warnings: string[],
): Recognised | undefined {
  try {
    const recognised = recognise(stateDict, options);
    warnings.push(...recognised.warnings);
    // Only a model that is complete has our names; of others it is worth knowing.
    buildDpt(Context.planning(), recognised);
    return recognised;
  } catch (error) {
    const isAsked = Object.values(options ?? {}).some((value) => value !== undefined);
    if (names === 'ours' || isAsked) throw error;
    warnings.push(`${messageOf(error)}\nIts tensors are converted as they are.`);
    return undefined;
  }
}

function metadataOf(
  stateDict: StateDict,
  recognised: Recognised | undefined,
  source: { path: string; sha256: string },
): ReadonlyMap<string, string> {
  const { licence } = licenceOf(stateDict);
  const said = recognised ? saidBy(recognised.config) : {};
  const about = {
    ...said,
    license: licence === 'unknown' ? undefined : licence,
    source: basename(source.path),
    source_sha256: source.sha256,
    converted_by: 'dpt-webgpu',
  };
  const metadata = new Map(stateDict.metadata);
  for (const [key, value] of Object.entries(about)) {
    if (value !== undefined) metadata.set(key, String(value));
  }
  return metadata;
}

/** What the names and shapes of the tensors do not tell, or not under other names. */
function saidBy({ family, maxDepth, encoder }: DptConfig) {
  return {
    family,
    max_depth: maxDepth,
    ...(encoder.kind === 'swinv2'
      ? { window: encoder.window, base_grid: encoder.baseGrid }
      : { hooks: encoder.stageEnds.join(','), heads: encoder.heads }),
  };
}

interface Done {
  readonly path: string;
  readonly out: string;
  readonly written: Awaited<ReturnType<typeof write>>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly warnings: readonly string[];
}

function report({ path, out, written, metadata, warnings }: Done, args: Arguments, io: Io): void {
  const { tensors, bytes, rounding } = written;
  if (args.has('json')) {
    const about = { tensors, bytes, rounding: rounding ?? null };
    const saved = Object.fromEntries(metadata);
    io.out(JSON.stringify({ file: path, out, ...about, metadata: saved, warnings }, undefined, 2));
    return;
  }
  if (args.has('quiet')) return;
  io.out(
    `${printable(path)} → ${printable(out)}  (${metadata.get('family') ?? 'no model'}, ${tensors} tensors, ${mib(bytes)}, read back and compared)`,
  );
  if (!rounding) return;
  const { largest, tensor, small, zeroed } = rounding;
  io.out(
    `f16: largest relative rounding ${largest.toExponential(1)} in ${printable(tensor)}; ${small} values below 6.1e-5 keep fewer digits, ${zeroed} of them became zero`,
  );
}
