import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CheckpointError } from '@dpt-webgpu/loaders';
import { openCheckpointFile } from '@dpt-webgpu/loaders/node';
import { type Command, type Io, quietFlag } from '../command.ts';
import { type DownloadRequest, download as transfer } from '../download.ts';
import { exitCodes, InterruptedError, messageOf, printable, UsageError } from '../errors.ts';
import { type Arguments, didYouMean } from '../flags.ts';
import { DownloadError, hubAccess } from '../http_request.ts';
import { entryNamed, type ManifestEntry, manifest, withheld } from '../manifest.ts';
import {
  type Checked,
  configPathOf,
  downloadFolder,
  findInHubCache,
  hashFile,
  pathInStore,
  readRecord,
  type StoreRecord,
  takeCopy,
  writeRecord,
} from '../store.ts';

export const download: Command = {
  name: 'download',
  usage: '[NAME...] [flags]',
  summary: 'fetch published models into the store that every command looks into',
  flags: [
    {
      name: 'list',
      help: 'print the models by name, with size, licence and whether they are here',
    },
    {
      name: 'offline',
      help: 'ask no server: check what is in the store, or take it from the cache of Hugging Face',
    },
    { name: 'force', help: 'fetch again what is in the store already' },
    {
      name: 'folder',
      value: 'DIR',
      help: 'the store (default: dpt-webgpu/models in $XDG_CACHE_HOME or ~/.cache)',
    },
    { name: 'json', help: 'print a JSON object per line: events as they happen, or the list' },
    quietFlag,
  ],
  details: [
    'A model in the store goes by its short name in every command: dpt image photo.jpg -m v2-small. v2-small is also what is used when no model is named. Networks are asked by this command only.',
    'An interrupted download is gone on with by the same command. What came is compared with the known length and sha-256, which third parties state; where none is known, the hash first seen is recorded beside the file and holds from there on. A model that is in the store is checked against it.',
    'Licences are those of the weights, as the authors state them; read the page before you use a model.',
    'Variables: HF_ENDPOINT (a mirror of huggingface.co), HF_TOKEN (sent to the Hub alone), HF_HOME or HF_HUB_CACHE (a file that is in that cache is copied, not fetched). The giant model is not in the list, because its upload states no licence.',
  ],
  examples: [
    'dpt download v2-small',
    'dpt download --list',
    'dpt download beit-large-512 metric-indoor-small --folder /models',
    'dpt download v2-small --offline',
  ],
  run,
};

async function run(args: Arguments, io: Io): Promise<number> {
  const folder = resolve(args.text('folder') ?? downloadFolder(io.env));
  const names = [...new Set(args.positionals)];
  const entries = names.map(wanted);
  if (args.has('list'))
    return await list(entries.length > 0 ? entries : manifest, folder, args, io);
  if (entries.length === 0) {
    throw new UsageError(
      'which model? dpt download v2-small is a good first one; dpt download --list shows all.',
    );
  }
  const store = new Store(folder, args, io);
  let failed = 0;
  for (const entry of entries) {
    try {
      await store.get(entry);
    } catch (error) {
      io.progress.clear();
      if (io.signal.aborted) throw new InterruptedError();
      failed++;
      store.say({ event: 'failed', name: entry.name, reason: messageOf(error) });
      io.error(`dpt download: ${entry.name}: ${messageOf(error)}`);
    }
  }
  return failed > 0 ? exitCodes.failed : exitCodes.done;
}

function wanted(name: string): ManifestEntry {
  const entry = entryNamed(name);
  if (entry) return entry;
  const why = withheld.get(name);
  if (why) throw new UsageError(`${name}: ${why}`);
  const hint = didYouMean(
    name,
    manifest.map((known) => known.name),
  );
  throw new UsageError(
    `there is no model ${printable(name)}.${hint} dpt download --list shows all names.`,
  );
}

/** Progress in JSON goes to files and pipes: not more often than this. */
const JSON_INTERVAL_MS = 1000;

class Store {
  readonly #folder: string;
  readonly #args: Arguments;
  readonly #io: Io;
  #lastEvent = 0;

  constructor(folder: string, args: Arguments, io: Io) {
    this.#folder = folder;
    this.#args = args;
    this.#io = io;
  }

