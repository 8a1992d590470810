import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { rangeOf } from '@dpt-webgpu/dpt';
import { decodePicture } from '@dpt-webgpu/loaders/node';
import { type NodeAdapter, requestAdapter } from '@dpt-webgpu/tensor/node';
import type { Command, Io } from '../command.ts';
import { exitCodes, messageOf, printable, UsageError } from '../errors.ts';
import type { Arguments } from '../flags.ts';
import { betterModel, bundledModel, modelsIn, weightFolders } from '../model_choice.ts';
import { openModel } from '../open_model.ts';
import { downloadFolder } from '../store.ts';

export const doctor: Command = {
  name: 'doctor',
  usage: '[flags]',
  summary: 'check whether this machine can compute depth, and say what is missing',
  flags: [{ name: 'json', help: 'print one JSON object' }],
  details: [
    'Ends with a small depth map computed for real. The exit code is 0 when that went well, else 1; what is optional (sharp, ffmpeg, more models) does not change it.',
  ],
  examples: ['dpt doctor', 'DPT_ADAPTER=software dpt doctor'],
  run,
};

const packages = ['@dpt-webgpu/cli', 'webgpu', 'sharp', 'pngjs', 'jpeg-js'] as const;

const limits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupsPerDimension',
] as const;

interface Report {
  readonly ok: boolean;
  readonly node: string;
  readonly platform: string;
  /** Versions; null where a package is not there. */
  readonly packages: Readonly<Record<string, string | null>>;
  readonly adapter: AdapterReport | null;
  readonly sharp: string | null;
  readonly ffmpeg: string | null;
  readonly models: readonly string[];
  /** Milliseconds of a small depth map; null where it failed. */
  readonly trial: number | null;
  /** What is missing or wrong, and what to do about it. */
  readonly problems: readonly string[];
  readonly hints: readonly string[];
}

interface AdapterReport {
  readonly description: string;
  readonly software: boolean;
  readonly f16: boolean;
  readonly subgroups: boolean;
  readonly timestamps: boolean;
  readonly limits: Readonly<Record<string, number>>;
}

async function run(args: Arguments, io: Io): Promise<number> {
  const [extra] = args.positionals;
  if (extra !== undefined) throw new UsageError(`it takes no arguments; ${extra} is one.`);
  const report = await examine(io);
  if (args.has('json')) io.out(JSON.stringify(report, undefined, 2));
  else for (const line of linesOf(report)) io.out(line);
  return report.ok ? exitCodes.done : exitCodes.failed;
}

async function examine(io: Io): Promise<Report> {
  const problems: string[] = [];
  const hints: string[] = [];
  /** The result, or null and a problem. */
  const attempt = async <T>(what: () => Promise<T>): Promise<T | null> => {
    try {
      return await what();
    } catch (error) {
      io.signal.throwIfAborted();
      problems.push(messageOf(error));
      return null;
    }
  };
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    problems.push(
      `Node ${process.versions.node} is too old: 20.19 or newer is needed, from https://nodejs.org`,
    );
  }
  const adapter = await attempt(async () => adapterReport(await requestAdapter()));
  if (adapter?.software) {
    hints.push('The adapter computes on the CPU: everything works, slowly. A GPU driver helps.');
  }
  if (adapter) {
    hints.push(
      adapter.f16
        ? 'shader-f16 is here: dpt bench --dtypes f32,f16 says which is faster, and what f16 loses.'
        : 'No shader-f16 here: --dtype f16 cannot be used.',
    );
  }
  const trial = adapter && (await attempt(() => smallDepthMap(io.signal)));

  const sharp = await workingSharp();
  if (!sharp) {
    hints.push(
      'sharp does not work here or is not installed: WebP, AVIF, TIFF and GIF cannot be read (npm install sharp).',
    );
  }
  const ffmpeg = await firstLineOf('ffmpeg', ['-version']);
  if (!ffmpeg) hints.push('ffmpeg is not installed: videos cannot be read (https://ffmpeg.org).');
  const models = await modelFiles(io.env);
  if (models.every((path) => path === bundledModel)) {
    hints.push(`Only the small demonstration model is here. For good maps: ${betterModel}.`);
  }
  return {
    ok: problems.length === 0,
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    packages: Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
    adapter,
    sharp,
    ffmpeg,
    models,
    trial,
    problems,
    hints,
  };
}

