import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Command, Io } from '../command.ts';
import { exitCodes, UsageError } from '../errors.ts';
import type { Arguments } from '../flags.ts';
import { chooseModel } from '../model_choice.ts';
import { modelFlag, networkFlags, networkOptions } from '../model_flags.ts';
import { type OpenedModel, openModel } from '../open_model.ts';
import { root } from '../places.ts';
import { depthRoute } from '../serve/depth_route.ts';
import { startSiteServer } from '../serve/site_server.ts';

const described: Omit<Command, 'run'> = {
  name: 'serve',
  usage: '[flags]',
  summary: 'open the web app on this machine',
  flags: [
    { name: 'port', value: 'NUMBER', help: 'default: 8017; 0 takes one that is free' },
    {
      name: 'host',
      value: 'ADDRESS',
      help: 'the address to listen on (default: 127.0.0.1, this machine alone)',
    },
    { name: 'open', help: 'open the page in the browser' },
    { name: 'depth', help: 'also answer POST /depth: a picture in, its depth map out' },
    { name: 'max-size', value: 'MB', help: 'of a picture that is posted (default: 32)' },
    { name: 'max-waiting', value: 'COUNT', help: 'pictures that may wait their turn (default: 4)' },
    modelFlag,
    ...networkFlags,
  ],
  details: [
    'Serves apps/web/dist, which npm run web:build makes. The page computes in the browser; this server only hands out files. It answers to the names of this machine alone, and to no pages of others.',
    'With --depth it computes as well: POST /depth?format=png16 or npy, &size=PIXELS, for example with curl --data-binary @photo.jpg. One picture at a time; the map has the size of the picture. x-depth-min and x-depth-max are the ends of what became 0 and 65535; of metric models near is bright too.',
  ],
  examples: ['dpt serve --open', 'dpt serve --depth -m depth_anything_v2_vits.pth'],
};

export const serve = serveFrom(join(root, 'apps', 'web', 'dist'));

/** The command over a site that was built into `site`. */
export function serveFrom(site: string): Command {
  return { ...described, run: (args, io) => run(site, args, io) };
}

async function run(site: string, args: Arguments, io: Io): Promise<number> {
  if (args.positionals.length > 0) throw new UsageError('dpt serve takes no files.');
  const host = args.text('host') ?? '127.0.0.1';
  const port = args.wholeNumber('port', 0, 65_535) ?? 8017;
  const depth = args.has('depth') ? await openDepth(args, io) : undefined;
  try {
    const server = await startSiteServer({ site, host, port, routes: depth ? [depth.route] : [] });
    try {
      if (!/^(127\.|localhost$|::1$)/.test(host)) {
        io.error(
          `warning: everybody who reaches ${host} can use this server${depth ? ', and your GPU through it' : ''}. There is no password. Browsers offer WebGPU to other machines over https only.`,
        );
      }
      io.out(server.address);
      if (args.has('open')) openInBrowser(server.address, io);
      await untilStopped(io.signal);
    } finally {
      await server.close();
    }
  } finally {
    await depth?.opened.close();
  }
  return exitCodes.done;
}

async function openDepth(args: Arguments, io: Io) {
  const megabytes = args.positiveNumber('max-size') ?? 32;
  const maxWaiting = args.wholeNumber('max-waiting', 1, 1000) ?? 4;
  const { path, notes } = await chooseModel(args.text('model'), { env: io.env });
  for (const note of notes) io.error(note);
  const opened: OpenedModel = await openModel(path, networkOptions(args), {
    log: io.error,
    onProgress: (what, done, total) => io.progress.report(what, done, total),
    signal: io.signal,
  });
  io.progress.clear();
  const route = depthRoute({
    maxBytes: megabytes * 1e6,
    maxPixels: 50_000_000,
    maxWaiting,
    log: io.error,
    async predict(photo, size, signal) {
      const map = await opened.predictor.predict(photo, { size, signal });
      await opened.expectHealthy();
      return map;
    },
  });
  return { opened, route };
}

function untilStopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function openInBrowser(address: string, io: Io): void {
  const [command, ...args]: [string, ...string[]] =
    process.platform === 'darwin'
      ? ['open', address]
      : process.platform === 'win32'
        ? ['cmd', '/c', 'start', '', address]
        : ['xdg-open', address];
  const child = spawn(command, args, { stdio: 'ignore', detached: true, env: io.env });
  child.on('error', () => io.error(`No browser could be opened; the page is at ${address}`));
  child.unref();
}
