import type { Bytes, Download, ModelOptions, StoredModel, StoreList } from './model_calls.ts';
import { EngineError } from './protocol.ts';
import { Sha256 } from './sha256.ts';

/** What is known of a stored file besides its bytes. */
interface Note {
  readonly licence?: string | undefined;
  readonly options?: Partial<ModelOptions>;
  readonly title?: string | undefined;
  readonly url?: string;
  /** Of the whole file, while it is on its way. */
  readonly total?: number | undefined;
  readonly etag?: string | undefined;
}

const FOLDER = 'models';
const PART = '.part';
const NOTE = '.note.json';

/** Names come from files and from the manifest; a slash or a leading dot would be refused by the browser anyway. */
const safeName = (name: string): string => name.replace(/[^\w.()+ -]/g, '_').replace(/^\.+/, '_');

async function folder(): Promise<FileSystemDirectoryHandle> {
  try {
    const origin = await navigator.storage.getDirectory();
    return await origin.getDirectoryHandle(FOLDER, { create: true });
  } catch (cause) {
    throw new EngineError(
      {
        code: 'failed',
        message: 'This browser gives the page no room to keep files.',
        remedy:
          'In a private window that is usual. Models can be used, but are gone when it closes.',
      },
      { cause },
    );
  }
}

/** The bytes of a stored model. They are read where they lie when they are asked for. */
export async function storedFile(file: string): Promise<File> {
  try {
    const handle = await (await folder()).getFileHandle(safeName(file));
    return await handle.getFile();
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    throw new EngineError(
      { code: 'failed', message: `${file} is no longer stored on this device.` },
      { cause },
    );
  }
}

export async function listModels(): Promise<StoreList> {
  let directory: FileSystemDirectoryHandle;
  try {
    directory = await folder();
  } catch {
    return { models: [], used: 0, quota: 0, available: false };
  }
  const sizes = new Map<string, number>();
  for await (const [name, handle] of directory.entries()) {
    if (handle.kind === 'file')
      sizes.set(name, (await (handle as FileSystemFileHandle).getFile()).size);
  }
  const { held = [] } = await navigator.locks.query();
  const locked = new Set(held.map(({ name }) => name));
  const models: StoredModel[] = [];
  for (const [name, bytes] of sizes) {
    if (name.endsWith(NOTE)) continue;
    const file = name.endsWith(PART) ? name.slice(0, -PART.length) : name;
    const { licence, options = {}, title, total } = await readNote(directory, file);
    const partial = name.endsWith(PART) ? { done: bytes, total: total ?? 0 } : undefined;
    const writing = locked.has(lockOf(file));
    models.push({ file, title, bytes, partial, writing, licence, options });
  }
  models.sort((a, b) => a.file.localeCompare(b.file));
  const { quota = 0 } = await navigator.storage.estimate();
  return {
    models,
    used: models.reduce((sum, { bytes }) => sum + bytes, 0),
    quota,
    available: true,
  };
}

/** Copies a file of the visitor's into the store. */
export function importModel(
  file: File,
  options: Partial<ModelOptions>,
  { signal, progress }: { signal: AbortSignal; progress: (bytes: Bytes) => void },
): Promise<StoredModel> {
  const name = safeName(file.name);
  return whileLocked(name, async () => {
    await expectRoom(file.size);
    const directory = await folder();
    const handle = await directory.getFileHandle(name + PART, { create: true });
    try {
      await write(handle, 0, file.stream(), signal, (done) => progress({ done, total: file.size }));
      await finish(directory, name);
    } catch (error) {
      await removeIfThere(directory, name + PART);
      throw error;
    }
    await writeNote(directory, name, { options });
    return {
      file: name,
      title: undefined,
      bytes: file.size,
      partial: undefined,
      writing: false,
      licence: undefined,
      options,
    };
  });
}

/** Downloads a published file, going on where an earlier try stopped. */
export function downloadModel(
  { file, url, bytes, sha256, licence }: Download,
  { signal, progress }: { signal: AbortSignal; progress: (bytes: Bytes) => void },
): Promise<StoredModel> {
  const name = safeName(file);
  return whileLocked(name, async () => {
    const directory = await folder();
    const handle = await directory.getFileHandle(name + PART, { create: true });
    let done = (await handle.getFile()).size;
    const earlier = await readNote(directory, name);
    if (earlier.url !== url) done = 0;
    await expectRoom((bytes ?? 0) - done);
    const response = await fetchFrom(url, done, earlier.etag, signal);
    // The server may send all of it again: another version, or no ranges.
    if (response.status !== 206) done = 0;
    const length = Number(response.headers.get('content-length') ?? Number.NaN);
    // The published size is the one that counts; what a server says may be of an answer that was cut short.
    const total = bytes ?? (Number.isFinite(length) ? done + length : undefined);
    await writeNote(directory, name, {
      licence,
      url,
      total,
      etag: response.headers.get('etag') ?? undefined,
    });
    await write(handle, done, response.body!, signal, (now) =>
      progress({ done: now, total: total ?? 0 }),
    );
    const got = await handle.getFile();
    if (total !== undefined && got.size !== total) {
      throw new EngineError({
        code: 'offline',
        message: `The connection ended after ${got.size} of ${total} bytes.`,
        remedy: 'Download goes on from there.',
      });
    }
    if (sha256 !== undefined) progress({ done: got.size, total: got.size, checking: true });
    if (sha256 !== undefined && (await digestOf(got, signal)) !== sha256) {
      await removeIfThere(directory, name + PART);
      throw new EngineError({
        code: 'failed',
        message: `What came is not the published ${file}: its checksum differs. It was removed.`,
        remedy: 'Try again.',
      });
    }
    await finish(directory, name);
    await writeNote(directory, name, { licence, url });
    return {
      file: name,
      title: undefined,
      bytes: got.size,
      partial: undefined,
      writing: false,
      licence,
      options: {},
    };
  });
}

