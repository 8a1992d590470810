import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

const version = '2.9.6';

/**
 * Deno, whose WebGPU is wgpu with naga, as in Firefox. Only tests need it and it weighs 90 MB, so it is fetched from npm when
 * the first of them asks, into .cache.
 */
export function denoPath(): string {
  const folder = join(import.meta.dirname, '../../.cache', `deno-${version}`);
  const deno = join(folder, 'node_modules', '.bin', 'deno');
  if (!existsSync(deno)) {
    mkdirSync(folder, { recursive: true });
    const argv = ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund'];
    execFileSync('npm', [...argv, `deno@${version}`], {
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
    });
  }
  return deno;
}
