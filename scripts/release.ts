// npm run release [-- --dry-run]: builds the packages and publishes each version that the registry does not have yet, then tags it.
// See .changeset/README.md for what comes before.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildPackages, manifestOf, names, output } from './build_packages.ts';

const dryRun = process.argv.includes('--dry-run');

function npm(args: readonly string[], folder: string): { ok: boolean; text: string } {
  const { status, stdout } = spawnSync('npm', args, {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['inherit', 'pipe', 'pipe'],
  });
  return { ok: status === 0, text: stdout };
}

buildPackages();
// In this order each finds those that it depends on.
for (const short of names) {
  const { name, version } = manifestOf(short);
  const folder = join(output, short);
  const known = npm(['view', `${name}@${version}`, 'version'], folder);
  if (known.ok && known.text.trim() === version) {
    console.log(`${name}@${version} is published already`);
    continue;
  }
  const published = spawnSync(
    'npm',
    ['publish', '--access', 'public', ...(dryRun ? ['--dry-run'] : [])],
    { cwd: folder, stdio: 'inherit' },
  );
  if (published.status !== 0) process.exit(published.status ?? 1);
  if (dryRun) continue;
  const tagged = spawnSync('git', ['tag', `${name}@${version}`], { stdio: 'inherit' });
  if (tagged.status !== 0) process.exit(tagged.status ?? 1);
}