export async function removeModel(file: string): Promise<undefined> {
  const directory = await folder();
  const name = safeName(file);
  for (const suffix of ['', PART, NOTE]) await removeIfThere(directory, name + suffix);
  return undefined;
}

export async function clearModels(): Promise<undefined> {
  const origin = await navigator.storage.getDirectory();
  await origin.removeEntry(FOLDER, { recursive: true });
  return undefined;
}

async function fetchFrom(
  url: string,
  from: number,
  etag: string | undefined,
  signal: AbortSignal,
): Promise<Response> {
  const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
  if (from > 0 && etag) headers['if-range'] = etag;
  let response: Response;
  try {
    response = await fetch(url, {
      signal,
      headers,
      referrerPolicy: 'no-referrer',
      credentials: 'omit',
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw new EngineError(
      {
        code: 'offline',
        message: navigator.onLine
          ? `${new URL(url).host} did not answer, or does not allow pages to fetch from it.`
          : 'You are offline. Stored models still work.',
        remedy: 'The file can be downloaded by hand and dropped here.',
      },
      { cause },
    );
  }
  if (response.ok && response.body) return response;
  throw new EngineError({
    code: 'offline',
    message: `${new URL(url).host} answered ${response.status} ${response.statusText}`.trim(),
    remedy: 'Download the file from its page and drop it here.',
  });
}

/** Appends a stream from a place on. What has arrived stays when the stream breaks. */
async function write(
  handle: FileSystemFileHandle,
  from: number,
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  progress: (done: number) => void,
): Promise<void> {
  const access = await handle.createSyncAccessHandle();
  const reader = stream.getReader();
  try {
    access.truncate(from);
    let at = from;
    let said = 0;
    for (;;) {
      signal.throwIfAborted();
      const { done, value } = await reader.read();
      if (done) break;
      at += access.write(value as Uint8Array<ArrayBuffer>, { at });
      const now = performance.now();
      if (now - said > 100) {
        said = now;
        progress(at);
      }
    }
    access.flush();
    progress(at);
  } finally {
    access.close();
    reader.cancel().catch(() => {});
  }
}

/** Gives a complete file its name. */
async function finish(directory: FileSystemDirectoryHandle, name: string): Promise<void> {
  const part = await directory.getFileHandle(name + PART);
  const { move } = part as { move?: (name: string) => Promise<void> };
  if (move) {
    await removeIfThere(directory, name);
    await move.call(part, name);
    return;
  }
  // Firefox before 128 cannot rename: copy, then remove.
  const whole = await directory.getFileHandle(name, { create: true });
  await write(whole, 0, (await part.getFile()).stream(), new AbortController().signal, () => {});
  await removeIfThere(directory, name + PART);
}

async function expectRoom(bytes: number): Promise<void> {
  const { quota, usage } = await navigator.storage.estimate();
  if (quota === undefined || usage === undefined || quota - usage >= bytes) return;
  const MB = (n: number): string => `${Math.round(n / 1e6)} MB`;
  throw new EngineError({
    code: 'storage-full',
    message: `${MB(bytes)} needed, ${MB(quota - usage)} free.`,
    remedy: 'Remove a stored model to make room.',
  });
}

const lockOf = (name: string): string => `model ${name}`;

/** One writer at a time, over all tabs. */
async function whileLocked<T>(name: string, work: () => Promise<T>): Promise<T> {
  return navigator.locks.request(lockOf(name), { ifAvailable: true }, (lock) => {
    if (lock) return work();
    throw new EngineError({ code: 'busy', message: 'Another tab is downloading this.' });
  });
}

async function readNote(directory: FileSystemDirectoryHandle, name: string): Promise<Note> {
  try {
    const handle = await directory.getFileHandle(name + NOTE);
    return JSON.parse(await (await handle.getFile()).text()) as Note;
  } catch {
    return {};
  }
}

async function writeNote(
  directory: FileSystemDirectoryHandle,
  name: string,
  note: Note,
): Promise<void> {
  const handle = await directory.getFileHandle(name + NOTE, { create: true });
  const bytes = new TextEncoder().encode(JSON.stringify(note));
  const access = await handle.createSyncAccessHandle();
  try {
    access.truncate(0);
    access.write(bytes, { at: 0 });
    access.flush();
  } finally {
    access.close();
  }
}

/** Keeps what is known of a model, or was said about it, with its file. */
export async function rememberModel({
  file,
  ...known
}: {
  readonly file: string;
  readonly options?: Partial<ModelOptions>;
  readonly title?: string;
  readonly licence?: string;
}): Promise<undefined> {
  const directory = await folder();
  const name = safeName(file);
  await writeNote(directory, name, { ...(await readNote(directory, name)), ...known });
  return undefined;
}

async function removeIfThere(directory: FileSystemDirectoryHandle, name: string): Promise<void> {
  try {
    await directory.removeEntry(name);
  } catch (error) {
    if ((error as DOMException).name !== 'NotFoundError') throw error;
  }
}

async function digestOf(file: Blob, signal: AbortSignal): Promise<string> {
  const hash = new Sha256();
  for (let at = 0; at < file.size; at += 2 ** 22) {
    signal.throwIfAborted();
    hash.update(new Uint8Array(await file.slice(at, at + 2 ** 22).arrayBuffer()));
  }
  return hash.digest();
}