  say(event: Readonly<Record<string, unknown>>): void {
    if (this.#args.has('json')) this.#io.out(JSON.stringify(event));
  }

  #note(line: string): void {
    this.#io.progress.clear();
    if (!this.#args.has('quiet') && !this.#args.has('json')) this.#io.error(line);
  }

  /** Has a model, and what belongs to it, in the store: found, copied or fetched. */
  async get(entry: ManifestEntry): Promise<void> {
    const path = pathInStore(entry, this.#folder);
    const record = await readRecord(path);
    const known = entry.sha256 ?? record?.sha256;
    const knownBy = entry.sha256 ? 'the manifest' : 'the record of the first download';
    const about = { name: entry.name, path, licence: entry.licence };
    if (!this.#args.has('force')) {
      const found = await hashFile(path, this.#checking(entry));
      if (found) {
        expectSame(found, { bytes: entry.bytes, sha256: known, knownBy }, path);
        if (!record) await writeRecord(path, recordOf(entry, found, known ? knownBy : null));
        await this.#getConfig(entry, path);
        this.#done('already there', { ...about, ...found });
        return;
      }
    }
    const cached = await findInHubCache(entry.url, this.#io.env);
    if (cached && !this.#args.has('force')) {
      const found = (await hashFile(cached, this.#checking(entry)))!;
      expectSame(found, { bytes: entry.bytes, sha256: known, knownBy }, cached);
      await takeCopy(cached, path, this.#folder);
      await writeRecord(path, recordOf(entry, found, known ? knownBy : null));
      await this.#getConfig(entry, path);
      this.#done(`copied from ${cached}`, { ...about, ...found });
      return;
    }
    if (this.#args.has('offline')) {
      throw new DownloadError(
        `it is neither in ${this.#folder} nor in the cache of Hugging Face, and --offline forbids to fetch it.`,
      );
    }
    this.#announce(entry, path);
    await this.#getConfig(entry, path);
    const came = await this.#fetch(
      { ...entry, path, sha256: known, hashFrom: knownBy, accept: expectReadable },
      entry.name,
    );
    await writeRecord(path, recordOf(entry, came, came.verifiedBy ?? null));
    this.#done(
      came.verifiedBy
        ? `downloaded, its hash is the one of ${came.verifiedBy}`
        : 'downloaded; its hash is known from nowhere else and was recorded',
      { ...about, bytes: came.bytes, sha256: came.sha256, resumedAt: came.resumedAt },
    );
  }

  /** What the file alone does not say. A model that runs without is not worth failing for. */
  async #getConfig({ config, page, name }: ManifestEntry, model: string): Promise<void> {
    const path = configPathOf(model);
    if (config === undefined) return;
    const found = await stat(path).catch(() => undefined);
    if (found && !this.#args.has('force')) return;
    const cached = await findInHubCache(config, this.#io.env);
    if (cached) return await takeCopy(cached, path, dirname(path));
    if (this.#args.has('offline')) return;
    await this.#fetch({ url: config, path, page }, `${name}: config.json`);
  }

  #announce(entry: ManifestEntry, path: string): void {
    const { name, licence, page, url, assumed } = entry;
    const size = sizeText(entry);
    this.say({ event: 'begin', name, url, path, bytes: entry.bytes ?? null, licence, page });
    this.#note(`${name}: ${size}, licence of the weights: ${licence}, ${page}`);
    if (assumed) this.#note(`${name}: nobody of this project has seen the file at ${url}`);
  }

  async #fetch(request: DownloadRequest, what: string) {
    const begin = performance.now();
    let first: number | undefined;
    return await transfer(request, {
      hub: hubAccess(this.#io.env),
      signal: this.#io.signal,
      log: (line) => {
        this.#io.progress.clear();
        this.say({ event: 'retry', name: what, reason: line });
        if (!this.#args.has('json')) this.#io.error(`${what}: ${line}`);
      },
      onProgress: (loaded, total) => {
        first ??= loaded;
        const seconds = (performance.now() - begin) / 1000;
        const speed = seconds > 0.5 ? `, ${megabytes((loaded - first) / seconds)}/s` : '';
        const of = total === undefined ? '' : ` of ${megabytes(total)}`;
        this.#io.progress.report(
          `${what} ${megabytes(loaded)}${of}${speed},`,
          loaded,
          total ?? Number.POSITIVE_INFINITY,
        );
        this.#sayProgress(what, loaded, total);
      },
    });
  }

  #sayProgress(name: string, loaded: number, total: number | undefined): void {
    const now = performance.now();
    if (now - this.#lastEvent < JSON_INTERVAL_MS) return;
    this.#lastEvent = now;
    this.say({ event: 'progress', name, loaded, total: total ?? null });
  }

  #checking({ name }: ManifestEntry) {
    return {
      signal: this.#io.signal,
      onProgress: (done: number, total: number) =>
        this.#io.progress.report(`Checking ${name}`, done, total),
    };
  }

  #done(how: string, about: Readonly<Record<string, unknown>> & { name: string; path: string }) {
    this.#io.progress.clear();
    this.say({ event: 'done', how, ...about });
    if (!this.#args.has('json') && !this.#args.has('quiet')) {
      this.#io.out(`${about.name}: ${printable(about.path)} (${how})`);
    }
  }
}

const recordOf = (
  { url }: ManifestEntry,
  { bytes, sha256 }: Checked,
  verifiedBy: string | null,
): StoreRecord => ({ url, bytes, sha256, verifiedBy });

function expectSame(
  found: Checked,
  {
    bytes,
    sha256,
    knownBy,
  }: { bytes?: number | undefined; sha256?: string | undefined; knownBy: string },
  path: string,
): void {
  const remedy = 'Fetch it again with --force.';
  if (bytes !== undefined && found.bytes !== bytes) {
    throw new DownloadError(
      `${path} has ${found.bytes} bytes and should have ${bytes}: it is damaged. ${remedy}`,
    );
  }
  if (sha256 !== undefined && found.sha256 !== sha256) {
    throw new DownloadError(
      `${path} has the sha-256 ${found.sha256}, and by ${knownBy} it should be ${sha256}: it is damaged, or another file. ${remedy}`,
    );
  }
}

/** A whole file with the right hash opens; where no hash is known this is what tells an error page from a model. */
async function expectReadable(path: string): Promise<void> {
  try {
    await (await openCheckpointFile(path)).close();
  } catch (error) {
    const reason = error instanceof CheckpointError ? error.problem : messageOf(error);
    throw new DownloadError(`what came ${reason} It was removed.`, { cause: error });
  }
}

async function list(
  entries: readonly ManifestEntry[],
  folder: string,
  args: Arguments,
  { out, env }: Io,
): Promise<number> {
  const rows = await Promise.all(
    entries.map(async (entry) => {
      const path = pathInStore(entry, folder);
      const isThere = async (file: string) => (await stat(file).catch(() => undefined))?.isFile();
      const state = (await isThere(path))
        ? 'here'
        : (await isThere(`${path}.part`))
          ? 'in part'
          : (await findInHubCache(entry.url, env))
            ? 'in the cache of Hugging Face'
            : '';
      return { ...entry, path, state };
    }),
  );
  if (args.has('json')) {
    for (const row of rows) out(JSON.stringify(row));
    return exitCodes.done;
  }
  const columns = rows.map(({ name, bytes, about, licence, file, state, assumed }) => [
    name,
    sizeText({ bytes, about }),
    licence,
    `${file}${assumed ? ' *' : ''}`,
    state,
  ]);
  const widths = [0, 1, 2, 3].map((i) => Math.max(...columns.map((row) => row[i]!.length)));
  for (const row of columns) {
    out(
      row
        .map((text, i) => (i === 1 ? text.padStart(widths[i]!) : text.padEnd(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    );
  }
  if (rows.some(({ assumed }) => assumed)) {
    out('* the repository is known; that it has this file is assumed');
  }
  out(`Store: ${printable(folder)}`);
  return exitCodes.done;
}

/** `99.2 MB`, in powers of ten as download pages have it. */
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

const sizeText = ({ bytes, about }: Pick<ManifestEntry, 'bytes' | 'about'>): string =>
  bytes === undefined ? `about ${Math.round(about / 1e6)} MB` : megabytes(bytes);
