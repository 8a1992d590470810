import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { buildPackages } from '../../scripts/build_packages.ts';
import { tinyModel } from '../support/models.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder outside of the repository where the packed packages are installed, with test/packages/projects copied in. */
    readonly scratch: string;
    readonly tarballs: string[];
  }
}

/** Builds and packs all packages, and installs the tarballs as a stranger would. */
export default function setup({ provide }: TestProject): () => void {
  const tarballs = buildPackages();
  const scratch = mkdtempSync(join(tmpdir(), 'dpt-packages-'));
  writeFileSync(join(scratch, 'package.json'), '{ "private": true, "type": "module" }\n');
  // Optional packages decode more kinds of pictures, and are large.
  const options = ['--omit=optional', '--prefer-offline', '--no-audit', '--no-fund'];
  execFileSync('npm', ['install', ...options, ...tarballs], {
    cwd: scratch,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  cpSync(join(import.meta.dirname, 'projects'), scratch, { recursive: true });
  mkdirSync(join(scratch, 'public'));
  cpSync(tinyModel, join(scratch, 'public', 'dpt_tiny.safetensors'));
  provide('scratch', scratch);
  provide('tarballs', tarballs);
  return () => rmSync(scratch, { recursive: true, force: true });
}
