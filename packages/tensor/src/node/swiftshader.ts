import { createHash, randomUUID } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants, homedir, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

/**
 * SwiftShader is a Vulkan driver that computes on the CPU. The npm package `@sparticuz/chromium` carries one for Linux x64
 * together with a Vulkan loader: 7 MB of it is all that Dawn needs to find an adapter on a machine with neither a GPU nor
 * a driver, and without root.
 */
export const swiftShaderPackage = { name: '@sparticuz/chromium', version: '147.0.0' } as const;

const archive = 'bin/swiftshader.tar.br';
const folderName = `swiftshader-${swiftShaderPackage.version}`;
const icdFile = 'vk_swiftshader_icd.json';
const loaderFile = 'libvulkan.so.1';

// Both libraries are loaded into this process, so their bytes are known, not trusted.
const sha256: Readonly<Record<string, string>> = {
  'libvk_swiftshader.so': '5b9e8591c7c2d1c9618c3ad485d0cdffb81f5f1ffd6a982fdb6578c2d8d3213e',
  [loaderFile]: 'fe17a77c1f2df38d3b6a935140f746fd80aac564bb44eb3e4f6b75a504295a41',
};

export interface SwiftShader {
  /** Folder of the driver and the loader; for `LD_LIBRARY_PATH` of child processes. */
  readonly folder: string;
  /** The driver's description, for `VK_DRIVER_FILES`. */
  readonly icd: string;
}

/** Whether the packaged SwiftShader can run here at all. */
export function swiftShaderFits(): boolean {
  return process.platform === 'linux' && process.arch === 'x64';
}

/** Whether this driver description is ours: a parent process that fell back to SwiftShader leaves it in the environment. */
export function isSwiftShader(icd: string): boolean {
  return icd.endsWith(join(folderName, icdFile));
}

/** Unpacks SwiftShader into the user's cache, once; afterwards only checks what lies there. */
export function unpackSwiftShader(): SwiftShader {
  const folder = privateFolder(folderName);
  if (!isComplete(folder)) {
    const files = readArchive();
    for (const [name, expected] of Object.entries(sha256)) {
      const bytes = files.get(name);
      if (!bytes || hash(bytes) !== expected) {
        throw new Error(
          `SwiftShader: ${name} in ${swiftShaderPackage.name} ` +
            `${bytes ? `has sha-256 ${hash(bytes)}, expected ${expected}` : 'is missing'}. ` +
            `Install version ${swiftShaderPackage.version} again.`,
        );
      }
      writeAtomically(join(folder, name), bytes);
    }
    // Written last: its presence says that the rest is there.
    writeAtomically(join(folder, icdFile), icdText);
  }
  return { folder, icd: join(folder, icdFile) };
}

/** Points Vulkan, in this process and its children, at SwiftShader. */
export function useSwiftShader(swiftShader: SwiftShader): void {
  // Node hands these to setenv, and the Vulkan loader reads them when Dawn makes its instance.
  process.env.VK_DRIVER_FILES = swiftShader.icd;
  process.env.VK_ICD_FILENAMES = swiftShader.icd;
  if (!hasVulkanLoader()) mapVulkanLoader(swiftShader);
}

/**
 * Maps the packaged Vulkan loader into this process, where the system lacks one. Dawn then finds it by its name; a change of
 * LD_LIBRARY_PATH would come too late, since ld.so has read it long ago.
 */
export function mapVulkanLoader({ folder }: SwiftShader): void {
  mapLibrary(join(folder, loaderFile));
}

/** Whether Dawn will find a Vulkan loader. Asked beforehand because Dawn complains on stderr when there is none. */
export function hasVulkanLoader(): boolean {
  try {
    mapLibrary(loaderFile);
    return true;
  } catch {
    return false;
  }
}

/** Maps a shared library for good. Node wants a module of its own in there and unmaps others, unless NODELETE forbids it. */
function mapLibrary(path: string): void {
  const RTLD_NODELETE = 0x1000;
  const { RTLD_NOW, RTLD_GLOBAL } = constants.dlopen;
  try {
    process.dlopen({ exports: {} }, path, RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE);
  } catch (error) {
    if (!(error instanceof Error && error.message.includes('self-register'))) throw error;
  }
}

const icdText = `${JSON.stringify(
  {
    file_format_version: '1.0.0',
    ICD: { library_path: './libvk_swiftshader.so', api_version: '1.0.5' },
  },
  null,
  2,
)}\n`;

function isComplete(folder: string): boolean {
  try {
    if (readFileSync(join(folder, icdFile), 'utf8') !== icdText) return false;
    return Object.entries(sha256).every(
      ([name, expected]) => hash(readFileSync(join(folder, name))) === expected,
    );
  } catch {
    return false;
  }
}

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Two processes may unpack at once: each writes a file of its own and renames it into place. */
function writeAtomically(path: string, content: Uint8Array | string): void {
  const part = `${path}.${randomUUID()}`;
  try {
    writeFileSync(part, content, { mode: 0o600, flag: 'wx' });
    renameSync(part, path);
  } finally {
    rmSync(part, { force: true });
  }
}

/** A folder that nobody else can write to: another user could plant a library in a shared one. */
function privateFolder(name: string): string {
  const parents = [
    process.env.XDG_CACHE_HOME && join(process.env.XDG_CACHE_HOME, 'dpt-webgpu'),
    join(homedir(), '.cache', 'dpt-webgpu'),
    join(tmpdir(), `dpt-webgpu-${userInfo().uid}`), // a user without a home
  ];
  const problems: string[] = [];
  for (const parent of parents) {
    if (!parent) continue;
    const folder = join(parent, name);
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      for (const path of [parent, folder]) expectPrivate(path);
      return folder;
    } catch (error) {
      problems.push(`${folder}: ${error instanceof Error ? error.message : error}`);
    }
  }
  throw new Error(
    `SwiftShader: no private folder to unpack into. Set XDG_CACHE_HOME to one.\n  ${problems.join('\n  ')}`,
  );
}

function expectPrivate(path: string): void {
  const { uid, mode } = lstatSync(path);
  if (uid !== userInfo().uid) throw new Error(`${path} belongs to another user`);
  if (!lstatSync(path).isDirectory()) throw new Error(`${path} is not a folder`);
  if (mode & 0o022) throw new Error(`${path} can be written by others`);
}

function readArchive(): Map<string, Uint8Array> {
  return readTar(brotliDecompressSync(readFileSync(locate(archive))));
}

function locate(file: string): string {
  // The package may be a dependency of this one, or of the program that runs.
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    for (const folder of createRequire(from).resolve.paths(swiftShaderPackage.name) ?? []) {
      const path = join(folder, swiftShaderPackage.name, file);
      if (lstatSync(path, { throwIfNoEntry: false })?.isFile()) return path;
    }
  }
  const { name, version } = swiftShaderPackage;
  throw new Error(
    `SwiftShader: the package ${name} is not installed. Run: npm install --save-dev ${name}@${version}`,
  );
}

/** The regular files of a tar archive: 512-byte headers with the name at 0 and the octal size at 124, contents padded. */
function readTar(tar: Buffer): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at + 512 <= tar.length; ) {
    const name = tar.toString('latin1', at, at + 100).replace(/\0.*$/s, '');
    if (name === '') break;
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 136), 8);
    files.set(name.replace(/^\.\//, ''), tar.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
