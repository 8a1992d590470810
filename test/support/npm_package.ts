import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The folder of a package that only tests need and that weighs too much for every checkout: fetched from npm when the first of
 * them asks, into .cache. Throws where npm cannot.
 */
export function npmPackage(name: string, version: string): string {
  const cache = join(import.meta.dirname, '../../.cache');
  const folder = join(cache, `${name}-${version}`);
  if (!existsSync(folder)) {
    // Put in its place whole, so that a fetch that was cut off is not taken for the package.
    const part = `${folder}.${process.pid}`;
    mkdirSync(part, { recursive: true });
    const argv = ['install', '--prefix', part, '--no-save', '--no-audit', '--no-fund'];
    try {
      execFileSync('npm', [...argv, `${name}@${version}`], {
        stdio: ['ignore', 'ignore', 'inherit'],
        shell: process.platform === 'win32',
      });
      renameSync(part, folder);
    } catch (error) {
      // Another process may have done the same, and been first.
      if (!existsSync(folder)) throw error;
    } finally {
      rmSync(part, { recursive: true, force: true });
    }
  }
  return join(folder, 'node_modules', name);
}