function adapterReport({ adapter, description, software }: NodeAdapter): AdapterReport {
  return {
    description,
    software,
    f16: adapter.features.has('shader-f16'),
    subgroups: adapter.features.has('subgroups'),
    timestamps: adapter.features.has('timestamp-query'),
    limits: Object.fromEntries(limits.map((name) => [name, adapter.limits[name]])),
  };
}

/** A depth map of 56×56 pixels by the model that is always there. A gradient must not come out flat. */
async function smallDepthMap(signal: AbortSignal): Promise<number> {
  const photo = { width: 56, height: 56, data: new Uint8Array(56 * 56 * 4) };
  for (let i = 0; i < photo.data.length; i++) photo.data[i] = (i >> 2) % 251;
  const opened = await openModel(bundledModel, { photo, size: 56 }, { signal });
  try {
    const begin = performance.now();
    const { data } = await opened.predictor.predict(photo, { size: 56, signal });
    await opened.expectHealthy();
    const { min, max, nonFinite } = rangeOf(data);
    if (nonFinite > 0 || !(max > min)) {
      throw new Error(
        `The trial depth map is wrong (${min} … ${max}, ${nonFinite} not finite): the driver of this adapter may be at fault. Try DPT_ADAPTER=software.`,
      );
    }
    return Math.round(performance.now() - begin);
  } finally {
    if (!signal.aborted) await opened.close();
  }
}

async function modelFiles(env: Io['env']): Promise<string[]> {
  const folders = [...weightFolders(), downloadFolder(env)];
  const found = await Promise.all(
    folders.map(async (folder) => (await modelsIn(folder)).map((name) => join(folder, name))),
  );
  return [...found.flat(), ...(existsSync(bundledModel) ? [bundledModel] : [])];
}

/** The version of an installed package; its package.json need not be among its exports. */
function versionOf(name: string): string | null {
  const require = createRequire(import.meta.url);
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      const text = readFileSync(join(folder, name, 'package.json'), 'utf8');
      return (JSON.parse(text) as { version: string }).version;
    } catch {
      // Not in this node_modules; perhaps in one further up.
    }
  }
  return null;
}

/** A GIF of one pixel. */
const gif = 'R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7';

/** The version of sharp where it works: installed is not enough, its library must fit this platform. */
async function workingSharp(): Promise<string | null> {
  try {
    await decodePicture(Buffer.from(gif, 'base64'), 'one.gif');
    return versionOf('sharp') ?? 'installed';
  } catch {
    return null;
  }
}

async function firstLineOf(command: string, args: readonly string[]): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)(command, [...args], { timeout: 10_000 });
    return stdout.split('\n')[0]!.trim();
  } catch {
    return null;
  }
}

function linesOf(report: Report): string[] {
  const { adapter, problems, hints } = report;
  const yes = (value: boolean): string => (value ? 'yes' : 'no');
  const rows: [string, string][] = [
    ['node', `${report.node} on ${report.platform}`],
    ['adapter', adapter?.description ?? 'none'],
  ];
  if (adapter) {
    rows.push(
      ['software', yes(adapter.software)],
      ['shader-f16', yes(adapter.f16)],
      ['subgroups', yes(adapter.subgroups)],
      ['timestamps', yes(adapter.timestamps)],
      ...Object.entries(adapter.limits).map(([name, value]): [string, string] => [
        name,
        value.toLocaleString('en'),
      ]),
    );
  }
  rows.push(
    ...Object.entries(report.packages).map(([name, version]): [string, string] => [
      name,
      version ?? 'not installed',
    ]),
    ['pictures', report.sharp ? 'PNG, JPEG, WebP, AVIF, TIFF, GIF' : 'PNG, JPEG'],
    ['ffmpeg', report.ffmpeg ?? 'not installed'],
    ...report.models.map((path): [string, string] => ['model', path]),
    ['trial', report.trial === null ? 'failed' : `a depth map of 56×56 in ${report.trial} ms`],
  );
  const width = Math.max(...rows.map(([title]) => title.length));
  return [
    ...rows.map(([title, text]) => `${title.padEnd(width)}  ${printable(text)}`),
    '',
    ...problems.map((problem) => `problem: ${problem}`),
    ...hints.map((hint) => `hint: ${hint}`),
    report.ok ? 'All that is needed is here.' : 'Depth cannot be computed here yet.',
  ];
}
