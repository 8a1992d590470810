import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import { type Browser, chromium } from 'playwright';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** WebGPU on the processor, with canvases that are shown: all of them are needed for that. */
const webgpuFlags = [
  '--enable-unsafe-webgpu',
  '--enable-features=Vulkan',
  '--use-vulkan=swiftshader',
  '--use-angle=swiftshader',
  '--ignore-gpu-blocklist',
  // Tests take the GPU process down on purpose, more than once.
  '--disable-gpu-process-crash-limit',
  '--disable-domain-blocking-for-3d-apis',
];

export interface BrowserOptions {
  /** Without it the browser is like one that has no WebGPU. */
  readonly webgpu?: boolean;
  readonly flags?: readonly string[];
}

/** A Chromium: that of the system where there is one, else the one in @sparticuz/chromium, unpacked once. */
export async function launchBrowser(options: BrowserOptions = {}): Promise<Browser> {
  return chromium.launch(launchOptions(options));
}

/** What playwright needs to know to launch it. */
export function launchOptions({ webgpu = true, flags = [] }: BrowserOptions = {}) {
  const { executablePath, env } = installed() ?? unpacked();
  return {
    executablePath,
    env: { ...process.env, ...env } as Record<string, string>,
    args: ['--no-sandbox', '--disable-dev-shm-usage', ...(webgpu ? webgpuFlags : []), ...flags],
  };
}

interface Executable {
  readonly executablePath: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Also by the variable DPT_CHROMIUM. */
function installed(): Executable | undefined {
  const given = process.env.DPT_CHROMIUM;
  if (given) return { executablePath: given, env: {} };
  const { stdout, status } = spawnSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' });
  return status === 0 ? { executablePath: stdout.trim(), env: {} } : undefined;
}

/** The package holds the browser, its libraries and fonts as archives, meant for machines that have none of them. */
function unpacked(): Executable {
  const packageFile = createRequire(import.meta.url).resolve('@sparticuz/chromium');
  const from = join(dirname(packageFile), '..', '..', 'bin');
  const { version } = JSON.parse(readFileSync(join(from, '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  const folder = join(root, '.cache', `chromium-${version}`);
  if (!existsSync(folder)) {
    // Another process may do the same: each unpacks for itself, and the first to finish is taken.
    const part = `${folder}.${process.pid}`;
    mkdirSync(part, { recursive: true });
    writeFileSync(join(part, 'chromium'), unbrotli(join(from, 'chromium.br')), { mode: 0o755 });
    for (const archive of ['fonts.tar.br', 'swiftshader.tar.br', 'al2023.tar.br']) {
      const to = archive === 'swiftshader.tar.br' ? part : join(part, archive.split('.')[0]!);
      mkdirSync(to, { recursive: true });
      execFileSync('tar', ['-xf', '-', '-C', to], { input: unbrotli(join(from, archive)) });
    }
    writeFileSync(join(part, 'fonts.conf'), fontsConf(folder));
    try {
      renameSync(part, folder);
    } catch (error) {
      rmSync(part, { recursive: true, force: true });
      if (!existsSync(folder)) throw error;
    }
  }
  const libraries = join(folder, 'al2023', 'lib');
  const inherited = process.env.LD_LIBRARY_PATH;
  return {
    executablePath: join(folder, 'chromium'),
    env: {
      LD_LIBRARY_PATH: inherited ? `${libraries}:${inherited}` : libraries,
      FONTCONFIG_FILE: join(folder, 'fonts.conf'),
    },
  };
}

const unbrotli = (path: string): Buffer => brotliDecompressSync(readFileSync(path));

/** The system's own fonts first; those of the package where there are none. */
const fontsConf = (folder: string): string => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>${join(folder, 'fonts')}</dir>
  <cachedir>${join(folder, 'fonts-cache')}</cachedir>
</fontconfig>
`;
